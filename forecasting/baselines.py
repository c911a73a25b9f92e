"""What restaurants do today: the forecasts that a model has to beat before anybody should trust it."""

from typing import Protocol, Self

import numpy as np

from forecasting import levels
from forecasting.features import HORIZON_DAYS, Cases, Lookup
from forecasting.panel import Array

_EVIDENCE_DAYS = 56
_SHARPNESS = 14  # how strongly the half-life with the smallest error is preferred
_VENUE_UNITS = 150  # units sold at which an item's own errors count as much as the venue's


class PointForecaster(Protocol):
    """Mean demand per case. `fit` may use targets up to row `until`; `predict` uses nothing after a case's origin."""

    def fit(self, lookup: Lookup, until: int) -> Self: ...
    def predict(self, lookup: Lookup, cases: Cases) -> Array: ...


class SameWeekdayMean:
    """The mean of the last four open days of the same weekday."""

    def fit(self, lookup: Lookup, until: int) -> Self:
        """Nothing to learn."""
        return self

    def predict(self, lookup: Lookup, cases: Cases) -> Array:
        """(n,) units."""
        return lookup.track.weekday_mean[cases.origin, lookup.weekday(cases), cases.item]


class Smoother:
    """A weighted average of the item's levels times its weekday profile, and beyond two weeks times the season.

    Each item leans on the half-life that forecast it best over the last eight weeks; items with few sales follow the
    venue. Without evidence (under two weeks of it) the two slow levels share the weight: a shrunk weekday mean.
    """

    def fit(self, lookup: Lookup, until: int) -> Self:
        """Learn the (4, n_items) weights from the errors of one to seven days ahead, up to row `until`."""
        errors, volume = _recent_errors(lookup, until)
        self.weights_ = _soft_min(errors, volume)
        return self

    def predict(self, lookup: Lookup, cases: Cases) -> Array:
        """(n,) units."""
        t, i = cases.origin, cases.item
        level = (lookup.track.level[t, :, i] * self.weights_[:, i].T).sum(axis=1)
        return level * lookup.track.profile[t, lookup.weekday(cases), i] * _season_since_second_week(lookup, cases)


def _season_since_second_week(lookup: Lookup, cases: Cases) -> Array:
    """How last year's sales moved from the second week after that date to the target day; 1 where unknown or nearer."""
    then = lookup.year_ratio(cases.origin, cases.origin + HORIZON_DAYS - 3)
    since = np.nan_to_num(lookup.year_ratio(cases.origin, cases.target) / then, nan=1.0)
    return np.where(cases.horizon > HORIZON_DAYS, np.clip(since, 0.5, 2.0), 1.0)


def _recent_errors(lookup: Lookup, until: int) -> tuple[Array, Array]:
    """Absolute error of each level, (4, n_items), and units sold, (n_items,), over the last weeks before `until`."""
    track, panel = lookup.track, lookup.track.panel
    n_items = panel.sold.shape[1]
    errors, volume = np.zeros((len(levels.HALF_LIVES), n_items)), np.zeros(n_items)
    for horizon in range(1, 8):
        target = np.arange(max(until - _EVIDENCE_DAYS, horizon + 7), until + 1)
        target = target[panel.is_open[target]]
        origin = target - horizon
        expected = track.level[origin] * track.profile[origin, panel.weekdays[target]][:, None, :]
        known = (track.age[origin] > 7) & panel.ordinary[target]
        errors += (np.abs(track.counted[target][:, None, :] - expected) * known[:, None, :]).sum(axis=0)
        volume += (track.counted[target] * known).sum(axis=0) / 7
    return errors, volume


def _soft_min(errors: Array, volume: Array) -> Array:
    """Weights (4, n_items) that fall with the 14th power of the relative error; the venue's where little was sold."""
    venue = errors.sum(axis=1, keepdims=True)
    if not venue.any():
        return np.repeat([[0.0], [0.0], [0.5], [0.5]], errors.shape[1], axis=1)
    mean = errors.mean(axis=0)
    own = np.divide(errors, mean, out=np.ones_like(errors), where=mean > 0)
    trust = volume / (volume + _VENUE_UNITS)
    weights = np.maximum(trust * own + (1 - trust) * venue / venue.mean(), 0.05) ** -_SHARPNESS
    return weights / weights.sum(axis=0)
