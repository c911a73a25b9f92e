"""What a schema consists of, as the server's catalogs have it: to compare one schema with another."""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangosMigrate
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tenants.context import restaurant_context
from tenants.db import roles
from tenants.migrator.standing import Target

SCHEMAS_PER_QUERY = 50

# Each gives rows of schema, relation, part, and whatever there is to say of it.
QUERIES = {
    "column": """
        SELECT nspname, relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
               coalesce(pg_get_expr(adbin, adrelid), '')
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE nspname = ANY(%s) AND relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped""",
    "index": """
        SELECT nspname, relation.relname, index.relname, pg_get_indexdef(indexrelid), indisvalid
        FROM pg_index JOIN pg_class index ON index.oid = indexrelid JOIN pg_class relation ON relation.oid = indrelid
        JOIN pg_namespace ON pg_namespace.oid = relation.relnamespace
        WHERE nspname = ANY(%s)""",
    "constraint": """
        SELECT nspname, coalesce(relname, ''), conname, pg_get_constraintdef(pg_constraint.oid), convalidated
        FROM pg_constraint JOIN pg_namespace ON pg_namespace.oid = connamespace
        LEFT JOIN pg_class ON pg_class.oid = conrelid
        WHERE nspname = ANY(%s)""",
    "sequence": """
        SELECT nspname, relname, '', format_type(seqtypid, NULL), seqstart, seqincrement, seqcycle
        FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = ANY(%s)""",
    "right": """
        SELECT nspname, relname, CASE grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(grantee) END, privilege_type
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace, aclexplode(relacl)
        WHERE nspname = ANY(%s) AND relkind IN ('r', 'p', 'v', 'm', 'S')""",
    "right to a column": """
        SELECT nspname, relname, attname, pg_get_userbyid(grantee), privilege_type
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        JOIN pg_namespace ON pg_namespace.oid = relnamespace, aclexplode(attacl)
        WHERE nspname = ANY(%s) AND relkind IN ('r', 'p')""",
    "trigger": """
        SELECT nspname, relname, tgname, pg_get_triggerdef(pg_trigger.oid)
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = ANY(%s) AND NOT tgisinternal""",
}

Fact = tuple[object, ...]


def facts(names: Sequence[str]) -> dict[str, frozenset[Fact]]:
    """All that the catalogs say of each schema; its own name is left out, so that equal schemas have equal facts."""
    found: dict[str, set[Fact]] = {name: set() for name in names}
    for start in range(0, len(names), SCHEMAS_PER_QUERY):
        batch = list(names[start : start + SCHEMAS_PER_QUERY])
        for kind, query in QUERIES.items():
            with connection.cursor() as cursor:
                cursor.execute(query, [batch])
                for name, *said in cursor.fetchall():
                    found[name].add((kind, *(_without(name, part) for part in said)))
        for name in batch:
            found[name] |= _migrations(name)
    return {name: frozenset(said) for name, said in found.items()}


def _without(name: str, said: object) -> object:
    return said.replace(f"{name}.", "").replace(name, "restaurant") if isinstance(said, str) else said


def _migrations(name: str) -> set[Fact]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT app, name FROM {connection.ops.quote_name(name)}.django_migrations")  # noqa: S608
        return {("migration", app, migration) for app, migration in cursor.fetchall()}


def differences(schemas: Sequence[Target]) -> dict[str, list[str]]:
    """What sets each of `schemas` apart from one that Django has just made by all migrations, a line per fact."""
    with freshly_migrated() as fresh:
        expected = facts([fresh.schema_name])[fresh.schema_name]
    found = facts([schema.schema_name for schema in schemas])
    apart: dict[str, list[str]] = defaultdict(list)
    for schema in schemas:
        has = found[schema.schema_name]
        for sign, odd in (("has no", expected - has), ("has", has - expected)):
            apart[str(schema)] += sorted(f"{sign} {_in_words(fact)}" for fact in odd)
    return {name: lines for name, lines in apart.items() if lines}


def _in_words(fact: Fact) -> str:
    return " ".join(str(part) for part in fact if part != "")


@contextmanager
def freshly_migrated() -> Iterator[Target]:
    """A schema that Django's own migrate has made from nothing, for the length of the block."""
    fresh = Target("check_" + secrets.token_hex(10))
    with connection.cursor() as cursor:
        cursor.execute("; ".join(roles.schema_statements(fresh.schema_name)))
    try:
        migrate_by_django(fresh)
        yield fresh
    finally:
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(fresh.schema_name)
            cursor.execute(f"DROP SCHEMA {name} CASCADE; DROP ROLE {name}")


def migrate_by_django(schema: Target) -> None:
    """Run Django's own migrate in `schema`, as django-tenants does for each restaurant."""
    with restaurant_context(_Alone(schema.schema_name)):  # type: ignore[arg-type]
        MigrationRecorder(connection).ensure_schema()  # with `public` in the path, its table would do for Django
    with restaurant_context(schema):  # type: ignore[arg-type]
        call_command(DjangosMigrate(), verbosity=0, interactive=False, skip_checks=True)


class _Alone:
    """A schema whose path leaves out `public`."""

    include_public = False

    def __init__(self, schema_name: str) -> None:
        self.schema_name = schema_name
