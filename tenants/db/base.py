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


class SchemaAlone(base.FakeTenant):
    """A schema whose path leaves out `public`."""

    include_public = False


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

    @property
    def include_public_schema(self) -> bool:  # type: ignore[override]
        """Whether shared tables are in reach; only while django-tenants makes a new schema they are not."""
        return getattr(chosen.get(), "include_public", True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._constructed = False
        super().__init__(*args, **kwargs)
        self._constructed = True

    def set_tenant(self, tenant: Tenant, include_public: bool = True) -> None:
        """Choose a schema for the rest of the context, as django-tenants' own commands do; our code uses contexts."""
        if not self._constructed:
            return  # the parent's constructor asks for public: a new connection must not change what was chosen
        if tenant.schema_name == PUBLIC:
            chosen.set(None)
        elif include_public:
            chosen.set(tenant)
        else:
            chosen.set(SchemaAlone(schema_name=tenant.schema_name))

    def connect(self) -> None:
        self.search_path_set_schemas = None  # a new session of the server has a path of its own
        super().connect()

    def _handle_search_path(self, cursor: Any = None) -> None:
        wanted = self._get_cursor_search_paths()
        if self.search_path_set_schemas == wanted:
            return
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return  # every statement but a rollback fails now, and a rollback needs no path
        self.search_path_set_schemas = None
        statement = "SET search_path = " + ", ".join(quote_schema_name(name) for name in wanted)
        # Past Django's cursor, so that a literal query count counts the view's queries.
        with self.wrap_database_errors, self.connection.cursor() as raw:
            raw.execute(statement)
        self.search_path_set_schemas = wanted
