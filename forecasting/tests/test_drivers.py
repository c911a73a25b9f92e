"""Why a day is expected to be as it is."""

import datetime as dt

import pytest

from forecasting.arithmetic import drivers
from forecasting.arithmetic.drivers import Changes, Known

UNTIL = dt.date(2026, 11, 22)  # a Sunday
SATURDAY = dt.date(2026, 11, 28)


def sales(by_weekday: list[float], *, days: int = 70, until: dt.date = UNTIL) -> dict[dt.date, float]:
    found = (until - dt.timedelta(days=back) for back in range(days))
    return {day: by_weekday[day.weekday()] for day in found if by_weekday[day.weekday()]}


FLAT = [100.0] * 7


def test_a_weekday_is_compared_with_the_average_of_the_days_on_which_the_house_opens() -> None:
    sold = sales([0, 100, 100, 100, 100, 150, 50])
    assert drivers.weekday_effect(SATURDAY, sold, UNTIL) == pytest.approx(0.5)
    assert drivers.weekday_effect(SATURDAY + dt.timedelta(days=2), sold, UNTIL) is None
    assert drivers.weekday_effect(SATURDAY, {}, UNTIL) is None


def test_a_weekday_takes_three_of_its_kind() -> None:
    sold = sales([100, 0.001, 100, 100, 100, 100, 100], days=21)
    tuesday = SATURDAY + dt.timedelta(days=3)
    assert drivers.weekday_effect(tuesday, sold, UNTIL) == pytest.approx(-1, abs=0.001)
    assert drivers.weekday_effect(tuesday, {day: sold[day] for day in sorted(sold)[7:]}, UNTIL) is None
    young = {UNTIL - dt.timedelta(days=back): float(back != 5) * 3 for back in range(9)}
    assert drivers.words(tuesday, 2.5, young, Known(), until=UNTIL) == ["Tuesday"]


def test_a_weekday_that_chance_explains_is_only_named() -> None:
    assert drivers.weekday_effect(SATURDAY, sales([2, 2, 2, 2, 2, 2.5, 2]), UNTIL) is None
    assert drivers.weekday_effect(SATURDAY, sales([2, 2, 2, 2, 2, 5, 2]), UNTIL) == pytest.approx(5 / (17 / 7) - 1)


def test_last_year_is_the_same_weekday_in_the_weeks_about_the_date() -> None:
    then = SATURDAY - dt.timedelta(days=364)
    sold = {then + dt.timedelta(days=shift): units for shift, units in [(-7, 90.0), (0, 100.0), (7, 110.0)]}
    assert then.weekday() == SATURDAY.weekday()
    assert drivers.on_last_year(SATURDAY, 112, sold, UNTIL) == pytest.approx(0.12)
    assert drivers.on_last_year(SATURDAY, 104, sold, UNTIL) is None
    assert drivers.on_last_year(SATURDAY, 112, {then: 100.0}, UNTIL) is None
    assert drivers.on_last_year(SATURDAY, 11.2, {day: units / 10 for day, units in sold.items()}, UNTIL) is None
    assert drivers.on_last_year(SATURDAY, 2, dict.fromkeys(sold, 1.0), UNTIL) is None


def test_lately_is_told_only_beyond_chance() -> None:
    sold = sales(FLAT)
    assert drivers.lately(sold, UNTIL) is None
    for back in range(7):
        sold[UNTIL - dt.timedelta(days=back)] = 120.0
    assert drivers.lately(sold, UNTIL) == pytest.approx(120 / 102 - 1)
    few = {day: units / 50 for day, units in sold.items()}
    assert drivers.lately(few, UNTIL) is None


def test_sales_after_the_last_complete_day_are_not_looked_at() -> None:
    sold = sales(FLAT) | {UNTIL + dt.timedelta(days=1): 1.0}
    assert drivers.lately(sold, UNTIL) is None
    assert drivers.weekday_effect(SATURDAY, sales(FLAT) | {SATURDAY: 900.0}, UNTIL) is None


def test_words_as_a_manager_would_say_them() -> None:
    sold = sales([80, 80, 80, 80, 120, 160, 100])
    then = SATURDAY - dt.timedelta(days=364)
    sold |= {then: 150.0, then - dt.timedelta(days=7): 150.0}
    known = Known(school_holiday="Autumn break", changes=Changes(["Street fair"], 168, 140), facts={"bookings": 84})
    assert drivers.words(SATURDAY, 168, sold, known, until=UNTIL) == [
        "Saturday +60\xa0%",
        "Autumn break",
        "Street fair +20\xa0%",
        "+12\xa0% on last year",
        "also known: 84 guests booked",
    ]


def test_several_changes_are_told_together() -> None:
    known = Known(changes=Changes(["Street fair", "changed by hand"], 70, 100))
    assert drivers.words(SATURDAY, 70, {}, known, until=UNTIL) == [
        "Saturday", "Street fair", "changed by hand", "together −30\xa0%",
    ]  # fmt: skip
    assert drivers.words(SATURDAY, 0, {}, Known(changes=Changes(["Street fair"])), until=UNTIL) == [
        "Saturday",
        "Street fair",
    ]


def test_facts_are_told_in_their_units_and_apart_from_reasons() -> None:
    known = Known(facts={"temperature-max": -2.5, "rain-mm": 12, "boats": 1200})
    assert drivers.words(SATURDAY, 1, {}, known, until=UNTIL)[1:] == [
        "also known: boats 1,200 and 12 mm of rain and −2.5 °C"
    ]
