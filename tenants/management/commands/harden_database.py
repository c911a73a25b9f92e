"""`harden_database`: take from everybody what turns a harmless SELECT into more. Once, by a superuser."""

import os
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.core.management.base import BaseCommand, CommandError

from tenants.db import roles


class Command(BaseCommand):
    """Revoke `set_config`, the `query_to_xml` family, large objects and the making of functions from PUBLIC.

    And limit how long the app's queries run.

    A managed server may refuse it. Flux works without, and says at `/readyz` whether it has been done.
    """

    help = "Harden the database, as the superuser of DATABASE_BOOTSTRAP_URL."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if missing := [name for name in ("DATABASE_BOOTSTRAP_URL", "DATABASE_URL") if not os.environ.get(name)]:
            raise CommandError(f"Set {' and '.join(missing)} for this command.")
        name = urlsplit(os.environ["DATABASE_URL"]).path.strip("/")
        try:
            with psycopg.connect(os.environ["DATABASE_BOOTSTRAP_URL"], dbname=name, autocommit=True) as database:
                roles.harden(database)
        except psycopg.Error as error:
            raise CommandError(f"The database cannot be hardened: {error}") from error
        self.stdout.write(f"The database {name} is hardened.")
