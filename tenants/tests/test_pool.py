"""psycopg's own pool: a physical connection goes from hand to hand, and nobody finds the restaurant before."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, connection, connections

from tenants.context import NoRestaurant, chosen, restaurant_context
from tenants.db import base
from tenants.models import Restaurant


@pytest.fixture(params=["18", "before 18"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that reports its path, and one that does not, where only what was remembered counts."""
    if request.param != "18":
        monkeypatch.setattr(base.DatabaseWrapper, "_reported_path", lambda _: None)


@pytest.fixture
def pool(committed: list[Restaurant], server: None) -> Iterator[list[Restaurant]]:
    """The two restaurants, with DATABASES as for a pool, which has a single physical connection for everybody."""
    facts, usual = connections.settings["default"], connections["default"]
    options = facts["OPTIONS"] | {"pool": {"min_size": 1, "max_size": 1, "timeout": 20}}
    with mock.patch.dict(facts, {"CONN_MAX_AGE": 0, "OPTIONS": options}):
        connections["default"] = wrapper()
        yield committed
        connections["default"].close()
        connections["default"].close_pool()
        connections["default"] = usual


def wrapper() -> Any:
    """What a thread has: a wrapper of its own, whose physical connection comes from the pool."""
    return connections.create_connection("default")


def look(through: Any = connection) -> tuple[str, str, int]:
    """Schema and role of a query, and the process of the server that answers it."""
    with through.cursor() as cursor:
        cursor.execute("SELECT current_schema()::text, current_user::text, pg_backend_pid()")
        schema, role, process = cursor.fetchone()
    return schema, role, process


def home(restaurant: Restaurant) -> tuple[str, str]:
    return restaurant.schema_name, restaurant.schema_name


def leave(through: Any, how: str) -> None:
    """Ask something, and give the connection back in this state."""
    if how == "idle":
        look(through)
    if how == "in a transaction":
        look(through)
        through.set_autocommit(False)
        look(through)
    if how in {"switched in a transaction", "failed"}:
        through.set_autocommit(False)
        look(through)
    if how == "failed":
        with pytest.raises(DatabaseError), through.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    through.close()


@pytest.mark.parametrize("how", ["idle", "in a transaction", "switched in a transaction", "failed"])
def test_what_was_told_is_forgotten_at_check_in(pool: list[Restaurant], how: str) -> None:
    """What was told in a transaction that is open still, the pool undoes by its rollback."""
    bistro, trattoria = pool
    first, second = wrapper(), wrapper()
    with restaurant_context(trattoria):
        process = look(first)[2]
    physical = first.connection
    with restaurant_context(bistro):
        leave(first, how)
    assert (physical.flux_session.told, physical.flux_session.in_transaction) == (None, False)
    for restaurant in (bistro, trattoria, bistro):
        with restaurant_context(restaurant):
            assert look(second) == (*home(restaurant), process)
    second.close()


def test_a_connection_from_the_pool_is_in_no_restaurant(pool: list[Restaurant]) -> None:
    first, second = wrapper(), wrapper()
    with restaurant_context(pool[0]):
        leave(first, "idle")
    token = chosen.set(None)
    try:
        with pytest.raises(NoRestaurant):
            look(second)
    finally:
        chosen.reset(token)
    second.close()


def test_threads_that_share_a_connection_keep_their_restaurants(pool: list[Restaurant]) -> None:
    """Each visit takes a connection, looks at one restaurant and the other, and gives it back in any state."""

    def visit(number: int) -> int:
        dice = random.Random(number)
        mine, other = dice.sample(pool, 2)
        *_, process = seen = look_in(mine)
        assert seen[:2] == home(mine)
        if dice.random() < 0.5:
            connection.set_autocommit(False)
        assert look_in(other)[:2] == home(other)
        connection.close()
        return process

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(visit, range(200)))) == 1


def look_in(restaurant: Restaurant) -> tuple[str, str, int]:
    with restaurant_context(restaurant):
        return look()
