"""Forecasts for days that are already known: how good a method would have been here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.engine.baselines import PointForecaster
from forecasting.engine.features import Cases, Lookup
from forecasting.engine.panel import Array

WEEK_DAYS = 7


@dataclass(frozen=True)
class Score:
    """How a set of forecasts fared; shares of what was sold."""

    wape: float  # Σ|sold − forecast| / Σ sold
    bias: float  # Σ(forecast − sold) / Σ sold: above 0 is too much
    n_forecasts: int


def score(forecast: Array, sold: Array) -> Score | None:
    """Score (n,) forecasts; None where nothing was sold, since then there is nothing to compare with."""
    total = float(sold.sum())
    if not total:
        return None
    error = forecast - sold
    return Score(float(np.abs(error).sum() / total), float(error.sum() / total), len(sold))


def pinball(quantiles: Array, levels: tuple[float, ...], sold: Array) -> float:
    """Mean pinball loss of (n, levels) quantiles, doubled and scaled by mean sales as in the literature."""
    gap = sold[:, None] - quantiles
    level = np.array(levels)
    return float(2 * np.maximum(level * gap, (level - 1) * gap).mean() / sold.mean())


def coverage(low: Array, high: Array, sold: Array) -> float | None:
    """Share of actual sales inside [low, high]; None without any."""
    return float(((sold >= low) & (sold <= high)).mean()) if len(sold) else None


@dataclass(frozen=True)
class Replay:
    """What each method said at the end of some past days, and what was then sold.

    Methods learned only from days before these; each forecast used only what was known at its own origin.
    """

    cases: Cases
    sold: Array  # (n,) units, as counted
    means: Mapping[str, Array]  # method → (n,) units

    def select(self, chosen: Array) -> "Replay":
        return Replay(self.cases[chosen], self.sold[chosen], {name: mean[chosen] for name, mean in self.means.items()})

    def daily(self, weeks: int) -> "Replay":
        """One forecast per item and day: one to seven days ahead, from the last `weeks` origins."""
        origins = np.unique(self.cases.origin)[-weeks:]
        return self.select(np.flatnonzero((self.cases.horizon <= WEEK_DAYS) & np.isin(self.cases.origin, origins)))

    def scores(self) -> dict[str, Score]:
        """Score per method; empty where nothing was sold."""
        answers = {name: score(mean, self.sold) for name, mean in self.means.items()}
        return {name: answer for name, answer in answers.items() if answer}


def replay(lookup: Lookup, fitted: Mapping[str, PointForecaster], origins: Array, *, horizon_days: int) -> Replay:
    """Let fitted methods forecast from the end of each of `origins`: ordinary days, items on the menu."""
    panel, track = lookup.track.panel, lookup.track
    n_days, n_items = panel.sold.shape
    o, h, i = (
        a.ravel() for a in np.meshgrid(origins, np.arange(1, horizon_days + 1), np.arange(n_items), indexing="ij")
    )
    reached = o + h < n_days
    o, h, i = o[reached], h[reached], i[reached]
    wanted = panel.ordinary[o + h, i] & (track.age[o, i] > 0) & (track.silence[o, i] < 28)
    cases = Cases(o[wanted], i[wanted], h[wanted])
    sold = track.counted[cases.target, cases.item]
    return Replay(cases, sold, {name: method.predict(lookup, cases) for name, method in fitted.items()})


def joined(parts: Sequence[Replay], methods: Collection[str]) -> Replay:
    """Replays one after the other, of methods that all of them have; an empty one without parts."""
    nothing = np.empty(0, dtype=int)
    cases = [
        np.concatenate([nothing, *(getattr(p.cases, axis) for p in parts)]) for axis in ("origin", "item", "horizon")
    ]
    means = {name: np.concatenate([np.empty(0), *(p.means[name] for p in parts)]) for name in sorted(methods)}
    return Replay(Cases(*cases), np.concatenate([np.empty(0), *(p.sold for p in parts)]), means)
