"""The database follows the chosen restaurant: through errors, rollbacks, threads and tasks of an event loop."""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants.context import NoRestaurant, current_restaurant, public_context, restaurant_context
from tenants.models import Restaurant
from tenants.office.models import Closure

pytestmark = pytest.mark.django_db


class Trouble(Exception):
    """Something went wrong in the middle."""


def where() -> str:
    """The schema in which a query runs, as the server sees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def in_thread(work: Callable[[], Any]) -> Any:
    """What `work` answers in a thread of its own, on a connection of its own."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


@pytest.fixture
def note(restaurant: Restaurant, other_restaurant: Restaurant) -> str:
    """A planned closure in each of the two restaurants; the note of the first one's."""
    Closure.objects.create(on=dt.date(2026, 1, 1), note="Rest of the bistro")
    with restaurant_context(other_restaurant):
        Closure.objects.create(on=dt.date(2026, 1, 1), note="Rest of the trattoria")
    return "Rest of the bistro"


def notes() -> list[str]:
    return list(Closure.objects.values_list("note", flat=True))


def test_each_restaurant_sees_its_own_rows(note: str, other_restaurant: Restaurant) -> None:
    assert notes() == [note]
    with restaurant_context(other_restaurant):
        assert notes() == ["Rest of the trattoria"]
    assert notes() == [note]


def test_a_server_side_cursor_reads_the_restaurant_it_was_opened_in(note: str, other_restaurant: Restaurant) -> None:
    rows = Closure.objects.values_list("note", flat=True).iterator(chunk_size=1)
    assert next(rows) == note
    with restaurant_context(other_restaurant):
        assert list(rows) == []
        assert list(Closure.objects.values_list("note", flat=True).iterator()) == ["Rest of the trattoria"]


def test_a_temporary_table_stands_before_none_of_the_restaurants(note: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE office_closure (note text)")
    assert notes() == [note]


def test_without_a_restaurant_its_tables_are_out_of_reach(note: str) -> None:
    with public_context(), pytest.raises(ProgrammingError), transaction.atomic():
        notes()
    with public_context(), pytest.raises(NoRestaurant):
        current_restaurant()


def test_nested_contexts_return_to_the_one_before(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    seen = [where()]
    with restaurant_context(other_restaurant):
        seen.append(where())
        with public_context():
            seen.append(where())
            with restaurant_context(restaurant):
                seen.append(where())
            seen.append(where())
        seen.append(where())
    seen.append(where())
    first, second = restaurant.schema_name, other_restaurant.schema_name
    assert seen == [first, second, "public", first, "public", second, first]


def test_an_exception_leaves_the_restaurant_as_it_was(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    with pytest.raises(Trouble), restaurant_context(other_restaurant):  # noqa: PT012 the error has to cross the block
        assert where() == other_restaurant.schema_name
        raise Trouble
    assert current_restaurant() == restaurant
    assert where() == restaurant.schema_name


def test_the_path_is_sent_once_per_switch(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    where()
    with CaptureQueriesContext(connection) as queries:
        where()
        where()
    assert [query["sql"] for query in queries] == ["SELECT current_schema()"] * 2
    told = connection.session.told
    assert (
        f'SET search_path = "{restaurant.schema_name}", "public", "pg_temp"; SET ROLE "{restaurant.schema_name}"'
        in told
    )
    with restaurant_context(other_restaurant):
        assert connection.session.told == told  # not sent before it is needed
        where()
        assert other_restaurant.schema_name in connection.session.told


def test_a_rolled_back_savepoint_takes_its_path_along(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    where()
    before = transaction.savepoint()
    with restaurant_context(other_restaurant):
        assert where() == other_restaurant.schema_name
        transaction.savepoint_rollback(before)  # the server is back at the first one's path by itself
        assert where() == other_restaurant.schema_name
    assert where() == restaurant.schema_name


def test_a_failed_query_in_a_savepoint_does_not_confuse_the_next(
    restaurant: Restaurant, other_restaurant: Restaurant
) -> None:
    where()
    with restaurant_context(other_restaurant):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        assert where() == other_restaurant.schema_name


def test_a_broken_transaction_answers_nothing_from_another_restaurant(note: str, other_restaurant: Restaurant) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():  # noqa: PT012 the error has to cross the block
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        connection.needs_rollback = False  # as code does that believes it may go on
        with restaurant_context(other_restaurant):
            notes()
    assert notes() == [note]


def test_a_new_thread_starts_without_a_restaurant(restaurant: Restaurant) -> None:
    where()

    def ask() -> str:
        with pytest.raises(NoRestaurant):
            where()
        return "refused"

    assert in_thread(ask) == "refused"


def test_two_threads_keep_their_restaurants_apart(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    meet = threading.Barrier(2, timeout=10)
    seen: dict[str, set[str]] = {}

    def work(mine: Restaurant) -> None:
        for _ in range(20):
            with restaurant_context(mine):
                meet.wait()
                seen.setdefault(mine.slug, set()).add(where())
                meet.wait()
        connection.close()

    threads = [threading.Thread(target=work, args=[found]) for found in (restaurant, other_restaurant)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"bistro": {restaurant.schema_name}, "trattoria": {other_restaurant.schema_name}}


@pytest.mark.parametrize("thread_sensitive", [True, False])
def test_asynchronous_code_keeps_its_restaurant(
    restaurant: Restaurant, other_restaurant: Restaurant, thread_sensitive: bool
) -> None:
    def look() -> str:
        try:
            return where()
        finally:
            connection.close()

    async def visit(mine: Restaurant) -> set[str]:
        seen = set()
        with restaurant_context(mine):
            for _ in range(5):
                await asyncio.sleep(0)
                seen.add(await sync_to_async(look, thread_sensitive=thread_sensitive)())
        return seen

    async def both() -> list[set[str]]:
        return await asyncio.gather(visit(restaurant), visit(other_restaurant))

    assert asyncio.run(both()) == [{restaurant.schema_name}, {other_restaurant.schema_name}]


def test_choosing_through_django_tenants_ends_with_the_context(
    restaurant: Restaurant, other_restaurant: Restaurant
) -> None:
    with public_context():
        connection.set_schema(other_restaurant.schema_name, include_public=False)
        assert where() == other_restaurant.schema_name
        with pytest.raises(ProgrammingError), transaction.atomic():
            Restaurant.objects.count()
    assert where() == restaurant.schema_name
    assert Restaurant.objects.get() == restaurant  # its own row, and nobody else's


def test_the_context_that_threads_would_share_is_refused(restaurant: Restaurant) -> None:
    with pytest.raises(TypeError, match="restaurant_context"), restaurant:
        pass


def test_cache_keys_carry_their_restaurant(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    cache.set("soup", "of the bistro", 5)
    with restaurant_context(other_restaurant):
        assert cache.get("soup") is None
        cache.set("soup", "of the trattoria", 5)
    with public_context():
        assert cache.get("soup") is None
    assert cache.get("soup") == "of the bistro"
