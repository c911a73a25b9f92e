"""PgBouncer in transaction mode: after each transaction the server's session may be another one.

Path and role go with BEGIN in one message and hold for that transaction; there is nothing to remember and nothing that
the next one could find. The last tests go through PgBouncer itself, where it is installed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from conftest import own_process, signed_in
from flux.tests.routes import all_routes
from tenants.context import public_context, restaurant_context
from tenants.db.base import OutsideTransaction
from tenants.hosts import forget_hosts
from tenants.models import Membership, Restaurant, User
from tenants.office.models import Closure

needs_pgbouncer = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")


class Trouble(Exception):
    """Something went wrong in the middle."""


@pytest.fixture
def pooled(committed: list[Restaurant], settings: Any) -> Iterator[list[Restaurant]]:
    """The two restaurants, on a connection as a web process has it behind PgBouncer."""
    usual = connections["default"]
    facts = {**usual.settings_dict, "POOLING": True, "ATOMIC_REQUESTS": True, "DISABLE_SERVER_SIDE_CURSORS": True}
    connections["default"] = type(usual)(facts, "default")
    settings.POOLED = True
    yield committed
    connections["default"].close()
    connections["default"] = usual


@pytest.fixture
def owner(committed: list[Restaurant], django_db_blocker: DjangoDbBlocker) -> Iterator[User]:
    """The owner of both restaurants, made and removed on an ordinary connection."""
    with public_context():
        user = User.objects.create_user("owner@example.com", "correct-horse-battery")
        for restaurant in committed:
            Membership.objects.create(user=user, restaurant=restaurant, role="owner")
    yield user
    with public_context():
        user.delete()


def where() -> str:
    """The schema in which a query runs, as the server sees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema() || ' ' || current_user")
        return str(cursor.fetchone()[0])


def home(restaurant: Restaurant) -> str:
    return f"{restaurant.schema_name} {restaurant.schema_name}"


def test_a_query_outside_of_a_transaction_is_refused(pooled: list[Restaurant]) -> None:
    with restaurant_context(pooled[0]):
        with pytest.raises(OutsideTransaction):
            where()
        with transaction.atomic():
            assert where() == home(pooled[0])
        with pytest.raises(OutsideTransaction):
            where()


def test_begin_path_and_role_are_one_message(pooled: list[Restaurant], tmp_path: Path) -> None:
    bistro, _ = pooled
    messages = tmp_path / "messages"
    with restaurant_context(bistro), messages.open("w") as file:
        connection.ensure_connection()
        connection.connection.pgconn.trace(file.fileno())
        with transaction.atomic():
            where()
            where()
        connection.connection.pgconn.untrace()
    simple = [line for line in messages.read_text().splitlines() if "\tQuery\t" in line]
    assert len(simple) == 2  # the views' own queries go by the extended protocol
    begin, end = simple
    assert "BEGIN; SET LOCAL " in begin
    assert (
        f'SET LOCAL search_path = "{bistro.schema_name}", "public", "pg_temp"; SET LOCAL ROLE "{bistro.schema_name}"'
        in begin
    )
    assert "COMMIT" in end


def test_the_session_is_left_as_it_was(pooled: list[Restaurant]) -> None:
    """Whoever gets it next finds neither path nor role."""
    for ends_well in (True, False):
        with restaurant_context(pooled[0]), transaction.atomic():
            where()
            transaction.set_rollback(not ends_well)
        [left] = connection.connection.execute("SELECT current_user::text").fetchone()
        assert left not in {each.schema_name for each in pooled}


def test_transactions_switch_and_return(pooled: list[Restaurant]) -> None:
    bistro, trattoria = pooled
    with restaurant_context(bistro), transaction.atomic():
        before = transaction.savepoint()
        with restaurant_context(trattoria):
            assert where() == home(trattoria)
            transaction.savepoint_rollback(before)
            assert where() == home(trattoria)
            with pytest.raises(Trouble), transaction.atomic():  # noqa: PT012 the error has to cross the block
                with restaurant_context(bistro):
                    assert where() == home(bistro)
                raise Trouble
            assert where() == home(trattoria)
        assert where() == home(bistro)


def test_a_failed_query_ends_with_its_transaction(pooled: list[Restaurant]) -> None:
    bistro, trattoria = pooled
    with pytest.raises(DatabaseError), restaurant_context(bistro), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    with restaurant_context(trattoria), transaction.atomic():
        assert where() == home(trattoria)


def test_rows_are_read_and_written(pooled: list[Restaurant]) -> None:
    for restaurant in pooled:
        with restaurant_context(restaurant), transaction.atomic():
            Closure.objects.create(on="2026-01-01", note=restaurant.slug)
    for restaurant in pooled:
        with restaurant_context(restaurant), transaction.atomic():
            assert list(Closure.objects.values_list("note", flat=True).iterator()) == [restaurant.slug]
            Closure.objects.all().delete()


def test_pages_of_both_hosts_open(owner: User, pooled: list[Restaurant]) -> None:
    """Also those pieces of a request that run outside of its view: the host, the membership, streamed answers."""
    for restaurant in pooled:
        forget_hosts()
        with transaction.atomic():  # the test's own help to sign in
            browser = signed_in(owner, restaurant)
        for route in all_routes():
            if route.params or route.is_api or route.is_admin:
                continue
            answer = browser.get(route.address())
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
            assert (route.name, answer.status_code < 500, body is None) == (route.name, True, False)
    assert Client(headers={"host": "flux.localhost"}).get("/accounts/login/").status_code == 200
    assert Client(headers={"host": "nobody.flux.localhost"}).get("/").status_code == 404
    assert Client(headers={"host": "bistro.flux.localhost"}).get("/readyz").status_code == 200


def test_a_worker_does_not_start_in_this_mode(committed: list[Restaurant]) -> None:
    worker = [sys.executable, "-m", "celery", "--quiet", "-A", "flux", "worker", "--pool", "solo"]
    env = own_process() | {"DATABASE_POOLING": "transaction"}
    answer = subprocess.run(worker, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode != 0
    assert "A worker cannot go through PgBouncer in transaction mode" in answer.stderr


# Through PgBouncer itself

SESSIONS = 3
VISITS = """
import json, random, sys, threading
import django
django.setup()
from django.db import connection, transaction
from tenants.context import public_context, restaurant_context
from tenants.db.transactions import one_session
from tenants.models import Restaurant

with public_context(), transaction.atomic():
    restaurants = list(Restaurant.objects.order_by("slug"))
seen = {"right": 0, "wrong": 0, "refused": 0, "sessions": []}

def ask():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user::text, pg_backend_pid()")
        return cursor.fetchone()

def visit(number):
    dice = random.Random(number)
    for _ in range(250):
        restaurant = dice.choice(restaurants)
        try:
            with restaurant_context(restaurant), one_session():
                answers = [ask(), ask()]
        except Exception:
            seen["refused"] += 1
            connection.close()
            continue
        right = all(answer[:2] == (restaurant.schema_name,) * 2 for answer in answers)
        seen["right" if right else "wrong"] += 1
        seen["sessions"] += [answer[2] for answer in answers]
    connection.close()

threads = [threading.Thread(target=visit, args=[number]) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(seen | {"sessions": len(set(seen["sessions"]))}))
"""


@pytest.fixture
def pgbouncer(committed: list[Restaurant], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """PgBouncer with a few sessions of the server for everybody; yields the app's URL through it."""
    url = own_process()["DATABASE_URL"]
    parts, name = urlsplit(url), connection.settings_dict["NAME"]
    host = connection.settings_dict["OPTIONS"].get("host") or connection.settings_dict["HOST"]
    folder = Path(tmp_path_factory.mktemp("b"))
    folder.joinpath("users.txt").write_text(f'"{parts.username}" "{parts.password or ""}"\n')
    folder.joinpath("pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={host} port={connection.settings_dict['PORT'] or 5432} dbname={name}\n"
        f"[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {folder}\nauth_type = trust\n"
        f"auth_file = {folder}/users.txt\npool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
        "max_client_conn = 100\nignore_startup_parameters = extra_float_digits,options\n"
    )
    as_nobody = ["unshare", "-U"] if os.getuid() == 0 else []  # it does not run as root
    process = subprocess.Popen(
        [*as_nobody, "pgbouncer", "-q", str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 10
        while not (folder / ".s.PGSQL.6432").exists():
            assert process.poll() is None, "PgBouncer does not start here"
            assert time.monotonic() < until
            time.sleep(0.02)
        yield f"postgresql://{parts.username}@/{name}?host={folder}&port=6432"
    finally:
        process.terminate()
        process.wait()


def visits(url: str, pooling: str) -> dict[str, Any]:
    """What 2,000 visits of eight threads saw, each asking twice where it is."""
    env = own_process() | {"DATABASE_URL": url, "DATABASE_POOLING": pooling, "FLUX_IDENTITY": "app"}
    answer = subprocess.run([sys.executable, "-c", VISITS], env=env, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@needs_pgbouncer
def test_threads_that_share_sessions_through_pgbouncer_keep_their_restaurants(pgbouncer: str) -> None:
    assert visits(pgbouncer, "transaction") == {"right": 2000, "wrong": 0, "refused": 0, "sessions": SESSIONS}


@needs_pgbouncer
def test_without_this_mode_pgbouncer_would_mix_them_up(pgbouncer: str) -> None:
    """Or else the test above could not fail."""
    seen = visits(pgbouncer, "session")
    assert seen["wrong"] + seen["refused"] > 0
