"""The last weeks over again: what each method would have said, which of them to trust, and how well the ranges held.

The weeks are rehearsed in two lessons. A method is taught up to the first day of each lesson alone, so that it
forecasts days no more than a few weeks after what it learned, as it does in earnest.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forecasting.engine import backtest
from forecasting.engine.backtest import WEEK_DAYS, Replay
from forecasting.engine.baselines import PointForecaster, SameWeekdayMean, Smoother
from forecasting.engine.demand import MODEL_MIN_DAYS, MenuForecaster, TooLittleHistory
from forecasting.engine.features import Lookup
from forecasting.engine.intervals import Intervals, QuantileModels
from forecasting.engine.panel import Array

MODEL, SMOOTHER, BASELINE = "model", "smoother", "same_weekday"
REPORT_WEEKS = 4
MODEL_FROM_DAYS = MODEL_MIN_DAYS + REPORT_WEEKS * WEEK_DAYS
TOO_SHORT = (
    f"The model is used from {MODEL_FROM_DAYS} days of sales on: {MODEL_MIN_DAYS} to learn from and "
    f"{REPORT_WEEKS} weeks to be tried on. There are {{}} days so far."
)
SEED = 1
FAILURES = (
    TooLittleHistory,
    ValueError,
    ArithmeticError,
    MemoryError,
)  # of a model, which the smoother then stands for

_REPLAY_WEEKS = 6
_WARM_UP_DAYS = 14  # history that even a smoother is given before it is tried
_ROWS, _QUANTILE_ROWS = 20_000, 12_000
_ITERATIONS = 80  # as good as the model's own number for what is asked here, and half the time
_BAND = (0.1, 0.9)
_CLEARLY = 2.0  # standard errors between weeks by which the same-weekday mean has to be better to be preferred
_FEWEST_WEEKS = 3


@dataclass(frozen=True)
class Lesson:
    """Methods taught up to `until`, and the origins, from that day on, that they forecast from."""

    until: int
    origins: Array
    methods: Mapping[str, PointForecaster]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Rehearsal:
    """All of the replayed forecasts, and those of the second lesson with the lesson's own end."""

    replay: Replay
    lessons: tuple[Lesson, ...]
    n_days: int  # of the whole history

    @property
    def notes(self) -> list[str]:
        """Why there is no model, in a sentence about the whole history rather than about each lesson's part of it."""
        if self.n_days < MODEL_FROM_DAYS:
            return [TOO_SHORT.format(self.n_days)]
        return [note for lesson in self.lessons for note in lesson.notes][-1:]


def rehearse(lookup: Lookup, horizon_days: int) -> Rehearsal:
    """Teach and replay; without weeks to replay there are no lessons and nothing in the replay."""
    last = len(lookup.track.panel.days) - 1
    weeks = _weeks(last + 1)
    origins = last - WEEK_DAYS * np.arange(weeks, 0, -1)
    lessons = tuple(_lesson(lookup, part) for part in np.array_split(origins, 2) if part.size)
    everywhere = {name for name in (MODEL, SMOOTHER, BASELINE) if all(name in lesson.methods for lesson in lessons)}
    parts = [
        backtest.replay(lookup, {m: lesson.methods[m] for m in everywhere}, lesson.origins, horizon_days=horizon_days)
        for lesson in lessons
    ]
    return Rehearsal(backtest.joined(parts, everywhere), lessons, last + 1)


def _weeks(n_days: int) -> int:
    """Weeks at the end that can be replayed: by the model where it keeps enough to learn from, else by the smoother."""
    with_model = (n_days - MODEL_MIN_DAYS) // WEEK_DAYS
    without = (n_days - _WARM_UP_DAYS) // WEEK_DAYS
    return min(_REPLAY_WEEKS, with_model) if with_model >= REPORT_WEEKS else max(0, min(REPORT_WEEKS, without))


def _lesson(lookup: Lookup, origins: Array) -> Lesson:
    until = int(origins[0])
    methods: dict[str, PointForecaster] = {SMOOTHER: Smoother().fit(lookup, until), BASELINE: SameWeekdayMean()}
    try:
        methods[MODEL] = MenuForecaster(max_rows=_ROWS, iterations=_ITERATIONS, seed=SEED).fit(lookup, until)
    except FAILURES as problem:
        return Lesson(until, origins, methods, (failed(problem),))
    return Lesson(until, origins, methods, ())


def failed(problem: Exception) -> str:
    """Why there is no model, for the report."""
    return str(problem) if isinstance(problem, TooLittleHistory) else f"The model could not be fitted: {problem}"


def choose(replay: Replay) -> str:
    """The model where there is one, else the smoother; the same-weekday mean where it was clearly better than both.

    The smoother where nothing was replayed.
    """
    if not len(replay.sold):
        return SMOOTHER
    for method in (MODEL, SMOOTHER):
        if method in replay.means and not _clearly_worse(replay, method):
            return method
    return BASELINE


def _clearly_worse(replay: Replay, method: str) -> bool:
    """Whether the same-weekday mean had smaller errors, by more than what differs from week to week by chance."""
    daily = replay.daily(_REPLAY_WEEKS)
    weeks, week = np.unique(daily.cases.origin, return_inverse=True)
    if len(weeks) < _FEWEST_WEEKS:
        return False
    more = np.abs(daily.sold - daily.means[method]) - np.abs(daily.sold - daily.means[BASELINE])
    excess = np.bincount(week, more) / np.maximum(np.bincount(week, daily.sold), 1)
    return bool(excess.mean() > _CLEARLY * excess.std(ddof=1) / np.sqrt(len(weeks)))


def proven(lookup: Lookup, rehearsal: Rehearsal, method: str) -> tuple[Replay, Array]:
    """The second lesson's daily forecasts, and whether what was sold fell into their 10–90 % ranges.

    The spread comes from the first lesson's errors alone: nothing that is judged has been looked at before.
    """
    nothing = rehearsal.replay.select(np.empty(0, dtype=int)), np.empty(0, dtype=bool)
    if len(rehearsal.lessons) < 2:
        return nothing
    second = rehearsal.lessons[1]
    is_second = rehearsal.replay.cases.origin >= second.until
    learn = rehearsal.replay.select(np.flatnonzero(~is_second))
    judge = rehearsal.replay.select(np.flatnonzero(is_second)).daily(_REPLAY_WEEKS)
    if not len(learn.sold) or not len(judge.sold):
        return nothing
    models = quantile_models(lookup, second.until, _BAND, max_rows=_QUANTILE_ROWS) if method == MODEL else None
    spread = Intervals(models, quantiles=_BAND).fit(learn, method, len(lookup.track.panel.items))
    band, _ = spread.predict(lookup, judge.cases, judge.means[method])
    return judge, (judge.sold >= band[:, 0]) & (judge.sold <= band[:, -1])


def quantile_models(
    lookup: Lookup, until: int, quantiles: tuple[float, ...], *, max_rows: int
) -> QuantileModels | None:
    """Fitted; None where they cannot be."""
    try:
        return QuantileModels(quantiles, max_rows=max_rows, seed=SEED).fit(lookup, until)
    except FAILURES:
        return None


def report(lookup: Lookup, rehearsal: Rehearsal, method: str) -> dict[str, Any]:
    """As JSON: scores per method over the last weeks, coverage, and the chosen method's scores per item.

    `items`: str(item) → its WAPE, bias, number of forecasts and, with at least one in the second lesson, coverage;
    those of which nothing was sold in those weeks are left out.
    """
    daily = rehearsal.replay.daily(REPORT_WEEKS)
    judge, inside = proven(lookup, rehearsal, method)
    return {
        "weeks": len(np.unique(daily.cases.origin)),
        "scores": {name: _rounded(asdict(score)) for name, score in daily.scores().items()},
        "coverage_80": round(float(inside.mean()), 4) if len(inside) else None,
        "items": _items(lookup, daily, method, judge, inside),
    }


def _items(lookup: Lookup, daily: Replay, method: str, judge: Replay, inside: Array) -> dict[str, dict[str, Any]]:
    names = lookup.track.panel.items
    scores: dict[str, dict[str, Any]] = {}
    for i in np.unique(daily.cases.item):
        own = daily.select(np.flatnonzero(daily.cases.item == i))
        score = backtest.score(own.means[method], own.sold)
        if score is not None:
            held = inside[judge.cases.item == i]
            scores[str(names[i])] = {
                "wape": round(score.wape, 3),
                "bias": round(score.bias, 3),
                "n": score.n_forecasts,
                "coverage_80": round(float(held.mean()), 3) if len(held) else None,
            }
    return scores


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
