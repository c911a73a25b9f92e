"""The database's connection outside of a test's transaction: real commits, rollbacks, closings and lost sessions."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from conftest import SUPERUSER, as_owner
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant


class Trouble(Exception):
    """Something went wrong in the middle."""


def where() -> str:
    """The schema in which a query runs, as the server sees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def test_a_committed_switch_does_not_reach_the_next_restaurant(committed: list[Restaurant]) -> None:
    bistro, trattoria = committed
    with restaurant_context(bistro), transaction.atomic(), restaurant_context(trattoria):
        assert where() == trattoria.schema_name
    with restaurant_context(bistro):
        assert where() == bistro.schema_name


def test_a_rolled_back_transaction_takes_its_path_along(committed: list[Restaurant]) -> None:
    bistro, trattoria = committed
    with restaurant_context(bistro):
        where()
    with pytest.raises(Trouble), transaction.atomic(), restaurant_context(trattoria):  # noqa: PT012 the error has to cross the block
        assert where() == trattoria.schema_name
        raise Trouble
    with restaurant_context(trattoria):  # the server is back at the bistro's path by itself
        assert where() == trattoria.schema_name


def test_a_new_connection_starts_without_a_path(committed: list[Restaurant]) -> None:
    bistro, trattoria = committed
    with restaurant_context(bistro):
        where()
        connection.close()
        assert where() == bistro.schema_name
        connection.close()
        with restaurant_context(trattoria):
            assert where() == trattoria.schema_name


def test_a_failed_set_raises_and_no_query_runs(committed: list[Restaurant]) -> None:
    bistro, trattoria = committed
    with restaurant_context(bistro):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            lost = cursor.fetchone()[0]
        end_session(lost)
        with restaurant_context(trattoria), pytest.raises(DatabaseError):
            where()
        assert connection.session.told is None
        connection.close()
        assert where() == bistro.schema_name


def end_session(pid: int) -> None:
    """End a session of the server, from another one."""

    def run() -> None:
        with public_context(), as_owner(SUPERUSER), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
