"""What is inferred night by night, from orders with times."""

import datetime as dt
import random

import pytest

from menu import sold_out
from menu.models import SoldOut
from menu.tests.factories import MenuItemFactory
from pos import stockouts
from pos.models import Connection, DaySource, Order, OrderLine
from tenants.actors import FLUX
from tenants.context import restaurant_context

NOW = dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC)  # six in the morning in Paris, on a Monday
TODAY = dt.date(2026, 11, 23)
RAN_OUT_ON = TODAY - dt.timedelta(days=3)  # a Friday
LAST_HOUR = 19


def trade(restaurant, *, timed: bool = True) -> dict:
    """Ten Fridays of three dishes from noon to eleven at night; on the last one the hake sells nothing after seven."""
    rng = random.Random(5)
    dishes = {name: MenuItemFactory(name=name) for name in ("Hake", "Chips", "Wine")}
    till = Connection.objects.create(provider="csv", name="Till")
    orders, lines = [], []
    for back in range(10):
        day = RAN_OUT_ON - dt.timedelta(weeks=back)
        DaySource.objects.create(business_date=day, connection=till)
        for name, dish in dishes.items():
            for _ in range(rng.randint(35, 45)):
                at = dt.datetime.combine(day, dt.time(12), tzinfo=restaurant.zone) + dt.timedelta(
                    hours=11 * rng.random()
                )
                if name == "Hake" and day == RAN_OUT_ON and at.hour >= LAST_HOUR:
                    continue
                number = len(orders)
                orders.append(
                    Order(connection=till, external_id=str(number), opened_at=at if timed else None, business_date=day)
                )
                lines.append((number, dish))
    made = Order.objects.bulk_create(orders)
    OrderLine.objects.bulk_create(
        OrderLine(order=made[number], position=1, menu_item=dish, quantity=1) for number, dish in lines
    )
    return dishes


def test_it_is_found_once_with_the_moment_after_its_last_order(restaurant):
    hake = trade(restaurant)["Hake"]
    (row,) = stockouts.infer(restaurant, now=NOW)
    last = Order.objects.filter(business_date=RAN_OUT_ON, lines__menu_item=hake).latest("opened_at").opened_at
    assert (row.menu_item_id, row.business_date, row.source) == (hake.pk, RAN_OUT_ON, "inferred")
    assert dt.timedelta(0) < row.from_at - last <= dt.timedelta(minutes=1)
    assert stockouts.infer(restaurant, now=NOW) == []
    assert stockouts.infer(restaurant, now=NOW + dt.timedelta(days=5)) == []


def test_a_missed_night_is_caught_up_within_four_weeks(restaurant):
    trade(restaurant)
    weeks = dt.timedelta(weeks=1)
    assert stockouts.infer(restaurant, now=NOW + 4 * weeks) == []
    assert len(stockouts.infer(restaurant, now=NOW + 3 * weeks)) == 1


def test_what_was_dismissed_never_comes_back(restaurant):
    trade(restaurant)
    (row,) = stockouts.infer(restaurant, now=NOW)
    sold_out.dismiss(row.pk, by=FLUX, at=NOW)
    assert stockouts.infer(restaurant, now=NOW) == []
    assert not SoldOut.objects.counting().exists()


def test_a_tap_is_not_said_again(restaurant):
    hake = trade(restaurant)["Hake"]
    tapped_at = dt.datetime.combine(RAN_OUT_ON, dt.time(LAST_HOUR), tzinfo=restaurant.zone)
    sold_out.mark(hake, restaurant=restaurant, by=FLUX, at=tapped_at)
    assert stockouts.infer(restaurant, now=NOW) == []


def test_without_times_nothing_is_inferred(restaurant):
    trade(restaurant, timed=False)
    assert stockouts.infer(restaurant, now=NOW) == []


def test_a_dish_off_the_menu_is_not_asked_about(restaurant):
    hake = trade(restaurant)["Hake"]
    hake.is_active = False
    hake.save()
    assert stockouts.infer(restaurant, now=NOW) == []


def test_another_restaurants_orders_say_nothing(restaurant, other_restaurant):
    trade(restaurant)
    with restaurant_context(other_restaurant):
        assert stockouts.infer(other_restaurant, now=NOW) == []
    assert len(stockouts.infer(restaurant, now=NOW)) == 1


@pytest.mark.parametrize("days", [1, 2])
def test_it_asks_as_much_whatever_the_days(restaurant, days, django_assert_num_queries):
    dish = MenuItemFactory()
    till = Connection.objects.create(provider="csv", name="Till")
    for back in range(1, 1 + days):
        day = TODAY - dt.timedelta(days=back)
        DaySource.objects.create(business_date=day, connection=till)
        order = Order.objects.create(connection=till, external_id=str(back), opened_at=NOW, business_date=day)
        OrderLine.objects.create(order=order, position=1, menu_item=dish, quantity=1)
    with django_assert_num_queries(5):
        assert stockouts.infer(restaurant, now=NOW) == []
