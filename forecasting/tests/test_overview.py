"""The forecast at a glance."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from forecasting import covers, house, overview
from forecasting.models import CalendarEvent, Forecast, Holiday, Override, Run
from forecasting.tests.factories import NOW, TODAY, sell
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from pos.models import Connection, DailySales, DaySource, Order, OrderLine
from tenants.models import Restaurant
from tenants.office.models import Closure

YESTERDAY = TODAY - dt.timedelta(days=1)


@pytest.fixture
def run(restaurant: Restaurant) -> Run:
    return Run.objects.create(status="completed", started_at=NOW, finished_at=NOW, cutoff_on=YESTERDAY)


def expect(run: Run, item: MenuItem, day: dt.date, mean: str, **more: Any) -> Forecast:
    return Forecast.objects.create(
        run=run, menu_item=item, date=day, mean=Decimal(mean), confidence=Decimal("0.7"), **more
    )


def read(restaurant: Restaurant, run: Run, **how: Any) -> overview.Overview:
    return overview.read(restaurant, run, TODAY, 3, **how)


def test_dishes_add_up_to_the_house_as_it_is_shown(restaurant: Restaurant, run: Run) -> None:
    for mean in ("2.333", "2.333", "2.333"):
        expect(run, MenuItemFactory(), TODAY, mean)
    expect(run, MenuItemFactory(is_active=False), TODAY, "50")
    page = read(restaurant, run)
    assert (page.units, page.days[0].units, page.grid.totals.cells) == (70, 70, [70, None, None])
    assert sorted(line.total for line in page.grid.dishes) == [23, 23, 24]


def test_money_is_what_a_unit_brought_lately(restaurant: Restaurant, run: Run) -> None:
    soup, water = MenuItemFactory(), MenuItemFactory()
    DailySales.objects.create(menu_item=soup, business_date=YESTERDAY, quantity=4, net_sales=Decimal("30.20"))
    sell(water, YESTERDAY, 3)
    expect(run, soup, TODAY, "10")
    expect(run, water, TODAY, "5")
    page = read(restaurant, run, measure="money")
    assert (page.measure, page.net, page.grid.totals.cells[0], page.unpriced) == ("money", 76, 76, 1)
    assert page.days[0].outlook is not None
    assert page.days[0].outlook.net == pytest.approx(75.5)


def test_a_return_of_more_than_was_sold_makes_no_money_negative(restaurant: Restaurant, run: Run) -> None:
    pils, returned = MenuItemFactory(), MenuItemFactory()
    for item, days_ago, units, net in ((pils, 1, 0, -2500), (pils, 2, 4, 20), (pils, 3, 2, -5), (returned, 1, 0, -7)):
        day = TODAY - dt.timedelta(days=days_ago)
        DailySales.objects.create(menu_item=item, business_date=day, quantity=units, net_sales=net)
    sell(pils, TODAY - dt.timedelta(days=4), 100)  # a file without prices
    expect(run, pils, TODAY, "10")
    expect(run, returned, TODAY, "3")
    page = read(restaurant, run, measure="money")
    assert house.prices(YESTERDAY) == {pils.pk: 5.0}
    assert (page.net, page.unpriced) == (50, 1)


def test_without_prices_there_is_no_money_to_switch_to(restaurant: Restaurant, run: Run) -> None:
    expect(run, MenuItemFactory(), TODAY, "10")
    page = read(restaurant, run, measure="money", with_money=False)
    assert (page.measure, page.has_money, page.days[0].net) == ("units", False, None)


def test_a_closed_day_says_why(restaurant: Restaurant, run: Run) -> None:
    Closure.objects.create(on=TODAY, note="Staff outing")
    expect(run, MenuItemFactory(), TODAY, "10")
    page = read(restaurant, run)
    assert (page.days[0].occasion.closed, page.days[0].units, page.days[0].words) == ("Staff outing", None, [])


def test_the_day_tells_what_drives_it(restaurant: Restaurant, run: Run) -> None:
    soup = MenuItemFactory()
    CalendarEvent.objects.create(name="Street fair", starts_on=TODAY, ends_on=TODAY, amount=20)
    Holiday.objects.create(kind="school", name="Autumn break", starts_on=TODAY, ends_on=TODAY)
    Override.objects.create(date=TODAY, amount=10, reason="Coach party", author="Ana")
    expect(run, soup, TODAY, "13.2", engine_numbers=[Decimal(10)] * 7)
    assert read(restaurant, run).days[0].words == [
        "Sunday", "Autumn break", "Street fair", "changed by hand", "together +32\xa0%",
    ]  # fmt: skip


def test_the_range_of_the_house_is_wider_than_its_dishes_would_be_alone(restaurant: Restaurant, run: Run) -> None:
    for _ in range(4):
        expect(run, MenuItemFactory(), TODAY, "100", q10=87, q25=93, q50=100, q75=107, q90=113, q95=117)
    day = read(restaurant, run).days[0].outlook
    assert day is not None
    alone = 4**0.5 * 13
    assert alone < day.high80 - day.units < 4 * 13


def test_a_day_has_the_same_range_on_every_page(restaurant: Restaurant, run: Run) -> None:
    soup = MenuItemFactory()
    for back in range(1, 85):
        sell(soup, TODAY - dt.timedelta(days=back), 200 + 10 * (back * back % 11))
    later = TODAY + dt.timedelta(days=5)
    for item in (soup, MenuItemFactory(), MenuItemFactory()):
        expect(run, item, later, "100", q10=50, q25=70, q50=100, q75=130, q90=150, q95=170)
    of_all, of_one = overview.read(restaurant, run, TODAY, 14).days[5], overview.read(restaurant, run, later, 1).days[0]
    assert of_all.date == of_one.date
    assert of_all.outlook is not None
    assert of_all.outlook == of_one.outlook


def guests(day: dt.date, n: int, units: int, item: MenuItem, till: Connection) -> None:
    order = Order.objects.create(connection=till, external_id=f"{day}", business_date=day, guests=n)
    OrderLine.objects.create(order=order, position=1, menu_item=item, quantity=units)
    DaySource.objects.create(business_date=day, connection=till)


def test_guests_follow_from_units_where_orders_carry_them(restaurant: Restaurant, run: Run) -> None:
    soup, till = MenuItemFactory(), Connection.objects.create(provider="csv", name="Till")
    assert covers.units_per_guest(YESTERDAY) == {}
    guests(TODAY - dt.timedelta(days=7), 40, 100, soup, till)
    guests(YESTERDAY, 40, 60, soup, till)
    expect(run, soup, TODAY, "50")
    page = read(restaurant, run)
    assert (page.has_guests, page.guests, page.days[0].guests, page.days[1].guests) == (True, 20, 20, None)
    assert covers.units_per_guest(YESTERDAY)[2] == 2.0


def test_orders_of_a_source_that_does_not_count_have_no_guests(restaurant: Restaurant) -> None:
    soup, till = MenuItemFactory(), Connection.objects.create(provider="csv", name="Till")
    guests(YESTERDAY, 40, 60, soup, till)
    DaySource.objects.update(connection=Connection.objects.create(provider="csv", name="Other"))
    assert covers.units_per_guest(YESTERDAY) == {}


def test_few_guests_of_a_weekday_say_little() -> None:
    assert covers.ratios({0: 300, 1: 30}, {0: 100, 1: 3})[1] == 330 / 103
    assert covers.ratios({0: 300}, {0: 0}) == {}
