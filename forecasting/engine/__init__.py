"""From a panel of sales to a forecast that says how sure it is, and how good it would have been lately."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from forecasting.engine import levels, newcomers, specials
from forecasting.engine.backtest import WEEK_DAYS
from forecasting.engine.baselines import PointForecaster, SameWeekdayMean, Smoother
from forecasting.engine.demand import MenuForecaster
from forecasting.engine.features import Cases, Facts, Lookup, grid
from forecasting.engine.intervals import QUANTILES, Intervals
from forecasting.engine.newcomers import Likeness
from forecasting.engine.panel import Array, Panel, holes
from forecasting.engine.rehearsal import (
    BASELINE,
    FAILURES,
    MODEL,
    SEED,
    SMOOTHER,
    Rehearsal,
    choose,
    failed,
    quantile_models,
    rehearse,
    report,
)

MODEL_VERSION = "menu-2"

MEMORY_DAYS = 800  # 400 days of lessons, each of which looks back a year
_MOST_ITEM_DAYS, _LEAST_DAYS = 1_600_000, 180  # an item-day takes about 350 bytes while it is worked on
_ROWS, _QUANTILE_ROWS = 60_000, 20_000
_UNTRIED = "The last weeks have too few ordinary days to try the model on, so the recent level of each dish is used."
_PREFERRED = "The same-weekday mean was clearly better in the last weeks, so it is used."


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

    known = panel.tail(_days_that_fit(len(panel.items)))
    if not known.sold.any():
        return _nothing_known(known, horizon_days)
    with threadpool_limits(limits=1):
        lookup = Lookup(levels.track(known), holidays, school_holidays, facts)
        outlook = _outlook(lookup, horizon_days, frozenset(baseline_items), likeness or {})
    notes = [*outlook.report["notes"], *specials.notes(known, lookup.track.panel)]
    if not notes and outlook.report["method"] == SMOOTHER:
        notes = [_UNTRIED]
    return replace(outlook, report={**outlook.report, "notes": notes})


def _days_that_fit(n_items: int) -> int:
    """Days that are looked at: all of the memory for any usual menu, less of it for thousands of items."""
    return min(MEMORY_DAYS, max(_LEAST_DAYS, _MOST_ITEM_DAYS // max(n_items, 1)))


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
    rehearsal = rehearse(lookup, horizon_days)
    method = choose(rehearsal.replay)
    cases = grid(last, n_items, np.arange(1, horizon_days + 1))
    method, expected, problems = _expect(lookup, cases, method)
    mean = np.maximum(expected, 0) * _still_on_the_menu(lookup, cases)
    mean = newcomers.blend(mean.reshape(horizon_days, n_items), lookup.track.age[last], panel.items, likeness).ravel()
    models = quantile_models(lookup, last, QUANTILES, max_rows=_QUANTILE_ROWS) if method == MODEL else None
    quantiles, confidence = Intervals(models).fit(rehearsal.replay, method, n_items).predict(lookup, cases, mean)
    plain = np.flatnonzero(np.isin(cases.item, [i for i, item in enumerate(panel.items) if item in baseline_items]))
    mean[plain] = SameWeekdayMean().predict(lookup, cases[plain])
    quantiles[plain], confidence[plain] = (
        Intervals().fit(rehearsal.replay, BASELINE, n_items).predict(lookup, cases[plain], mean[plain])
    )
    unknown = (mean == 0) & (lookup.track.age[last, cases.item] == 0)
    quantiles[unknown], confidence[unknown] = 0, 0
    return Outlook(
        days=panel.days[-1] + np.arange(1, horizon_days + 1),
        items=panel.items,
        mean=mean.reshape(horizon_days, n_items),
        quantiles=quantiles.reshape(horizon_days, n_items, len(QUANTILES)),
        confidence=confidence.reshape(horizon_days, n_items),
        report=_report(lookup, rehearsal, method, [*rehearsal.notes, *problems]),
    )


def _expect(lookup: Lookup, cases: Cases, method: str) -> tuple[str, Array, list[str]]:
    """The method used, (n,) units, and what went wrong: a model that fails gives way to the smoother."""
    last = len(lookup.track.panel.days) - 1
    makers: dict[str, Callable[[], PointForecaster]] = {
        MODEL: lambda: MenuForecaster(max_rows=_ROWS, seed=SEED),
        SMOOTHER: Smoother,
        BASELINE: SameWeekdayMean,
    }
    try:
        expected = makers[method]().fit(lookup, last).predict(lookup, cases)
        if not np.isfinite(expected).all():
            raise ValueError("it gave no number.")
    except FAILURES as problem:
        return SMOOTHER, Smoother().fit(lookup, last).predict(lookup, cases), [failed(problem)]
    return method, expected, [_PREFERRED] if method == BASELINE else []


def _still_on_the_menu(lookup: Lookup, cases: Cases) -> Array:
    """Share of demand left for an item silent for a week or more: 5 over the units it should have sold meanwhile.

    0 for an item that never sold.
    """
    track = lookup.track
    silence = track.silence[cases.origin, cases.item]
    missed = silence * track.level[cases.origin, levels.LONG, cases.item]
    left = np.where(silence >= WEEK_DAYS, np.minimum(1, 5 / np.maximum(missed, 5)), 1.0)
    return left * (track.age[cases.origin, cases.item] > 0)


def _report(lookup: Lookup, rehearsal: Rehearsal, method: str, notes: list[str]) -> dict[str, Any]:
    """What the forecast rests on: method used, history seen, and how the last weeks' rehearsal went."""
    panel = lookup.track.panel
    return {
        "method": method,
        "notes": list(dict.fromkeys(notes)),
        "history_days": len(panel.days),
        "open_days": int(panel.is_open.sum()),
        "missing_days": [
            {"first": str(hole.first), "last": str(hole.last), "days": hole.days} for hole in holes(panel)
        ],
        **report(lookup, rehearsal, method),
    }
