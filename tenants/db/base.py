"""The database backend: every query runs in the schema of the restaurant that `tenants.context` names.

A thin layer over django-tenants' backend. It differs in three things: the chosen restaurant lives in a `ContextVar`
and not on the connection, `SET search_path` is sent only when the wanted path is not the one the connection already
has, and a failed SET raises instead of letting the query run on the old path.
"""

from typing import Any

from django_tenants.postgresql_backend import base
from django_tenants.utils import quote_schema_name
from psycopg.pq import TransactionStatus

from tenants.context import PUBLIC, Tenant, chosen, schema_name


class DatabaseWrapper(base.DatabaseWrapper):
    """django-tenants' wrapper with the context as its only memory of the chosen restaurant."""

    @property
    def tenant(self) -> Tenant:
        return chosen.get() or base.FakeTenant(schema_name=PUBLIC)

    @tenant.setter
    def tenant(self, value: Tenant | None) -> None:
        """The parent's constructor clears its own memory here; ours is the context."""

    @property
    def schema_name(self) -> str:
        return schema_name()

    @schema_name.setter
    def schema_name(self, value: str | None) -> None:
        """As above."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._constructed = False
        super().__init__(*args, **kwargs)
        self._constructed = True

    def set_tenant(self, tenant: Tenant, include_public: bool = True) -> None:
        """django-tenants' own commands choose a schema through this method; it must not act while constructing."""
        self.include_public_schema = include_public
        if self._constructed:
            chosen.set(None if tenant.schema_name == PUBLIC else tenant)

    def _handle_search_path(self, cursor: Any = None) -> None:
        wanted = self._get_cursor_search_paths()
        if self.search_path_set_schemas == wanted:
            return
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return  # only a rollback can follow, and it needs no path
        statement = "SET search_path = " + ", ".join(quote_schema_name(name) for name in wanted)
        with self.connection.cursor() as raw:  # past Django's wrapper: a literal query count counts the view's queries
            raw.execute(statement)
        self.search_path_set_schemas = wanted
