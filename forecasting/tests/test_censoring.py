"""Expected demand of sold-out days, against counts that were drawn and then censored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.engine import censoring

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
