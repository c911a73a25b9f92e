"""What restaurants do today: the forecasts that a model has to beat before anybody should trust it."""

from typing import Protocol, Self

import numpy as np

from forecasting.engine import levels
from forecasting.engine.features import HORIZON_DAYS, Cases, Lookup
from forecasting.engine.panel import Array

_EVIDENCE_DAYS = 56
_SHARPNESS = 20  # how strongly the candidate with the smallest error is preferred
_SEASON_TRUST = 0.8  # exponent on what former years say
_LEAST_EXPECTED = 0.01  # units: nothing is impossible
_AT_ONCE = 50_000  # cases that are in memory at a time
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
    """A weighted average of the item's levels, each as it stands and as the season moved it in former years.

    Times the weekday profile. Each item leans on what forecast it best over the last eight weeks; items with few sales
    follow the venue. Without evidence (under two weeks of it) the two slow levels share the weight: a shrunk weekday
    mean. Beyond two weeks all of it follows the season.
    """

    def fit(self, lookup: Lookup, until: int) -> Self:
        """Learn the (2 × 4, n_items) weights from the errors of one to seven days ahead, up to row `until`."""
        self.weights_ = _soft_min(*_recent_errors(lookup, until))
        return self

    def predict(self, lookup: Lookup, cases: Cases) -> Array:
        """(n,) units."""
        return np.concatenate([np.empty(0), *(self._expected(lookup, part) for part in cases.parts(_AT_ONCE))])

    def _expected(self, lookup: Lookup, cases: Cases) -> Array:
        near = np.minimum(cases.target, cases.origin + HORIZON_DAYS - 3)  # the middle of the second week
        near = np.where(cases.horizon > HORIZON_DAYS, near, cases.target)
        level = lookup.track.level[cases.origin, :, cases.item]
        steady_and_seasonal = np.hstack([level, level * _season(lookup, cases.origin, near)])
        expected = (steady_and_seasonal * self.weights_[:, cases.item].T).sum(axis=1)
        profile = lookup.track.profile[cases.origin, lookup.weekday(cases), cases.item]
        return expected * profile * _season_since_second_week(lookup, cases)


def _season(lookup: Lookup, origin: Array, target: Array) -> Array:
    """(n, k) factors on levels; less than former years say, since no year is like another."""
    return lookup.season(origin, target) ** _SEASON_TRUST


def _season_since_second_week(lookup: Lookup, cases: Cases) -> Array:
    """How sales moved from the second week to the target day in former years; 1 where unknown or nearer."""
    since = np.ones(len(cases))
    far = cases.horizon > HORIZON_DAYS
    origin, target = cases.origin[far], cases.target[far]
    then = lookup.season(origin, origin + HORIZON_DAYS - 3)[:, levels.LONG]
    since[far] = np.clip(lookup.season(origin, target)[:, levels.LONG] / then, 0.5, 2.0)
    return since


def _recent_errors(lookup: Lookup, until: int) -> tuple[Array, Array]:
    """Poisson deviance of each candidate, (2 × 4, n_items), and units sold, (n_items,), in the weeks before `until`.

    Absolute errors would prefer what is too low for items that often do not sell.
    """
    track, panel = lookup.track, lookup.track.panel
    n_items = panel.sold.shape[1]
    errors, volume = np.zeros((2 * len(levels.HALF_LIVES), n_items)), np.zeros(n_items)
    for horizon in range(1, 8):
        target = np.arange(max(until - _EVIDENCE_DAYS, horizon + 7), until + 1)
        target = target[panel.is_open[target]]
        origin = target - horizon
        steady = track.level[origin] * track.profile[origin, panel.weekdays[target]][:, None, :]
        candidates = np.hstack([steady, steady * _season(lookup, origin, target)[:, :, None]])
        known = (track.age[origin] > 7) & panel.ordinary[target]
        sold = track.counted[target]
        errors += (_deviance(sold[:, None, :], candidates) * known[:, None, :]).sum(axis=0)
        volume += (sold * known).sum(axis=0) / 7
    return errors, volume


def _deviance(sold: Array, expected: Array) -> Array:
    """Twice the log-likelihood that Poisson counts lose by `expected`."""
    from scipy.special import kl_div

    return 2 * kl_div(sold, np.maximum(expected, _LEAST_EXPECTED))


def _soft_min(errors: Array, volume: Array) -> Array:
    """Weights like `errors` that fall with a high power of the relative error; the venue's where little was sold."""
    venue = errors.sum(axis=1, keepdims=True)
    if not venue.any():
        return np.repeat([[0.0], [0.0], [0.5], [0.5], *[[0.0]] * 4], errors.shape[1], axis=1)
    mean = errors.mean(axis=0)
    own = np.divide(errors, mean, out=np.ones_like(errors), where=mean > 0)
    trust = volume / (volume + _VENUE_UNITS)
    weights = np.maximum(trust * own + (1 - trust) * venue / venue.mean(), 0.05) ** -_SHARPNESS
    return weights / weights.sum(axis=0)
