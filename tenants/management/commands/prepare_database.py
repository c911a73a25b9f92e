"""`prepare_database`: the logins that Flux works with, the database, and its hardening. Once, by a superuser."""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.core.management.base import BaseCommand, CommandError
from psycopg import sql

from tenants.db import roles

URLS = ("DATABASE_BOOTSTRAP_URL", "DATABASE_OWNER_URL", "DATABASE_URL")


class Command(BaseCommand):
    """Make the logins `flux_owner` and `flux_app` with the passwords of their URLs, and the database if need be.

    May run any number of times. It needs none of the rest: neither tables nor the logins themselves.
    """

    help = "Make the database and its logins, as the superuser of DATABASE_BOOTSTRAP_URL."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if missing := [name for name in URLS if not os.environ.get(name)]:
            raise CommandError(f"Set {' and '.join(missing)} for this command.")
        bootstrap, owner, app = (urlsplit(os.environ[name]) for name in URLS)
        for name, url, login in (("DATABASE_OWNER_URL", owner, roles.OWNER), ("DATABASE_URL", app, roles.APP)):
            if url.username != login:
                raise CommandError(f"{name} logs in as “{url.username}”; it has to be {login}.")
        wanted = app.path.strip("/")
        try:
            self.make_database(bootstrap.geturl(), wanted)
            with psycopg.connect(bootstrap.geturl(), dbname=wanted, autocommit=True) as database:
                roles.prepare(
                    database,
                    owner_password=unquote(owner.password or ""),
                    app_password=unquote(app.password or ""),
                )
        except psycopg.Error as error:
            raise CommandError(f"The database cannot be prepared: {error}") from error
        self.stdout.write(f"The database {wanted} is ready for {roles.OWNER} and {roles.APP}.")

    def make_database(self, bootstrap_url: str, name: str) -> None:
        """The database, if there is none of that name."""
        with psycopg.connect(bootstrap_url, autocommit=True) as server:
            if not server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
