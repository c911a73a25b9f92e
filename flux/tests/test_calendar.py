"""Another time zone or closeout hour: every business date anew, all at once or not at all."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from conftest import as_owner
from flux import calendar, tasks
from menu.models import MenuItem
from pos import business_days, importing, sources
from pos.models import Connection, DailySales, DaySource, Order, OrderLine
from tenants import restaurants
from tenants.actors import FLUX, Actor
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import AuditEntry, Job

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
ADA = Actor(None, "Ada", "portal")
PARIS, NEW_YORK = "Europe/Paris", "America/New_York"


@pytest.fixture
def till(restaurant: Restaurant) -> Connection:
    return Connection.objects.create(provider="square", name="Till", prices_include_tax=False)


@pytest.fixture
def soup(restaurant: Restaurant) -> MenuItem:
    return MenuItem.objects.create(name="Soup")


@pytest.fixture
def sell(restaurant: Restaurant, till: Connection, soup: MenuItem) -> Callable[..., Order]:
    """An order at a wall clock in Paris, such as "2026-03-01 02:30", with the date that it has there."""

    def sold(clock: str, quantity: int = 1) -> Order:
        at = dt.datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(PARIS))
        on = restaurant.business_date(at)
        order = Order.objects.create(connection=till, external_id=f"{clock} {quantity}", opened_at=at, business_date=on)
        OrderLine.objects.create(order=order, position=1, menu_item=soup, quantity=quantity)
        sources.settle([on], now=NOW)
        return order

    return sold


def change(restaurant: Restaurant, zone: str = PARIS, hour: int = 4) -> Job:
    """Ask for it and do it."""
    job = calendar.request(restaurant, time_zone=zone, closeout_hour=hour, by=ADA, now=NOW)
    assert job is not None
    calendar.work_off(restaurant, job.pk)
    job.refresh_from_db()
    return job


def days() -> dict[str, Decimal]:
    return {f"{day.business_date}": day.quantity for day in DailySales.objects.order_by("business_date")}


def stored(restaurant: Restaurant) -> tuple[str, int]:
    with public_context():
        found = Restaurant.objects.get(pk=restaurant.pk)
    return found.timezone, found.closeout_hour


def test_an_earlier_end_of_the_day_moves_what_came_after_it(restaurant: Restaurant, sell: Callable[..., Order]) -> None:
    for clock in ("2026-03-01 20:00", "2026-03-02 01:30", "2026-03-02 03:30"):
        sell(clock)
    assert days() == {"2026-03-01": 3}
    job = change(restaurant, hour=2)
    assert (job.status, job.note) == ("done", "1 order has another business day now.")
    assert days() == {"2026-03-01": 2, "2026-03-02": 1}
    assert stored(restaurant) == (PARIS, 2)
    assert set(DaySource.objects.values_list("business_date", flat=True)) == {dt.date(2026, 3, 1), dt.date(2026, 3, 2)}


def test_a_day_that_loses_all_its_orders_is_gone(restaurant: Restaurant, sell: Callable[..., Order]) -> None:
    sell("2026-03-02 05:00")
    change(restaurant, hour=6)
    assert days() == {"2026-03-01": 1}
    assert [f"{day.business_date}" for day in DaySource.objects.all()] == ["2026-03-01"]


def test_what_knows_no_time_of_day_stays(restaurant: Restaurant, till: Connection, soup: MenuItem) -> None:
    order = Order.objects.create(connection=till, external_id="day", business_date=dt.date(2026, 3, 1))
    OrderLine.objects.create(order=order, position=1, menu_item=soup, quantity=9)
    sources.settle([dt.date(2026, 3, 1)], now=NOW)
    change(restaurant, "Pacific/Auckland", 0)
    assert days() == {"2026-03-01": 9}


@pytest.mark.parametrize("hour", [0, 2, 3, 12])
@pytest.mark.parametrize("zone", [PARIS, NEW_YORK, "Asia/Kathmandu", "Pacific/Chatham", "UTC"])
def test_every_date_is_what_the_restaurant_says_also_when_clocks_change(
    restaurant: Restaurant, till: Connection, zone: str, hour: int
) -> None:
    """Every half hour of the nights on which clocks change in Paris and New York."""
    changes = ((3, 7), (3, 28), (10, 24), (11, 1))
    nights = [dt.datetime(2026, month, day, 0, 15, tzinfo=dt.UTC) for month, day in changes]
    moments = [night + dt.timedelta(minutes=30 * step) for night in nights for step in range(96)]
    Order.objects.bulk_create(
        Order(connection=till, external_id=f"{at}", opened_at=at, business_date=restaurant.business_date(at))
        for at in moments
    )
    change(restaurant, zone, hour)
    changed = Restaurant(timezone=zone, closeout_hour=hour)
    wrong = [order for order in Order.objects.all() if order.business_date != changed.business_date(order.opened_at)]
    assert (wrong, Order.objects.count()) == ([], 4 * 96)


FILE = b"""order,date,item,quantity
1,2026-03-01 19:00,Soup,1
2,2026-03-02 01:30,Soup,2
3,2026-03-02 19:00,Soup,4
"""


def imported(restaurant: Restaurant, content: bytes = FILE, **answers: str) -> Order:
    file = importing.store(content, name="till.csv", by=FLUX, at=NOW)
    importing.answer(file, answers, by=FLUX, at=NOW)
    importing.run(file, restaurant=restaurant, by=FLUX, now=NOW)
    return Order.objects.get(external_id="2")


def test_a_files_clock_means_the_restaurants_zone(restaurant: Restaurant) -> None:
    """Somebody who mends a wrong zone wants dinner at 19:00 to stay dinner at 19:00."""
    assert imported(restaurant).opened_at == dt.datetime(2026, 3, 2, 0, 30, tzinfo=dt.UTC)
    before = days()
    change(restaurant, NEW_YORK)
    assert Order.objects.get(external_id="2").opened_at == dt.datetime(2026, 3, 2, 6, 30, tzinfo=dt.UTC)
    assert days() == before == {"2026-03-01": 3, "2026-03-02": 4}


def test_a_file_that_says_its_zone_keeps_its_moments(restaurant: Restaurant) -> None:
    imported(restaurant, time_zone=PARIS)
    change(restaurant, "Asia/Tokyo")  # 19:00 in Paris is 03:00 there: the day before has not ended
    assert Order.objects.get(external_id="2").opened_at == dt.datetime(2026, 3, 2, 0, 30, tzinfo=dt.UTC)
    assert days() == {"2026-03-01": 1, "2026-03-02": 6}


def test_the_tables_say_what_a_fresh_import_would(restaurant: Restaurant) -> None:
    imported(restaurant)
    change(restaurant, NEW_YORK, 1)
    rebuilt = list(Order.objects.order_by("external_id").values_list("external_id", "opened_at", "business_date"))
    OrderLine.objects.all().delete()
    Order.objects.all().delete()
    imported(restaurant)
    fresh = list(Order.objects.order_by("external_id").values_list("external_id", "opened_at", "business_date"))
    assert rebuilt == fresh


def test_numbers_that_begin_anew_each_day_follow_their_day(restaurant: Restaurant) -> None:
    lines = "".join(
        f"{number},2026-03-0{day} {hour}:00,Soup,1\n"
        for day in (1, 2)
        for number, hour in ((1, "03"), (2, "12"), (3, "20"))
    )
    file = importing.store(f"order,date,item,quantity\n{lines}".encode(), name="till.csv", by=FLUX, at=NOW)
    importing.run(file, restaurant=restaurant, by=FLUX, now=NOW)
    change(restaurant, hour=2)
    assert days() == {"2026-03-01": 3, "2026-03-02": 3}
    assert {order.external_id.split()[0] == f"{order.business_date}" for order in Order.objects.all()} == {True}
    importing.run(file, restaurant=restaurant, by=FLUX, now=NOW)
    assert days() == {"2026-03-01": 3, "2026-03-02": 3}


def test_a_file_that_cannot_be_read_any_more_does_not_stop_it(
    restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(restaurant)

    def refuse(*_: Any, **__: Any) -> None:
        raise importing.AnswerRefused("Gone")

    monkeypatch.setattr(importing, "read_again", refuse)
    job = change(restaurant, hour=1)
    assert job.note == "1 order has another business day now. Could not be read again: till.csv."
    assert days() == {"2026-03-01": 1, "2026-03-02": 6}


def test_who_asked_is_in_the_trail_with_both_calendars(restaurant: Restaurant) -> None:
    change(restaurant, NEW_YORK, 5)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor, entry.via) == ("calendar.changed", "Ada", "portal")
    assert (entry.before, entry.after) == (
        {"timezone": PARIS, "closeout_hour": 4},
        {"timezone": NEW_YORK, "closeout_hour": 5},
    )


def test_a_fault_leaves_everything_as_it_was(
    restaurant: Restaurant, sell: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    sell("2026-03-02 03:30")

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(calendar.restaurants, "set_business_day", fail)  # the very last step
    job = change(restaurant, hour=2)
    assert (job.status, job.error) == ("failed", calendar.FAULT)
    assert (days(), stored(restaurant)) == ({"2026-03-01": 1}, (PARIS, 4))
    assert restaurant.closeout_hour == 4
    monkeypatch.undo()
    assert change(restaurant, hour=2).status == "done"


def test_doing_it_twice_changes_nothing(restaurant: Restaurant, sell: Callable[..., Order]) -> None:
    sell("2026-03-02 03:30")
    job = change(restaurant, hour=2)
    assert calendar.work_off(restaurant, job.pk) is False
    assert calendar.request(restaurant, time_zone=PARIS, closeout_hour=2, by=ADA, now=NOW) is None
    rebuilt = business_days.rebuild(restaurant, now=NOW, tell=lambda *_: None)
    assert rebuilt.orders == 0


def test_one_at_a_time_and_asking_twice_is_asking_once(restaurant: Restaurant) -> None:
    first = calendar.request(restaurant, time_zone=NEW_YORK, closeout_hour=4, by=ADA, now=NOW)
    assert calendar.request(restaurant, time_zone=NEW_YORK, closeout_hour=4, by=ADA, now=NOW) == first
    with pytest.raises(calendar.UnderWay, match="still being worked in"):
        calendar.request(restaurant, time_zone=NEW_YORK, closeout_hour=5, by=ADA, now=NOW)


@pytest.mark.parametrize(("zone", "hour"), [("Mars/Olympus", 4), ("", 4), (PARIS, 13), (PARIS, -1)])
def test_what_is_no_calendar_is_refused(restaurant: Restaurant, zone: str, hour: int) -> None:
    with pytest.raises(ValidationError):
        calendar.request(restaurant, time_zone=zone, closeout_hour=hour, by=ADA, now=NOW)
    assert not Job.objects.exists()


def test_an_import_that_waited_meanwhile_works_by_the_new_hour(restaurant: Restaurant) -> None:
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(closeout_hour=1)
    assert restaurant.closeout_hour == 4  # what the waiting task has in its hands
    imported(restaurant)
    assert (restaurant.closeout_hour, days()) == (1, {"2026-03-01": 1, "2026-03-02": 6})


def test_forecast_and_orders_follow(
    restaurant: Restaurant, sell: Callable[..., Order], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    sell("2026-03-02 03:30")
    with django_capture_on_commit_callbacks(execute=True):
        tasks.ask_for_calendar(restaurant, time_zone=PARIS, closeout_hour=2, by=FLUX, now=NOW)
    assert sorted(Job.objects.values_list("kind", "status")) == [("calendar", "done"), ("pipeline", "done")]


def test_the_other_restaurant_keeps_its_days(
    restaurant: Restaurant, other_restaurant: Restaurant, sell: Callable[..., Order]
) -> None:
    with restaurant_context(other_restaurant):
        till = Connection.objects.create(provider="square", name="Theirs")
        at = dt.datetime(2026, 3, 2, 8, 30, tzinfo=dt.UTC)  # half past three at night in New York
        Order.objects.create(connection=till, external_id="1", opened_at=at, business_date=dt.date(2026, 3, 1))
    change(restaurant, hour=2)
    with restaurant_context(other_restaurant):
        assert Order.objects.get().business_date == dt.date(2026, 3, 1)
    assert stored(other_restaurant) == (NEW_YORK, 4)


def test_a_worker_that_dies_leaves_nothing_and_the_next_one_finishes(
    committed: list[Restaurant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Really committed; the connection breaks off in the last step, as it does when a process is killed."""
    bistro = committed[0]
    set_business_day = restaurants.set_business_day

    def die(*_: Any, **__: Any) -> None:
        assert Order.objects.get().business_date == dt.date(2026, 3, 2)  # the rebuild is done, in its transaction
        connection.connection.close()
        raise SystemExit

    with restaurant_context(bistro):
        try:
            till = Connection.objects.create(provider="square", name="Till")
            at = dt.datetime(2026, 3, 2, 2, 30, tzinfo=dt.UTC)
            Order.objects.create(connection=till, external_id="1", opened_at=at, business_date=dt.date(2026, 3, 1))
            job = calendar.request(bistro, time_zone=PARIS, closeout_hour=2, by=ADA, now=NOW)
            assert job is not None
            monkeypatch.setattr(restaurants, "set_business_day", die)
            with pytest.raises(SystemExit):
                calendar.work_off(bistro, job.pk)
            connection.close()
            job.refresh_from_db()
            assert (job.status, job.progress_done, job.progress_total) == ("running", 1, 2)  # it was told meanwhile
            assert (Order.objects.get().business_date, stored(bistro)) == (dt.date(2026, 3, 1), (PARIS, 4))
            monkeypatch.setattr(restaurants, "set_business_day", set_business_day)
            assert calendar.work_off(bistro, job.pk) is False  # nobody takes it from a worker that may be alive
            jobs.orphan_all()
            assert calendar.work_off(bistro, job.pk) is True
            assert (Order.objects.get().business_date, stored(bistro)) == (dt.date(2026, 3, 2), (PARIS, 2))
        finally:
            with as_owner():
                for model in (DailySales, DaySource, OrderLine, Order, Connection, Job, AuditEntry):
                    model.objects.all().delete()
            with public_context():
                Restaurant.objects.filter(pk=bistro.pk).update(closeout_hour=4)
