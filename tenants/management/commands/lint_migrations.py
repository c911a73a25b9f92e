"""`manage.py lint_migrations`: refuse migrations that a running Flux would feel; see `tenants.migrator.linting`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.context import public_context
from tenants.migrator import linting


class Command(BaseCommand):
    help = "Look at the SQL of every migration for what would hold up, or break, a Flux that runs meanwhile."

    def handle(self, **options: Any) -> None:
        with public_context():
            found = linting.lint_all()
        if found:
            raise CommandError("\n".join(map(str, found)))
        self.stdout.write("Every migration adds, and holds nobody up.")
