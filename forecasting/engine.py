"""From a panel of sales to a forecast that says how sure it is, and how good it would have been lately."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from forecasting import backtest, levels, newcomers
from forecasting.baselines import PointForecaster, SameWeekdayMean, Smoother
from forecasting.demand import MODEL_MIN_DAYS, MenuForecaster, TooLittleHistory
from forecasting.features import Cases, Facts, Lookup, grid
from forecasting.intervals import QUANTILES, Intervals, QuantileModels
from forecasting.newcomers import Likeness
from forecasting.panel import Array, Panel, holes

MODEL_VERSION = "menu-1"
MODEL, SMOOTHER, BASELINE = "model", "smoother", "same_weekday"

MEMORY_DAYS = 800  # 400 days of lessons, each of which looks back a year
_REPLAY_WEEKS = 6
_REPORT_WEEKS = 4
_WARM_UP_DAYS = 14  # history that even a smoother is given before it is tried
_TOLERATED = 1.2  # a method this much worse than the baseline is dropped: the replayed model knows six weeks less
_FAIR_DAYS = 770  # with less, the replayed model has not seen every season turn before: the real one is better
_BENEFIT_OF_DOUBT = 0.97  # on the model's error against the smoother's, since the real one knows six weeks more
_REPLAY_ROWS, _FINAL_ROWS = 30_000, 60_000
_REPLAY_QUANTILE_ROWS, _FINAL_QUANTILE_ROWS = 12_000, 20_000
_SEED = 1


@dataclass(frozen=True)
class Outlook:
    """Expected sales for the days after the panel's end; axes: d = day, i = item, q = quantile."""

    days: Array  # (d,) datetime64[D]
    items: tuple[Hashable, ...]
    mean: Array  # (d, i) units
    quantiles: Array  # (d, i, q) units, ascending, at intervals.QUANTILES
    confidence: Array  # (d, i) probability of coming close, see Intervals.predict
    report: Mapping[str, Any]  # what it rests on, as JSON values: see _report


def forecast(
    panel: Panel,
    *,
    horizon_days: int,
    holidays: Iterable[date] = (),
    school_holidays: Iterable[date] = (),
    facts: Facts | None = None,
    baseline_items: Collection[Hashable] = frozenset(),
    likeness: Likeness | None = None,
) -> Outlook:
    """Forecast every item of the panel for each of the next days, as if all of them were open.

    `school_holidays` and `facts` (weather, bookings; past days and future ones, as known ahead of them) are used where
    they are given. `baseline_items` get the same-weekday mean, since a stored backtest found it better for them.
    `likeness` says of new items what they sell like; it counts less with every day of their own.

    The same input gives the same output to the byte: every random choice is seeded, and one thread is used. There is
    an answer for any panel, down to an empty one; the report says what it rests on.
    """
    import sklearn.ensemble  # noqa: F401 - only what is loaded can be limited to one thread
    from threadpoolctl import threadpool_limits

    if not panel.sold.any():
        return _nothing_known(panel, horizon_days)
    with threadpool_limits(limits=1):
        lookup = Lookup(levels.track(panel.tail(MEMORY_DAYS)), holidays, school_holidays, facts)
        return _outlook(lookup, horizon_days, frozenset(baseline_items), likeness or {})


def _nothing_known(panel: Panel, horizon_days: int) -> Outlook:
    """Without a single sale: none are expected, and no confidence is claimed."""
    shape = (horizon_days, len(panel.items))
    ahead = np.arange(1, horizon_days + 1)
    days = panel.days[-1] + ahead if len(panel.days) else np.full(horizon_days, np.datetime64("NaT", "D"))
    report = {
        "method": BASELINE,
        "notes": ["Nothing has been sold yet."],
        "history_days": 0,
        "open_days": 0,
        "missing_days": [],
    }
    return Outlook(days, panel.items, np.zeros(shape), np.zeros((*shape, len(QUANTILES))), np.zeros(shape), report)


def _outlook(lookup: Lookup, horizon_days: int, baseline_items: frozenset[Hashable], likeness: Likeness) -> Outlook:
    panel = lookup.track.panel
    last, n_items = len(panel.days) - 1, len(panel.items)
    weeks = _replay_weeks(len(panel.days))
    replay, notes = _replay(lookup, last, weeks, horizon_days)
    method = _choose(replay.daily(_REPORT_WEEKS).scores(), is_fair=last + 1 >= _FAIR_DAYS)
    forecaster, problems = _fit(lookup, last, method)
    models = None
    if method == MODEL and not problems:
        models = _quantile_models(lookup, last, QUANTILES, max_rows=_FINAL_QUANTILE_ROWS)
    cases = grid(last, n_items, np.arange(1, horizon_days + 1))
    mean = np.maximum(forecaster.predict(lookup, cases), 0) * _still_on_the_menu(lookup, cases)
    mean = newcomers.blend(mean.reshape(horizon_days, n_items), lookup.track.age[last], panel.items, likeness).ravel()
    quantiles, confidence = Intervals(models).fit(replay, method, n_items).predict(lookup, cases, mean)
    plain = np.flatnonzero(np.isin(cases.item, [i for i, item in enumerate(panel.items) if item in baseline_items]))
    mean[plain] = SameWeekdayMean().predict(lookup, cases[plain])
    quantiles[plain], confidence[plain] = (
        Intervals().fit(replay, BASELINE, n_items).predict(lookup, cases[plain], mean[plain])
    )
    unknown = (mean == 0) & (lookup.track.age[last, cases.item] == 0)
    quantiles[unknown], confidence[unknown] = 0, 0
    return Outlook(
        days=panel.days[-1] + np.arange(1, horizon_days + 1),
        items=panel.items,
        mean=mean.reshape(horizon_days, n_items),
        quantiles=quantiles.reshape(horizon_days, n_items, len(QUANTILES)),
        confidence=confidence.reshape(horizon_days, n_items),
        report=_report(
            lookup, replay, method, [*notes, *problems], proven=_proven_coverage(lookup, replay, method, weeks)
        ),
    )


def _replay_weeks(n_days: int) -> int:
    """Weeks at the end that can be replayed: by the model where it keeps enough to learn from, else by the smoother."""
    with_model = (n_days - MODEL_MIN_DAYS) // backtest.WEEK_DAYS
    without = (n_days - _WARM_UP_DAYS) // backtest.WEEK_DAYS
    return min(_REPLAY_WEEKS, with_model) if with_model >= _REPORT_WEEKS else max(0, min(_REPORT_WEEKS, without))


def _replay(lookup: Lookup, last: int, weeks: int, horizon_days: int) -> tuple[backtest.Replay, list[str]]:
    """What every method that can be fitted would have said in the last weeks, and why the model could not."""
    until = last - backtest.WEEK_DAYS * weeks
    fitted: dict[str, PointForecaster] = {SMOOTHER: Smoother().fit(lookup, until), BASELINE: SameWeekdayMean()}
    notes = []
    try:
        fitted[MODEL] = MenuForecaster(max_rows=_REPLAY_ROWS, seed=_SEED).fit(lookup, until)
    except TooLittleHistory as problem:
        notes.append(str(problem))
    return backtest.replay(lookup, fitted, weeks=weeks, horizon_days=horizon_days), notes


def _choose(scores: Mapping[str, backtest.Score], *, is_fair: bool = False) -> str:
    """The model, then the smoother, unless it was worse than the same-weekday mean; that mean where both were.

    Where the replay `is_fair` to the model, the better of model and smoother. The smoother where nothing was scored.
    """
    if not scores:
        return SMOOTHER
    bar = _TOLERATED * scores[BASELINE].wape
    good = {name: scores[name].wape for name in (MODEL, SMOOTHER) if name in scores and scores[name].wape <= bar}
    if MODEL in good:
        good[MODEL] *= _BENEFIT_OF_DOUBT if is_fair else 0.0
    return min(good, key=lambda name: good[name], default=BASELINE)


def _fit(lookup: Lookup, until: int, method: str) -> tuple[PointForecaster, list[str]]:
    """The chosen method, fitted to all that is known; the smoother if the model fails, and why."""
    makers: dict[str, Callable[[], PointForecaster]] = {
        MODEL: lambda: MenuForecaster(max_rows=_FINAL_ROWS, seed=_SEED),
        SMOOTHER: Smoother,
        BASELINE: SameWeekdayMean,
    }
    try:
        return makers[method]().fit(lookup, until), []
    except (TooLittleHistory, ValueError, FloatingPointError) as problem:
        return Smoother().fit(lookup, until), [f"The model could not be fitted: {problem}"]


def _quantile_models(
    lookup: Lookup, until: int, quantiles: tuple[float, ...], *, max_rows: int
) -> QuantileModels | None:
    try:
        return QuantileModels(quantiles, max_rows=max_rows, seed=_SEED).fit(lookup, until)
    except TooLittleHistory:
        return None


def _still_on_the_menu(lookup: Lookup, cases: Cases) -> Array:
    """Share of demand left for an item silent for a week or more: 5 over the units it should have sold meanwhile.

    0 for an item that never sold.
    """
    track = lookup.track
    silence = track.silence[cases.origin, cases.item]
    missed = silence * track.level[cases.origin, levels.LONG, cases.item]
    left = np.where(silence >= backtest.WEEK_DAYS, np.minimum(1, 5 / np.maximum(missed, 5)), 1.0)
    return left * (track.age[cases.origin, cases.item] > 0)


def _proven_coverage(lookup: Lookup, replay: backtest.Replay, method: str, weeks: int) -> float | None:
    """Share of sales inside 10–90 % over the replay's weeks, each half judged by a spread learned from the other."""
    until = len(lookup.track.panel.days) - 1 - backtest.WEEK_DAYS * weeks
    models = None
    if method == MODEL:
        models = _quantile_models(lookup, until, (0.1, 0.9), max_rows=_REPLAY_QUANTILE_ROWS)
    second = np.unique(replay.cases.origin, return_inverse=True)[1] % 2 == 1
    inside: list[Array] = []
    for half in (second, ~second):
        learn, judge = replay.select(np.flatnonzero(half)), replay.select(np.flatnonzero(~half)).daily(weeks)
        if len(learn.sold) and len(judge.sold):
            spread = Intervals(models, quantiles=(0.1, 0.9)).fit(learn, method, len(lookup.track.panel.items))
            band, _ = spread.predict(lookup, judge.cases, judge.means[method])
            inside.append((judge.sold >= band[:, 0]) & (judge.sold <= band[:, -1]))
    return float(np.concatenate(inside).mean()) if inside else None


def _report(
    lookup: Lookup, replay: backtest.Replay, method: str, notes: list[str], *, proven: float | None
) -> dict[str, Any]:
    """What the forecast rests on: method used, history seen, and the score of each method over the last four weeks."""
    panel = lookup.track.panel
    scores = replay.daily(_REPORT_WEEKS).scores()
    return {
        "method": method,
        "notes": notes,
        "history_days": len(panel.days),
        "open_days": int(panel.is_open.sum()),
        "missing_days": [
            {"first": str(hole.first), "last": str(hole.last), "days": hole.days} for hole in holes(panel)
        ],
        "weeks": min(_REPORT_WEEKS, len(np.unique(replay.cases.origin))),
        "scores": {name: _rounded(asdict(score)) for name, score in scores.items()},
        "coverage_80": None if proven is None else round(proven, 4),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
