"""`add_member`: give a person a role in a restaurant, change it, or take it away."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from tenants import people
from tenants.actors import FLUX
from tenants.context import public_context
from tenants.management.asking import ask_password, in_words
from tenants.models import Membership, Restaurant


class Command(BaseCommand):
    """Give a person a role in a restaurant, change it or, with --remove, take it away."""

    help = "Give a person a role in a restaurant, change it or, with --remove, take it away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the restaurant, such as bistro")
        parser.add_argument("email", help="the person; made if nobody has that e-mail yet")
        parser.add_argument("--role", choices=Membership.Role.values, default=Membership.Role.MANAGER)
        parser.add_argument("--name", default="", help="of a new person")
        parser.add_argument("--password", help="of a new person; asked for where it is missing")
        parser.add_argument("--remove", action="store_true", help="end the membership")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with public_context(), transaction.atomic():
                done = self.change(**options)
        except ValidationError as error:
            raise CommandError(in_words(error)) from error
        except (people.LastOwner, people.NoMember) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(done)

    def change(
        self, *, slug: str, email: str, role: str, name: str, password: str | None, remove: bool, **_rest: Any
    ) -> str:
        """Do what was asked for and say what was done."""
        restaurant = Restaurant.objects.filter(slug=slug).first()
        if restaurant is None:
            raise CommandError(f"There is no restaurant “{slug}”.")
        user = people.find(email)
        if remove:
            if user is None:
                raise CommandError(f"Nobody has the e-mail {email}.")
            people.take_role(user, restaurant, by=FLUX, at=timezone.now())
            return f"{user.email} is no longer a member of {restaurant.name}."
        if user is None:
            user = people.join(email, password or ask_password(email), name=name)
        elif password:
            self.stderr.write(f"{email} is known already and keeps the password that they have.")
        people.appoint(user, restaurant, role, by=FLUX, at=timezone.now())
        return f"{user.email} is now {role} of {restaurant.name}."
