"""`bench requests`: what tenancy adds to a request, and how often a request waits for the database.

Two processes serve the same view through Django's WSGI handler on connections that persist: one with Flux's backend
and middleware, one with Django's own and no tenancy at all. They take turns, a round each; a figure is a quantile of
all requests of a side. Round trips are counted in libpq's own protocol trace.
"""

import argparse
import io
import json
import os
import random
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

ANSWER = re.compile(r"\tF\t\d+\t(?:Query|Sync)\b")  # what libpq sends before it waits


def run(argv: list[str]) -> dict[str, float]:
    """Overhead ratios at the 5th percentile (least disturbed) and at the median, and round trips of one request."""
    parser = argparse.ArgumentParser(prog="bench requests")
    parser.add_argument("--restaurants", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=300, help="in each round")
    asked = parser.parse_args(argv)
    with ExitStack() as stack:
        facts = stack.enter_context(restaurants(asked.restaurants))
        plain = stack.enter_context(Side("plain", facts))
        tenancy = stack.enter_context(Side("tenancy", facts))
        one, many = facts["hosts"][:1], facts["hosts"]
        seconds: dict[str, list[float]] = {"plain": [], "one": [], "many": []}
        for side in (plain, tenancy):
            side.serve(one, 50)  # imports, the first connection
        tenancy.serve(many, 2 * len(many))
        for number in range(asked.rounds):
            turns: list[tuple[str, Callable[[], list[float]]]] = [
                ("plain", lambda: plain.serve(one, asked.requests)),
                ("one", lambda: tenancy.serve(one, asked.requests)),
                ("many", lambda: tenancy.serve(many, asked.requests)),
            ]
            for name, serve in turns if number % 2 else reversed(turns):
                seconds[name] += serve()
        figures = ratios(seconds) | tenancy.trips(*facts["hosts"][:2])
    tell(seconds, figures)
    return figures


def ratios(seconds: dict[str, list[float]]) -> dict[str, float]:
    def of(name: str, quantile: Callable[[list[float]], float]) -> float:
        return round(quantile(seconds[name]) / quantile(seconds["plain"]), 3)

    return {
        "overhead_ratio": of("one", p5),
        "overhead_ratio_median": of("one", statistics.median),
        "overhead_ratio_many": of("many", p5),
        "overhead_ratio_many_median": of("many", statistics.median),
    }


def p5(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[0]


def tell(seconds: dict[str, list[float]], figures: dict[str, float]) -> None:
    print(f"{'':34}{'p5 µs':>8}{'median µs':>12}")
    names = {"plain": "plain Django", "one": "Flux, one restaurant", "many": "Flux, another one each time"}
    for name, words in names.items():
        print(f"{words:34}{p5(seconds[name]) * 1e6:8.0f}{statistics.median(seconds[name]) * 1e6:12.0f}")
    for name, value in figures.items():
        print(f"{name:34}{value:8}")


@contextmanager
def restaurants(number: int) -> Iterator[dict[str, Any]]:
    """Restaurants with one member and one row each, removed afterwards; facts for the two sides."""
    from django.conf import settings

    from tenants import provisioning
    from tenants.context import restaurant_context
    from tenants.models import Membership, Restaurant, User
    from tenants.office.models import Closure

    mark = secrets.token_hex(4)
    member = User.objects.create_user(f"{mark}@bench.example", name="Bench")
    made = []
    try:
        for index in range(number):
            facts = {"timezone": "Europe/London", "currency": "GBP", "country": "GB"}
            restaurant = Restaurant(slug=f"bench-{mark}-{index}", name="Bench", status="active", **facts)
            made.append(provisioning.open_restaurant(restaurant))
            Membership.objects.create(user=member, restaurant=restaurant, role="manager")
            with restaurant_context(restaurant):
                Closure.objects.create(on="2026-12-25", note=restaurant.slug)
        hosts = [f"{restaurant.slug}.{settings.FLUX_DOMAIN}" for restaurant in made]
        yield {"hosts": hosts, "schema": made[0].schema_name, "member": str(member.pk)}
    finally:
        for restaurant in made:
            restaurant.delete(force_drop=True)
        member.delete()


class Side:
    """A process that serves requests when it is told to."""

    def __init__(self, name: str, facts: dict[str, Any]) -> None:
        self.name, self.facts = name, facts

    def __enter__(self) -> "Side":
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": f"flux.bench.sides.{self.name}",
            "FLUX_IDENTITY": "app",
            "BENCH_SCHEMA": self.facts["schema"],
        }
        command = [sys.executable, "-m", "flux.bench.requests", self.facts["member"]]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_error: object) -> None:
        self._pipe(self.process.stdin).close()
        self.process.wait()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None  # noqa: S101
        return pipe

    def ask(self, **question: Any) -> Any:
        print(json.dumps(question), file=self._pipe(self.process.stdin), flush=True)
        line = self._pipe(self.process.stdout).readline()
        if not line:
            raise RuntimeError(f"The side {self.name} has ended: see above.")
        return json.loads(line)

    def serve(self, hosts: list[str], requests: int) -> list[float]:
        """Serve so many requests, each for one of the hosts; their seconds."""
        seconds: list[float] = self.ask(hosts=hosts, requests=requests)
        return seconds

    def trips(self, host: str, other: str) -> dict[str, float]:
        answer: dict[str, float] = self.ask(trips=[host, other])
        return answer


def serve() -> None:
    """A side's own process: answers each line of questions with one of figures."""
    import django

    django.setup()
    from django.core.handlers.wsgi import WSGIHandler

    handler, choose = WSGIHandler(), random.Random(1)  # noqa: S311
    for line in sys.stdin:
        question = json.loads(line)
        if "trips" in question:
            answer: Any = trips(handler, *question["trips"])
        else:
            answer = [get(handler, choose.choice(question["hosts"])) for _ in range(question["requests"])]
        print(json.dumps(answer), flush=True)


def get(handler: Any, host: str, path: str = "/one/", cookie: str = "") -> float:
    """Seconds for one request; raises unless it is answered with the restaurant's own row."""
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": host, "SERVER_PORT": "80", "HTTP_HOST": host,
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "HTTP_COOKIE": cookie,
    }  # fmt: skip
    status: list[str] = []
    began = time.perf_counter()
    response = handler(environ, lambda code, _headers: status.append(code))
    body = b"".join(response)
    response.close()
    seconds = time.perf_counter() - began
    if status[0] != "200 OK" or body != host.partition(".")[0].encode():
        raise RuntimeError(f"{host}{path} answered {status[0]}: {body[:200]!r}")
    return seconds


def trips(handler: Any, host: str, other: str) -> dict[str, int]:
    """How often one request waits for the database: again at the same restaurant, at another one, signed in."""
    here, there = session_cookie(host), session_cookie(other)
    counts = {}
    for name, before, asked in (
        ("round_trips", (host, "/one/", ""), (host, "/one/", "")),
        ("round_trips_switch", (other, "/one/", ""), (host, "/one/", "")),
        ("round_trips_signed_in", (host, "/signed-in/", here), (host, "/signed-in/", here)),
        ("round_trips_signed_in_switch", (other, "/signed-in/", there), (host, "/signed-in/", here)),
    ):
        get(handler, *before)
        get(handler, *before)
        counts[name] = counted(lambda asked=asked: get(handler, *asked))  # type: ignore[misc]
    return counts


def counted(work: Callable[[], object]) -> int:
    """How often the connection of this thread sends something to the server and waits, during `work`."""
    from django.db import connection

    with tempfile.TemporaryFile("w+") as trace:
        physical = connection.connection.pgconn
        physical.trace(trace.fileno())
        work()
        physical.untrace()  # writes out the rest
        trace.seek(0)
        return len(ANSWER.findall(trace.read()))


def session_cookie(host: str) -> str:
    """The cookie of a browser in which the member is signed in, at the platform and at the restaurant."""
    from django.conf import settings
    from django.test import Client

    from tenants import hosts, sessions
    from tenants.context import public_context, restaurant_context
    from tenants.models import Membership, User

    platform, client = Client(), Client()
    with public_context():
        user = User.objects.get(pk=sys.argv[1])
        restaurant = hosts.restaurant_of_host(host)
        member = Membership.objects.get(user=user, restaurant=restaurant)
        platform.force_login(user)
    assert restaurant is not None  # noqa: S101
    with restaurant_context(restaurant):
        client.force_login(user)
        session = client.session
        sessions.lean(session, member, platform_session=platform.cookies[settings.SESSION_COOKIE_NAME].value)
        session.save()
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


if __name__ == "__main__":
    serve()
