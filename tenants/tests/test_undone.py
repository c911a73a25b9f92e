"""What a transaction says of a restaurant comes undone with it: at its commit, its rollback and each savepoint's."""

import uuid
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from tenants.context import public_context, restaurant_context
from tenants.db import base
from tenants.models import Membership, Restaurant


class Trouble(Exception):
    """Something went wrong in the middle."""


@pytest.fixture(params=["18", "before 18"])
def both(
    request: pytest.FixtureRequest, committed: list[Restaurant], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Restaurant]]:
    """The two restaurants, on a server that reports its path, and on one where only what was remembered counts.

    The session is at the second one's path when the test begins.
    """
    if request.param != "18":
        monkeypatch.setattr(base.DatabaseWrapper, "_reported_path", lambda _: None)
    connection.close()
    with restaurant_context(committed[1]):
        where()
    yield committed
    connection.close()


def where() -> tuple[str, str]:
    """Schema and role of a query, as the server sees them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()::text, current_user::text")
        schema, role = cursor.fetchone()
    return schema, role


def home(restaurant: Restaurant) -> tuple[str, str]:
    return restaurant.schema_name, restaurant.schema_name


def add_a_member_who_is_nobody(restaurant: Restaurant) -> None:
    """A row whose foreign key the server looks at when the transaction is committed."""
    with public_context():
        Membership.objects.create(user_id=uuid.uuid4(), restaurant_id=restaurant.pk, role="kitchen")


def test_a_deferred_constraint_that_fails_at_commit_takes_the_path_along(both: list[Restaurant]) -> None:
    bistro, trattoria = both
    with restaurant_context(bistro):
        with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012 the error comes with the block's end
            add_a_member_who_is_nobody(bistro)
            assert where() == home(bistro)
        assert where() == home(bistro)
    with restaurant_context(trattoria):
        assert where() == home(trattoria)


def test_so_it_does_where_code_commits_by_itself(both: list[Restaurant]) -> None:
    """Nobody rolls back then; the server has done so."""
    bistro, _ = both
    with restaurant_context(bistro):
        connection.set_autocommit(False)
        add_a_member_who_is_nobody(bistro)
        assert where() == home(bistro)
        with pytest.raises(IntegrityError):
            connection.commit()
        assert where() == home(bistro)
        connection.rollback()
        connection.set_autocommit(True)
        assert where() == home(bistro)


def test_each_of_nested_transactions_comes_undone_by_itself(both: list[Restaurant]) -> None:
    bistro, trattoria = both
    with transaction.atomic():
        with restaurant_context(trattoria):
            assert where() == home(trattoria)
        with restaurant_context(bistro):
            with pytest.raises(Trouble), transaction.atomic():  # noqa: PT012 the error has to cross the block
                assert where() == home(bistro)
                with pytest.raises(Trouble), transaction.atomic():  # noqa: PT012 likewise
                    with restaurant_context(trattoria):
                        assert where() == home(trattoria)
                    raise Trouble
                assert where() == home(bistro)
                with transaction.atomic(), restaurant_context(trattoria):
                    assert where() == home(trattoria)
                raise Trouble
            assert where() == home(bistro)
            transaction.set_rollback(True)
        with restaurant_context(trattoria), pytest.raises(transaction.TransactionManagementError):
            where()
    for restaurant in both:
        with restaurant_context(restaurant):
            assert where() == home(restaurant)


def test_a_failed_query_in_a_nested_transaction_takes_its_switch_along(both: list[Restaurant]) -> None:
    bistro, trattoria = both
    with restaurant_context(trattoria), transaction.atomic():
        where()
        with restaurant_context(bistro):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")
            assert where() == home(bistro)
        assert where() == home(trattoria)


def test_a_rollback_by_hand_takes_its_switch_along(both: list[Restaurant]) -> None:
    """Django does not know of such a savepoint."""
    bistro, trattoria = both
    with transaction.atomic():
        with restaurant_context(trattoria), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT here")
        with restaurant_context(bistro):
            assert where() == home(bistro)
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK TO SAVEPOINT here")
            assert where() == home(bistro)
        with restaurant_context(trattoria):
            assert where() == home(trattoria)


@pytest.mark.parametrize(
    "by_hand",
    [
        "SET search_path = «b»",
        "SET LOCAL search_path = «b»",
        "RESET search_path",
        "SET ROLE «b»",
        "SET LOCAL ROLE «b»",
        "RESET ROLE",
    ],
)
def test_what_was_set_by_hand_does_not_reach_the_next_query(both: list[Restaurant], by_hand: str) -> None:
    bistro, trattoria = both
    with restaurant_context(bistro), transaction.atomic():
        where()
        with connection.cursor() as cursor:
            cursor.execute(by_hand.replace("«b»", f'"{trattoria.schema_name}"'))
        assert where() == home(bistro)
    with restaurant_context(bistro):
        assert where() == home(bistro)
