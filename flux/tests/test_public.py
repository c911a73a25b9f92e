"""Where nothing was chosen, nothing is read; what belongs to the platform says so, case by case."""

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache, caches
from django.core.management import call_command
from django.db import connection
from django.test import Client

from conftest import as_owner, own_process
from tenants.context import NoRestaurant, chosen, public_context, restaurant_context, schema_name
from tenants.models import Restaurant, User

ASK = "SELECT current_schema()::text, current_user::text"


def where() -> tuple[str, str]:
    """Schema and role of a query, as the server sees them."""
    with connection.cursor() as cursor:
        cursor.execute(ASK)
        schema, role = cursor.fetchone()
    return schema, role


def home(restaurant: Restaurant) -> tuple[str, str]:
    return restaurant.schema_name, restaurant.schema_name


def of_its_own(work: Callable[[], Any]) -> Any:
    """What `work` answers in a thread, whose connection ends with it."""
    try:
        return work()
    finally:
        connection.close()


# --- Nothing chosen --------------------------------------------------------------------------------------------------

USES: dict[str, Callable[[], Any]] = {
    "a query by hand": where,
    "a query of a model": User.objects.exists,
    "a query of a stream": lambda: list(User.objects.iterator()),
    "the cache": lambda: cache.get("soup"),
    "the cache's writing": lambda: cache.set("soup", 1, 5),
}


def in_this_thread(use: Callable[[], Any]) -> None:
    use()


def in_a_new_thread(use: Callable[[], Any]) -> None:
    failed: list[Exception] = []

    def run() -> None:
        try:
            of_its_own(use)
        except NoRestaurant as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failed:
        raise error


def in_a_pool_of_threads(use: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(of_its_own, use).result()


def in_a_pool_with_the_context(use: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, of_its_own, use).result()


def in_a_coroutine(use: Callable[[], Any]) -> None:
    asyncio.run(sync_to_async(of_its_own, thread_sensitive=True)(use))


def in_a_coroutine_with_threads(use: Callable[[], Any]) -> None:
    asyncio.run(sync_to_async(of_its_own, thread_sensitive=False)(use))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place",
    [
        in_this_thread,
        in_a_new_thread,
        in_a_pool_of_threads,
        in_a_pool_with_the_context,
        in_a_coroutine,
        in_a_coroutine_with_threads,
    ],
)
@pytest.mark.parametrize("use", USES)
def test_with_nothing_chosen_nothing_is_read(use: str, place: Callable[[Any], None]) -> None:
    with pytest.raises(NoRestaurant):
        place(USES[use])


def test_a_pools_thread_takes_its_restaurant_from_the_context_and_keeps_none(committed: list[Restaurant]) -> None:
    bistro, trattoria = committed
    with ThreadPoolExecutor(1) as pool:  # one thread, and so one connection, for all of them
        for restaurant in (bistro, trattoria, bistro):
            with restaurant_context(restaurant):
                with_it = pool.submit(contextvars.copy_context().run, where)
                without = pool.submit(where)
            assert with_it.result() == home(restaurant)
            with pytest.raises(NoRestaurant):
                without.result()
        pool.submit(of_its_own, lambda: None).result()


@pytest.mark.parametrize("thread_sensitive", [True, False])
def test_coroutines_keep_their_restaurants_on_real_connections(
    committed: list[Restaurant], thread_sensitive: bool
) -> None:
    async def visit(restaurant: Restaurant) -> set[tuple[str, str]]:
        seen = set()
        with restaurant_context(restaurant):
            for _ in range(10):
                await asyncio.sleep(0)
                seen.add(await sync_to_async(of_its_own, thread_sensitive=thread_sensitive)(where))
        return seen

    async def all_at_once() -> list[set[tuple[str, str]]]:
        return await asyncio.gather(*map(visit, committed))

    assert asyncio.run(all_at_once()) == [{home(restaurant)} for restaurant in committed]


# --- Public, where it is asked for -----------------------------------------------------------------------------------


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], env=own_process(), capture_output=True, text=True, check=False)


def test_a_command_runs_for_the_platform_and_as_the_databases_owner(committed: list[Restaurant]) -> None:
    ask = f"from django.db import connection as c; k = c.cursor(); k.execute('{ASK}'); print(list(k.fetchone()))"
    answer = run("manage.py", "shell", "--no-imports", "-c", f"{ask}\nprint(c.tenant.schema_name)")
    assert answer.stdout.splitlines() == ["['public', 'flux_owner']", "public"], answer.stderr


def test_code_beside_manage_py_has_to_choose(committed: list[Restaurant]) -> None:
    program = "import django; django.setup(); from tenants.models import User; print(User.objects.exists())"
    answer = run("-c", program)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "NoRestaurant: No restaurant has been chosen" in answer.stderr


@pytest.mark.parametrize(
    "command", [("check", "--database", "default"), ("showmigrations", "tenants", "--plan"), ("clearsessions",)]
)
def test_commands_of_djangos_own_work_for_the_platform(command: tuple[str, ...], platform: None) -> None:
    with as_owner():
        call_command(*command, verbosity=0)
    assert schema_name() == "public"


def test_no_migration_is_missing_in_public_or_in_a_restaurant(platform: None) -> None:
    with as_owner():
        call_command("migrate", "--check", verbosity=0)


@pytest.mark.django_db
@pytest.mark.parametrize("command", [("check", "--database", "default"), ("showmigrations", "tenants")])
def test_commands_of_djangos_own_need_a_context(command: tuple[str, ...]) -> None:
    with pytest.raises(NoRestaurant):
        call_command(*command, verbosity=0)


@pytest.fixture
def schemas() -> Iterator[set[str]]:
    """The schemas of all queries that the test makes while nothing is chosen around them."""
    seen: set[str] = set()

    def note(execute: Callable[..., Any], *args: Any) -> Any:
        seen.add(schema_name())
        return execute(*args)

    with connection.execute_wrapper(note):
        yield seen


@pytest.mark.django_db
def test_the_platforms_pages_ask_in_public_and_leave_nothing_chosen(schemas: set[str]) -> None:
    with public_context():
        person = User.objects.create_user("sam@example.com", "correct-horse-battery")
        browser = Client(headers={"host": settings.FLUX_DOMAIN})
        browser.force_login(person)
    schemas.clear()
    assert chosen.get() is None
    assert browser.get("/", follow=True).status_code == 200
    assert (schemas, chosen.get()) == ({"public"}, None)


def store(key: str | None = None) -> SessionBase:
    made: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return made


@pytest.mark.django_db
def test_a_session_is_neither_kept_nor_found_with_nothing_chosen() -> None:
    with public_context():
        kept = store()
        kept["name"] = "Sam"
        kept.save()
    for use in (kept.save, store().create, kept.delete, lambda: store().exists(kept.session_key)):
        with pytest.raises(NoRestaurant):
            use()
    assert dict(store(kept.session_key).items()) == {}  # Django takes any error of the cache for a session that ended
    with public_context():
        assert dict(store(kept.session_key).items()) == {"name": "Sam"}


def test_a_session_lies_under_its_hosts_schema(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    session = store()
    session["name"] = "Sam"
    session.save()
    written = f"flux:{restaurant.schema_name}:1:{session.cache_key}"  # type: ignore[attr-defined]
    assert caches["default"]._cache.get_client().exists(written) == 1  # type: ignore[attr-defined]
    assert store(session.session_key).get("name") == "Sam"
    with restaurant_context(other_restaurant):
        assert store(session.session_key).get("name") is None
    with public_context():
        assert store(session.session_key).get("name") is None


def test_the_connection_that_makes_databases_is_in_no_schema_of_ours(restaurant: Restaurant) -> None:
    def path() -> Any:
        with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("SELECT current_setting('search_path'), current_database()")
            return cursor.fetchone()

    before = ('"$user", public', "postgres")
    assert path() == before  # whatever is chosen
    assert schema_name() == restaurant.schema_name
    token = chosen.set(None)
    try:
        assert path() == before  # and where nothing is
    finally:
        chosen.reset(token)
