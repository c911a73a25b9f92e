"""`create_restaurant`: a restaurant with its schema, host and owner."""

import getpass
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import provisioning
from tenants.context import public_context
from tenants.models import Restaurant, User


class Command(BaseCommand):
    """Create a restaurant; its owner is made if nobody has that e-mail yet."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="first part of its address, such as bistro")
        parser.add_argument("--name", help="defaults to the slug")
        parser.add_argument("--timezone", default="Europe/London")
        parser.add_argument("--currency", default="EUR")
        parser.add_argument("--country", default="GB", help="two letters, for public holidays")
        parser.add_argument("--subdivision", default="", help="for regional holidays")
        parser.add_argument("--closeout-hour", type=int, default=4, help="hour at which the business day ends")
        parser.add_argument("--owner", help="the owner's e-mail")
        parser.add_argument("--password", help="of a new owner; asked for where it is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        restaurant = Restaurant(
            slug=options["slug"],
            name=options["name"] or options["slug"].replace("-", " ").title(),
            timezone=options["timezone"],
            currency=options["currency"],
            country=options["country"],
            subdivision=options["subdivision"],
            closeout_hour=options["closeout_hour"],
            status=Restaurant.Status.ACTIVE,
        )
        with public_context():
            try:
                restaurant.full_clean()
            except ValidationError as error:
                problems = [f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items()]
                raise CommandError("; ".join(problems)) from error
            owner = self.owner(options["owner"], options["password"]) if options["owner"] else None
            provisioning.open_restaurant(restaurant, owner=owner)
        self.stdout.write(f"{restaurant.name} is open at {restaurant.get_primary_domain()}.")

    def owner(self, email: str, password: str | None) -> User:
        """The person with this e-mail, made if need be."""
        found = User.objects.filter(email__iexact=email).first()
        if found:
            return found
        if password is None and not sys.stdin.isatty():
            raise CommandError(f"Nobody has the e-mail {email} yet: give --password to make the owner.")
        return User.objects.create_user(email, password or getpass.getpass(f"Password for {email}: "))
