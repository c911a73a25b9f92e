"""`import_order_guide --restaurant SLUG FILE`: suppliers and what they sell, from a spreadsheet."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from menu.management.commands.import_recipes import pairs
from menu.tables import BadTable
from procurement import order_guide_file
from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.models import Restaurant


class Command(BaseCommand):
    """Read suppliers and order guides (supplier, ingredient, pack, price, delivery days …) from a CSV file."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--restaurant", required=True, metavar="SLUG")
        parser.add_argument(
            "--map", nargs="+", default=[], metavar="FIELD=COLUMN", help=f"fields: {', '.join(order_guide_file.FIELDS)}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{options['restaurant']}”.")
        try:
            content = options["file"].read_bytes()
            with restaurant_context(restaurant):
                report = order_guide_file.load(content, dict(pairs(options["map"])), by=FLUX, at=timezone.now())
        except OSError as missing:
            raise CommandError(f"The file cannot be read: {missing}") from missing
        except BadTable as bad:
            raise CommandError(f"Nothing was changed; {len(bad.faults)} faults:\n{bad}") from bad
        self.stdout.write(
            f"Suppliers: {report.suppliers_added} added, {report.suppliers_changed} changed. "
            f"Items: {report.items_added} added, {report.items_changed} changed. "
            f"{report.ingredients_added} new ingredients."
        )
