"""Opening hours and planned closures: what is refused, and what the trail says."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.office import hours
from tenants.office.hours import ClosureRefused, HoursOverlap, Planned, Span
from tenants.office.models import AuditEntry, Closure, OpeningHours

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 23)
WHO = {"by": FLUX, "at": NOW}

pytestmark = pytest.mark.usefixtures("restaurant")


def span(weekday: int, opens: str, closes: str) -> Span:
    return Span(weekday, dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def plan(first: str, last: str, note: str = "") -> Planned:
    return hours.plan_closure(day(first), day(last), note, today=TODAY, **WHO)


LUNCH, DINNER, NIGHT = span(0, "11:30", "14:30"), span(0, "18:00", "23:00"), span(6, "20:00", "03:00")


def test_a_day_has_several_spans_and_a_night_goes_on_after_midnight():
    hours.change_week([DINNER, NIGHT, LUNCH], **WHO)
    assert hours.week() == [LUNCH, DINNER, NIGHT]
    assert hours.closed_weekdays() == {1, 2, 3, 4, 5}


def test_the_trail_says_which_days_are_different_now():
    hours.change_week([LUNCH, NIGHT], **WHO)
    hours.change_week([LUNCH, DINNER], **WHO)
    hours.change_week([DINNER, LUNCH], **WHO)
    entries = AuditEntry.objects.order_by("pk").values_list("before", "after")
    assert list(entries) == [
        ({}, {"Monday": "11:30–14:30", "Sunday": "20:00–03:00"}),
        ({"Monday": "11:30–14:30", "Sunday": "20:00–03:00"}, {"Monday": "11:30–14:30, 18:00–23:00"}),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LUNCH, span(0, "14:00", "15:00")),
        (LUNCH, span(0, "10:00", "16:00")),
        (LUNCH, span(0, "11:30", "12:00")),
        (span(0, "20:00", "02:00"), span(1, "01:00", "05:00")),
        (NIGHT, span(0, "02:59", "10:00")),  # Sunday's night and Monday's morning
        (span(3, "00:00", "00:00"), span(3, "12:00", "13:00")),  # all round the clock
        (span(3, "10:00", "10:00"), span(4, "09:00", "10:00")),
    ],
)
def test_spans_that_overlap_are_refused_by_verb_and_database(one, other):
    with pytest.raises(HoursOverlap, match="overlap"):
        hours.change_week([one, other], **WHO)
    rows = [
        OpeningHours(weekday=each.weekday, opens_at=each.opens_at, closes_at=each.closes_at) for each in (one, other)
    ]
    with pytest.raises(IntegrityError, match="office_openinghours_no_overlap"), transaction.atomic():
        OpeningHours.objects.bulk_create(rows)
    assert (hours.week(), AuditEntry.objects.exists()) == ([], False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LUNCH, span(0, "14:30", "15:00")),
        (LUNCH, span(1, "11:30", "14:30")),
        (NIGHT, span(0, "03:00", "10:00")),
        (span(3, "00:00", "00:00"), span(4, "00:00", "00:00")),
    ],
)
def test_spans_that_only_touch_are_fine(one, other):
    hours.change_week([one, other], **WHO)
    assert hours.week() == sorted([one, other])


def test_there_are_seven_weekdays():
    with pytest.raises(IntegrityError, match="office_openinghours_weekday"), transaction.atomic():
        OpeningHours.objects.create(weekday=7, opens_at="10:00", closes_at="11:00")


def test_nobody_who_has_entered_no_hours_is_closed():
    assert hours.closed_weekdays() == frozenset()
    assert hours.closed_between(TODAY, TODAY + dt.timedelta(days=6)) == frozenset()


def test_closed_days_are_those_planned_and_those_without_hours():
    hours.change_week([span(weekday, "12:00", "22:00") for weekday in range(6)], **WHO)
    plan("2026-11-25", "2026-11-25")
    assert hours.closed_between(TODAY, TODAY + dt.timedelta(days=6)) == {day("2026-11-25"), day("2026-11-29")}


def test_a_range_is_planned_shown_as_one_and_taken_back():
    assert str(plan("2026-12-24", "2027-01-02", "Christmas holidays")) == "24 Dec 2026 – 2 Jan 2027"
    plan("2026-12-01", "2026-12-01")
    shown = hours.planned(TODAY)
    assert [(str(each), each.note, each.days) for each in shown] == [
        ("1 Dec 2026", "", 1),
        ("24 Dec 2026 – 2 Jan 2027", "Christmas holidays", 10),
    ]
    assert hours.open_after_all(day("2026-12-24"), day("2027-01-02"), **WHO) == 10
    assert hours.open_after_all(day("2026-12-24"), day("2027-01-02"), **WHO) == 0
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", "subject_label", "before", "after")) == [
        ("closure.added", "24 Dec 2026 – 2 Jan 2027", {}, {"note": "Christmas holidays", "days": 10}),
        ("closure.added", "1 Dec 2026", {}, {"days": 1}),
        ("closure.removed", "24 Dec 2026 – 2 Jan 2027", {"note": "Christmas holidays", "days": 10}, {}),
    ]


def test_days_that_are_closed_already_keep_their_note():
    plan("2026-12-24", "2026-12-26", "Christmas")
    plan("2026-12-20", "2026-12-31", "Renovation")
    assert [(str(each), each.note) for each in hours.planned(TODAY)] == [
        ("20 Dec 2026 – 23 Dec 2026", "Renovation"),
        ("24 Dec 2026 – 26 Dec 2026", "Christmas"),
        ("27 Dec 2026 – 31 Dec 2026", "Renovation"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("2026-12-26", "2026-12-24", "The last day lies before the first one"),
        ("2026-11-22", "2026-11-24", "These days are over"),
        ("2026-12-01", "2027-12-02", "more than a year"),
        ("2036-12-01", "2036-12-02", "more than three years from now"),
        ("2026-12-24", "2026-12-25", "planned to be closed on 24 Dec 2026 – 25 Dec 2026 already"),
    ],
)
def test_what_cannot_be_planned_is_refused(first, last, why):
    Closure.objects.bulk_create([Closure(on="2026-12-24"), Closure(on="2026-12-25")])
    with pytest.raises(ClosureRefused, match=why):
        plan(first, last)
    assert (Closure.objects.count(), AuditEntry.objects.exists()) == (2, False)


def test_the_other_restaurant_has_its_own_hours(other_restaurant):
    hours.change_week([LUNCH], **WHO)
    plan("2026-12-24", "2026-12-24")
    with restaurant_context(other_restaurant):
        assert (hours.week(), hours.planned(TODAY)) == ([], [])
