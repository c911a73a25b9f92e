"""Dishes that ran out, as the engine's masks."""

import datetime as dt

import numpy as np
import pytest

from forecasting import history, shortages
from forecasting.tests.factories import TODAY, sell
from menu import sold_out
from menu.models import MenuItem, SoldOut
from menu.tests.factories import MenuItemFactory
from pos.models import Connection, DaySource, Order, OrderLine
from tenants.context import restaurant_context

YESTERDAY = TODAY - dt.timedelta(days=1)


def at(restaurant, hour: float, day: dt.date = YESTERDAY) -> dt.datetime:
    """A moment of the business date by the restaurant's clock; 25 is one o'clock in its night."""
    midnight = dt.datetime.combine(day, dt.time(), restaurant.zone)
    return midnight + dt.timedelta(hours=hour)


def sold_at(restaurant, item: MenuItem, hours: list[float]) -> None:
    """One unit at each of these hours of yesterday."""
    till = Connection.objects.create(provider="csv", name="Till")
    DaySource.objects.create(business_date=YESTERDAY, connection=till)
    for number, hour in enumerate(hours):
        order = Order.objects.create(
            connection=till, external_id=str(number), opened_at=at(restaurant, hour), business_date=YESTERDAY
        )
        OrderLine.objects.create(order=order, position=0, menu_item=item, quantity=1)


@pytest.fixture
def soup(restaurant) -> MenuItem:
    dish = MenuItemFactory(name="Soup", category="Soups")
    sell(dish, YESTERDAY, 4)
    return dish


def run_out(item: MenuItem, restaurant, hour: float, until: float | None = None, **how) -> SoldOut:
    back = None if until is None else at(restaurant, until)
    return SoldOut.objects.create(
        menu_item=item, business_date=YESTERDAY, from_at=at(restaurant, hour), until_at=back, **how
    )


def share(item: MenuItem) -> float | None:
    return shortages.between(YESTERDAY, YESTERDAY)[YESTERDAY, item.pk]


def test_a_dish_that_ran_out_is_marked(restaurant, soup):
    cake = MenuItemFactory()
    run_out(soup, restaurant, 20)
    known = history.read(TODAY)
    assert known.sold_out[0].tolist() == [item == soup.pk for item in known.items]
    assert np.isnan(known.sold_out_share).all()  # no order has a time
    assert cake.pk in known.items


def test_one_that_somebody_said_was_none_is_not(restaurant, soup):
    run_out(soup, restaurant, 20, dismissed_at=at(restaurant, 21))
    assert not history.read(TODAY).sold_out.any()


def test_the_share_is_that_of_the_usual_day_before_it_ran_out(restaurant, soup):
    sold_at(restaurant, MenuItemFactory(), [12, 13, 19, 25])  # the night belongs to the day before
    run_out(soup, restaurant, 19.5)
    assert share(soup) == pytest.approx(0.625)
    assert history.read(TODAY).sold_out_share[0, 0] == pytest.approx(0.625)


def test_it_was_to_be_had_again_later(restaurant, soup):
    sold_at(restaurant, MenuItemFactory(), [12, 13, 19, 25])
    run_out(soup, restaurant, 12.5, until=14)
    run_out(soup, restaurant, 24)
    assert share(soup) == pytest.approx(1 - 0.375 - 0.25)


def test_sales_after_the_mark_say_that_it_was_to_be_had_until_then(restaurant, soup):
    sold_at(restaurant, soup, [12, 13, 19, 25])
    run_out(soup, restaurant, 11)
    assert share(soup) == pytest.approx(0.75)  # until the last sale, by which the hour of it had begun
    SoldOut.objects.update(until_at=at(restaurant, 15))  # sold at one o'clock, so out for two hours without a sale
    assert share(soup) == pytest.approx(0.75)


def test_sales_of_another_dish_or_after_its_return_contradict_nothing(restaurant, soup):
    sold_at(restaurant, MenuItemFactory(), [12, 13, 19, 25])
    run_out(soup, restaurant, 13)
    assert share(soup) == pytest.approx(0.25)
    sold_at_night = OrderLine.objects.filter(order__opened_at__gte=at(restaurant, 19))
    sold_at_night.update(menu_item=soup)
    SoldOut.objects.update(until_at=at(restaurant, 18))
    assert share(soup) == pytest.approx(0.75)


def test_an_open_mark_is_carried_over_until_the_dish_is_sold_again(restaurant, soup):
    """Out on Thursday evening, not sold on Friday, sold on Saturday, nothing said since."""
    thursday, friday, sunday = (YESTERDAY + dt.timedelta(days=n) for n in (-2, -1, 1))
    now = at(restaurant, 20, sunday)
    sold_out.from_pos(soup, from_at=at(restaurant, 20, thursday), restaurant=restaurant, at=now)
    assert SoldOut.objects.count() == 4
    assert set(shortages.between(thursday, sunday)) == {(thursday, soup.pk), (friday, soup.pk)}
    SoldOut.objects.filter(business_date=sunday).update(from_at=at(restaurant, 21, sunday))
    assert (sunday, soup.pk) in shortages.between(thursday, sunday)


def test_as_many_queries_for_any_number_of_them(restaurant, soup, django_assert_num_queries):
    sold_at(restaurant, soup, [12, 13])
    for number in range(2):
        run_out(soup, restaurant, 12 + number, until=12.5 + number)
        with django_assert_num_queries(3):
            shortages.between(YESTERDAY, TODAY)


def test_another_restaurant_has_its_own(restaurant, other_restaurant, soup):
    run_out(soup, restaurant, 20)
    with restaurant_context(other_restaurant):
        assert not shortages.between(YESTERDAY, TODAY)
