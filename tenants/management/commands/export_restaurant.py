"""`export_restaurant`: everything that one restaurant has, in a zip."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants import archives
from tenants.context import public_context
from tenants.models import Restaurant


class Command(BaseCommand):
    """Write the zip of `tenants.archives` to a file that appears only when it is whole."""

    help = "Write everything that one restaurant has to a zip: each table as CSV and as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("restaurant", help="its slug, such as bistro")
        parser.add_argument("--output", type=Path, help="the file to write; defaults to SLUG-DATE.zip")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        with public_context():
            restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{options['restaurant']}”.")
        path: Path = options["output"] or Path(f"{restaurant.slug}-{now:%Y-%m-%d}.zip")
        unfinished = path.with_name(f"{path.name}.part")
        try:
            with unfinished.open("xb") as file:
                for piece in archives.write(restaurant, now=now):
                    file.write(piece)
            unfinished.replace(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self.stdout.write(f"{restaurant.name} is in {path}: {path.stat().st_size:,} bytes.")
