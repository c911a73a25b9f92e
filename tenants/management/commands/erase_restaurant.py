"""`erase_restaurant`: everything that a closed restaurant ever had is gone afterwards."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants import erasing
from tenants.context import public_context
from tenants.models import Restaurant


class Command(BaseCommand):
    """Erase a closed restaurant here and now."""

    help = "Erase a closed restaurant completely. There is no way back but an export made before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("restaurant", help="its slug, such as bistro")
        parser.add_argument("--yes", action="store_true", help="without this, nothing is done but to say what would be")

    def handle(self, *args: Any, **options: Any) -> None:
        with public_context():
            restaurant = Restaurant.objects.filter(slug=options["restaurant"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{options['restaurant']}”.")
        if not options["yes"]:
            raise CommandError(
                f"{restaurant.name} ({restaurant.status}) would be erased with every row that it has; "
                "say --yes to do it. An export is made by export_restaurant."
            )
        now = timezone.now()
        try:
            erasure = erasing.request(restaurant, by=f"{getpass.getuser()} by command", at=now)
        except (erasing.NotClosed, erasing.BeingErased) as error:
            raise CommandError(str(error)) from error
        if erasing.erase(erasure.pk, now=now):
            self.stdout.write(f"{restaurant.name} is erased. What stays: its id {erasure.pk}, when, and by whom.")
        else:
            self.stdout.write(f"{restaurant.name} is being erased; the upkeep worker goes on with it.")
