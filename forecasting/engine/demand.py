"""The demand model: one boosted model for a restaurant's whole menu, helped by a smoother while history is short."""

from typing import Self

import numpy as np

from forecasting.engine.baselines import Smoother
from forecasting.engine.features import DAY_OF_YEAR, HORIZON_DAYS, Cases, Codes, Lookup
from forecasting.engine.panel import Array

ACTIVE_DAYS = 28  # an item that has not sold for so long is not part of the lesson
MODEL_MIN_DAYS = 56
FULL_HISTORY_DAYS = 400

_WINDOW_DAYS = 400
_TELLING_UNITS = 10_000  # sold in the window: with so few, model and smoother count the same
_ORIGIN_STEP = 3
_FULL_MENU = 40  # items
_FEWEST_ROWS = 2_000
_AT_ONCE = 20_000  # cases whose features are in memory at a time
_RECENCY_HALF_LIFE_DAYS = 250


class TooLittleHistory(Exception):
    """There are not enough open days to learn a model from."""


def training_cases(lookup: Lookup, until: int, max_rows: int) -> Cases:
    """Every third origin of the last 400 days × the items then sold × 1…14 days ahead, up to `until`.

    Closed and special days teach nothing. Where an item had sold out, the target is what was probably asked for: to
    leave such days out would teach that demand is what it was on the quieter ones. Above `max_rows` (in proportion, for
    a menu of under 40 items: more cases of the same few say little new) they are thinned evenly, which varies less than
    a random sample.
    """
    panel, track = lookup.track.panel, lookup.track
    origins = np.arange(until - 1, max(until - _WINDOW_DAYS, 13), -_ORIGIN_STEP)[::-1]
    active = (track.age[origins] > 7) & _sold_recently(panel.sold)[origins]
    max_rows = min(max_rows, max(_FEWEST_ROWS, int(max_rows * active.any(axis=0).sum() / _FULL_MENU)))
    at, item = np.nonzero(active)
    origin, horizons = origins[at], np.arange(1, HORIZON_DAYS + 1)
    usable = np.zeros((len(panel.days) + HORIZON_DAYS, len(panel.items)), dtype=bool)
    usable[: until + 1] = panel.teaching[: until + 1]
    cases = np.flatnonzero(np.column_stack([usable[origin + horizon, item] for horizon in horizons]))
    if len(cases) > max_rows:
        cases = cases[np.linspace(0, len(cases) - 1, max_rows).astype(int)]
    pair, step = np.divmod(cases, len(horizons))
    return Cases(origin[pair], item[pair], horizons[step])


def _sold_recently(sold: Array) -> Array:
    """(n_days, n_items): sold on the day or in the 27 days before it."""
    counts = np.vstack([np.zeros(sold.shape[1]), (sold > 0).cumsum(axis=0)])
    stop = np.arange(1, len(sold) + 1)
    return (counts[stop] - counts[np.maximum(stop - ACTIVE_DAYS, 0)]) > 0


class BoostedModel:
    """Gradient boosting of units over base, for all items at once, weighted by base.

    Learning the ratio lets small and large items teach each other; Poisson loss with the base as exposure keeps the
    mean unbiased. `quantile` fits that quantile instead of the mean.
    """

    def __init__(
        self,
        *,
        quantile: float | None = None,
        iterations: int = 150,
        leaves: int = 15,
        learning_rate: float = 0.06,
        max_rows: int = 60_000,
        min_rows: int = 500,
        seed: int = 1,
    ) -> None:
        self.quantile = quantile
        self.iterations = iterations
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.max_rows = max_rows
        self.min_rows = min_rows
        self.seed = seed

    def fit(self, lookup: Lookup, until: int) -> Self:
        """Learn from targets up to row `until`. Raises TooLittleHistory."""
        cases = training_cases(lookup, until, self.max_rows)
        if len(cases) < self.min_rows:
            raise TooLittleHistory("The model has too few days on which the dishes sold to learn from them.")
        return self.fit_cases(lookup, cases, until)

    def fit_cases(self, lookup: Lookup, cases: Cases, until: int) -> Self:
        """Learn from chosen cases, newer ones counting more."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        self.knows_the_year_ = until + 1 >= FULL_HISTORY_DAYS
        features = self._features(lookup, cases)
        self.codes_ = Codes().fit(features)
        base = lookup.base(cases)
        recency = 0.5 ** ((until - cases.target) / _RECENCY_HALF_LIFE_DAYS)
        self.model_ = HistGradientBoostingRegressor(
            loss="poisson" if self.quantile is None else "quantile",
            quantile=self.quantile,
            max_iter=self.iterations,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=60,
            l2_regularization=5.0,
            max_features=0.5,
            categorical_features=[0],
            early_stopping=False,
            random_state=self.seed,
        ).fit(self.codes_.transform(features), self._counted(lookup, cases) / base, sample_weight=base * recency)
        return self

    def _features(self, lookup: Lookup, cases: Cases) -> Array:
        """The matrix; without a full year behind it the day of the year only names the days that were seen."""
        features = lookup.matrix(cases)
        if not self.knows_the_year_:
            features[:, DAY_OF_YEAR] = np.nan
        return features

    @staticmethod
    def _counted(lookup: Lookup, cases: Cases) -> Array:
        return lookup.track.counted[cases.target, cases.item]

    def predict(self, lookup: Lookup, cases: Cases) -> Array:
        """(n,) units, never negative."""
        parts = [self._ratio(lookup, part) for part in cases.parts(_AT_ONCE)]
        return np.maximum(np.concatenate([np.empty(0), *parts]), 0) * lookup.base(cases)

    def _ratio(self, lookup: Lookup, cases: Cases) -> Array:
        return np.asarray(self.model_.predict(self.codes_.transform(self._features(lookup, cases))))


def _smoother_weight(sold: Array) -> float:
    """How much the smoother, which has little to learn, counts beside the model.

    The fewer days there are up to some 500, since all items of a day share its weather and its mood; and the fewer
    units were sold in the window, since few sales say little about many items.
    """
    days = 0.2 + 0.8 * (FULL_HISTORY_DAYS - len(sold)) / FULL_HISTORY_DAYS
    units = float(sold[-_WINDOW_DAYS:].sum())
    return float(np.clip(max(days, _TELLING_UNITS / (units + _TELLING_UNITS)), 0, 1))


class MenuForecaster:
    """Mean demand of every item, any number of days ahead.

    Up to 14 days: the boosted model, blended with the smoother the more the less has been sold. Beyond: the smoother,
    starting at the height of the second week.
    """

    def __init__(self, *, seed: int = 1, max_rows: int = 60_000, iterations: int = 150) -> None:
        self.seed = seed
        self.max_rows = max_rows
        self.iterations = iterations

    def fit(self, lookup: Lookup, until: int) -> Self:
        """Learn from targets up to row `until`. Raises TooLittleHistory under 56 days of it."""
        if until + 1 < MODEL_MIN_DAYS:
            raise TooLittleHistory(
                f"The model needs {MODEL_MIN_DAYS} days of sales to learn from and found {until + 1}."
            )
        self.boosted_ = BoostedModel(seed=self.seed, max_rows=self.max_rows, iterations=self.iterations)
        self.boosted_.fit(lookup, until)
        self.smoother_ = Smoother().fit(lookup, until)
        self.smoother_weight_ = _smoother_weight(lookup.track.panel.sold[: until + 1])
        return self

    def predict(self, lookup: Lookup, cases: Cases) -> Array:
        """(n,) units."""
        mean = np.empty(len(cases))
        near = cases.horizon <= HORIZON_DAYS
        mean[near] = self._near(lookup, cases[near])
        mean[~near] = self._far(lookup, cases[~near])
        return mean

    def _near(self, lookup: Lookup, cases: Cases) -> Array:
        """The geometric blend of model and smoother."""
        if not len(cases):
            return np.empty(0)
        boosted = self.boosted_.predict(lookup, cases)
        if not self.smoother_weight_:
            return boosted
        smooth = np.maximum(self.smoother_.predict(lookup, cases), 1e-3)
        return np.maximum(boosted, 1e-3) ** (1 - self.smoother_weight_) * smooth**self.smoother_weight_

    def _far(self, lookup: Lookup, cases: Cases) -> Array:
        """The smoother, scaled to the height that the second week has been given."""
        if not len(cases):
            return np.empty(0)
        pairs, pair = np.unique(np.column_stack([cases.origin, cases.item]), axis=0, return_inverse=True)
        week = np.arange(HORIZON_DAYS - 6, HORIZON_DAYS + 1)
        second = Cases(np.repeat(pairs[:, 0], 7), np.repeat(pairs[:, 1], 7), np.tile(week, len(pairs)))
        height = self._near(lookup, second).reshape(-1, 7).sum(axis=1)
        smooth = self.smoother_.predict(lookup, second).reshape(-1, 7).sum(axis=1)
        anchor = np.clip(height / np.maximum(smooth, 1e-3), 0, 4)
        return self.smoother_.predict(lookup, cases) * anchor[pair]
