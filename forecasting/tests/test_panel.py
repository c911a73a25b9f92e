from datetime import date

import numpy as np

from forecasting.engine import panel
from forecasting.tests import generated

MONDAY, TUESDAY, WEDNESDAY = date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)


def test_rows_become_days_and_items_in_order():
    rows = [(WEDNESDAY, "soup", 2), (MONDAY, "bread", 5), (MONDAY, "soup", 1), (MONDAY, "soup", 2)]
    built = panel.build(rows, until=WEDNESDAY)
    assert built.items == ("bread", "soup")
    assert built.sold.tolist() == [[5, 3], [0, 0], [0, 2]]
    assert built.is_open.tolist() == [True, False, True]
    assert built.weekdays.tolist() == [0, 1, 2]


def test_rows_after_the_cutoff_are_ignored():
    built = panel.build([(MONDAY, "soup", 1), (WEDNESDAY, "soup", 9), (WEDNESDAY, "cake", 9)], until=TUESDAY)
    assert built.items == ("soup",)
    assert built.sold.tolist() == [[1], [0]]


def test_a_planned_closure_is_closed_even_if_something_was_sold():
    built = panel.build([(MONDAY, "soup", 1), (TUESDAY, "soup", 1)], until=TUESDAY, closed={TUESDAY})
    assert built.is_open.tolist() == [True, False]


def test_returns_never_make_a_day_negative():
    assert panel.build([(MONDAY, "soup", 2), (MONDAY, "soup", -5)], until=MONDAY).sold.tolist() == [[0]]


def test_no_sales_is_an_empty_panel_that_keeps_the_items_asked_for():
    built = panel.build([], until=MONDAY, items=["soup"])
    assert built.sold.shape == (0, 1)


def test_masks_of_one_item_and_of_all():
    rows = [(day, item, 4) for day in (MONDAY, TUESDAY) for item in ("bread", "soup")]
    built = panel.build(
        rows,
        until=WEDNESDAY,
        sold_out={(MONDAY, "soup"), (WEDNESDAY, "soup")},  # nothing at all was sold on Wednesday: it was closed
        sold_out_share={(TUESDAY, "bread"): 0.4},
        special={(TUESDAY, None), (MONDAY, "unheard of"), (date(2023, 1, 1), "soup")},
    )
    assert built.sold_out.tolist() == [[False, True], [True, False], [False, False]]
    assert built.special.tolist() == [[False, False], [True, True], [False, False]]
    assert built.sold_out_share[1, 0] == 0.4
    assert built.teaching.tolist() == [[True, True], [False, False], [False, False]]
    assert built.ordinary.tolist() == [[True, False], [False, False], [False, False]]


def test_without_masks_every_open_day_is_ordinary():
    built = panel.build([(MONDAY, "soup", 2)], until=TUESDAY)
    assert built.ordinary.tolist() == [[True], [False]]


def test_masks_stay_with_their_days():
    rows = [(MONDAY, "soup", 2), (TUESDAY, "soup", 3)]
    built = panel.build(rows, until=TUESDAY, sold_out=[(TUESDAY, "soup")])
    assert built.tail(1).sold_out.tolist() == [[True]]
    longer = built.followed_by_closed(2)
    assert longer.sold_out[:, 0].tolist() == [False, True, False, False]
    assert longer.days[-1] == built.days[-1] + 2
    assert not longer.is_open[2:].any()


def cut(days: slice, **how) -> panel.Panel:
    sales = generated.sales(400, 2, **how)
    sales.sold[days], sales.is_open[days] = 0, False
    return sales


def test_months_without_data_are_a_hole():
    (hole,) = panel.holes(cut(slice(101, 250), closed_weekdays=(0,)))
    assert (hole.first, hole.last) == (date(2024, 4, 11), date(2024, 9, 6))
    assert hole.days == 149 - 21  # without its Mondays, on which the house is closed anyway


def test_days_off_and_a_short_break_are_no_hole():
    assert panel.holes(cut(slice(101, 104))) == []
    assert panel.holes(generated.sales(200, 2, closed_weekdays=(0, 1, 2, 6))) == []
    assert panel.holes(generated.sales(1, 2)) == []


def test_a_planned_closure_is_no_hole():
    sales = cut(slice(100, 130))
    rows = [(sales.days[t].item(), "soup", 1.0) for t in np.flatnonzero(sales.is_open)]
    planned = [sales.days[t].item() for t in range(100, 130)]
    assert panel.holes(panel.build(rows, until=date(2025, 1, 1), closed=planned)) == []
    assert panel.holes(panel.build(rows, until=date(2025, 1, 1)))[0].days == 30


def test_a_weekday_given_up_for_good_is_no_hole():
    sales = generated.sales(300, 2)
    given_up = (sales.weekdays < 5) & (np.arange(300) >= 150)
    sales.sold[given_up], sales.is_open[given_up] = 0, False
    assert panel.holes(sales) == []
