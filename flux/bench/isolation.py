"""`bench isolation`: a million random operations over many restaurants, among killed sessions and cancelled queries.

Each restaurant's rows begin with a marker of its own. Processes with the app's rights read and write them in every way
that the product has (`_soak.py`), and look at every answer; this process, the database's owner, makes the restaurants,
does the harm, and in the end reads every row of every schema.

`--break path|role|rollback|report` takes safeguards out of the backend: the soak has to notice.
"""

import argparse
import datetime as dt
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.test import Client

from flux.bench import _soak
from flux.bench._soak import ROWS, Tally
from menu.models import Ingredient, MenuItem
from procurement.models import Supplier
from tenants import provisioning, sessions
from tenants.actors import Actor
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office import audit
from tenants.office.models import Closure

Place = tuple[str, str, str]  # the restaurant's key, its marker, the cookie of its owner's session
SLUG = "soak-"
STEPS = {"terminate": 2, "cancel": 4, "cache": 1}  # how often each fault comes


def run(argv: Sequence[str]) -> dict[str, Any]:
    """Make the restaurants, let the processes work, print what happened; or be one of those processes."""
    if "--process" in argv:
        return vars(_soak.main(argv))
    asked = parse(argv)
    began = time.monotonic()
    clear()
    try:
        places = [make(number) for number in range(asked.restaurants)]
        made, began = time.monotonic() - began, time.monotonic()
        with faults(asked.fault_every, asked.seed) as harm:
            tally = work(asked, places)
        seconds = time.monotonic() - began
        strays = sum(count_strays(Restaurant.objects.get(pk=key), marker) for key, marker, _ in places)
    finally:
        clear()
    figures = {
        "operations": tally.operations,
        "wrong_reads": tally.wrong_reads,
        "stray_rows": strays,
        "faults": sum(harm.values()),
        "failed": sum(tally.errors.values()),
        "reads": tally.reads,
        "restaurants": asked.restaurants,
        "seconds": round(seconds, 1),
        "per_second": round(tally.operations / seconds),
        "making_s": round(made, 1),
    }
    tell(figures, tally, harm)
    return figures | {"errors": dict(tally.errors), "fault_kinds": dict(harm), "broken": asked.broken}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench isolation", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--restaurants", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3600, help="stop after this time, whatever was reached")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    parser.add_argument("--fault-every", type=float, default=0.05, help="seconds between two faults; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--break", dest="broken", nargs="*", default=[], choices=["path", "role", "rollback", "report"])
    return parser.parse_args(argv)


def make(number: int) -> Place:
    """One restaurant, whose owner is signed in, with the same rows as all others but for the marker."""
    slug, marker = f"{SLUG}{number}", f"marker-{number}."
    user = User.objects.create_user(f"{slug}@example.com", "not-to-be-guessed-0", name=marker)
    restaurant = provisioning.open_restaurant(
        Restaurant(slug=slug, name=slug, timezone="Europe/Paris", currency="EUR", country="FR", status="active"),
        owner=user,
    )
    with restaurant_context(restaurant):
        fill(marker)
    return str(restaurant.pk), marker, cookie_of(user, restaurant)


def fill(marker: str) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    days = [now.date() + dt.timedelta(days=days) for days in range(ROWS)]
    Closure.objects.bulk_create(Closure(on=day, note=f"{marker} closed") for day in days)
    MenuItem.objects.bulk_create(
        MenuItem(name=f"{marker} dish {row}", category=f"{marker} dishes", price=9) for row in range(ROWS)
    )
    flours = [Ingredient(name=f"{marker} flour {row}", base_unit="g") for row in range(ROWS)]
    Ingredient.objects.bulk_create(flours)
    Supplier.objects.bulk_create(
        Supplier(name=f"{marker} mill {row}", delivery_weekdays=[0], cutoff="14:00") for row in range(ROWS)
    )
    chef = Actor(None, f"{marker} chef", "portal")
    audit.record_all(
        [audit.entry("ingredient.added", row, by=chef, at=now, after={"name": row.name}) for row in [*flours, *flours]]
    )


def cookie_of(user: User, restaurant: Restaurant) -> str:
    """The header of a browser that is signed in at the platform, and from there at the restaurant."""
    name = settings.SESSION_COOKIE_NAME
    platform, here = Client(), Client()
    with public_context():
        platform.force_login(user)
        member = Membership.objects.get(user=user, restaurant=restaurant)
    with restaurant_context(restaurant):
        here.force_login(user)
        session = here.session
        sessions.lean(session, member, platform_session=platform.cookies[name].value)
        session.save()
    return f"{name}={here.cookies[name].value}"


def clear() -> None:
    """Remove the restaurants of this run, or of one that was cut short."""
    for restaurant in Restaurant.objects.filter(slug__startswith=SLUG):
        provisioning.remove(restaurant)
    User.objects.filter(email__startswith=SLUG).delete()


def work(asked: argparse.Namespace, places: list[Place]) -> Tally:
    """Run the processes, each with the app's rights and its share of the operations."""
    share = asked.operations // asked.processes
    options = {"threads": asked.threads, "operations": share, "seconds": asked.seconds, "seed": asked.seed}
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    flags += ["--break", *asked.broken] if asked.broken else []
    env = os.environ | {"FLUX_IDENTITY": "app", "LOG_LEVEL": "CRITICAL"}
    command = [sys.executable, "-m", "flux.bench", "isolation", *flags]
    running = [
        subprocess.Popen(
            [*command, "--process", str(number)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(asked.processes)
    ]
    total = Tally()
    for process in running:
        process.stdin.write(json.dumps(places))  # type: ignore[union-attr]
        process.stdin.close()  # type: ignore[union-attr]
    for process in running:
        said = process.stdout.read()  # type: ignore[union-attr]
        if process.wait():
            raise RuntimeError("A process of the soak ended with an error, which stands above.")
        facts = json.loads(said)
        total.add(Tally(**facts | {name: Counter(facts[name]) for name in ("by_kind", "errors")}))
    return total


@contextmanager
def faults(every_s: float, seed: int) -> Iterator[Counter[str]]:
    """Do harm for the length of the block; counts what hit something."""
    harm: Counter[str] = Counter()
    over = threading.Event()
    thread = threading.Thread(target=do_harm, args=(harm, over, every_s, random.Random(seed)))  # noqa: S311 - dice
    if every_s:
        thread.start()
    try:
        yield harm
    finally:
        over.set()
        if every_s:
            thread.join()


def do_harm(harm: Counter[str], over: threading.Event, every_s: float, dice: random.Random) -> None:
    """End a session of the app, cancel a query, or cut everybody off the cache, again and again."""
    ask = {
        "terminate": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'flux_app' ORDER BY random() LIMIT 1",
        "cancel": "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'flux_app' AND state <> 'idle' ORDER BY random() LIMIT 1",
    }
    cache = redis.Redis.from_url(settings.REDIS_URL)
    with psycopg.connect(os.environ["DATABASE_BOOTSTRAP_URL"], autocommit=True) as database:
        while not over.wait(dice.uniform(0, 2 * every_s)):
            [kind] = dice.choices(list(STEPS), list(STEPS.values()))
            if kind == "cache":
                harm[kind] += int(cache.execute_command("CLIENT KILL TYPE normal SKIPME yes")) > 0
            else:
                harm[kind] += len(database.execute(ask[kind]).fetchall())


def count_strays(restaurant: Restaurant, marker: str) -> int:
    """Rows that another restaurant has written here, or taken from here."""
    with restaurant_context(restaurant):
        texts = [
            list(Closure.objects.values_list("note", flat=True)),
            list(MenuItem.objects.values_list("category", flat=True)),
            list(Ingredient.objects.values_list("name", flat=True)),
            list(Supplier.objects.values_list("name", flat=True)),
        ]
    return sum(abs(ROWS - sum(text.startswith(marker) for text in kind)) + max(len(kind) - ROWS, 0) for kind in texts)


def tell(figures: dict[str, Any], tally: Tally, harm: Counter[str]) -> None:
    """The table that people read."""
    for name, value in figures.items():
        print(f"  {name:<14} {value:>12,}")
    for title, counts in (("operations", tally.by_kind), ("faults", harm), ("errors", tally.errors)):
        print(f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common()))
    for example in tally.examples:
        print(f"wrong: {example}")
