"""Parts of the business day."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.models import Restaurant
from tenants.office import dayparts
from tenants.office.dayparts import Part, PartsRefused
from tenants.office.models import AuditEntry, Daypart

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def part(name: str, begins: str) -> Part:
    return Part(name, dt.time.fromisoformat(begins))


LUNCH, DINNER, LATE = part("Lunch", "11:00"), part("Dinner", "17:30"), part("Late", "01:00")


def change(*parts: Part) -> None:
    dayparts.change(parts, by=FLUX, at=NOW)


def test_parts_stand_in_the_order_of_the_business_day(restaurant: Restaurant) -> None:
    change(LATE, DINNER, LUNCH)
    assert dayparts.parts(5) == [LUNCH, DINNER, LATE]
    assert LATE.begins_after(5) == 20 * 60


def test_a_change_is_written_down_once(restaurant: Restaurant) -> None:
    change(LUNCH, DINNER)
    change(LUNCH, DINNER)
    change()
    trail = list(AuditEntry.objects.order_by("id").values_list("verb", "before", "after"))
    entered = {"Lunch": "11:00", "Dinner": "17:30"}
    assert trail == [("dayparts.changed", {}, entered), ("dayparts.changed", entered, {})]
    assert dayparts.parts(5) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([LUNCH], "whole day"),
        ([LUNCH, part("lunch", "12:00")], "same name"),
        ([LUNCH, part("Brunch", "11:00")], "same time"),
        ([part(str(hour), f"{hour:02}:00") for hour in range(9)], "at most 8"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(restaurant: Restaurant, wanted: list[Part], said: str) -> None:
    change(LUNCH, DINNER)
    with pytest.raises(PartsRefused, match=said):
        change(*wanted)
    assert dayparts.parts(5) == [LUNCH, DINNER]


def test_each_restaurant_has_its_own(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    change(LUNCH, DINNER)
    with restaurant_context(other_restaurant):
        assert dayparts.parts(5) == []


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ({"name": "", "begins_at": "09:00"}, "office_daypart_named"),
        ({"name": "A", "begins_at": "11:00"}, "office_daypart_once"),
    ],
)
def test_the_database_refuses_it_too(restaurant: Restaurant, row: dict, constraint: str) -> None:
    change(LUNCH, DINNER)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Daypart.objects.create(**row)
