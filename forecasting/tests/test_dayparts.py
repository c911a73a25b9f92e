"""A day by its parts: counted by the clock on the wall, and shown with sums that hold."""

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from forecasting import day, dayparts
from forecasting.models import Forecast, Run
from forecasting.tests.factories import NOW, TODAY
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from pos.models import Connection, DaySource, Order, OrderLine
from tenants.models import Restaurant
from tenants.office.dayparts import Part
from tenants.office.models import Daypart, OpeningHours

YESTERDAY = TODAY - dt.timedelta(days=1)  # a Saturday
LUNCH, DINNER, LATE = Part("Lunch", dt.time(11)), Part("Dinner", dt.time(17)), Part("Late", dt.time(22))


@pytest.fixture
def run(restaurant: Restaurant) -> Run:
    return Run.objects.create(status="completed", started_at=NOW, finished_at=NOW, cutoff_on=YESTERDAY)


@pytest.fixture
def till(restaurant: Restaurant) -> Connection:
    return Connection.objects.create(provider="csv", name="Till")


@pytest.fixture
def parts(restaurant: Restaurant) -> list[Part]:
    Daypart.objects.bulk_create(Daypart(name=part.name, begins_at=part.begins_at) for part in (DINNER, LATE, LUNCH))
    return [LUNCH, DINNER, LATE]


def sold(till: Connection, item: MenuItem, on: dt.date, at: dt.datetime | None, quantity: float = 1) -> None:
    number = Order.objects.count()
    order = Order.objects.create(connection=till, external_id=str(number), business_date=on, opened_at=at)
    OrderLine.objects.create(order=order, position=1, menu_item=item, quantity=quantity)
    DaySource.objects.get_or_create(business_date=on, defaults={"connection": till})


def wall(restaurant: Restaurant, on: dt.date, clock: str, *, fold: int = 0) -> dt.datetime:
    return dt.datetime.combine(
        on,
        dt.time.fromisoformat(
            clock,
        ),
        ZoneInfo(restaurant.timezone),
    ).replace(fold=fold)


def expect(run: Run, item: MenuItem, mean: str, on: dt.date = TODAY, **more: Any) -> None:
    Forecast.objects.create(run=run, menu_item=item, date=on, mean=Decimal(mean), confidence=Decimal("0.7"), **more)


def test_sales_are_counted_by_the_wall_clock_of_the_business_day(
    restaurant: Restaurant, till: Connection, parts: list[Part]
) -> None:
    soup = MenuItemFactory()
    after = YESTERDAY + dt.timedelta(days=1)
    for on, clock in [
        (YESTERDAY, "09:00"),
        (YESTERDAY, "16:59"),
        (YESTERDAY, "17:00"),
        (YESTERDAY, "22:00"),
        (after, "01:30"),
    ]:
        sold(till, soup, YESTERDAY, wall(restaurant, on, clock))
    sold(till, soup, YESTERDAY, None, 100)
    assert dayparts.count(restaurant, parts, YESTERDAY) == {(soup.pk, 5): [2.0, 1.0, 2.0]}


def test_on_both_days_of_a_clock_change_the_wall_clock_counts(
    restaurant: Restaurant, till: Connection, parts: list[Part]
) -> None:
    """Paris: 02:00 to 03:00 happened twice on 25 October 2026, and not at all on 29 March."""
    autumn, spring, soup = dt.date(2026, 10, 24), dt.date(2026, 3, 28), MenuItemFactory()
    assert restaurant.timezone == "Europe/Paris"
    night = autumn + dt.timedelta(days=1)
    for fold in (0, 1):
        sold(till, soup, autumn, wall(restaurant, night, "02:30", fold=fold))
    sold(till, soup, night, wall(restaurant, night, "11:00"))
    assert dayparts.count(restaurant, parts, night) == {(soup.pk, 5): [0.0, 0.0, 2.0], (soup.pk, 6): [1.0, 0.0, 0.0]}
    sold(till, soup, spring, wall(restaurant, spring + dt.timedelta(days=1), "01:59"))
    sold(till, soup, spring + dt.timedelta(days=1), wall(restaurant, spring + dt.timedelta(days=1), "17:00"))
    assert dayparts.count(restaurant, parts, spring + dt.timedelta(days=1)) == {
        (soup.pk, 5): [0.0, 0.0, 1.0],
        (soup.pk, 6): [0.0, 1.0, 0.0],
    }


def test_what_another_source_says_of_the_day_and_what_is_old_is_left_out(
    restaurant: Restaurant, till: Connection, parts: list[Part]
) -> None:
    soup, other = MenuItemFactory(), Connection.objects.create(provider="csv", name="Other")
    sold(till, soup, YESTERDAY, wall(restaurant, YESTERDAY, "12:00"))
    sold(other, soup, YESTERDAY, wall(restaurant, YESTERDAY, "12:00"))
    old = YESTERDAY - dt.timedelta(days=dayparts.RECENT_DAYS)
    sold(till, soup, old, wall(restaurant, old, "12:00"))
    assert dayparts.count(restaurant, parts, YESTERDAY) == {(soup.pk, 5): [1.0, 0.0, 0.0]}


def test_the_split_adds_up_to_the_day(restaurant: Restaurant, till: Connection, parts: list[Part], run: Run) -> None:
    soup = MenuItemFactory()
    for clock, units in [("12:00", 7), ("18:00", 2), ("23:00", 4)]:
        sold(till, soup, YESTERDAY, wall(restaurant, YESTERDAY, clock), units)
    split = dayparts.read(restaurant, run)
    assert (split.parts, split.is_known) == (parts, True)
    assert sum(split.of(soup.pk, soup.category, TODAY, 12_345)) == 12_345


def test_without_times_or_parts_there_is_no_split(restaurant: Restaurant, till: Connection, run: Run) -> None:
    soup = MenuItemFactory()
    sold(till, soup, YESTERDAY, None)
    assert dayparts.read(restaurant, run) == dayparts.Split([], None)
    Daypart.objects.create(name="Lunch", begins_at="11:00")
    split = dayparts.read(restaurant, run)
    assert (len(split.parts), split.is_known) == (1, False)
    with pytest.raises(ValueError, match="time of day"):
        split.of(soup.pk, "", TODAY, 1000)


def test_a_proposal_follows_the_sales_then_the_opening_hours(restaurant: Restaurant, till: Connection) -> None:
    assert [part.name for part in dayparts.suggested(restaurant, None)] == ["Lunch", "Dinner"]
    OpeningHours.objects.create(weekday=0, opens_at="08:00", closes_at="14:30")
    OpeningHours.objects.create(weekday=4, opens_at="20:00", closes_at="02:00")
    assert [part.name for part in dayparts.suggested(restaurant, None)] == ["Breakfast", "Lunch", "Dinner", "Late"]
    for clock, units in [("12:00", 70), ("15:30", 2), ("18:00", 28)]:
        sold(till, MenuItemFactory(), YESTERDAY, wall(restaurant, YESTERDAY, clock), units)
    assert [part.name for part in dayparts.suggested(restaurant, YESTERDAY)] == ["Lunch", "Dinner"]


def test_portions_of_a_day_add_up_by_part_by_category_and_in_all(
    restaurant: Restaurant, till: Connection, parts: list[Part], run: Run
) -> None:
    for number in range(12):
        dish = MenuItemFactory(category="Mains" if number % 2 else "Drinks")
        expect(run, dish, f"{0.4 + number * 0.35:.3f}")
        sold(till, dish, YESTERDAY, wall(restaurant, YESTERDAY, "12:00"), 3)
        sold(till, dish, YESTERDAY, wall(restaurant, YESTERDAY, "18:00"), 2)
    page = day.read(restaurant, run, TODAY, with_money=False)
    assert page.totals.total == round(sum(0.4 + number * 0.35 for number in range(12)))
    assert sum(page.totals.parts) == page.totals.total == sum(group.sums.total for group in page.groups)
    assert page.totals.parts[0] == pytest.approx(0.6 * page.totals.total, abs=1.5)
    for group in page.groups:
        assert group.sums.total == sum(row.total for row in group.dishes)
        assert all(sum(row.parts) == row.total for row in group.dishes)
        assert group.sums.parts == [sum(column) for column in zip(*(row.parts for row in group.dishes), strict=True)]


def test_a_day_without_times_has_portions_all_the_same(restaurant: Restaurant, run: Run) -> None:
    expect(run, MenuItemFactory(), "2.6")
    page = day.read(restaurant, run, TODAY, with_money=False)
    assert (page.totals.total, page.totals.parts, page.groups[0].dishes[0].parts) == (3, [], [])


class TestPages:
    @pytest.fixture
    def today(self, restaurant: Restaurant) -> dt.date:
        return restaurant.business_date(timezone.now())

    @pytest.fixture
    def current(self, restaurant: Restaurant, today: dt.date) -> Run:
        return Run.objects.create(
            status="completed", started_at=NOW, finished_at=NOW, cutoff_on=today - dt.timedelta(days=1)
        )

    @pytest.mark.parametrize("rows", [1, 3])
    def test_a_day_asks_as_much_for_three_dishes_as_for_one(
        self, portal: Client, current: Run, today: dt.date, rows: int, parts: list[Part], till: Connection,
        restaurant: Restaurant, django_assert_num_queries: Any,
    ) -> None:  # fmt: skip
        yesterday = today - dt.timedelta(days=1)
        for _ in range(rows):
            dish = MenuItemFactory()
            expect(current, dish, "5", today)
            sold(till, dish, yesterday, wall(restaurant, yesterday, "12:00"))
        portal.get(f"/forecast/day/{today}/")
        with django_assert_num_queries(17):
            page = portal.get(f"/forecast/day/{today}/").content.decode()
        assert "Lunch<br>" in page
        with django_assert_num_queries(23):
            assert "By part of the day" in portal.get(f"/forecast/{dish.pk}/").content.decode()

    def test_a_day_that_no_forecast_speaks_of_has_no_page(self, portal: Client, current: Run, today: dt.date) -> None:
        assert portal.get(f"/forecast/day/{today + dt.timedelta(days=50)}/").status_code == 404
        assert portal.get("/forecast/day/tomorrow/").status_code == 404

    def test_without_parts_it_says_where_to_set_them(self, portal: Client, current: Run, today: dt.date) -> None:
        expect(current, MenuItemFactory(), "5", today)
        page = portal.get(f"/forecast/day/{today}/").content.decode()
        assert "No parts of the day are set." in page
        assert "/settings/parts-of-the-day/" in page

    def test_the_kitchen_sees_the_day_without_money(self, kitchen_portal: Client, current: Run, today: dt.date) -> None:
        expect(current, MenuItemFactory(), "5", today)
        page = kitchen_portal.get(f"/forecast/day/{today}/")
        assert page.status_code == 200
        assert "Net sales" not in page.content.decode()
