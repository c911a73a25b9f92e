"""`reopen_restaurant SLUG`: open a restaurant again that its owner has closed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants import restaurants
from tenants.actors import FLUX
from tenants.models import Restaurant


class Command(BaseCommand):
    """Open a closed restaurant again, with all that was in it; possible for 30 days."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        restaurant = Restaurant.objects.filter(slug=options["slug"]).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{options['slug']}”.")
        try:
            restaurants.reopen(restaurant, by=FLUX, at=timezone.now())
        except (restaurants.NotClosed, restaurants.TooLate) as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{restaurant} is open again.")
