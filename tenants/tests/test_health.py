"""What the platform's staff learn of restaurants' background work, and what it must never do to that work."""

import datetime as dt
from typing import Any

import pytest
from celery.exceptions import Ignore
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants import health
from tenants.context import current_restaurant, public_context
from tenants.models import FailedTask, Health, Restaurant
from tenants.office.models import Closure
from tenants.tasks import for_each_restaurant, restaurant_task


@restaurant_task()
def labour(restaurant: Restaurant, *, what: str) -> str:
    """Does as it is told."""
    if what == "import":
        health.reached(health.IMPORT)
    elif what == "half":
        health.reached(health.FORECAST)
        health.failed("suggest", ValueError("no\nrow: secret"))
    elif what == "break":
        raise LookupError("gone")
    elif what == "database":
        with transaction.atomic():
            Closure.objects.create(on=dt.date(2026, 1, 1))
            Closure.objects.create(on=dt.date(2026, 1, 1))
    elif what == "later":
        raise Ignore
    return current_restaurant().slug


def run(restaurant: Restaurant, what: str) -> Any:
    return labour.delay(restaurant_id=str(restaurant.pk), what=what).get(disable_sync_subtasks=False)


def seen(restaurant: Restaurant) -> tuple[dict[str, Any], list[tuple[str, str, str, dict[str, str]]]]:
    """The rollup's fields that are filled, and the failures."""
    with public_context():
        rollup = Health.objects.filter(restaurant=restaurant).values().first() or {}
        rows = FailedTask.objects.filter(restaurant=restaurant).order_by("pk")
        failures = list(rows.values_list("task", "error", "message", "ids"))
    return {name: value for name, value in rollup.items() if value and name != "restaurant_id"}, failures


def test_what_was_reached_is_told_of_that_restaurant_alone(
    restaurant: Restaurant, other_restaurant: Restaurant
) -> None:
    assert run(other_restaurant, "import") == "trattoria"
    rollup, failures = seen(other_restaurant)
    assert (list(rollup), failures) == (["last_import_at"], [])
    assert seen(restaurant) == ({}, [])


def test_a_task_that_says_nothing_writes_nothing(restaurant: Restaurant, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):  # which restaurant
        run(restaurant, "nothing")
    assert seen(restaurant) == ({}, [])


def test_an_error_is_recorded_with_what_it_was_about_and_raised(restaurant: Restaurant) -> None:
    with pytest.raises(LookupError):
        run(restaurant, "break")
    rollup, failures = seen(restaurant)
    assert failures == [("labour", "LookupError", "gone", {"what": "break"})]
    assert rollup["last_failure"] == "labour, LookupError"


def test_a_step_that_failed_is_recorded_beside_what_was_reached(restaurant: Restaurant) -> None:
    """Only the first line of an error is kept: the database quotes rows in the others."""
    run(restaurant, "half")
    rollup, failures = seen(restaurant)
    assert sorted(rollup) == ["last_failure", "last_failure_at", "last_forecast_at"]
    assert failures == [("labour: suggest", "ValueError", "no", {"what": "half"})]


def test_an_error_of_the_database_is_recorded_without_the_row(restaurant: Restaurant) -> None:
    with pytest.raises(IntegrityError, match="2026-01-01"):
        run(restaurant, "database")
    [(task, error, message, _ids)] = seen(restaurant)[1]
    assert (task, error, "2026-01-01" in message) == ("labour", "IntegrityError", False)


def test_celerys_own_way_out_is_no_failure(restaurant: Restaurant) -> None:
    with health.watch(restaurant, "labour", {}), pytest.raises(Ignore):
        raise Ignore
    with pytest.raises(Ignore), health.watch(restaurant, "labour", {}):
        raise Ignore
    assert seen(restaurant) == ({}, [])


def test_what_cannot_be_told_breaks_no_task(restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("public is away")

    monkeypatch.setattr(health, "_write", broken)
    assert run(restaurant, "import") == "bistro"
    with pytest.raises(LookupError):
        run(restaurant, "break")


def test_a_restaurant_that_fails_in_a_round_is_recorded(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    def count_stock(one: Restaurant) -> None:
        if one.slug == "bistro":
            raise LookupError("gone")

    assert for_each_restaurant(count_stock) == ["bistro"]
    assert seen(restaurant)[1] == [("count_stock", "LookupError", "gone", {})]
    assert seen(other_restaurant) == ({}, [])


def test_old_failures_and_too_many_are_dropped(
    restaurant: Restaurant, other_restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MOST_KEPT", 2)
    long_ago = timezone.now() - dt.timedelta(days=31)
    with public_context():
        FailedTask.objects.create(restaurant=other_restaurant, task="old", error="E", at=long_ago)
        FailedTask.objects.create(restaurant=other_restaurant, task="new", error="E")
    for number in range(3):
        with pytest.raises(ZeroDivisionError), health.watch(restaurant, f"n{number}", {}):
            raise ZeroDivisionError
    assert [task for task, *_ in seen(restaurant)[1]] == ["n1", "n2"]
    assert [task for task, *_ in seen(other_restaurant)[1]] == ["new"]


def test_outside_of_a_task_nothing_is_told(restaurant: Restaurant) -> None:
    health.reached(health.IMPORT)
    health.failed("import", ValueError())
    assert seen(restaurant) == ({}, [])
