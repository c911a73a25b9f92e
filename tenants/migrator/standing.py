"""Which schemas there are, and what each of them has applied."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tenants import template
from tenants.models import Restaurant, Schema

SCHEMAS_PER_QUERY = 250  # each is one more table for the server to open and to plan for

Key = tuple[str, str]  # app label and name of a migration


@dataclass(frozen=True, order=True)
class Target:
    """A schema to keep up to date: a restaurant's, or a spare one that waits for its restaurant."""

    schema_name: str
    slug: str = ""
    version: str = field(default="", compare=False)  # as the row of it says; empty where that is not to be believed

    def __str__(self) -> str:
        return self.slug or f"spare {self.schema_name}"


@dataclass(frozen=True)
class Standing:
    """Every schema, by what it has applied."""

    alike: tuple[tuple[Target, ...], ...]  # schemas that have applied the very same migrations
    missing: tuple[Target, ...]  # named by a row, and not there


def everything() -> list[Target]:
    """All schemas to keep up to date: the spares, at which nobody works, then restaurants, the oldest first."""
    spares = Schema.objects.filter(restaurant=None).order_by("created_at").values_list("name", "version")
    restaurants = Restaurant.objects.order_by("created_at", "pk").values_list("schema_name", "slug", "schema__version")
    return [
        *(Target(name, version=version) for name, version in spares),
        *(Target(name, slug, version or "") for name, slug, version in restaurants),
    ]


def can_be_asked() -> bool:
    """Whether `public` is far enough to know which restaurants there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.tenants_schema') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def current_version() -> str:
    """The version of a schema that has had all migrations that there are."""
    loader = MigrationLoader(None)
    migrations = loader.graph.nodes.items()
    return template.version_of({name for key, migration in migrations for name in (key, *migration.replaces)})


def find(schemas: Sequence[Target]) -> Standing:
    """Group `schemas` by what they have applied, in a query per 250 of them; a group keeps their order."""
    there = _with_migrations([schema.schema_name for schema in schemas])
    alike: dict[str, list[Target]] = defaultdict(list)
    named = {schema.schema_name: schema for schema in schemas if schema.schema_name in there}
    for name, digest in _digests(list(named)):
        alike[digest].append(named[name])
    missing = tuple(schema for schema in schemas if schema.schema_name not in there)
    return Standing(tuple(map(tuple, alike.values())), missing)


def is_there(schema: Target) -> bool:
    """Whether the schema still exists: a spare may be removed at any time, and a restaurant erased."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [connection.ops.quote_name(schema.schema_name)])
        return bool(cursor.fetchone()[0])


def _with_migrations(names: Sequence[str]) -> set[str]:
    """Those of `names` that are schemas with a table of migrations."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid"
            " WHERE relname = 'django_migrations' AND relkind = 'r' AND nspname = ANY(%s)",
            [list(names)],
        )
        return {name for (name,) in cursor.fetchall()}


def _digests(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each schema with a digest of the set of migrations that it has applied."""
    one = (
        "SELECT {literal}, md5(coalesce(string_agg(app || ' ' || name, ',' ORDER BY app, name), ''))"
        " FROM {schema}.django_migrations"
    )
    for start in range(0, len(names), SCHEMAS_PER_QUERY):
        batch = names[start : start + SCHEMAS_PER_QUERY]
        with connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(
                    one.format(literal="'" + name.replace("'", "''") + "'", schema=connection.ops.quote_name(name))
                    for name in batch
                )
            )
            yield from cursor.fetchall()
