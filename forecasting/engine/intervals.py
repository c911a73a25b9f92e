"""How far sales may fall from the forecast: quantiles, and the probability of coming close."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from forecasting.engine.backtest import Replay
from forecasting.engine.demand import BoostedModel
from forecasting.engine.features import HORIZON_DAYS, Cases, Lookup
from forecasting.engine.panel import Array

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
CLOSE_SHARE = 0.2  # "close" is within ±20 % of the forecast …
CLOSE_UNITS = 2.0  # … or within ±2 units, whichever is more

_BINS = 8
_PRIOR_DISPERSION = 1.6
_PRIOR_ROWS = 40
_ITEM_PRIOR_ROWS = 20
_STRETCH_PRIOR_ROWS = 400
_MIN_DISPERSION = 1.001
_FAMILIAR_DAYS = 14.0  # open days in which what is added to a new item's spread halves
_NEW_DISPERSION, _NEW_VARIANCE = 0.5, 0.06
_MODELS_SHARE = 0.5  # weight of the quantile models for an item that sells two or more a day
_MODELS_FROM_AGE = 28  # … and that was first sold so many open days ago: newer ones are unlike what models learned
_CENTRAL_80 = 1.2816  # 80 % of a normal distribution lies within so many standard deviations
_LEAST_UNITS = 0.05  # a lower end of 0.001 units would call a day without a sale a surprise
_FAR_ROWS = 200  # rows beyond the model's horizon from which on they get a dispersion of their own


class Dispersion:
    """Variance over mean of actual sales around a forecast.

    By size of the forecast, times a factor for the item, and stretched as a whole so that the middle 80 % of the
    distribution holds 80 % of what was sold.
    """

    def fit(self, mean: Array, sold: Array, item: Array, n_items: int) -> Self:
        """Learn from (n,) forecasts, units sold and items; near a plain prior where there is little to learn from."""
        self.stretch_ = 1.0
        mean = np.maximum(mean, 0.02)
        error = np.minimum((sold - mean) ** 2 / mean, 400.0)
        bins = np.array_split(np.argsort(mean, kind="stable"), max(min(_BINS, len(mean)), 1))
        self.log_mean_ = np.array([np.log(mean[b]).mean() if b.size else 0.0 for b in bins])
        self.dispersion_ = np.array(
            [(error[b].sum() + _PRIOR_ROWS * _PRIOR_DISPERSION) / (b.size + _PRIOR_ROWS) for b in bins]
        )
        share = error / np.interp(np.log(mean), self.log_mean_, self.dispersion_)
        sums, rows = np.bincount(item, share, n_items), np.bincount(item, minlength=n_items)
        self.item_factor_ = (sums + _ITEM_PRIOR_ROWS) / (rows + _ITEM_PRIOR_ROWS)
        self.stretch_ = self._fit_stretch(mean, sold, item)
        return self

    def _fit_stretch(self, mean: Array, sold: Array, item: Array) -> float:
        """Factor on the standard deviation, from items that sell two or more: counts below cannot tell."""
        from scipy.special import ndtri

        busy = mean >= 2
        if not busy.any():
            return 1.0
        mean, sold, dispersion = mean[busy], sold[busy], self.predict(mean[busy], item[busy])
        at_most = negative_binomial_cdf(sold, mean, dispersion)
        rank = (at_most + negative_binomial_cdf(sold - 1, mean, dispersion)) / 2
        reach = np.quantile(np.abs(ndtri(np.clip(rank, 1e-6, 1 - 1e-6))), 0.8) / _CENTRAL_80
        return float((busy.sum() * reach + _STRETCH_PRIOR_ROWS) / (busy.sum() + _STRETCH_PRIOR_ROWS))

    def predict(self, mean: Array, item: Array) -> Array:
        """(n,) dispersion, at least just above 1, a Poisson's."""
        pooled = np.interp(np.log(np.maximum(mean, 0.02)), self.log_mean_, self.dispersion_)
        return np.maximum(pooled * self.item_factor_[item] * self.stretch_**2, _MIN_DISPERSION)


def negative_binomial_cdf(units: Array, mean: Array, dispersion: Array) -> Array:
    """P(sales ≤ units) of a negative binomial with this mean and variance = dispersion × mean; dispersion > 1."""
    from scipy.special import betainc

    safe = np.maximum(mean, 1e-9)
    inside = betainc(safe / (dispersion - 1), np.maximum(np.floor(units), 0) + 1, 1 / dispersion)
    return np.where(units < 0, 0.0, inside)


def negative_binomial_quantile(level: float, mean: Array, dispersion: Array) -> Array:
    """The smallest whole number of units whose cumulative probability reaches `level`."""
    below = np.full(mean.shape, -1.0)
    reach = np.ceil(mean + 10 * np.sqrt(dispersion * np.maximum(mean, 1)) + 10 * dispersion)
    while (gap := reach - below > 1).any():
        middle = np.floor((below + reach) / 2)
        enough = negative_binomial_cdf(middle, mean, dispersion) >= level
        reach = np.where(gap & enough, middle, reach)
        below = np.where(gap & ~enough, middle, below)
    return reach


class QuantileModels:
    """One boosted model per quantile."""

    def __init__(self, levels: Sequence[float] = QUANTILES, *, max_rows: int = 20_000, seed: int = 1) -> None:
        self.levels = levels
        self.max_rows = max_rows
        self.seed = seed

    def fit(self, lookup: Lookup, until: int) -> Self:
        """Learn from targets up to row `until`. Raises TooLittleHistory."""
        self.models_ = [
            BoostedModel(
                quantile=level, iterations=40, leaves=8, learning_rate=0.12, max_rows=self.max_rows, seed=self.seed
            ).fit(lookup, until)
            for level in self.levels
        ]
        return self

    def predict(self, lookup: Lookup, cases: Cases) -> Array:
        """(n, levels) units, ascending."""
        return np.sort(np.column_stack([model.predict(lookup, cases) for model in self.models_]), axis=1)


class Intervals:
    """The distribution of sales around a mean: a negative binomial, averaged with quantile models where there are any.

    The negative binomial alone serves items that sell less than about one a day, days beyond the models' horizon, and
    restaurants with too little history for quantile models.
    """

    def __init__(self, models: QuantileModels | None = None, *, quantiles: Sequence[float] = QUANTILES) -> None:
        self.models = models
        self.quantiles = quantiles

    def fit(self, replay: Replay, method: str, n_items: int) -> Self:
        """Learn the dispersion of sales around what `method` forecast in the replay."""
        mean, item = replay.means[method], replay.cases.item
        near = replay.cases.horizon <= HORIZON_DAYS
        self.near_ = Dispersion().fit(mean[near], replay.sold[near], item[near], n_items)
        enough = (~near).sum() >= _FAR_ROWS
        self.far_ = Dispersion().fit(mean[~near], replay.sold[~near], item[~near], n_items) if enough else self.near_
        return self

    def predict(self, lookup: Lookup, cases: Cases, mean: Array) -> tuple[Array, Array]:
        """(n, levels) quantiles, ascending, in units; and (n,) `confidence`.

        The confidence of a forecast is the probability, by this distribution, that actual sales fall within ±20 % of
        the mean, or within ±2 units of it where that is more.
        """
        dispersion = self._dispersion(cases, mean) * _unfamiliar(lookup, cases, mean)
        quantiles = np.column_stack([negative_binomial_quantile(level, mean, dispersion) for level in self.quantiles])
        low, high = _close(mean)
        confidence = negative_binomial_cdf(high, mean, dispersion) - negative_binomial_cdf(low - 1, mean, dispersion)
        near = cases.horizon <= HORIZON_DAYS
        if self.models and near.any():
            age = lookup.track.age[cases.origin[near], cases.item[near]]
            share = _MODELS_SHARE * np.clip(mean[near] / 2, 0, 1) * np.clip(age / _MODELS_FROM_AGE, 0, 1)
            learned = self.models.predict(lookup, cases[near])
            quantiles[near] = (1 - share[:, None]) * quantiles[near] + share[:, None] * learned
            up_to_high = _interpolated_cdf(high[near] + 0.5, learned, self.quantiles)
            inside = up_to_high - _interpolated_cdf(low[near] - 0.5, learned, self.quantiles)
            confidence[near] = (1 - share) * confidence[near] + share * inside
        quantiles = np.where(quantiles < _LEAST_UNITS, 0.0, quantiles)
        return np.sort(quantiles, axis=1), np.clip(confidence, 0, 1)

    def _dispersion(self, cases: Cases, mean: Array) -> Array:
        near = self.near_.predict(mean, cases.item)
        return np.where(cases.horizon <= HORIZON_DAYS, near, np.maximum(near, self.far_.predict(mean, cases.item)))


def _unfamiliar(lookup: Lookup, cases: Cases, mean: Array) -> Array:
    """(n,) factor on the dispersion for items that are new in a house that is not: 1 where both are of one age.

    The level and the week of a new item are guesses, whose error grows with the mean as a whole, not with its root.
    """
    age = lookup.track.age[cases.origin, cases.item]
    oldest = lookup.track.age.max(axis=1)[cases.origin]
    young = (1 - age / np.maximum(oldest, 1)) * 0.5 ** (age / _FAMILIAR_DAYS)
    return 1 + young * (_NEW_DISPERSION + _NEW_VARIANCE * mean)


def _close(mean: Array) -> tuple[Array, Array]:
    """Lowest and highest whole number of units that count as close to each mean."""
    reach = np.maximum(CLOSE_UNITS, CLOSE_SHARE * mean)
    return np.ceil(mean - reach), np.floor(mean + reach)


def _interpolated_cdf(units: Array, quantiles: Array, levels: Sequence[float]) -> Array:
    """P(sales ≤ units), (n,), by straight lines through each row's quantiles and tails as long as its body."""
    low, middle, high = quantiles[:, 0], np.median(quantiles, axis=1), quantiles[:, -1]
    ends = np.maximum(low - (middle - low) - 0.5, -0.5), high + (high - middle) + 0.5
    knots = np.column_stack([ends[0], quantiles, ends[1]])
    heights = np.array([0.0, *levels, 1.0])
    return np.array([np.interp(u, row, heights) for u, row in zip(units, knots, strict=True)])
