import datetime as dt

import pytest

from forecasting import calendar, history
from forecasting.arithmetic.adjusting import Effect
from forecasting.models import CalendarEvent, Holiday
from forecasting.tests.factories import NOW, TODAY, sell
from menu.models import SoldOut
from menu.tests.factories import MenuItemFactory
from pos.models import DailySales

pytestmark = pytest.mark.django_db

XMAS = dt.date(2026, 12, 25)


def day(back: int) -> dt.date:
    return TODAY - dt.timedelta(days=back)


def event(first: dt.date, last: dt.date | None = None, **given) -> CalendarEvent:
    values = {"name": "Street party", "effect": "percent", "amount": 20} | given
    return CalendarEvent.objects.create(starts_on=first, ends_on=last or first, **values)


def test_public_holidays_are_the_countrys_as_this_house_has_changed_them(restaurant):
    restaurant.country, restaurant.subdivision = "FR", ""
    for on, name, is_off in (
        (dt.date(2026, 11, 11), "Armistice Day", True),
        (XMAS, "Our Christmas", False),
        (dt.date(2026, 6, 2), "Patron saint", False),
    ):
        Holiday.objects.create(kind="public", name=name, starts_on=on, ends_on=on, is_off=is_off)
    found = calendar.holidays(restaurant, [2026])
    assert dt.date(2026, 11, 11) not in found
    assert (found[XMAS], found[dt.date(2026, 6, 2)], found[dt.date(2026, 7, 14)]) == (
        "Our Christmas",
        "Patron saint",
        "National Day",
    )
    assert calendar.holidays(restaurant, []) == {}


def test_school_holidays_are_given_by_day(restaurant):
    Holiday.objects.create(kind="school", name="Autumn", starts_on=day(3), ends_on=day(-3))
    assert calendar.school_holidays(day(1), day(0)) == {day(1): "Autumn", day(0): "Autumn"}


def test_days_of_events_are_special_for_what_they_are_about(restaurant):
    soup, stew = MenuItemFactory(category="Soups"), MenuItemFactory(category="Soups")
    cake = MenuItemFactory(category="Cakes")
    event(day(9), day(8))
    event(day(7), scope="category", category="Soups")
    event(day(6), scope="item", menu_item=cake)
    assert calendar.special_days(day(8), day(0)) == {
        (day(8), None),
        (day(7), soup.pk),
        (day(7), stew.pk),
        (day(6), cake.pk),
    }


def test_history_marks_the_days_of_events(restaurant):
    soup, cake = MenuItemFactory(), MenuItemFactory()
    for back in (3, 2, 1):
        sell(soup, day(back), 4)
    event(day(3))
    event(day(2), scope="item", menu_item=cake)
    known = history.read(TODAY)
    assert known.special[:, known.items.index(soup.pk)].tolist() == [True, False, False]
    assert known.special[:, known.items.index(cake.pk)].tolist() == [True, True, False]


def trade_weeks(item, units: float, **on: float) -> None:
    """Sell `units` of an item on each of the last 70 days; `on` gives other units: d12=40 is 12 days ago."""
    DailySales.objects.bulk_create(
        DailySales(menu_item=item, business_date=day(back), quantity=on.get(f"d{back}", units)) for back in range(1, 71)
    )


def test_effects_are_given_by_day_in_the_order_of_the_events(restaurant):
    soup = MenuItemFactory(category="Soups")
    event(day(-2), day(-4), name="Fair", amount=30)
    event(day(-3), name="Feast", effect="units", amount=25, scope="category", category="Soups")
    event(day(-3), name="Promo", amount=-10, scope="item", menu_item=soup)
    event(day(-3), name="Marked only", amount=0)
    assert calendar.effects(day(-3), day(-4), until=day(1)) == [
        Effect(day(-3), "all", "", None, "percent", 30, "Fair"),
        Effect(day(-4), "all", "", None, "percent", 30, "Fair"),
        Effect(day(-3), "category", "Soups", None, "units", 25, "Feast"),
        Effect(day(-3), "item", "", soup.pk, "percent", -10, "Promo"),
    ]


def test_like_last_time_measures_all_earlier_ones_of_its_name(restaurant):
    soup = MenuItemFactory()
    trade_weeks(soup, 100, d12=150, d30=130, d40=900)
    for back in (12, 30):
        event(day(back), name="Street Party")
    event(day(40), name="Another thing")
    coming = event(day(-5), name="street party", effect="like", amount=None)
    found = calendar.like_last_time(coming, until=day(1))
    assert [past.date for past in found.days] == [day(30), day(12)]
    assert found.measured == 40
    [effect] = calendar.effects(day(-5), day(-5), until=day(1))
    assert (effect.kind, effect.amount) == ("percent", found.percent)
    assert effect.source == f"street party ({found})"


def test_like_one_event_measures_what_the_new_one_is_about(restaurant):
    soup, cake = MenuItemFactory(), MenuItemFactory()
    trade_weeks(soup, 100, d12=200)
    trade_weeks(cake, 100, d12=50)
    past = event(day(12), name="Fair")
    coming = event(day(-5), name="Market", effect="like", amount=None, like=past, scope="item", menu_item=cake)
    assert calendar.like_last_time(coming, until=day(1)).measured == -50


def test_days_after_the_last_known_one_are_not_measured(restaurant):
    trade_weeks(MenuItemFactory(), 100, d2=500)
    past = event(day(2), name="Fair")
    coming = event(day(-5), name="Fair", effect="like", amount=None)
    assert calendar.like_last_time(coming, until=day(3)).days == ()
    assert calendar.effects(day(-5), day(-5), until=day(3)) == []
    assert calendar.like_last_time(past, until=day(1)).days == ()  # not like itself


def test_a_dish_that_ran_out_is_left_out_of_what_is_measured(restaurant):
    soup, cake = MenuItemFactory(), MenuItemFactory()
    trade_weeks(soup, 100, d12=150)
    trade_weeks(cake, 100, d12=3)
    SoldOut.objects.create(menu_item=cake, business_date=day(12), from_at=NOW)
    event(day(12), name="Fair")
    coming = event(day(-5), name="Fair", effect="like", amount=None)
    assert calendar.like_last_time(coming, until=day(1)).measured == 50


def test_only_the_units_of_a_catering_order_are_known(restaurant):
    event(day(-3), kind="catering", effect="units", amount=35)
    event(day(-4), kind="catering", amount=35)
    event(day(-5), effect="units", amount=35)
    found = calendar.effects(day(-3), day(-5), until=day(1))
    assert [effect.kind for effect in found] == ["ordered", "percent", "units"]


def test_effects_take_as_many_queries_for_any_number_of_plain_events(restaurant, django_assert_num_queries):
    event(day(-3))
    event(day(-4))
    with django_assert_num_queries(1):
        calendar.effects(day(0), day(-30), until=day(1))
    event(day(12))
    event(day(-5), effect="like", amount=None)
    with django_assert_num_queries(6):  # and look-alikes, special days, open days, sales, sold out
        calendar.effects(day(0), day(-30), until=day(1))
