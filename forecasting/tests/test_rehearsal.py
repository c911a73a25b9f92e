import numpy as np
import pytest

from forecasting import engine
from forecasting.engine import levels, rehearsal
from forecasting.engine.backtest import Replay
from forecasting.engine.demand import MenuForecaster
from forecasting.engine.features import Cases, Lookup
from forecasting.engine.rehearsal import BASELINE, MODEL, SMOOTHER
from forecasting.tests import generated


def weekly(errors: dict[str, list[float]]) -> Replay:
    """A replay of 100 units a week, with each method's error of each week."""
    n_weeks = len(errors[BASELINE])
    cases = Cases(7 * np.arange(n_weeks), np.zeros(n_weeks, dtype=int), np.ones(n_weeks, dtype=int))
    return Replay(cases, np.full(n_weeks, 100.0), {name: 100 + np.array(e) for name, e in errors.items()})


STEADY = [20.0, 22, 18, 21, 19, 20]


@pytest.mark.parametrize(
    ("model", "smoother", "chosen"),
    [
        ([10] * 6, STEADY, MODEL),
        ([60, 22, 18, 21, 19, 20], STEADY, MODEL),  # one bad week in six proves nothing
        ([40] * 6, STEADY, SMOOTHER),
        ([40] * 6, [30] * 6, BASELINE),
    ],
)
def test_the_baseline_is_preferred_only_where_it_was_clearly_better(model, smoother, chosen):
    assert rehearsal.choose(weekly({MODEL: model, SMOOTHER: smoother, BASELINE: STEADY})) == chosen


def test_without_anything_to_compare_there_is_the_smoother():
    empty = Replay(Cases(*[np.empty(0, dtype=int)] * 3), np.empty(0), {})
    assert rehearsal.choose(empty) == SMOOTHER
    assert rehearsal.choose(weekly({SMOOTHER: [40.0], BASELINE: [1.0]})) == SMOOTHER


def test_what_happened_after_a_lesson_does_not_change_it():
    sales = generated.sales(126, 3)
    known = rehearsal.rehearse(Lookup(levels.track(sales)), 7)
    later = generated.sales(126, 3)
    later.sold[112:] *= 3
    changed = rehearsal.rehearse(Lookup(levels.track(later)), 7)
    before = known.replay.cases.origin < 112
    np.testing.assert_array_equal(known.replay.means[MODEL][before], changed.replay.means[MODEL][before])


def test_a_model_that_fails_gives_way_to_the_smoother_and_the_report_says_so(monkeypatch):
    def breaks(self, lookup, until):
        raise ValueError("the trees do not grow.")

    monkeypatch.setattr(MenuForecaster, "fit", breaks)
    outlook = engine.forecast(generated.sales(160, 3), horizon_days=7)
    assert outlook.report["method"] == SMOOTHER
    assert outlook.report["notes"] == ["The model could not be fitted: the trees do not grow."]
    assert (outlook.mean > 0).all()


def test_a_model_that_gives_no_number_gives_way_too(monkeypatch):
    monkeypatch.setattr(MenuForecaster, "predict", lambda self, lookup, cases: np.full(len(cases), np.nan))
    outlook = engine.forecast(generated.sales(160, 3), horizon_days=7)
    assert outlook.report["method"] == SMOOTHER
    assert np.isfinite(outlook.mean).all()


def test_the_report_scores_every_item_that_sold():
    report = engine.forecast(generated.sales(160, 3), horizon_days=7).report
    assert sorted(report["items"]) == ["item 0", "item 1", "item 2"]
    assert report["items"]["item 0"]["n"] == 28
    assert report["items"]["item 0"]["wape"] < report["items"]["item 2"]["wape"]
    assert 0 <= report["items"]["item 1"]["coverage_80"] <= 1
