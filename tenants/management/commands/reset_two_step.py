"""`reset_two_step`: let somebody sign in who has lost phone, keys and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import people, second_factor
from tenants.context import public_context


class Command(BaseCommand):
    """Remove a person's passkeys, authenticator app and recovery codes; the password stays."""

    help = "Remove a person's passkeys, authenticator app and recovery codes; the password stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the person; make sure that it is really they who ask")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        with public_context():
            user = people.find(email)
            if user is None:
                raise CommandError(f"Nobody has the e-mail {email}.")
            removed = second_factor.reset(user.pk)
        if not removed:
            raise CommandError(f"{user.email} signs in with the password alone already.")
        self.stdout.write(f"{user.email} signs in with the password alone now.")
