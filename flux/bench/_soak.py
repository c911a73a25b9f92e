"""One process of the isolation soak: random work for random restaurants, every answer looked at.

It runs as the app, whose sessions are ended, whose queries are cancelled and whose cache is cut off meanwhile by the
process that started it. An operation may fail; what it may not do is answer with another restaurant's rows, or with
none. Which operations run, for whom and in which order, follows from the seed; when a fault hits one, does not.
"""

import argparse
import asyncio
import contextlib
import contextvars
import itertools
import json
import logging
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection, transaction
from redis import RedisError

from flux import activity
from menu.models import Ingredient, MenuItem
from procurement.models import Supplier
from tenants.context import NoRestaurant, chosen, public_context, restaurant_context
from tenants.db import base
from tenants.models import Domain, Restaurant
from tenants.office.models import Closure

MARKER = re.compile(r"marker-\d+\.")
ROWS = 4  # of each kind in each restaurant
BY_MODEL: list[Callable[[], Any]] = [
    lambda: Closure.objects.values_list("note", flat=True),
    lambda: MenuItem.objects.values_list("category", flat=True),
    lambda: Ingredient.objects.values_list("name", flat=True),
    lambda: Supplier.objects.values_list("name", flat=True),
]
BY_HAND = [
    "SELECT note FROM office_closure ORDER BY id LIMIT %s",
    "SELECT name FROM menu_ingredient LIMIT %s",
    "SELECT i.category FROM menu_menuitem i JOIN menu_menuitem j ON j.id = i.id LIMIT %s",
]


class Trouble(Exception):
    """Something went wrong in the middle, on purpose."""


class Refused(Exception):
    """A page did not answer with its rows."""


@dataclass(frozen=True)
class Place:
    """A restaurant, what each of its rows begins with, and the cookie of a session of its owner."""

    restaurant: Restaurant
    marker: str
    cookie: str


@dataclass
class Tally:
    """What happened, in one thread or in all."""

    operations: int = 0
    reads: int = 0
    wrong_reads: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def look(self, place: Place, texts: Sequence[str], how: str) -> None:
        """Take note of an answer, which has to be rows of `place` and of no other."""
        self.reads += 1
        if not texts or any(not text.startswith(place.marker) for text in texts):
            self.wrong_reads += 1
            self.examples = [*self.examples[:4], f"{how}: wanted {place.marker}, got {list(texts)[:2]}"]

    def add(self, other: "Tally") -> None:
        self.operations += other.operations
        self.reads += other.reads
        self.wrong_reads += other.wrong_reads
        self.by_kind += other.by_kind
        self.errors += other.errors
        self.examples = [*self.examples, *other.examples][:5]


class Visitor:
    """One thread's work."""

    def __init__(self, places: list[Place], dice: random.Random) -> None:
        self.places, self.dice, self.tally = places, dice, Tally()
        self.here = places[0]
        self.loop = asyncio.new_event_loop()
        self.pool = ThreadPoolExecutor(2)
        self.kinds: list[str] = list(WEIGHTS)
        self.weights = list(itertools.accumulate(WEIGHTS.values()))

    def work(self, operations: int, until: float) -> None:
        for _ in range(operations):
            if monotonic() > until:
                break
            self.step()
        connection.close()
        self.pool.shutdown()
        self.loop.close()

    def step(self) -> None:
        """One operation, for the same restaurant as the one before or for another."""
        [kind] = self.dice.choices(self.kinds, cum_weights=self.weights)
        if self.dice.random() < 0.5:
            self.here = self.dice.choice(self.places)
        self.tally.operations += 1
        self.tally.by_kind[kind] += 1
        try:
            getattr(self, kind)(self.here)
        except (DatabaseError, psycopg.Error, RedisError, NoRestaurant, Refused) as error:
            self.tally.errors[type(error.__cause__ or error).__name__] += 1
        except (ObjectDoesNotExist, StopIteration) as error:
            self.tally.look(self.here, [], f"{kind}: {error!r}")
        connection.close_if_unusable_or_obsolete()  # as Django does between requests
        if chosen.get() is not None:
            raise AssertionError(f"{kind} left a restaurant chosen")

    def other(self) -> Place:
        return self.dice.choice([place for place in self.places if place is not self.here])

    # The operations

    def read(self, place: Place) -> None:
        with restaurant_context(place.restaurant):
            self.tally.look(place, list(self.dice.choice(BY_MODEL)()[:3]), "read")

    def read_by_hand(self, place: Place) -> None:
        with restaurant_context(place.restaurant):
            self.tally.look(place, by_hand(self.dice.choice(BY_HAND)), "read_by_hand")

    def write(self, place: Place) -> None:
        """Rows have the same numbers in every restaurant, so that a write which goes astray is found by its reader."""
        number = self.dice.randint(1, ROWS)
        with restaurant_context(place.restaurant):
            Closure.objects.filter(pk=number).update(note=f"{place.marker} closed {self.tally.operations}")
            self.tally.look(place, list(Closure.objects.filter(pk=number).values_list("note", flat=True)), "write")

    def savepoint(self, place: Place) -> None:
        other = self.other()
        with restaurant_context(place.restaurant), transaction.atomic():
            self.tally.look(place, list(self.dice.choice(BY_MODEL)()[:2]), "before a savepoint")
            mark = transaction.savepoint()
            with restaurant_context(other.restaurant):
                self.tally.look(other, list(self.dice.choice(BY_MODEL)()[:2]), "in a savepoint")
                transaction.savepoint_rollback(mark)
                self.tally.look(other, list(self.dice.choice(BY_MODEL)()[:2]), "after its rollback")
            self.tally.look(place, list(self.dice.choice(BY_MODEL)()[:2]), "outside of it")

    def rollback(self, place: Place) -> None:
        """A transaction for two, that fails; then the second one again, whom its server's session knows no more."""
        other = self.other()
        with restaurant_context(place.restaurant):
            by_hand(BY_HAND[0])
            try:
                with transaction.atomic(), restaurant_context(other.restaurant):
                    self.tally.look(other, by_hand(BY_HAND[0]), "in a transaction")
                    raise Trouble
            except Trouble:
                pass
        with restaurant_context(other.restaurant):
            self.tally.look(other, by_hand(BY_HAND[0]), "after a rollback")

    def failed_query(self, place: Place) -> None:
        other = self.other()
        with restaurant_context(place.restaurant), transaction.atomic():
            try:
                with restaurant_context(other.restaurant), transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SELECT 1/0")
            except DatabaseError as error:
                if connection.needs_rollback or connection.connection is None:
                    raise
                if type(error.__cause__).__name__ != "DivisionByZero":
                    raise
            self.tally.look(place, by_hand(BY_HAND[0]), "after a failed query")

    def nested(self, place: Place) -> None:
        other = self.other()
        with restaurant_context(place.restaurant):
            self.tally.look(place, by_hand(BY_HAND[0]), "outer")
            with restaurant_context(other.restaurant):
                self.tally.look(other, by_hand(BY_HAND[1]), "inner")
            self.tally.look(place, by_hand(BY_HAND[1]), "outer again")

    def iterate(self, place: Place) -> None:
        """A cursor on the server, read a row at a time while another restaurant's is opened."""
        other = self.other()
        with restaurant_context(place.restaurant), transaction.atomic():
            rows = self.dice.choice(BY_MODEL)().iterator(chunk_size=1)
            seen = [next(rows)]
            with restaurant_context(other.restaurant):
                self.tally.look(other, list(self.dice.choice(BY_MODEL)().iterator(chunk_size=2)), "second cursor")
            self.tally.look(place, [*seen, *rows], "first cursor")

    def thread(self, place: Place) -> None:
        """In a pool's thread: with the context, and without one, where the query has to be refused."""
        if self.dice.random() < 0.8:
            with restaurant_context(place.restaurant):
                rows = self.pool.submit(contextvars.copy_context().run, hop, BY_HAND[0])
            self.tally.look(place, rows.result(), "thread")
        else:
            with restaurant_context(place.restaurant):
                answer = self.pool.submit(hop, BY_HAND[0])
            with contextlib.suppress(NoRestaurant):
                self.tally.look(place, ["somebody's", *answer.result()], "thread without a context")

    def coroutines(self, place: Place) -> None:
        async def visit(mine: Place, thread_sensitive: bool) -> None:
            with restaurant_context(mine.restaurant):
                await asyncio.sleep(0)
                ask = sync_to_async(hop, thread_sensitive=thread_sensitive)
                self.tally.look(mine, await ask(BY_HAND[0]), "coroutine")

        async def both(other: Place, thread_sensitive: bool) -> None:
            answers = await asyncio.gather(
                visit(place, thread_sensitive), visit(other, thread_sensitive), return_exceptions=True
            )
            for error in answers:
                if isinstance(error, BaseException):
                    raise error

        self.loop.run_until_complete(both(self.other(), self.dice.random() < 0.5))

    def remember(self, place: Place) -> None:
        """The same key for everybody."""
        with restaurant_context(place.restaurant):
            if self.dice.random() < 0.3:
                cache.set("soak", f"{place.marker} cached", 60)
            found = cache.get("soak")
            if found is not None:
                self.tally.look(place, [found], "cache")

    def stream(self, place: Place) -> None:
        """Two streamed answers of the web server's entry point, a piece of each in turn."""
        other = self.other()
        answers = {place: self._request(place), other: self._request(other)}
        bodies: dict[Place, list[bytes]] = {place: [], other: []}
        try:
            for pieces in itertools.zip_longest(*answers.values()):
                for body, piece in zip(bodies.values(), pieces, strict=True):
                    body.append(piece or b"")
        finally:
            for answer in answers.values():
                answer.close()
        for asked, body in bodies.items():
            self.tally.look(asked, [*dict.fromkeys(MARKER.findall(b"".join(body).decode()))], "stream")

    def _request(self, place: Place) -> Any:
        from flux.wsgi import application

        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/settings/activity/export.csv",
            "SERVER_NAME": place.restaurant.host,
            "SERVER_PORT": "80",
            "HTTP_HOST": place.restaurant.host,
            "HTTP_COOKIE": place.cookie,
            "wsgi.url_scheme": "http",
            "wsgi.input": sys.stdin.buffer,
        }
        said: list[str] = []
        serve: Any = application
        answer = serve(environ, lambda status, _headers: said.append(status))
        if not said[0].startswith("200"):
            answer.close()
            raise Refused(said[0])
        return answer

    def public(self, place: Place) -> None:
        """Hosts as the platform sees them, and as the restaurant does."""
        with public_context():
            host = Domain.objects.select_related("tenant").get(domain=place.restaurant.host)
            self.tally.look(place, [f"{place.marker}{host.tenant.slug == place.restaurant.slug}"], "host")
        with restaurant_context(place.restaurant):
            slugs = list(Restaurant.objects.values_list("slug", flat=True))
            self.tally.look(place, [place.marker if slugs == [place.restaurant.slug] else str(slugs)], "public rows")

    def nowhere(self, place: Place) -> None:
        """A query for nobody."""
        with contextlib.suppress(NoRestaurant):
            self.tally.look(place, ["somebody's", *by_hand(BY_HAND[0])], "nowhere")

    def close(self, place: Place) -> None:
        connection.close()
        self.read(place)

    def too_slow(self, place: Place) -> None:
        with restaurant_context(place.restaurant):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL statement_timeout = 1")
                    cursor.execute("SELECT pg_sleep(0.01)")
            finally:
                if connection.connection is not None and not connection.connection.closed:
                    self.tally.look(place, by_hand(BY_HAND[0]), "after a timeout")


WEIGHTS = {
    "read": 300,
    "read_by_hand": 400,
    "write": 60,
    "savepoint": 20,
    "rollback": 30,
    "failed_query": 20,
    "nested": 40,
    "iterate": 15,
    "thread": 20,
    "coroutines": 10,
    "remember": 60,
    "stream": 1,
    "public": 10,
    "nowhere": 10,
    "close": 1,
    "too_slow": 3,
}


def by_hand(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [2])
        return [text for (text,) in cursor.fetchall()]


def hop(sql: str) -> list[str]:
    """The same in a thread whose connection nobody else looks after."""
    try:
        return by_hand(sql)
    finally:
        connection.close_if_unusable_or_obsolete()


def break_backend(parts: Sequence[str], dice: random.Random) -> None:
    """Take safeguards out of the backend, to see that the soak finds it and what the others still hold."""
    send = base.DatabaseWrapper._send

    def lame(self: base.DatabaseWrapper, said: str) -> None:
        """One message in fifty loses its path, its role, or both."""
        path, role = said.split("; ")
        if dice.random() < 0.02:
            said = "; ".join([path] * ("path" not in parts) + [role] * ("role" not in parts))
        if said:
            send(self, said)
        else:
            self.session.forget()

    if {"path", "role"} & set(parts):
        base.DatabaseWrapper._send = lame  # type: ignore[method-assign]
    if "rollback" in parts:
        base.Session.forget = lambda self: None  # type: ignore[method-assign]
    if "report" in parts:
        base.DatabaseWrapper._reported_path = lambda self: None  # type: ignore[method-assign]


def places_of(facts: list[tuple[str, str, str]]) -> list[Place]:
    """The restaurants by key, with marker and cookie; the faults have begun already, so a try may fail."""
    while True:
        try:
            with public_context():
                restaurants = {str(each.pk): each for each in Restaurant.objects.prefetch_related("domains")}
                return [Place(restaurants[key], marker, cookie) for key, marker, cookie in facts]
        except DatabaseError:
            continue
        finally:
            connection.close()


def main(argv: Sequence[str]) -> Tally:
    """Run one process's share; `argv` names it, and standard input holds the places as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--process", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--operations", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--break", dest="broken", nargs="*", default=[])
    asked = parser.parse_args(argv)
    logging.disable(logging.CRITICAL)  # a page that a fault hits says so at length
    activity.CHUNK = 3  # so that an answer has several pieces, each a query of its own
    places = places_of(json.load(sys.stdin))
    break_backend(asked.broken, random.Random(asked.seed))  # noqa: S311 - dice
    until, total = monotonic() + asked.seconds, Tally()
    visitors = [
        Visitor(places, random.Random(f"{asked.seed}-{asked.process}-{number}"))  # noqa: S311 - dice
        for number in range(asked.threads)
    ]
    errors: list[BaseException] = []

    def work(visitor: Visitor) -> None:
        try:
            visitor.work(asked.operations // asked.threads, until)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=contextvars.Context().run, args=(work, visitor)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread, visitor in zip(threads, visitors, strict=True):
        thread.join()
        total.add(visitor.tally)
    if errors:
        raise errors[0]
    return total
