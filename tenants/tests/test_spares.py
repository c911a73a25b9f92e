"""Spare schemas: kept ready by the database's owner, taken by writing rows alone."""

import threading
from typing import Any

import pytest
from django.db import DataError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from conftest import SPARES, as_owner, role_of
from tenants import provisioning, template, upkeep
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant, Schema, User
from tenants.office.models import Closure

FACTS = {"timezone": "Europe/Berlin", "currency": "EUR", "country": "DE"}


@pytest.fixture(autouse=True)
def _in_public(db: None) -> Any:
    with public_context():
        yield


def kantine(slug: str = "kantine") -> Restaurant:
    return Restaurant(slug=slug, name="Kantine", **FACTS)


def spares() -> list[str]:
    return list(Schema.objects.spare(template.version()).values_list("name", flat=True))


def in_database() -> tuple[set[str], set[str]]:
    """The schemas and the roles of restaurants that the server has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'r\\_%'")
        schemas = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [sorted(schemas)])
        return schemas, {name for (name,) in cursor.fetchall()}


def test_the_app_opens_a_restaurant_in_the_oldest_spare() -> None:
    oldest, *others = spares()
    ada = User.objects.create_user("ada@example.com")
    opened = provisioning.open_restaurant(kantine(), owner=ada)
    assert (opened.schema_name, spares()) == (oldest, others)
    assert Schema.objects.get(restaurant=opened).name == oldest
    assert role_of(ada, opened) == "owner"
    with restaurant_context(opened):
        Closure.objects.create(on="2026-12-24")
        assert Closure.objects.count() == 1


def test_without_a_spare_the_app_is_told_and_the_owner_makes_one() -> None:
    for number in range(SPARES):
        provisioning.open_restaurant(kantine(f"kantine-{number}"))
    restaurant = kantine()
    with pytest.raises(provisioning.NoSpare, match="one is being prepared"):
        provisioning.open_restaurant(restaurant)
    assert not Restaurant.objects.filter(slug="kantine").exists()
    with as_owner():
        provisioning.open_restaurant(restaurant)
    assert Schema.objects.get(restaurant=restaurant).taken_at is not None


def test_a_spare_of_another_version_is_not_taken() -> None:
    Schema.objects.filter(restaurant=None).update(version="older")
    with pytest.raises(provisioning.NoSpare):
        provisioning.open_restaurant(kantine())


def test_a_new_schema_takes_one_round_trip(django_assert_num_queries: Any) -> None:
    with as_owner(), django_assert_num_queries(1):
        made = provisioning.make_schema()
    schemas, roles = in_database()
    assert (made.name in schemas, made.name in roles, made.name in spares()) == (True, True, True)


def test_opening_from_a_spare_writes_rows_alone() -> None:
    with CaptureQueriesContext(connection) as queries:
        provisioning.open_restaurant(kantine())
    verbs = {query["sql"].split()[0] for query in queries}
    assert verbs == {"SELECT", "INSERT", "UPDATE", "SAVEPOINT", "RELEASE"}


def test_a_schema_that_cannot_be_finished_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "sql_for", lambda name: f"CREATE TABLE {name}.soup (); SELECT 1/0")
    before = in_database(), spares()
    with as_owner(), pytest.raises(DataError, match="division by zero"), transaction.atomic():
        provisioning.make_schema()
    assert (in_database(), spares()) == before


class TestKeeping:
    def keep(self, settings: Any, wanted: int) -> None:
        settings.SPARE_RESTAURANTS = wanted
        with as_owner():
            upkeep.keep_spares()

    def test_what_lacks_is_made_a_few_at_a_time(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upkeep, "SPARES_PER_RUN", 2)
        self.keep(settings, SPARES + 3)
        assert len(spares()) == SPARES + 2
        self.keep(settings, SPARES + 3)
        assert len(spares()) == SPARES + 3

    def test_more_than_enough_is_left_alone(self, settings: Any) -> None:
        before = spares()
        self.keep(settings, 1)
        assert spares() == before

    def test_one_of_another_version_is_replaced(self, settings: Any) -> None:
        old, kept = spares()
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {old}.django_migrations WHERE id = 1")  # noqa: S608
        Schema.objects.filter(pk=old).update(version="older")
        self.keep(settings, SPARES)
        schemas, roles = in_database()
        assert (old in schemas, old in roles, Schema.objects.filter(pk=old).exists()) == (False, False, False)
        assert kept in spares()
        assert len(spares()) == SPARES

    def test_one_that_was_migrated_meanwhile_is_kept(self, settings: Any) -> None:
        before = spares()
        Schema.objects.filter(pk=before[0]).update(version="older")
        self.keep(settings, SPARES)
        assert spares() == before

    def test_a_restaurants_own_schema_is_never_touched(self, settings: Any) -> None:
        Schema.objects.exclude(restaurant=None).update(version="older")
        before = in_database()
        self.keep(settings, SPARES)
        assert in_database() == before

    def test_the_app_cannot_do_it(self, settings: Any) -> None:
        settings.SPARE_RESTAURANTS = SPARES + 1
        with pytest.raises(ProgrammingError), transaction.atomic():
            upkeep.keep_spares()


class TestAtOnce:
    """Committed, in two threads."""

    @pytest.fixture(autouse=True)
    def _in_public(self) -> None:
        """Takes the place of the module's fixture, which runs in a transaction."""

    def test_two_take_different_spares(self, committed: list[Restaurant], monkeypatch: pytest.MonkeyPatch) -> None:
        meet = threading.Barrier(2, timeout=20)
        opened: list[Restaurant] = []
        take_one = provisioning._spare

        def hold_it_together() -> Schema | None:
            spare = take_one()
            meet.wait()
            return spare

        monkeypatch.setattr(provisioning, "_spare", hold_it_together)

        def take(slug: str) -> None:
            with public_context():
                opened.append(provisioning.open_restaurant(kantine(slug)))
                connection.close()

        threads = [threading.Thread(target=take, args=[f"kantine-{number}"]) for number in range(2)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len({restaurant.schema_name for restaurant in opened}) == 2
        finally:
            with as_owner():
                for restaurant in Restaurant.objects.filter(slug__startswith="kantine"):
                    provisioning.remove(restaurant)
