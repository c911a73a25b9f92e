"""Rounded numbers that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.arithmetic import rounding

parts = st.lists(st.integers(0, 50_000), min_size=1, max_size=30)


@given(parts, st.sampled_from([1, 100, 1000]))
def test_parts_add_up_to_the_rounded_sum_and_none_is_a_step_away(exact: list[int], step: int) -> None:
    total = rounding.half_up(sum(exact), step)
    shown = rounding.apportion(exact, total, step)
    assert sum(shown) == total
    assert all(abs(got * step - part) < step for got, part in zip(shown, exact, strict=True))


@given(st.lists(parts, min_size=1, max_size=4), st.sampled_from([100, 1000]))
def test_sums_of_sums_hold_as_well(groups: list[list[int]], step: int) -> None:
    """As on the page: the day's total to categories, and each category's to its dishes."""
    sums = [sum(group) for group in groups]
    total = rounding.half_up(sum(sums), step)
    of_groups = rounding.apportion(sums, total, step)
    dishes = [rounding.apportion(group, given, step) for group, given in zip(groups, of_groups, strict=True)]
    assert sum(sum(shown) for shown in dishes) == total


def test_the_largest_remainders_are_rounded_up() -> None:
    assert rounding.apportion([1400, 1700, 900], 4, 1000) == [1, 2, 1]
    assert rounding.apportion([500, 500], 1, 1000) == [1, 0]
    assert rounding.half_up(2500, 1000) == 3


def test_a_slow_dish_gets_its_turn() -> None:
    owed = [0, 0]
    shown = [rounding.apportion([300, 700], 1, 1000, owed) for _ in range(10)]
    assert [sum(column) for column in zip(*shown, strict=True)] == [3, 7]


@given(st.integers(1, 60))
def test_columns_of_many_small_rows_keep_their_shape(n_rows: int) -> None:
    shown = rounding.table([[400, 600]] * n_rows, [1] * n_rows, 1000)
    columns = [sum(column) for column in zip(*shown, strict=True)]
    assert abs(columns[0] - 0.4 * n_rows) <= 1
    assert sum(columns) == n_rows


def test_a_sum_that_no_rounding_has_is_refused() -> None:
    with pytest.raises(rounding.CannotAddUp):
        rounding.apportion([1000, 2000], 4, 1000)
