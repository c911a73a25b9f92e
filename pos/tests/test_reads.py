"""Sales read by day, item and hour."""

import datetime as dt
from decimal import Decimal

import pytest

from menu.models import MenuItem
from pos.models import Connection, DailySales, DaySource, Order, OrderLine
from tenants.models import Restaurant

SATURDAY = dt.date(2026, 11, 21)
SUNDAY = dt.date(2026, 11, 22)


@pytest.fixture
def soup(restaurant: Restaurant) -> MenuItem:
    return MenuItem.objects.create(name="Soup")


def sell(item: MenuItem, day: dt.date, quantity: int, net: str | None = None) -> None:
    DailySales.objects.create(menu_item=item, business_date=day, quantity=quantity, net_sales=net and Decimal(net))


def test_totals_by_day_and_by_item(soup: MenuItem) -> None:
    bread = MenuItem.objects.create(name="Bread")
    sell(soup, SATURDAY, 3, "18")
    sell(bread, SATURDAY, 9)
    sell(soup, SUNDAY, 0, "0")
    sell(bread, SUNDAY - dt.timedelta(days=40), 5)
    recent = DailySales.objects.between(SATURDAY, SUNDAY)
    assert list(recent.by_day()) == [
        {"business_date": SATURDAY, "units": 12, "net": Decimal(18)},
        {"business_date": SUNDAY, "units": 0, "net": Decimal(0)},
    ]
    assert list(recent.by_item()) == [
        {"menu_item_id": bread.pk, "units": 9, "net": None, "last_on": SATURDAY},
        {"menu_item_id": soup.pk, "units": 3, "net": Decimal(18), "last_on": SATURDAY},
    ]
    assert DailySales.objects.last_on() == SUNDAY


def test_hours_are_local_and_of_the_counted_source_only(soup: MenuItem, restaurant: Restaurant) -> None:
    till = Connection.objects.create(provider="csv", name="Till", layout="a")
    other = Connection.objects.create(provider="csv", name="Old till", layout="b")
    DaySource.objects.create(business_date=SATURDAY, connection=till)
    noon = dt.datetime(2026, 11, 21, 11, 30, tzinfo=dt.UTC)
    for number, (source, opened_at) in enumerate([(till, noon), (till, None), (other, noon)]):
        order = Order.objects.create(
            connection=source, external_id=str(number), opened_at=opened_at, business_date=SATURDAY
        )
        OrderLine.objects.create(order=order, position=1, menu_item=soup, quantity=2)
    hours = OrderLine.objects.by_hour([SATURDAY], restaurant.zone)
    assert list(hours) == [{"business_date": SATURDAY, "hour": 12, "units": 2}]
