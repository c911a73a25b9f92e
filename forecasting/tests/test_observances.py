import datetime as dt

import pytest

from forecasting import calendar, observances
from forecasting.models import Holiday
from forecasting.observances import Break, HolidayRefused
from forecasting.tests.factories import NOW, TODAY
from menu.tables import BadTable
from tenants.actors import FLUX
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.django_db

ARMISTICE = dt.date(2026, 11, 11)
AUTUMN = Break(dt.date(2026, 10, 17), dt.date(2026, 11, 1), "Autumn")
WINTER = Break(dt.date(2026, 12, 19), dt.date(2027, 1, 3), "Winter")
FILE = b"Start;End;Name\n2026-10-17;2026-11-01;Autumn\n2026-12-19;2027-01-03;Winter\n"
HOW = {"today": TODAY, "by": FLUX, "at": NOW}


def faults(content: bytes) -> list[str]:
    with pytest.raises(BadTable) as bad:
        observances.plan(content, today=TODAY)
    return [str(fault) for fault in bad.value.faults]


def test_a_public_holiday_is_switched_off_renamed_and_given_back(restaurant):
    restaurant.country, restaurant.subdivision = "FR", ""
    row = observances.no_holiday(ARMISTICE, "Armistice Day", **HOW)
    assert ARMISTICE not in calendar.holidays(restaurant, [2026])
    assert observances.keep_public(ARMISTICE, " Our day ", **HOW) == row
    assert calendar.holidays(restaurant, [2026])[ARMISTICE] == "Our day"
    observances.remove(row, by=FLUX, at=NOW)
    assert calendar.holidays(restaurant, [2026])[ARMISTICE] == "Armistice Day"
    verbs = list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["holiday.added", "holiday.changed", "holiday.removed"]


@pytest.mark.parametrize(
    ("first", "last", "name", "why"),
    [
        (dt.date(2026, 5, 2), dt.date(2026, 5, 1), "May", "The last day lies before the first."),
        (dt.date(2026, 5, 1), dt.date(2027, 5, 1), "May", "That is more than 150 days. Is the year right?"),
        (dt.date(2062, 5, 1), dt.date(2062, 5, 2), "May", "That is more than ten years away. Is the year right?"),
        (dt.date(2026, 5, 1), dt.date(2026, 5, 2), "", "The name has 1 to 120 characters."),
        (dt.date(2026, 10, 31), dt.date(2026, 11, 5), "May", "It overlaps with “Autumn”, 2026-10-17 to 2026-11-01."),
    ],
)
def test_school_holidays_that_cannot_be_are_refused(restaurant, first, last, name, why):
    observances.add_school(AUTUMN, **HOW)
    with pytest.raises(HolidayRefused) as refused:
        observances.add_school(Break(first, last, name), **HOW)
    assert str(refused.value) == why


def test_a_file_replaces_what_it_overlaps_and_nothing_else(restaurant):
    old = Break(dt.date(2026, 10, 10), dt.date(2026, 10, 20), "Old autumn")
    summer = Break(dt.date(2026, 7, 1), dt.date(2026, 8, 31), "Summer")
    for each in (old, summer):
        observances.add_school(each, **HOW)
    plan = observances.plan(FILE, today=TODAY)
    assert (plan.new, plan.replaced, plan.unchanged) == ((AUTUMN, WINTER), (old,), ())
    assert observances.load(FILE, **HOW) == plan
    assert observances.school() == [summer, AUTUMN, WINTER]


def test_the_same_file_again_changes_nothing(restaurant):
    observances.load(FILE, **HOW)
    keys = set(Holiday.objects.values_list("pk", flat=True))
    again = observances.load(FILE, **HOW)
    assert (again.new, again.replaced, again.unchanged) == ((), (), (AUTUMN, WINTER))
    assert set(Holiday.objects.values_list("pk", flat=True)) == keys
    assert AuditEntry.objects.filter(verb="holiday.loaded").count() == 1


def test_what_is_wrong_with_a_file_is_said_by_line_and_field(restaurant):
    content = b"start,end,name\n17.10.2026,2026-11-01,Autumn\n2026-12-19,2026-12-01,Winter\n2026-02-14,2026-02-20,\n"
    assert faults(content) == [
        "line 2, start “17.10.2026”: write the date as 2026-12-31",
        "line 3, end “2026-12-01”: The last day lies before the first.",
        "line 4, name “”: this is needed",
    ]
    overlapping = FILE + b"2026-10-30;2026-11-02;Bridge\n"
    assert faults(overlapping) == ["line 4, start “2026-10-30”: this overlaps with “Autumn” of another line"]
    assert Holiday.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"start,end,name\n", "there is nothing below the header"),
        (b"PK\x03\x04spreadsheet", "this is a packed file or a spreadsheet: save it as CSV"),
        (b"start,end,name\n" + b"x" * 300_000, "this has more than 200 kB"),
    ],
)
def test_what_is_no_such_file_is_refused(restaurant, content, why):
    assert [fault.endswith(why) for fault in faults(content)] == [True]
