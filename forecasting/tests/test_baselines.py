import numpy as np
import pytest

from forecasting.engine import levels
from forecasting.engine.baselines import SameWeekdayMean, Smoother
from forecasting.engine.demand import BoostedModel, MenuForecaster, TooLittleHistory, _smoother_weight
from forecasting.engine.features import Cases, Lookup, grid
from forecasting.tests import generated


def test_the_baseline_is_the_mean_of_the_last_four_same_weekdays():
    panel = generated.sales(60, 2)
    lookup = Lookup(levels.track(panel))
    answer = SameWeekdayMean().predict(lookup, grid(59, 2, np.array([1])))  # day 60, as were 53, 46, 39 and 32
    assert answer.tolist() == panel.sold[[53, 46, 39, 32]].mean(axis=0).tolist()


def test_the_baseline_skips_closed_days():
    panel = generated.sales(60, 1)
    panel.sold[46], panel.is_open[46] = 0, False
    answer = SameWeekdayMean().predict(Lookup(levels.track(panel)), grid(59, 1, np.array([1])))
    assert answer.tolist() == panel.sold[[53, 39, 32, 25]].mean(axis=0).tolist()


def test_the_smoother_comes_close_to_the_truth():
    lookup = Lookup(levels.track(generated.sales(200, 5)))
    answer = Smoother().fit(lookup, 199).predict(lookup, grid(199, 5, np.arange(1, 8)))
    truth = generated.expected(207, 5)[200:].ravel()
    assert np.abs(answer - truth).sum() / truth.sum() < 0.12


def test_the_smoother_without_evidence_uses_the_slow_levels():
    lookup = Lookup(levels.track(generated.sales(5, 3)))
    expected = [[0] * 3, [0] * 3, [0.5] * 3, [0.5] * 3, *[[0] * 3] * 4]
    assert Smoother().fit(lookup, 4).weights_.tolist() == expected


def test_the_model_refuses_too_little_history():
    lookup = Lookup(levels.track(generated.sales(40, 3)))
    with pytest.raises(TooLittleHistory, match="needs 56 days of sales to learn from and found 40"):
        MenuForecaster().fit(lookup, 39)
    with pytest.raises(TooLittleHistory, match="too few days on which the dishes sold"):
        BoostedModel().fit(lookup, 20)


def test_beyond_two_weeks_the_forecast_follows_last_years_season():
    truth = generated.expected(575, 8, season=0.5).sum(axis=1)
    known, last_week = slice(533, 540), slice(568, 575)
    assert truth[last_week].sum() < 0.75 * truth[known].sum()  # sales are falling fast
    lookup = Lookup(levels.track(generated.sales(540, 8, season=0.5)))
    answer = Smoother().fit(lookup, 539).predict(lookup, grid(539, 8, np.arange(29, 36))).sum()
    assert answer == pytest.approx(truth[last_week].sum(), rel=0.2)  # its level lags; it would be 40 % off without


def test_the_smoother_turns_to_the_season_where_that_forecasts_better():
    truth = generated.expected(547, 8, season=0.6)
    lookup = Lookup(levels.track(generated.sales(540, 8, season=0.6, dispersion=1.2)))
    smoother = Smoother().fit(lookup, 539)
    assert smoother.weights_[4:].sum(axis=0).mean() > 0.5
    answer = smoother.predict(lookup, grid(539, 8, np.arange(1, 8))).sum()
    assert answer == pytest.approx(truth[540:].sum(), rel=0.08)


def test_the_smoother_counts_less_the_more_has_been_sold():
    weights = [_smoother_weight(np.full((days, 2), units)) for days, units in ((100, 500), (400, 500), (900, 500))]
    assert weights[0] == pytest.approx(0.8)
    assert weights[1] == pytest.approx(0.2)
    assert weights[2] == pytest.approx(10_000 / 410_000)
    assert _smoother_weight(np.full((900, 2), 1.0)) == pytest.approx(10_000 / 10_800)


def test_what_is_learned_is_a_factor_on_the_expected_units():
    # Small items borrow from big ones, whatever the unit: grams or kilograms of the same sales learn the same factors.
    panel = generated.sales(120, 4, biggest=60)
    cases = grid(119, 4, np.arange(1, 15))
    factors = []
    for scale in (1.0, 16.0):
        lookup = Lookup(levels.track(generated.Panel(panel.days, panel.items, panel.sold * scale, panel.is_open)))
        learn = Cases(np.repeat(np.arange(60, 100), 4), np.tile(np.arange(4), 40), np.full(160, 3))
        model = BoostedModel(iterations=20).fit_cases(lookup, learn, 119)
        factors.append(model.predict(lookup, cases) / lookup.base(cases))
    assert factors[1] == pytest.approx(factors[0], rel=0.05)
