"""The backend under test: one superuser's connection that plays `flux_app`, and `flux_owner` while a test is set up.

A test runs in one transaction that is rolled back, so set-up and body share a connection. `SET SESSION AUTHORIZATION`
gives it another login's rights in earnest: what `flux_app` may not do fails here too.
"""

from contextvars import ContextVar
from typing import Any

import psycopg
from django.db.backends.postgresql import creation

from tenants.context import public_context
from tenants.db import base, roles

playing: ContextVar[str] = ContextVar("playing", default=roles.APP)  # "" is the superuser itself


class OneStatement(base.OneStatement):
    """As in production, where only the app's connections have it."""

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        if playing.get() == roles.APP:
            super()._execute_send(query, force_extended=True, binary=binary)
        else:
            super(base.OneStatement, self)._execute_send(query, force_extended=force_extended, binary=binary)


class DatabaseCreation(creation.DatabaseCreation):
    """A test database belongs to the owner and is hardened, as in production."""

    def _create_test_db(self, *args: Any, **kwargs: Any) -> str:
        name = super()._create_test_db(*args, **kwargs)
        params = {**self.connection.get_connection_params(), "dbname": name, "cursor_factory": psycopg.Cursor}
        with psycopg.connect(**params, autocommit=True) as database:
            roles.prepare(database)
            roles.harden(database)
        return name


class DatabaseWrapper(base.DatabaseWrapper):
    """See above."""

    creation_class = DatabaseCreation

    @property
    def takes_roles(self) -> bool:
        return playing.get() == roles.APP

    def wanted(self, local: str = "") -> str:
        login = f'SESSION AUTHORIZATION "{playing.get()}"' if playing.get() else "SESSION AUTHORIZATION DEFAULT"
        return f"SET {local}{login}; {super().wanted(local)}"

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "cursor_factory": OneStatement}

    def check_constraints(self, table_names: list[str] | None = None) -> None:
        """At the end of each test, when nothing is chosen any more: deferred constraints know their tables."""
        with public_context():
            super().check_constraints(table_names)
