"""`import_recipes --restaurant SLUG FILE`: recipes from a spreadsheet."""

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from menu import recipe_file
from menu.recipe_file import Defaults
from menu.tables import BadTable
from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.models import Restaurant


class Command(BaseCommand):
    """Read recipes (item, ingredient, quantity, unit, yield) from a CSV file; the dishes in it get exactly these."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--restaurant", required=True, metavar="SLUG")
        parser.add_argument(
            "--map", nargs="+", default=[], metavar="FIELD=COLUMN", help=f"fields: {', '.join(recipe_file.FIELDS)}"
        )
        parser.add_argument("--quantity", type=Decimal, help="amount for lines whose file has none")
        parser.add_argument("--unit", help="unit for lines whose file has none")
        parser.add_argument(
            "--sizes",
            nargs="+",
            metavar="ENDING=PORTIONS",
            help="one recipe for all sizes of a dish: _s=0.8 _m=1 _l=1.3 (an ending is added to the dish's name)",
        )
        parser.add_argument("--skip-unknown", action="store_true", help="leave dishes out that are not on the menu")

    def handle(self, *args: Any, **options: Any) -> None:
        restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{options['restaurant']}”.")
        sizes = {ending: _portions(ending, value) for ending, value in pairs(options["sizes"] or ["=1"])}
        defaults = Defaults(options["quantity"], options["unit"], sizes, options["skip_unknown"])
        try:
            content = options["file"].read_bytes()
            with restaurant_context(restaurant):
                report = recipe_file.load(
                    content, columns=dict(pairs(options["map"])), defaults=defaults, by=FLUX, at=timezone.now()
                )
        except OSError as missing:
            raise CommandError(f"The file cannot be read: {missing}") from missing
        except BadTable as bad:
            raise CommandError(f"Nothing was changed; {len(bad.faults)} faults:\n{bad}") from bad
        self.stdout.write(
            f"{report.dishes} dishes: {report.lines_added} lines added, {report.lines_changed} changed, "
            f"{report.lines_removed} removed; {report.ingredients_added} new ingredients."
        )
        if report.unknown_dishes:
            self.stdout.write(f"Not on the menu: {', '.join(report.unknown_dishes)}")


def pairs(options: list[str]) -> list[tuple[str, str]]:
    """`FIELD=VALUE` options, taken apart."""
    for option in options:
        if "=" not in option:
            raise CommandError(f"“{option}” must be written NAME=VALUE.")
    return [(name, value) for name, _, value in (option.partition("=") for option in options)]


def _portions(ending: str, value: str) -> Decimal:
    try:
        portions = Decimal(value)
    except InvalidOperation:
        portions = Decimal(0)
    if portions <= 0:
        raise CommandError(f"--sizes {ending}={value}: portions must be a number above 0.")
    return portions
