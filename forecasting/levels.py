"""How much of each item sells on an average open day, and how that is shared among the weekdays, day after day."""

from dataclasses import dataclass

import numpy as np

from forecasting import censoring
from forecasting.panel import Array, Panel

HALF_LIVES = (3, 8, 21, 70)  # open days: from "this week" to "this season"
SHORT, MIDDLE, LONG = 1, 2, 3  # positions in HALF_LIVES of 8, 21 and 70 days
BASELINE_WEEKS = 4

_VENUE_PRIOR = 1.5  # occurrences of a plain weekday that the venue's weekday profile starts from
_VENUE_DECAY = 0.5 ** (1 / 5)  # per occurrence of the weekday
_ITEM_PRIOR = 2.5  # occurrences at which an item's own weekday profile counts half
_ITEM_DECAY = 0.5 ** (1 / 8)
_RATIO_CAP = 6.0  # one sale says no more than this about a weekday
_WEEKDAY_MEMORY_DAYS = 56  # a weekday not opened for so long is not part of the week
_CAUTIOUS_DAYS = 5  # open days of an item before a sale of it can be called an outlier
_RATES = 1 - 0.5 ** (1 / np.array(HALF_LIVES, dtype=float))
_SMOOTH = _RATES[MIDDLE]


@dataclass(frozen=True)
class Track:
    """What was known at the end of each day of `panel`; nothing at row t depends on a later day.

    Axes: t = day, k = half-life, w = weekday, i = item. Levels are units per open day of average weekday; profiles are
    factors with mean 1 over the weekdays that are open.
    """

    panel: Panel
    counted: Array  # (t, i) units asked for: outliers cut, sold-out days filled up, what was expected on special days
    level: Array  # (t, k, i)
    profile: Array  # (t, w, i)
    venue_level: Array  # (t, k)
    venue_profile: Array  # (t, w)
    weekday_mean: Array  # (t, w, i) plain mean of the last 4 open days of that weekday: the baseline
    weekday_last: Array  # (t, w, i) units on the last open day of that weekday
    zero_share: Array  # (t, i) recent share of open days without a sale of the item
    silence: Array  # (t, i) open days since the last sale
    age: Array  # (t, i) open days since the first sale; 0 before it
    dispersion: Array  # (t, i) recent squared error over expected units: 1 for pure chance


class _State:
    """The running state: each open day updates it in the time of a few vector operations."""

    def __init__(self, n_items: int) -> None:
        self.sums = np.zeros((len(HALF_LIVES), n_items))
        self.exposures = np.zeros((len(HALF_LIVES), n_items))
        self.venue_sums = np.zeros(len(HALF_LIVES))
        self.venue_exposures = np.zeros(len(HALF_LIVES))
        self.shape_sums = np.zeros((7, n_items))
        self.shape_weights = np.zeros((7, n_items))
        self.venue_shape_sums = np.full(7, _VENUE_PRIOR)
        self.venue_shape_weights = np.full(7, _VENUE_PRIOR)
        self.recent = np.full((BASELINE_WEEKS, 7, n_items), np.nan)
        self.last_sale = np.zeros(n_items)
        self.zero_share = np.zeros(n_items)
        self.silence = np.zeros(n_items)
        self.age = np.zeros(n_items)
        self.dispersion = np.ones(n_items)
        self.last_open = np.full(7, -_WEEKDAY_MEMORY_DAYS)
        self.refresh(0)

    def refresh(self, t: int) -> None:
        """Derive levels and normalised profiles from the sums."""
        self.level = _share(self.sums, self.exposures)
        self.venue_level = _share(self.venue_sums, self.venue_exposures)
        in_week = t - self.last_open < _WEEKDAY_MEMORY_DAYS
        in_week = in_week if in_week.any() else np.ones(7, dtype=bool)
        venue = self.venue_shape_sums / self.venue_shape_weights
        self.venue_profile = venue / venue[in_week].mean()
        own = np.where(self.shape_weights > 0, _share(self.shape_sums, self.shape_weights), self.venue_profile[:, None])
        own = own / np.maximum(own[in_week].mean(axis=0), 1e-9)
        trust = self.shape_weights / (self.shape_weights + _ITEM_PRIOR)
        mixed = trust * own + (1 - trust) * self.venue_profile[:, None]
        self.profile = mixed / mixed[in_week].mean(axis=0)

    def expected(self, w: int) -> Array:
        """(i,) units that a steady continuation would sell on weekday `w`."""
        return (12 * self.level[SHORT] + 4 * self.level[MIDDLE]) / 16 * self.profile[w]

    def believable(self, sold: Array, w: int) -> Array:
        """Cut a sale to twice what levels or the previous sale suggest: a real rise passes on its second day."""
        expected = np.maximum(self.level.max(axis=0) * self.profile[w], self.last_sale)
        return np.where(self.age >= _CAUTIOUS_DAYS, np.minimum(sold, 2 * expected + 4), sold)

    def open_day(self, t: int, day: "_Day") -> Array:
        """Take in one open day; return what it counts as.

        A special item-day changes nothing about its item but that it was seen; the venue counts it as expected.
        """
        w, out = day.weekday, day.sold_out & ~day.special
        on_menu = ((self.age > 0) | (day.sold > 0)) & ~day.special
        counted = np.where(day.special, self.expected(w), self.believable(day.sold, w))
        error = (counted - self._usual(w)) ** 2
        if out.any():
            asked = censoring.demand(counted[out], self.expected(w)[out], self.dispersion[out], day.share[out])
            counted[out], error[out] = asked.mean, asked.squared_error
        self._update_spread(error, w, day.special)
        self._update_shape(counted, w, day.special)
        self._update_levels(counted, w, on_menu)
        if not day.special.all():
            self._update_venue(counted.sum(), w)
        self._update_memory(day, np.where(out, counted, day.sold), on_menu)
        self.last_open[w] = t
        return counted

    def _usual(self, w: int) -> Array:
        return np.maximum(self.level[SHORT] * self.profile[w], 0.05)

    def _update_spread(self, squared_error: Array, w: int, special: Array) -> None:
        error = np.minimum(squared_error / self._usual(w), 25.0)
        learns = (self.age >= _CAUTIOUS_DAYS) & ~special
        self.dispersion += np.where(learns, _SMOOTH * (error - self.dispersion), 0.0)

    def _update_shape(self, counted: Array, w: int, special: Array) -> None:
        usual = self.level[MIDDLE]
        evidence = np.where(self.age >= _CAUTIOUS_DAYS, usual / (usual + 1), 0.0)
        ratio = np.minimum(counted / np.maximum(usual, 1e-9), _RATIO_CAP)
        decay = np.where(special, 1.0, _ITEM_DECAY)
        evidence[special] = 0.0
        self.shape_sums[w] = decay * self.shape_sums[w] + evidence * ratio
        self.shape_weights[w] = decay * self.shape_weights[w] + evidence

    def _update_levels(self, counted: Array, w: int, on_menu: Array) -> None:
        keep = np.where(on_menu, (1 - _RATES)[:, None], 1.0)
        self.sums = keep * self.sums + np.where(on_menu, counted, 0.0)
        self.exposures = keep * self.exposures + np.where(on_menu, self.profile[w], 0.0)

    def _update_venue(self, units: float, w: int) -> None:
        if self.venue_level[MIDDLE] > 0:
            ratio = min(units / self.venue_level[MIDDLE], _RATIO_CAP)
            self.venue_shape_sums[w] = _VENUE_DECAY * self.venue_shape_sums[w] + ratio
            self.venue_shape_weights[w] = _VENUE_DECAY * self.venue_shape_weights[w] + 1
        self.venue_sums = (1 - _RATES) * self.venue_sums + units
        self.venue_exposures = (1 - _RATES) * self.venue_exposures + self.venue_profile[w]

    def _update_memory(self, day: "_Day", asked: Array, on_menu: Array) -> None:
        """What is remembered of single days: the last sales, and how long ago they were."""
        w, silent = day.weekday, (day.sold == 0) & ~day.sold_out & on_menu
        later = np.concatenate([self.recent[1:, w], np.where(on_menu, asked, np.nan)[None]])
        self.recent[:, w] = np.where(day.special, self.recent[:, w], later)
        self.last_sale = np.where(day.special, self.last_sale, asked)
        self.zero_share += np.where(day.special, 0.0, _SMOOTH * (silent - self.zero_share))
        self.silence = np.where(day.sold > 0, 0, self.silence + silent)
        self.age = self.age + on_menu


@dataclass(frozen=True)
class _Day:
    """One open day of the panel; arrays (i,)."""

    weekday: int
    sold: Array
    sold_out: Array
    special: Array
    share: Array


def _day(panel: Panel, t: int, w: int) -> _Day:
    return _Day(w, panel.sold[t], panel.sold_out[t], panel.special[t], panel.sold_out_share[t])


def _share(sums: Array, weights: Array) -> Array:
    """sums / weights, 0 where nothing was seen."""
    return np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)


def track(panel: Panel) -> Track:
    """Run through the panel once and keep what was known at the end of every day."""
    n_days, n_items = panel.sold.shape
    rows = Track(
        panel=panel,
        counted=np.zeros((n_days, n_items)),
        level=np.zeros((n_days, len(HALF_LIVES), n_items)),
        profile=np.ones((n_days, 7, n_items)),
        venue_level=np.zeros((n_days, len(HALF_LIVES))),
        venue_profile=np.ones((n_days, 7)),
        weekday_mean=np.zeros((n_days, 7, n_items)),
        weekday_last=np.zeros((n_days, 7, n_items)),
        zero_share=np.zeros((n_days, n_items)),
        silence=np.zeros((n_days, n_items)),
        age=np.zeros((n_days, n_items)),
        dispersion=np.ones((n_days, n_items)),
    )
    state = _State(n_items)
    for t, w in enumerate(panel.weekdays):
        if panel.is_open[t]:
            rows.counted[t] = state.open_day(t, _day(panel, t, w))
        state.refresh(t)
        _keep(rows, t, state)
    return rows


def _keep(rows: Track, t: int, state: _State) -> None:
    """Copy the state into row t."""
    rows.level[t], rows.profile[t] = state.level, state.profile
    rows.venue_level[t], rows.venue_profile[t] = state.venue_level, state.venue_profile
    seen = ~np.isnan(state.recent)
    rows.weekday_mean[t] = _share(np.where(seen, state.recent, 0.0).sum(axis=0), seen.sum(axis=0).astype(float))
    rows.weekday_last[t] = np.nan_to_num(state.recent[-1])
    rows.zero_share[t], rows.silence[t] = state.zero_share, state.silence
    rows.age[t], rows.dispersion[t] = state.age, state.dispersion
