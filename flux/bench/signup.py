"""`bench signup`: how long somebody waits who opens a restaurant, in each of the three ways to get its schema.

What is timed is the verb, `provisioning.open_restaurant` for a user who is there: its checks, row, host, owner and
schema. A spare is taken by the app's login, as in a request; the two ways that make the schema at once need the owner.
The three take turns, so that a busy minute hits all of them. Then many spares are made, for their rate and their disk.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import timezone

from tenants import provisioning, template
from tenants.context import public_context
from tenants.db import roles
from tenants.db.base import DatabaseWrapper
from tenants.keys import uuid7
from tenants.models import Restaurant, Schema, User, new_schema_name

MB = 1_000_000


def run(argv: list[str]) -> dict[str, float]:
    """Open restaurants in turn from a spare, by replay and by migrations; make ``schemas`` spares."""
    parser = argparse.ArgumentParser(prog="bench signup")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--schemas", type=int, default=100, help="spares to make for rate and disk (default: 100)")
    asked = parser.parse_args(argv)
    user = User.objects.create_user(f"bench-{uuid7().hex[-12:]}@flux.example")
    try:
        seconds = rounds(asked.rounds, user)
        rate, disk, checkpoint = many(asked.schemas)
    finally:
        clean_up(user)
    figures = {f"{way}_ms": round(1000 * statistics.median(found), 1) for way, found in seconds.items()}
    figures |= {f"{way}_quickest_ms": round(1000 * min(found), 1) for way, found in seconds.items()}
    figures |= {
        "spares_per_s": round(rate, 1),
        "mb_per_schema": round(disk / MB, 2),
        "gb_per_1000": round(disk / MB, 2),  # a thousand times as many, and a unit a thousand times as large
        "checkpoint_s": round(checkpoint, 1),
        "schemas": asked.schemas,
    }
    tell(asked, figures)
    return figures


def rounds(count: int, user: User) -> dict[str, list[float]]:
    """Seconds of each opening, by way; the first round warms up and is left out."""
    seconds: dict[str, list[float]] = {"spare": [], "replay": [], "migrations": []}
    app = app_connection()
    for number in range(count + 1):
        provisioning.make_schema()
        with through(app):
            spare = timed(user)
        replay = timed(user)
        with mock.patch.object(provisioning, "make_schema", make_by_migrations):
            migrations = timed(user)
        for way, found in zip(seconds, (spare, replay, migrations), strict=True):
            if number:
                seconds[way].append(found)
    app.close()
    return seconds


def timed(user: User) -> float:
    """Seconds that it takes to open a restaurant, on a connection that is there."""
    restaurant = Restaurant(
        slug=f"bench-{uuid7().hex[-12:]}", name="Benchmark", timezone="Europe/Paris", currency="EUR", country="FR"
    )
    User.objects.get(pk=user.pk)
    began = time.perf_counter()
    provisioning.open_restaurant(restaurant, owner=user)
    return time.perf_counter() - began


def make_by_migrations() -> Schema:
    """A schema as django-tenants makes one: every migration that there is, one after the other."""
    name = new_schema_name()
    with connection.cursor() as cursor:
        cursor.execute("; ".join(roles.schema_statements(name)))
    with public_context():
        call_command("migrate_schemas", schema_name=name, tenant=True, interactive=False, verbosity=0)
    return Schema.objects.create(name=name, version=template.version(), created_at=timezone.now())


def app_connection() -> DatabaseWrapper:
    """A connection with the app's login, as a web process has one."""
    app: DatabaseWrapper = connections.create_connection(DEFAULT_DB_ALIAS)  # type: ignore[assignment]
    login = settings.LOGINS["app"]
    options = app.settings_dict["OPTIONS"] | login.get("OPTIONS", {})
    app.settings_dict = app.settings_dict | login | {"TAKES_ROLES": True, "OPTIONS": options}
    return app


@contextmanager
def through(other: DatabaseWrapper) -> Iterator[None]:
    """Let the block's queries go through another connection."""
    owner = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = other
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = owner


def many(count: int) -> tuple[float, float, float]:
    """Spares a second, bytes of each, and seconds of the checkpoint that writes them all to disk."""
    checkpoint()
    before = database_bytes()
    began = time.perf_counter()
    for _ in range(count):
        provisioning.make_schema()
    seconds = time.perf_counter() - began
    written = checkpoint()
    return count / seconds, (database_bytes() - before) / count, written


def checkpoint() -> float:
    """Seconds until everything is on disk; 0 where no superuser's login is known."""
    url = os.environ.get("DATABASE_BOOTSTRAP_URL")
    if not url:
        return 0.0
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CHECKPOINT")
    return time.perf_counter() - began


def database_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def clean_up(user: User) -> None:
    for restaurant in Restaurant.objects.filter(memberships__user=user):
        provisioning.remove(restaurant)
    for spare in Schema.objects.filter(restaurant=None):
        provisioning.drop_schema(spare.name)
    user.delete()


def tell(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """The table that people read."""
    print(f"median and quickest of {asked.rounds} rounds, in which the three take turns")
    ways = {
        "spare": "take a spare, as the app",
        "replay": "replay the template, as the owner",
        "migrations": "run all migrations, as the owner",
    }
    for way, what in ways.items():
        print(f"  {what:<36} {figures[f'{way}_ms']:9.1f} ms {figures[f'{way}_quickest_ms']:9.1f} ms")
    print(f"{asked.schemas} spares: {figures['spares_per_s']} a second, {figures['mb_per_schema']} MB each;")
    print(f"  the checkpoint after them takes {figures['checkpoint_s']} s; a thousand take {figures['gb_per_1000']} GB")
