import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement import deliveries
from procurement.deliveries import NoDelivery, Rule

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY_AND_THURSDAY = Rule(frozenset({1, 3}), lead_time_days=1, cutoff=datetime.time(16))


def berlin(*moment, fold=0):
    return datetime.datetime(*moment, tzinfo=BERLIN, fold=fold)


def day(text):
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "arrives_on", "next_arrives_on"),
    [
        (berlin(2026, 11, 23, 9), "2026-11-24", "2026-11-26"),
        (berlin(2026, 11, 23, 16), "2026-11-24", "2026-11-26"),
        (berlin(2026, 11, 23, 16, 0, 1), "2026-11-26", "2026-12-01"),
        (berlin(2026, 11, 25, 17), "2026-12-01", "2026-12-03"),
    ],
)
def test_the_cutoff_decides_which_delivery_is_next(now, arrives_on, next_arrives_on):
    slot = deliveries.next_slot(TUESDAY_AND_THURSDAY, now, BERLIN)
    assert (slot.arrives_on, slot.next_arrives_on) == (day(arrives_on), day(next_arrives_on))


def test_the_last_moment_is_local_time_given_in_utc():
    slot = deliveries.next_slot(TUESDAY_AND_THURSDAY, berlin(2026, 11, 23, 9), BERLIN)
    assert slot.order_by == datetime.datetime(2026, 11, 23, 15, tzinfo=datetime.UTC)


def test_the_same_day_can_be_ordered_for_where_the_supplier_allows_it():
    rule = Rule(frozenset(range(7)), lead_time_days=0, cutoff=datetime.time(5))
    slot = deliveries.next_slot(rule, berlin(2026, 11, 23, 4, 59), BERLIN)
    assert (slot.arrives_on, slot.next_arrives_on) == (day("2026-11-23"), day("2026-11-24"))


def test_a_closed_day_takes_no_delivery():
    closed = {day("2026-11-24"), day("2026-12-01")}
    slot = deliveries.next_slot(TUESDAY_AND_THURSDAY, berlin(2026, 11, 23, 9), BERLIN, closed)
    assert (slot.arrives_on, slot.next_arrives_on) == (day("2026-11-26"), day("2026-12-03"))


@pytest.mark.parametrize(
    ("cutoff", "delivery", "utc"),
    [
        (
            datetime.time(2, 30),
            "2026-03-30",
            (2026, 3, 29, 1, 30),
        ),  # 02:30 does not exist: half past two by the old clock
        (datetime.time(2, 30), "2026-10-26", (2026, 10, 25, 0, 30)),  # 02:30 comes twice: the first one counts
        (datetime.time(16), "2026-03-30", (2026, 3, 29, 14, 0)),
        (datetime.time(16), "2026-10-26", (2026, 10, 25, 15, 0)),
    ],
)
def test_the_cutoff_holds_on_the_days_that_the_clocks_change(cutoff, delivery, utc):
    rule = Rule(frozenset({0}), lead_time_days=1, cutoff=cutoff)
    now = berlin(*[int(part) for part in delivery.split("-")]) - datetime.timedelta(days=3)
    slot = deliveries.next_slot(rule, now, BERLIN)
    assert (slot.arrives_on, slot.order_by) == (day(delivery), datetime.datetime(*utc, tzinfo=datetime.UTC))


def test_a_supplier_who_never_delivers_is_said_to_be_so():
    with pytest.raises(NoDelivery):
        deliveries.next_slot(Rule(frozenset(), 1, datetime.time(16)), berlin(2026, 11, 23, 9), BERLIN)


@given(
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    lead=st.integers(0, 10),
    cutoff=st.times(),
    now=st.integers(0, 3 * 365 * 24 * 60).map(lambda m: berlin(2025, 1, 1) + datetime.timedelta(minutes=m)),
)
def test_a_slot_is_always_in_time_and_in_order(weekdays, lead, cutoff, now):
    slot = deliveries.next_slot(Rule(weekdays, lead, cutoff), now, BERLIN)
    assert slot.order_by >= now
    assert now.date() <= slot.arrives_on < slot.next_arrives_on <= slot.arrives_on + datetime.timedelta(days=7)
    assert {slot.arrives_on.weekday(), slot.next_arrives_on.weekday()} <= weekdays
