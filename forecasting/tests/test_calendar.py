import datetime as dt

import pytest

from forecasting import calendar, history
from forecasting.models import CalendarEvent, Holiday
from forecasting.tests.factories import TODAY, sell
from menu.tests.factories import MenuItemFactory

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
