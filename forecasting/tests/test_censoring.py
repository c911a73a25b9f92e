"""Expected demand of sold-out days, against counts that were drawn and then censored."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.engine import censoring, levels
from forecasting.tests import generated

UNKNOWN = np.nan


def drawn(mean: float, dispersion: float) -> np.ndarray:
    return np.random.default_rng(3).negative_binomial(mean / (dispersion - 1), 1 / dispersion, 400_000).astype(float)


def demand(sold: float, mean: float, dispersion: float, share: float = UNKNOWN) -> tuple[float, float]:
    found = censoring.demand(*(np.array([value]) for value in (sold, mean, dispersion, share)))
    return found.mean[0], found.squared_error[0]


@pytest.mark.parametrize(("sold", "mean", "dispersion"), [(12, 10, 1.6), (3, 10, 3.0), (2, 0.8, 1.3), (0, 4, 2.0)])
def test_it_is_the_mean_of_the_days_that_asked_for_as_much(sold, mean, dispersion):
    asked = drawn(mean, dispersion)
    asked = asked[asked >= sold]
    expected, squared_error = demand(sold, mean, dispersion)
    assert expected == pytest.approx(asked.mean(), rel=0.01)
    assert squared_error == pytest.approx(((asked - mean) ** 2).mean(), rel=0.03)


def test_a_known_hour_scales_the_sales_up_to_it():
    rng = np.random.default_rng(4)
    asked = drawn(20, 4.0)
    until = rng.binomial(asked.astype(int), 0.5)
    expected, squared_error = demand(14, 20, 4.0, 0.5)
    assert expected == pytest.approx(asked[until == 14].mean(), rel=0.01)
    assert squared_error == pytest.approx(((asked[until == 14] - 20) ** 2).mean(), rel=0.03)


def test_the_whole_day_sold_is_what_was_asked_for():
    assert demand(7, 20, 4.0, 1.0)[0] == pytest.approx(7)


def test_sales_far_above_what_was_thought_possible_still_count_for_a_little_more():
    assert demand(5000, 1, 1.2)[0] == pytest.approx(5000, rel=0.01)


@given(
    sold=st.floats(0, 1e7),
    mean=st.floats(0, 1e6),
    dispersion=st.floats(1, 100),
    share=st.one_of(st.just(UNKNOWN), st.floats(0, 1)),
)
def test_never_less_than_was_sold(sold, mean, dispersion, share):
    expected, squared_error = demand(sold, mean, dispersion, share)
    assert np.isfinite([expected, squared_error]).all()
    assert expected >= sold * (1 - 1e-9)
    assert squared_error >= 0


@pytest.mark.parametrize("share", [0.0, 0.05, UNKNOWN, 0.15, 0.5])
@pytest.mark.parametrize("marked", [3, 7, 14, 28, 90])
def test_a_mark_that_nobody_takes_back_does_not_run_away(marked, share):
    """Sales of eight a day go on. What was missed on a day is at most as much again."""
    sales = generated.drawn(np.full((200, 1), 8.0), dispersion=1.01)
    out = np.arange(200)[:, None] >= 200 - marked
    track = levels.track(replace(sales, sold_out=out, sold_out_share=np.where(out, share, np.nan)))
    assert track.counted[-marked:].max() <= 2 * max(sales.sold.max(), 8)
    week = (track.level[-1, levels.SHORT, 0] * track.profile[-1, :, 0]).mean()
    assert 0.9 * 8 <= week <= (2.1 if share >= 0.1 else 1.5) * 8


def test_what_was_missed_counts_in_full_where_a_dish_runs_out_now_and_then():
    one = [np.array([value]) for value in (12.0, 8.0)]
    asked = censoring.Demand(np.array([15.0]), np.array([50.0]))
    now_and_then, always = (
        censoring.believed(asked, one[0], one[1], one[1], np.array([often]), np.array([UNKNOWN])) for often in (0.3, 1)
    )
    assert now_and_then == asked
    assert always.mean == one[0]


def test_a_dish_that_runs_out_at_noon_every_day_is_asked_for_twice_as_much():
    sales = generated.drawn(np.full((200, 1), 8.0), dispersion=1.01)
    at_noon = replace(sales, sold_out=np.ones((1, 1), dtype=bool), sold_out_share=np.full((1, 1), 0.5))
    assert levels.track(at_noon).level[-1, levels.LONG, 0] == pytest.approx(16, rel=0.1)
