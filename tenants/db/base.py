"""The database backend: every query runs in the schema, and under the role, of what `tenants.context` names.

A layer over django-tenants' backend, which differs from it in this:

- The chosen restaurant lives in a `ContextVar`, not on the connection. Where nothing was chosen, a query raises.
- Path and role go to the server as one message, and only when they are not what this session of the server has already.
  What it has is remembered on the physical connection, forgotten with the transaction in which it was said, and from
  PostgreSQL 18 on compared with what the server itself reports.
- A message that fails raises, instead of letting the query run on the old path.
- The role is the restaurant's own (`tenants.db.roles`): a lost path, a qualified name or a mistake in code fails,
  instead of reading another restaurant's rows. The owner's connections take no role.
- After a statement by hand that may have changed path or role (SET, RESET, ROLLBACK TO) they are said again.
- A statement is one statement: a second one behind a semicolon is refused by the server.

Behind PgBouncer in transaction mode (`POOLING`), a session is another one after each transaction. Then path and role go
with `BEGIN` as one message, for that transaction alone, and a query outside of one is refused.
"""

import contextlib
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base as postgres
from django.utils.functional import cached_property
from django_tenants.postgresql_backend import base
from django_tenants.utils import quote_schema_name
from psycopg import Cursor
from psycopg.pq import TransactionStatus

from tenants import context
from tenants.context import PUBLIC, Tenant, chosen
from tenants.db import roles

MOST_SCHEMAS = 100  # what a session of the server has read of a schema stays in its memory until it ends
BY_HAND = {"SET", "RESET", "ROLLBACK", "DISCARD ALL"}  # what the server calls statements that may change path or role
IDLE_S = 30  # a connection used less long ago is taken for alive


class OutsideTransaction(RuntimeError):
    """A query outside of a transaction, where the connection goes through PgBouncer in transaction mode."""


class SchemaAlone(base.FakeTenant):
    """A schema whose path leaves out `public`, while django-tenants makes tables in it."""

    include_public = False


class OneStatement(postgres.ServerBindingCursor):  # type: ignore[name-defined]
    """A cursor for the extended protocol alone, in which the server takes one statement and no second one behind it."""

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        super()._execute_send(query, force_extended=True, binary=binary)

    def execute(self, *args: Any, **kwargs: Any) -> "OneStatement":
        """As psycopg's; after a statement that may have changed path or role, what was told counts no more."""
        super().execute(*args, **kwargs)
        session: Session | None = getattr(self.connection, "flux_session", None)
        if session is not None and self.statusmessage in BY_HAND:
            session.told = None
        return self


@lru_cache(maxsize=10_000)
def message(schema: str, include_public: bool, takes_role: bool, local: str) -> str:
    """What tells a session its path and role; `local` is "LOCAL " where they end with the transaction."""
    if not base.is_valid_schema_name(schema):
        raise ValueError(f"“{schema}” is no name of a schema.")
    names = [schema] if schema == PUBLIC or not include_public else [schema, PUBLIC]
    names.append("pg_temp")  # last, so that no temporary table stands before one of the restaurant's
    path = ", ".join(map(quote_schema_name, names))
    role = quote_schema_name(roles.PLATFORM if schema == PUBLIC else schema) if takes_role else "NONE"
    return f"SET {local}search_path = {path}; SET {local}ROLE {role}"


@dataclass
class Session:
    """What a session of the server was told last. Lives as long as the physical connection."""

    told: str | None = None
    reported: bytes | None = None  # the path in the server's own words
    in_transaction: bool = False  # told in the running transaction, whose end may undo it
    schemas: set[str] = field(default_factory=set)

    def forget(self) -> None:
        self.told, self.in_transaction = None, False


class DatabaseWrapper(base.DatabaseWrapper):
    """django-tenants' wrapper with the context as its only memory of the chosen restaurant."""

    _used_at = 0.0
    _ends_transaction = False
    _is_opening = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._constructed = False
        super().__init__(*args, **kwargs)
        self._constructed = True

    # What was chosen, under the names that django-tenants uses

    @property
    def tenant(self) -> Tenant:
        return context.tenant()

    @tenant.setter
    def tenant(self, value: Tenant | None) -> None:
        """The parent's constructor clears its own memory here; ours is the context."""

    @property
    def schema_name(self) -> str:
        return context.schema_name()

    @schema_name.setter
    def schema_name(self, value: str | None) -> None:
        """As above."""

    @property
    def include_public_schema(self) -> bool:  # type: ignore[override]
        """Whether shared tables are in reach; only while django-tenants makes a new schema they are not."""
        return getattr(chosen.get(), "include_public", True)

    def set_tenant(self, tenant: Tenant, include_public: bool = True) -> None:
        """Choose a schema for the rest of the context, as django-tenants' own commands do; our code uses contexts."""
        if not self._constructed:
            return  # the parent's constructor asks for public: a new connection must not change what was chosen
        if include_public or tenant.schema_name == PUBLIC:
            chosen.set(tenant)
        else:
            chosen.set(SchemaAlone(schema_name=tenant.schema_name))

    # What a session of the server has to be told

    @property
    def takes_roles(self) -> bool:
        """Whether queries run under the restaurant's role: in the app's processes, not in the owner's."""
        return bool(self.settings_dict["TAKES_ROLES"])

    @property
    def is_pooled(self) -> bool:
        """Whether PgBouncer in transaction mode stands in between."""
        return bool(self.settings_dict["POOLING"])

    def wanted(self, local: str = "") -> str:
        """The message that brings a session to path and role of what was chosen; raises `NoRestaurant`."""
        found = context.tenant()
        return message(found.schema_name, getattr(found, "include_public", True), self.takes_roles, local)

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Django's hook before each query: tell the session where it is, unless it knows."""
        self._used_at = time.monotonic()
        if self.alias == NO_DB_ALIAS:
            return  # to make and drop databases, where there is no schema of ours
        if self._is_opening:
            return  # Django asks the catalogs for types; a session without a role can read nothing else
        status = self.connection.pgconn.transaction_status
        if status == TransactionStatus.INERROR:
            return  # every statement but a rollback fails now, and a rollback needs no path
        if self._ends_transaction and status != TransactionStatus.IDLE:
            return  # a savepoint's end needs none either
        if self.is_pooled:
            self._tell_transaction(status)
        else:
            self._tell_session()

    def _tell_session(self) -> None:
        wanted, session = self.wanted(), self.session
        if session.told == wanted and session.reported == self._reported_path():
            return
        self._send(wanted)
        session.told, session.reported = wanted, self._reported_path()
        session.in_transaction = not self.get_autocommit()

    def _tell_transaction(self, status: TransactionStatus) -> None:
        wanted, session = self.wanted("LOCAL "), self.session
        if self.autocommit:
            raise OutsideTransaction("Behind PgBouncer every query needs a transaction: use transaction.atomic().")
        if status == TransactionStatus.IDLE:
            self._send(f"BEGIN; {wanted}")
        elif session.told != wanted:
            self._send(wanted)
        session.told, session.in_transaction = wanted, True

    def _send(self, said: str) -> None:
        """Past Django's cursor, so that a literal query count counts the view's queries."""
        self.session.forget()
        with self.wrap_database_errors, Cursor(self.connection) as raw:
            raw.execute(said)
        self.session.schemas.add(self.schema_name)

    def _reported_path(self) -> bytes | None:
        """The session's path as the server reports it with each answer; None before PostgreSQL 18."""
        path: bytes | None = self.connection.pgconn.parameter_status(b"search_path")
        return path

    @property
    def session(self) -> Session:
        """The memory of the physical connection, which psycopg's pool may hand to another wrapper."""
        found: Session | None = getattr(self.connection, "flux_session", None)
        if found is None:
            found = self.connection.flux_session = Session()
        return found

    # Where what was said comes undone

    def _rollback(self) -> None:
        if self.connection is not None and self.session.in_transaction:
            self.session.forget()
        super()._rollback()

    def _commit(self) -> None:
        try:
            super()._commit()
        except BaseException:
            self._forget()  # a deferred constraint: the server has rolled back
            raise
        if self.connection is not None:
            if self.is_pooled:
                self.session.forget()  # the next transaction may be another session's
            self.session.in_transaction = False

    def _savepoint_rollback(self, sid: str) -> None:
        with self._ending():
            super()._savepoint_rollback(sid)
        if self.session.in_transaction:
            self.session.forget()

    def _savepoint_commit(self, sid: str) -> None:
        with self._ending():
            super()._savepoint_commit(sid)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        self._ends_transaction = True
        try:
            yield
        finally:
            self._ends_transaction = False

    def _close(self) -> None:
        self._forget()  # psycopg's pool keeps the physical connection, and rolls back what was left open
        super()._close()

    def _forget(self) -> None:
        if self.connection is not None:
            self.session.forget()

    def _set_autocommit(self, autocommit: bool) -> None:
        """Behind PgBouncer, leave the BEGIN to the message that chooses path and role."""
        if autocommit or not self.is_pooled:
            super()._set_autocommit(autocommit)

    def connect(self) -> None:
        self._is_opening = True
        try:
            super().connect()
        finally:
            self._is_opening = False

    @cached_property
    def pg_version(self) -> int:
        """The server's version, which it said when the session began; Django would open a cursor in some schema."""
        was_open = self.connection is not None
        self.ensure_connection()
        version: int = self.connection.info.server_version
        if not was_open:
            self.close()
        return version

    # How long a connection lives

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if self.takes_roles:
            params["cursor_factory"] = OneStatement
        return params

    def close_if_health_check_failed(self) -> None:
        """Ask a connection whether it is alive where that is in doubt; Django would ask once per request.

        In doubt is one that has been idle, and one whose server has said something that nobody asked for: its end.
        """
        if self.connection is None:
            return
        if time.monotonic() - self._used_at >= IDLE_S or self._has_news():
            super().close_if_health_check_failed()

    def _has_news(self) -> bool:
        """Whether there is something to read from the server; asks the kernel alone."""
        try:
            waiting = select.poll()
            waiting.register(self.connection.pgconn.socket, select.POLLIN)
            return bool(waiting.poll(0))
        except (OSError, psycopg.Error):
            return True  # there is no socket any more

    def close_if_unusable_or_obsolete(self) -> None:
        """Between requests and tasks: also close a session that has seen many schemas, for the memory it holds."""
        super().close_if_unusable_or_obsolete()
        if self.connection is not None and len(self.session.schemas) > MOST_SCHEMAS and not self.in_atomic_block:
            self.close()
