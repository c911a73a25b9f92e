"""`create_restaurant`: a restaurant with its schema, host and owner."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from tenants import people, provisioning
from tenants.actors import FLUX
from tenants.context import public_context
from tenants.management.asking import ask_password, in_words
from tenants.models import Membership, Restaurant, User


class Command(BaseCommand):
    """Create a restaurant; its owner is made if nobody has that e-mail yet."""

    help = "Create a restaurant with its schema and host; its owner is made if nobody has that e-mail yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="first part of its address, such as bistro")
        parser.add_argument("--name", help="defaults to the slug")
        parser.add_argument("--timezone", default="Europe/London", help="IANA name (default: %(default)s)")
        parser.add_argument("--currency", default="EUR", help="three letters (default: %(default)s)")
        parser.add_argument("--country", default="GB", help="two letters, for public holidays (default: %(default)s)")
        parser.add_argument("--subdivision", default="", help="for regional holidays, such as BY")
        parser.add_argument(
            "--closeout-hour", type=int, default=4, help="hour at which the business day ends (default: %(default)s)"
        )
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
        try:
            with public_context(), transaction.atomic():
                restaurant.full_clean()  # before anybody is asked for a password
                owner = self.owner(options["owner"], options["password"]) if options["owner"] else None
                provisioning.open_restaurant(restaurant)
                if owner is not None:
                    people.appoint(owner, restaurant, Membership.Role.OWNER, by=FLUX, at=timezone.now())
        except ValidationError as error:
            raise CommandError(in_words(error)) from error
        self.stdout.write(f"{restaurant.name} is open at {restaurant.host}.")

    def owner(self, email: str, password: str | None) -> User:
        """The person with this e-mail, made if need be."""
        found = people.find(email)
        if found is None:
            return people.join(email, password or ask_password(email))
        if password:
            self.stderr.write(f"{email} is known already and keeps the password that they have.")
        return found
