import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement import gamma

stats = pytest.importorskip("scipy.stats")

levels = st.floats(min_value=0.01, max_value=0.99)
shapes = st.floats(min_value=0.05, max_value=1e5)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("shape", [0.05, 0.3, 1, 2.5, 40, 900, 25_000, 5e6])
def test_quantiles_agree_with_scipy(level, shape):
    mean, variance = 12.0, 144 / shape
    expected = stats.gamma.ppf(level, a=shape, scale=variance / mean)
    assert gamma.quantile(level, mean, variance) == pytest.approx(expected, rel=1e-8)


@given(shape=shapes, level=levels)
def test_the_quantile_undoes_the_cumulative(shape, level):
    quantile = gamma.quantile(level, mean=shape, variance=shape)
    assert gamma.cumulative(quantile, shape) == pytest.approx(level, abs=1e-8)


@given(mean=st.floats(0.001, 1e6), variance=st.floats(1e-6, 1e9), low=levels, high=levels)
def test_a_higher_level_never_needs_less(mean, variance, low, high):
    low, high = sorted((low, high))
    first, second = (gamma.quantile(level, mean, variance) for level in (low, high))
    assert 0 <= first <= second * (1 + 1e-9)
    assert math.isfinite(second)


def test_without_variance_the_mean_is_needed_and_without_demand_nothing():
    assert gamma.quantile(0.9, 12, 0) == 12
    assert gamma.quantile(0.9, 0, 5) == 0


@pytest.mark.parametrize("variance", [1e-18, 1e-300, 5e-324])
def test_a_demand_without_noise_to_speak_of_is_its_mean(variance):
    assert gamma.quantile(0.9, 1.0, variance) == 1.0
