from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.arithmetic import uplift
from forecasting.arithmetic.uplift import PastDay, Uplift

DAY = date(2026, 10, 10)
SOUP, CAKE = UUID(int=1), UUID(int=2)


def sales(units=100.0, **on):
    """The same units of soup on the day and its neighbours, but for `on`: weeks from the day → units."""
    weeks = {f"w{(day - DAY).days // 7}": day for day in [DAY, *uplift.around(DAY)]}
    return {day: {SOUP: on.get(name.replace("-", "_"), units)} for name, day in weeks.items()}


def test_the_days_around_are_the_same_weekday_of_four_weeks_before_and_after():
    found = uplift.around(DAY)
    assert [(day - DAY).days for day in found] == [-28, -21, -14, -7, 7, 14, 21, 28]


def test_what_was_sold_is_compared_with_the_mean_around_it():
    found = uplift.measure([DAY], sales(w0=150.0, w1=120.0, w_1=80.0))
    assert found.days == (PastDay(DAY, 150.0, 100.0),)
    assert found.measured == 50


def test_days_of_other_events_and_closed_days_are_no_comparison():
    sold = sales(w0=150.0, w1=900.0)
    del sold[DAY - timedelta(weeks=1)]
    assert uplift.measure([DAY], sold, special={(DAY + timedelta(weeks=1), None)}).usual == 100
    assert uplift.measure([DAY], sold, special={(DAY + timedelta(weeks=1), SOUP)}).usual == 100


def test_a_dish_that_ran_out_counts_on_neither_side():
    sold = {day: {SOUP: 100.0, CAKE: 50.0} for day in [DAY, *uplift.around(DAY)]}
    sold[DAY] = {SOUP: 150.0, CAKE: 10.0}
    assert uplift.measure([DAY], sold, sold_out={(DAY, CAKE)}).measured == 50
    short = {(day, CAKE) for day in uplift.around(DAY)[:7]}  # one day is left to compare with: too few
    assert uplift.measure([DAY], sold, sold_out=short).usual == 100


def test_nothing_is_said_of_a_closed_day_or_of_one_with_nothing_to_compare():
    sold = sales()
    assert uplift.measure([DAY + timedelta(days=1)], sold).measured is None
    alone = {DAY: {SOUP: 5.0}, DAY - timedelta(weeks=1): {SOUP: 5.0}}
    nothing = uplift.measure([DAY], alone)
    assert (nothing.days, nothing.percent, str(nothing)) == ((), 0, "no past day to measure")


def test_it_says_in_words_what_was_measured():
    one, two = PastDay(DAY, 1380.0, 1000.0), PastDay(DAY, 700.0, 1000.0)
    assert str(Uplift((one, one))) == "2 past days: +38 %, counted as +33 %"
    assert str(Uplift((two,))) == "1 past day: −30 %, counted as −23 %"


@given(st.floats(0, 5000), st.floats(0.5, 5000), st.integers(1, 12))
def test_what_is_counted_lies_between_nothing_and_what_was_measured(sold, usual, n_days):
    few, more = (Uplift((PastDay(DAY, sold, usual),) * n) for n in (n_days, n_days + 1))
    assert -100 <= few.percent <= 1000
    assert few.trust < more.trust < 1
    if few.measured < 900:
        assert abs(few.percent) <= abs(few.measured) + 0.05
        assert few.percent * few.measured >= 0


@pytest.mark.parametrize("units", [0.0, 1e9])
def test_absurd_sales_give_bounded_effects(units):
    assert -100 <= uplift.measure([DAY], sales(w0=units, units=0.4)).percent <= 1000
