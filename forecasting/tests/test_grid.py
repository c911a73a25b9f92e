"""Dishes × days as they are shown."""

import datetime as dt
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from forecasting.arithmetic import grid
from forecasting.arithmetic.grid import Dish

DAYS = [dt.date(2026, 11, 21) + dt.timedelta(days=ahead) for ahead in range(3)]


def dish(number: int, category: str, *expected: int | None) -> Dish:
    """In thousandths; None: the run says nothing of the dish on that day."""
    known = {day: value for day, value in zip(DAYS, expected, strict=True) if value is not None}
    return Dish(UUID(int=number), f"Dish {number}", category, known)


thousandths = st.one_of(st.none(), st.integers(0, 30_000))
categories = st.sampled_from(["Mains", "Drinks", ""])
dishes = st.lists(st.tuples(categories, thousandths, thousandths, thousandths), max_size=25)


@given(dishes, st.sampled_from([100, 1000]))
def test_what_is_shown_adds_up_down_and_across(rows: list[tuple], step: int) -> None:
    made = [dish(number, *row) for number, row in enumerate(rows)]
    shown = grid.build(DAYS, [], made, step=step)
    for place, day in enumerate(DAYS):
        exact = sum(one.expected.get(day, 0) for one in made)
        total = shown.totals.cells[place]
        assert abs((total or 0) * step - exact) <= step / 2
        assert sum(group.sums.cells[place] or 0 for group in shown.groups) == (total or 0)
        for group in shown.groups:
            assert sum(line.cells[place] or 0 for line in group.dishes) == (group.sums.cells[place] or 0)
    assert sum(line.total for line in shown.dishes) == shown.totals.total


@given(dishes)
def test_no_number_is_a_whole_step_from_what_is_stored(rows: list[tuple]) -> None:
    made = {dish(number, *row).item_id: dish(number, *row) for number, row in enumerate(rows)}
    for line in grid.build(DAYS, [], list(made.values()), step=100).dishes:
        for day, steps in zip(DAYS, line.cells, strict=True):
            exact = made[line.item_id].expected.get(day)
            assert (steps is None) == (exact is None)
            assert exact is None or abs(steps * 100 - exact) < 100


def test_categories_and_dishes_stand_in_the_order_of_their_sales() -> None:
    named = [("", 90_000), ("Mains", 4000), ("Drinks", 9000), ("Drinks", 1)]
    made = [dish(number, category, units, 0, 0) for number, (category, units) in enumerate(named, start=1)]
    shown = grid.build(DAYS, [], made, step=100)
    assert [group.sums.name for group in shown.groups] == ["Drinks", "Mains", "Other dishes"]
    assert [line.name for line in shown.dishes] == ["Dish 3", "Dish 4", "Dish 2", "Dish 1"]
    assert (shown.peak, shown.per) == (900, 10)


def test_a_closed_day_has_no_number() -> None:
    shown = grid.build(DAYS, DAYS[:1], [dish(1, "Mains", 0, 5000, None)], step=100)
    assert shown.totals.cells == [None, 50, None]
    assert shown.dishes[0].cells == [None, 50, None]


def test_a_page_of_a_long_menu_keeps_the_sums_of_whole_categories() -> None:
    shown = grid.build(DAYS, [], [dish(n, "Mains", 1000, 1000, 1000) for n in range(5)], step=1000)
    part = shown.part({UUID(int=1), UUID(int=2)})
    assert [(group.sums.total, len(group.dishes)) for group in part] == [(15, 2)]
    assert shown.part(set()) == []


def test_money_is_units_times_price_where_there_is_one() -> None:
    made = [dish(1, "Mains", 2500, 1, None), dish(2, "Mains", 1000, 1000, 1000)]
    priced = grid.in_money(made, {UUID(int=1): 9.999})
    assert [one.expected for one in priced] == [{DAYS[0]: 24_998, DAYS[1]: 10}]
