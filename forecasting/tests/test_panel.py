from datetime import date

from forecasting import panel

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
