"""`import_restaurant`: a restaurant made again from what `export_restaurant` wrote."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from tenants import people, restoring
from tenants.actors import FLUX
from tenants.context import public_context
from tenants.management.asking import in_words
from tenants.models import Membership


class Command(BaseCommand):
    """Open a new restaurant with every row of an export, or change nothing and say why."""

    help = "Make a restaurant again from an export; every row is as it was. Its people are asked in anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a zip that export_restaurant, or an owner's download, made")
        parser.add_argument("--slug", help="first part of its address; defaults to the one that it had")
        parser.add_argument("--name", help="defaults to the one that it had")
        parser.add_argument("--owner", help="the e-mail of somebody with an account here who becomes an owner")
        parser.add_argument(
            "--with-members", action="store_true", help="give its people who have an account here the roles they had"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with public_context(), transaction.atomic(), options["file"].open("rb") as source:
                found = restoring.restore(
                    source, slug=options["slug"], name=options["name"], with_members=options["with_members"]
                )
                if options["owner"]:
                    self.give_owner(found.restaurant, options["owner"])
        except ValidationError as error:
            raise CommandError(in_words(error)) from error
        except (restoring.NoArchive, OSError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        self.stdout.write(f"{found.restaurant.name} is open at {found.restaurant.host} with {found.rows:,} rows.")
        if found.members:
            self.stdout.write(f"Members again: {', '.join(found.members)}.")
        if found.strangers:
            self.stdout.write(f"Without an account here, to be invited: {', '.join(found.strangers)}.")

    def give_owner(self, restaurant: Any, email: str) -> None:
        owner = people.find(email)
        if owner is None:
            raise CommandError(f"Nobody has the e-mail {email}.")
        people.appoint(owner, restaurant, Membership.Role.OWNER, by=FLUX, at=timezone.now())
