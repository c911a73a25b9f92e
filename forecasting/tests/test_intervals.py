import tracemalloc

import numpy as np
import pytest
from scipy import stats

from forecasting.engine import levels
from forecasting.engine.backtest import Replay
from forecasting.engine.features import Cases, Lookup, grid
from forecasting.engine.intervals import (
    QUANTILES,
    Dispersion,
    Intervals,
    negative_binomial_cdf,
    negative_binomial_quantile,
)
from forecasting.tests import generated

MEANS = np.array([0.05, 0.8, 3.0, 40.0, 2500.0])


@pytest.mark.parametrize("dispersion", [1.001, 1.7, 12.0])
def test_the_distribution_is_scipys(dispersion):
    theirs = stats.nbinom(MEANS / (dispersion - 1), 1 / dispersion)
    spread = np.full(5, dispersion)
    for units in (0, 1, 3, 45, 2450):
        ours = negative_binomial_cdf(np.full(5, units), MEANS, spread)
        assert ours == pytest.approx(theirs.cdf(units), abs=1e-9)
    for level in QUANTILES:
        assert negative_binomial_quantile(level, MEANS, spread).tolist() == theirs.ppf(level).tolist()


def test_nothing_below_zero_units():
    assert negative_binomial_cdf(np.array([-1.0]), np.array([2.0]), np.array([1.5])).tolist() == [0]


def test_dispersion_finds_the_spread_that_made_the_sales():
    rng = np.random.default_rng(3)
    mean = rng.uniform(2, 60, 8000)
    sold = rng.negative_binomial(mean / 1.5, 1 / 2.5)
    item = rng.integers(0, 10, 8000)
    assert Dispersion().fit(mean, sold, item, 10).predict(mean, item) == pytest.approx(2.5, rel=0.25)


def test_dispersion_without_evidence_is_a_prior():
    nothing = np.empty(0)
    fitted = Dispersion().fit(nothing, nothing, nothing.astype(int), 2)
    assert fitted.predict(np.array([1.0, 50.0]), np.array([0, 1])).tolist() == [1.6, 1.6]


def test_confidence_is_calibrated_in_every_tenth():
    # Confidence is the probability of coming within ±20 % (at least ±2 units): of the forecasts in each tenth of
    # claimed confidence, that share must have come close, within 7 points.
    rng = np.random.default_rng(8)
    n, n_items = 20_000, 20
    item = rng.integers(0, n_items, n)
    mean = np.exp(rng.uniform(np.log(0.3), np.log(80), n))
    sold = rng.negative_binomial(mean / 0.9, 1 / 1.9).astype(float)
    cases = Cases(np.full(n, 59), item, np.ones(n, dtype=int))
    learn = Replay(cases[np.arange(n // 2)], sold[: n // 2], {"true": mean[: n // 2]})
    lookup = Lookup(levels.track(generated.sales(60, n_items)))
    judged = cases[np.arange(n // 2, n)]
    _, confidence = Intervals().fit(learn, "true", n_items).predict(lookup, judged, mean[n // 2 :])
    close = np.abs(sold[n // 2 :] - mean[n // 2 :]) <= np.maximum(2, 0.2 * mean[n // 2 :])
    for tenth in np.array_split(np.argsort(confidence), 10):
        assert confidence[tenth].mean() == pytest.approx(close[tenth].mean(), abs=0.07)


def test_ranges_of_a_long_menu_take_memory_by_the_case_and_not_by_case_and_item():
    n_items = 600
    lookup, nothing = Lookup(levels.track(generated.sales(30, n_items))), np.empty(0, dtype=int)
    cases = grid(29, n_items, np.arange(1, 36))
    fitted = Intervals().fit(Replay(cases[nothing], np.empty(0), {"mean": np.empty(0)}), "mean", n_items)
    tracemalloc.start()
    fitted.predict(lookup, cases, np.ones(len(cases)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 800 * len(cases)
