"""`bench migrate --restaurants N`: bringing many restaurants up to date, beside Django's own migrate on a few of them.

In a database of its own, dropped afterwards: N restaurants are made, `migrate_restaurants` is run with nothing to do,
then with a migration that the product does not have (a field and an index), and every schema is compared with those
that Django has migrated.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from tenants import provisioning
from tenants.context import public_context
from tenants.db import roles
from tenants.migrator import comparing, standing, waves
from tenants.migrator.standing import Target
from tenants.models import Restaurant
from tenants.tests.coming import coming

DATABASE = "bench_migrate"
BY_DJANGO = 5  # restaurants that Django's own migrate is timed on
ADDITIVE = (
    'migrations.AddField("orderline", "course", models.CharField(max_length=40, db_default="")),',
    'migrations.AddIndex("orderline", models.Index(fields=["course"], name="pos_orderline_by_course")),',
)


def run(argv: list[str]) -> dict[str, float | bool]:
    """Print a table and return the figures."""
    parser = argparse.ArgumentParser(prog="bench migrate")
    parser.add_argument("--restaurants", type=int, default=100)
    parser.add_argument("--workers", type=int, default=waves.USUAL.workers)
    asked = parser.parse_args(argv)
    with throwaway_database(), public_context():
        return measure(asked.restaurants, asked.workers)


def measure(restaurants: int, workers: int) -> dict[str, float | bool]:
    waves.migrate_public(say=print)
    making = seconds(lambda: make(restaurants + BY_DJANGO))
    schemas = standing.everything()
    by_django, ours = schemas[:BY_DJANGO], schemas[BY_DJANGO:]
    noop = statistics.median(seconds(lambda: migrate(workers)) for _ in range(3))
    thorough = statistics.median(seconds(lambda: migrate(workers, thorough=True)) for _ in range(3))
    with tempfile.TemporaryDirectory() as folder, coming(Path(folder), "pos", *ADDITIVE):
        djangos, djangos_noop = by_djangos_own(by_django), by_djangos_own(by_django)
        additive = seconds(lambda: migrate(workers))
    facts = comparing.facts([schema.schema_name for schema in schemas])
    expected = facts[by_django[0].schema_name]
    figures = {
        "noop_s": round(noop, 2),
        "noop_thorough_s": round(thorough, 2),
        "additive_s": round(additive, 2),
        "identical": all(found == expected for found in facts.values()),
        "restaurants": len(ours),
        "noop_ratio": round(djangos_noop * len(ours) / noop),
        "additive_ratio": round(djangos * len(ours) / additive),
        "facts": len(expected),
        "making_s": round(making, 1),
        "mb": size_mb(),
        "relations": relations(),
    }
    tell(figures, additive, djangos, djangos_noop)
    return figures


def by_djangos_own(schemas: list[Target]) -> float:
    """Seconds for one of `schemas`, the median."""
    return statistics.median(seconds(partial(comparing.migrate_by_django, schema)) for schema in schemas)


def migrate(workers: int, *, thorough: bool = False) -> None:
    call_command("migrate_restaurants", workers=workers, thorough=thorough, stdout=io.StringIO())


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def make(count: int) -> None:
    """Restaurants without rows of their own, each in a schema that is replayed from the template."""
    made = [provisioning.make_schema() for _ in range(count)]
    facts = {"name": "Bench", "timezone": "Europe/Paris", "currency": "EUR", "country": "FR"}
    restaurants = Restaurant.objects.bulk_create(
        Restaurant(slug=f"bench-{number}", schema_name=schema.name, **facts) for number, schema in enumerate(made)
    )
    for schema, restaurant in zip(made, restaurants, strict=True):
        schema.restaurant, schema.taken_at = restaurant, restaurant.created_at
    type(made[0]).objects.bulk_update(made, ["restaurant", "taken_at"])


@contextmanager
def throwaway_database() -> Iterator[None]:
    """Point the connection to an empty database for the length of the block; its restaurants' roles go with it."""
    usual = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["DATABASE_BOOTSTRAP_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        before = role_names(server)
        try:
            with psycopg.connect(os.environ["DATABASE_BOOTSTRAP_URL"], dbname=DATABASE, autocommit=True) as database:
                roles.prepare(database)
            connection.close()
            connection.settings_dict["NAME"] = DATABASE
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
            server.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            if gone := sorted(role_names(server) - before):
                server.execute(sql.SQL("DROP ROLE {}").format(sql.SQL(", ").join(map(sql.Identifier, gone))))


def role_names(server: psycopg.Connection) -> set[str]:
    return {name for (name,) in server.execute("SELECT rolname FROM pg_roles")}


def size_mb() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database()) / 1024 / 1024")
        return int(cursor.fetchone()[0])


def relations() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class")
        return int(cursor.fetchone()[0])


def tell(figures: dict[str, float | bool], additive: float, djangos: float, djangos_noop: float) -> None:
    """The table that people read."""
    count = figures["restaurants"]
    print(f"{count:,} restaurants, {figures['relations']:,} relations, {figures['mb']:,} MB on disk")
    for what, value, unit, beside in (
        ("nothing to do, all", figures["noop_s"], "s", ""),
        ("nothing to do, each schema asked", figures["noop_thorough_s"], "s", ""),
        ("a field and an index, all", additive, "s", ""),
        ("a field and an index, each", additive / count * 1000, "ms", ""),
        ("the same by Django, each", djangos * 1000, "ms", f"{figures['additive_ratio']:,} times as long"),
        ("nothing to do by Django, each", djangos_noop * 1000, "ms", f"{figures['noop_ratio']:,} times as long"),
    ):
        print(f"  {what:<40} {value:9.2f} {unit:<2}   {beside}")
    same = "the same" if figures["identical"] else "DIFFERENT"
    print(f"  columns, indexes, constraints, sequences, rights, migrations: {same} ({figures['facts']:,} facts each)")
