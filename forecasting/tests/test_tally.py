import datetime as dt
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.arithmetic.tally import DishDay, missed_items, missed_total, range_fault, tally

SUNDAY = dt.date(2026, 11, 22)
SOUP = UUID(int=1)


def day(sold=10.0, final=10.0, back=0, **said):
    given = {"flux": final, "usual": final, "q10": 6.0, "q90": 14.0, "price": 2.0}
    return DishDay(SUNDAY - dt.timedelta(days=back), said.pop("item_id", SOUP), sold, final, **given | said)


def test_errors_are_shares_of_what_was_sold():
    whole = tally([day(sold=8, final=10, flux=12, usual=5), day(sold=12, final=10, flux=12, usual=5)])
    assert (whole.sold, whole.final.wape, whole.flux.wape, whole.usual.wape) == (20, 0.2, 0.2, 0.5)
    assert (whole.final.bias, whole.flux.bias, whole.usual.bias) == (0, 0.2, -0.5)
    assert whole.saved_units == 6


def test_money_is_what_was_prepared_too_much_and_too_little():
    whole = tally([day(sold=8, final=10), day(sold=12, final=9, price=3.0), day(sold=5, final=9, price=None)])
    assert (whole.final.over, whole.final.under) == (4, 9)


def test_only_days_with_a_baseline_are_compared():
    whole = tally([day(sold=8, final=10), day(sold=99, final=1, usual=None)])
    assert (whole.sold, whole.dish_days, whole.compared, whole.final.wape) == (107, 2, 1, 0.25)


def test_nothing_sold_is_no_share():
    assert tally([]).final.wape is tally([day(sold=0)]).final.bias is None


def test_ranges_of_busy_dishes_are_counted():
    whole = tally([day(sold=14), day(sold=15), day(sold=0, final=4), day(q10=None, q90=None)])
    assert (whole.coverage, whole.ranges) == (0.5, 2)


@pytest.mark.parametrize(("held", "found"), [(74, 0.74), (75, None), (85, None), (86, 0.86)])
def test_ranges_that_hold_too_little_or_too_much_are_a_fault(held, found):
    assert range_fault(tally([day()] * held + [day(sold=20)] * (100 - held))) == found


def test_a_few_ranges_say_nothing():
    assert range_fault(tally([day(sold=20)] * 99)) is None


@pytest.mark.parametrize(
    ("sold", "streak"),
    [
        ([15, 16, 20, 15, 10, 10, 10], 4),
        ([5, 3, 0, 10, 5, 5, 5], -6),
        ([15, 16, 20, 5, 5, 5, 10], 0),
        ([15, 16, 20, 14, 10, 10, 10], 0),  # 14 is still inside
        ([10, 10, 10, 10, 20, 20, 20, 20], 0),  # the eighth day back is too long ago
    ],
)
def test_four_misses_to_the_same_side_in_seven_days_are_told(sold, streak):
    rows = [day(units, back=back) for back, units in enumerate(sold)]
    assert missed_items(rows, SUNDAY) == ({SOUP: streak} if streak else {})


def test_a_miss_of_a_unit_is_none():
    assert missed_items([day(1.5, 0.5, back=back, q10=0.0, q90=1.0) for back in range(7)], SUNDAY) == {}


def test_the_house_misses_by_more_than_a_tenth_of_its_sum():
    rows = [day(sold, 10, back=back, item_id=UUID(int=n)) for back in range(4) for n, sold in enumerate((8, 14.1))]
    assert missed_total(rows, SUNDAY) == 4
    assert missed_total([day(11, 10, back=back) for back in range(7)], SUNDAY) == 0
    assert missed_total([day(8, 10, back=back) for back in range(7)], SUNDAY) == -7


units = st.floats(min_value=0, max_value=1000)


@given(st.lists(st.builds(day, units, units, flux=units, usual=units)))
def test_too_much_less_too_little_is_the_bias(rows):
    whole = tally(rows)
    if whole.sold:
        assert whole.final.bias * whole.sold * 2 == pytest.approx(whole.final.over - whole.final.under, abs=1e-6)
        assert abs(whole.final.bias) <= whole.final.wape + 1e-9
