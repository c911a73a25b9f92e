"""[p] The database's identities: who may log in, and what each restaurant's role may touch.

Two logins share one database. `flux_owner` owns schemas and tables, makes restaurants and migrates; commands and upkeep
use it. `flux_app` serves people and runs jobs: it has no rights of its own, and takes one role per query instead: that
of the restaurant it works for (named like its schema), or `flux_platform` for what belongs to no restaurant.

Roles belong to the whole server, databases do not: what is granted here is repeated for each database.
"""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql

OWNER, APP = "flux_owner", "flux_app"
PLATFORM = "flux_platform"  # what the platform's pages, sign-in and jobs may do in `public`
RESTAURANTS = "flux_restaurant"  # what every restaurant's role may read in `public`
ROWS = "SELECT, INSERT, UPDATE, DELETE"

# Functions that run SQL given as text, or change a setting, in the middle of a harmless SELECT.
RUN_TEXT = [
    *(f"query_to_{kind}(text, boolean, boolean, text)" for kind in ("xml", "xmlschema", "xml_and_xmlschema")),
    "cursor_to_xml(refcursor, integer, boolean, boolean, text)",
    "cursor_to_xmlschema(refcursor, boolean, boolean, text)",
    *(f"table_to_{kind}(regclass, boolean, boolean, text)" for kind in ("xml", "xmlschema", "xml_and_xmlschema")),
    *(f"schema_to_{kind}(name, boolean, boolean, text)" for kind in ("xml", "xmlschema", "xml_and_xmlschema")),
    *(f"database_to_{kind}(boolean, boolean, text)" for kind in ("xml", "xmlschema", "xml_and_xmlschema")),
]
# A large object is a row outside of every schema, which would outlive its restaurant.
MAKE_LARGE_OBJECTS = ["lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)"]
SET_CONFIG = "set_config(text, text, boolean)"
STATEMENT_TIMEOUT = "2min"
IDLE_IN_TRANSACTION_TIMEOUT = "5min"

Connection = psycopg.Connection[tuple[object, ...]]


def prepare(database: Connection, *, owner_password: str | None = None, app_password: str | None = None) -> None:
    """Make the logins and group roles, and give the database to its owner; `database` is a superuser's connection.

    May run any number of times. A password that is None stays as it is.
    """
    with _alone_with_roles(database):
        known = {name for (name,) in database.execute("SELECT rolname FROM pg_roles")}
        for name, what in (
            (OWNER, "LOGIN CREATEROLE"),
            (APP, "LOGIN NOINHERIT"),
            (PLATFORM, "NOLOGIN"),
            (RESTAURANTS, "NOLOGIN"),
        ):
            if name not in known:
                _run(database, f"CREATE ROLE {name} {what}")
        for name, password in ((OWNER, owner_password), (APP, app_password)):
            if password:
                _run(database, "ALTER ROLE {} PASSWORD {}", sql.Identifier(name), sql.Literal(password))
        for statement in (
            # Django asks for UTC by `set_config`, which hardening takes away, unless the session has it already.
            f"ALTER ROLE {OWNER} SET timezone = 'UTC'",
            f"ALTER ROLE {APP} SET timezone = 'UTC'",
            f"GRANT {PLATFORM} TO {APP} WITH INHERIT FALSE, SET TRUE",
            f"GRANT {RESTAURANTS} TO {OWNER} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        ):
            _run(database, statement)
        _adopt(database)


def _adopt(database: Connection) -> None:
    """Give one database to the owner, and in its `public` to the platform what the platform works with."""
    name = sql.Identifier(database.info.dbname)
    _run(database, f"ALTER DATABASE {{}} OWNER TO {OWNER}", name)
    _run(database, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
    _run(database, f"GRANT CONNECT ON DATABASE {{}} TO {APP}", name)
    # An import copies into a temporary table.
    _run(database, f"GRANT TEMPORARY ON DATABASE {{}} TO {PLATFORM}, {RESTAURANTS}", name)
    for statement in (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {PLATFORM}, {RESTAURANTS}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT {ROWS} ON TABLES TO {PLATFORM}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {PLATFORM}",
    ):
        _run(database, statement)


def harden(database: Connection) -> None:
    """Take from everybody what turns a SELECT into more or keeps data beside the tables.

    `database` is a superuser's connection. May run any number of times. Limits on time hold for logins from now on.
    """
    for function in [SET_CONFIG, *RUN_TEXT, *MAKE_LARGE_OBJECTS]:
        _run(database, f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")
    _run(database, "REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC")  # a function of one's own may change the role
    with _alone_with_roles(database):
        _run(database, f"ALTER ROLE {APP} SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        _run(database, f"ALTER ROLE {APP} SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_TIMEOUT}'")


IS_HARDENED = (
    f"SELECT NOT (has_function_privilege('public', 'pg_catalog.{SET_CONFIG}', 'EXECUTE')"
    f" OR has_function_privilege('public', 'pg_catalog.{RUN_TEXT[0]}', 'EXECUTE')"
    " OR has_language_privilege('public', 'plpgsql', 'USAGE') OR has_language_privilege('public', 'sql', 'USAGE'))"
)


def schema_statements(schema: str) -> list[str]:
    """What the owner runs to make a restaurant's role and its empty schema; tables made in it later are its own.

    The role is named like the schema. It can do nothing outside of it but what all restaurants may in `public`.
    """
    name = f'"{schema}"'
    return [
        f"CREATE ROLE {name} NOLOGIN",
        f"GRANT {RESTAURANTS} TO {name} WITH INHERIT TRUE, SET FALSE",
        f"GRANT {name} TO {APP} WITH INHERIT FALSE, SET TRUE",
        f"CREATE SCHEMA {name}",
        f"GRANT USAGE ON SCHEMA {name} TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT {ROWS} ON TABLES TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT USAGE, SELECT ON SEQUENCES TO {name}",
    ]


@contextlib.contextmanager
def _alone_with_roles(database: Connection) -> Iterator[None]:
    """A transaction; of two on one server the second waits, where PostgreSQL would refuse to change a role twice."""
    with database.transaction():
        database.execute("LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE")
        yield


def _run(database: Connection, statement: str, *parts: sql.Composable) -> None:
    database.execute(sql.SQL(statement).format(*parts))
