"""Hiding the last weeks: nothing hidden is seen, and what stands beside Flux is what restaurants do."""

import datetime as dt

import numpy as np
import pytest

from forecasting import engine
from forecasting.arithmetic import enough
from forecasting.engine import trial, verdict
from forecasting.engine.panel import Panel
from forecasting.tests import generated

HORIZON = 14
DAY = dt.date(2026, 1, 1)


def ask(known):
    return engine.forecast(known, horizon_days=HORIZON)


def hide(panel, forecast=ask):
    return trial.hide(panel, forecast=forecast)


@pytest.fixture(scope="module")
def panel():
    """Seventeen weeks of three items, closed on Mondays."""
    return generated.sales(119, 3, closed_weekdays=(0,))


@pytest.fixture(scope="module")
def hidden(panel):
    return hide(panel)


@pytest.fixture(scope="module")
def short():
    """Eleven weeks, of which two are hidden."""
    return generated.sales(77, 3, closed_weekdays=(0,))


def with_sales(panel, rows, factor):
    sold = panel.sold.copy()
    sold[rows] *= factor
    return Panel(panel.days, panel.items, sold, panel.is_open, panel.sold_out, panel.special, panel.sold_out_share)


def test_the_last_four_weeks_of_sixteen_are_hidden(panel, hidden):
    assert (hidden.days == panel.days[-28:]).all()
    assert (hidden.sold == panel.sold[-28:]).all()
    assert (hidden.scored == panel.is_open[-28:, None]).all()


def test_what_was_sold_in_a_hidden_week_changes_no_forecast_of_it_nor_of_weeks_before(panel, hidden):
    """The fourth week is ten times as busy: the first four forecasts, made before it, are the same to the byte."""
    other = hide(with_sales(panel, slice(-7, None), 10))
    for name in ("mean", "quantiles", "same_weekday", "trimmed", "total_low", "total_high"):
        assert getattr(other, name).tobytes() == getattr(hidden, name).tobytes()
    assert not np.array_equal(other.sold, hidden.sold)


def test_a_week_sees_the_hidden_week_before_it(short):
    plain, other = hide(short), hide(with_sales(short, slice(-14, -7), 3))
    assert np.array_equal(other.mean[:7], plain.mean[:7])
    assert (other.mean[7:] > plain.mean[7:]).all()


def test_each_week_is_forecast_from_what_was_known_on_the_day_before_it(short):
    ends = []

    def remember(known):
        ends.append(known.days[-1])
        return ask(known)

    hide(short, forecast=remember)
    assert ends == list(short.days[[-15, -8]])


def test_closed_days_at_the_end_are_not_hidden(panel):
    longer = panel.followed_by_closed(9)
    assert np.array_equal(trial.through_last_sale(longer).days, panel.days)


def test_sold_out_and_special_days_are_left_out(short):
    out, special = np.zeros((2, *short.sold.shape), dtype=bool)
    out[-1, 0], special[-2, 1] = True, True
    marked = Panel(short.days, short.items, short.sold, short.is_open, sold_out=out, special=special)
    scored = hide(marked).scored
    assert scored[-1].tolist() == [False, True, True]
    assert scored[-2].tolist() == [True, False, True]


def test_an_item_not_sold_for_four_weeks_is_not_judged(short):
    retired = with_sales(short, slice(-45, None), np.array([1, 0, 1]))
    assert not hide(retired).scored[:, 1].any()


@pytest.mark.parametrize(("n_days", "weeks"), [(56, 2), (111, 2), (112, 4), (800, 4)])
def test_two_weeks_are_hidden_of_eight_and_four_of_sixteen(n_days, weeks):
    assert enough.weeks_to_hide(n_days) == weeks


def test_under_eight_weeks_it_says_what_is_missing():
    with pytest.raises(enough.TooShort, match=r"needs 56 days .* has 55") as problem:
        hide(generated.sales(55, 2))
    assert problem.value.missing_days == 1


def test_weeks_without_sales_are_no_history():
    days = [DAY + dt.timedelta(days=n) for n in [*range(30), *range(100, 130)]]
    assert enough.history_days(days) == 5 * 7 + 4 * 7 + 4  # weeks are counted from the end; the first one is short
    assert enough.history_days([]) == 0
    assert enough.history_days([DAY]) == 1


def test_the_trimmed_mean_drops_days_without_a_sale_and_the_two_extremes():
    panel = generated.sales(63, 4)
    sold = panel.sold.copy()
    rows = 63 - 7 * np.arange(1, 9)  # the day after the panel, one to eight weeks before
    sold[rows] = np.array(
        [[2, 0, 0, 0], [4, 0, 0, 0], [6, 5, 0, 9], [8, 0, 0, 0], [90, 7, 0, 0], [1, 0, 0, 0]] + [[4, 9, 0, 0]] * 2
    )
    changed = Panel(panel.days, panel.items, sold, panel.is_open)
    assert trial.trimmed_mean(changed, 1).tolist() == pytest.approx([28 / 6, (5 + 7 + 9 + 9 - 5 - 9) / 2, 0, 9])


def test_the_trimmed_mean_needs_eight_weeks_of_sales():
    assert np.isnan(trial.trimmed_mean(generated.sales(55, 2), 1)).all()
    short = verdict.report(hide(generated.sales(60, 2)))
    assert (short["weeks"], short["all"]["trimmed"]) == (2, None)
