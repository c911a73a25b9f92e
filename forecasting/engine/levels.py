"""How much of each item sells on an average open day, and how that is shared among the weekdays, day after day."""

from dataclasses import dataclass

import numpy as np

from forecasting.engine import censoring, specials
from forecasting.engine.panel import Array, Panel

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
_SUDDEN_DEVIATIONS = 3.0  # of one day's chance: more than that above what is expected waits for a second day
_RESTING_DAYS, _RESTING_UNITS = 28, 5.0  # silent so long, and having missed so many sales: off the menu for now
_RETURN_UNITS, _RETURN_DAYS = 3.0, 2.0  # what an item that comes back is remembered by: at least so much of either
_SHIFT_DAYS, _SHIFT_SAME_SIDE = 10, 9  # open days that show a new level, and how many of them must agree
_SHIFT_DEVIATIONS, _SHIFT_RATIO = 5.0, 1.25  # how far from the old level, in standard deviations and as a ratio
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
    weekday_last: Array  # (t, w, i) units counted on the last open day of that weekday
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
        self.latest = np.zeros((7, n_items))
        self.remembered = np.zeros(n_items)
        self.window = _Window(n_items)
        self.zero_share = np.zeros(n_items)
        self.silence = np.zeros(n_items)
        self.age = np.zeros(n_items)
        self.dispersion = np.ones(n_items)
        self.unmarked_sums, self.unmarked_exposures = np.zeros(n_items), np.zeros(n_items)
        self.runs_out = np.zeros(n_items)
        self.last_open = np.full(7, -_WEEKDAY_MEMORY_DAYS)
        self.refresh(0)

    def refresh_levels(self) -> None:
        self.level = _share(self.sums, self.exposures)

    def heyday(self) -> Array:
        """(i,) level of about three weeks, as of the sums: what an item is remembered by while it rests."""
        return _share(self.sums[MIDDLE], self.exposures[MIDDLE])

    def refresh(self, t: int) -> None:
        """Derive levels and normalised profiles from the sums."""
        self.refresh_levels()
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
        self._wake((day.sold > 0) & ~day.special)
        resting = self.resting() & (day.sold == 0)
        on_menu = ((self.age > 0) | (day.sold > 0)) & ~day.special & ~resting
        counted = np.where(day.special, self.expected(w), self.believable(day.sold, w))
        error = (counted - self._usual(w)) ** 2
        if out.any():
            asked = self._asked_for(counted[out], day, out)
            counted[out], error[out] = asked.mean, asked.squared_error
        idle = day.special | resting
        self._update_spread(error, w, idle)
        self._update_shape(counted, w, idle)
        self._update_levels(np.minimum(counted, self.sudden(w)), w, on_menu)
        self._follow_shifts(counted, w, on_menu)
        self._update_unmarked(counted, w, on_menu, day.sold_out)
        if not day.special.all():
            self._update_venue(counted.sum(), w)
        self._update_memory(day, np.where(out, counted, day.sold), on_menu)
        self.latest[w] = np.where(on_menu, counted, self.latest[w])
        self.last_open[w] = t
        return counted

    def _asked_for(self, sold: Array, day: "_Day", out: Array) -> censoring.Demand:
        """What was probably asked for of the items that ran `out` (i,), from what was `sold` of them (n,)."""
        w, share = day.weekday, day.share[out]
        seen = self.unmarked_exposures > 0
        ordinary = np.where(seen, _share(self.unmarked_sums, self.unmarked_exposures) * self.profile[w], np.nan)
        asked = censoring.demand(sold, self.expected(w)[out], self.dispersion[out], share)
        return censoring.believed(asked, sold, self._usual(w)[out], ordinary[out], self.runs_out[out], share)

    def sudden(self, w: int) -> Array:
        """(i,) units above which a single day is an accident: levels follow it only where the day before was alike."""
        expected = np.maximum(self.expected(w), self.last_sale)
        limit = expected + _SUDDEN_DEVIATIONS * np.sqrt(np.maximum(self.dispersion, 1) * np.maximum(expected, 1))
        return np.where(self.age >= _CAUTIOUS_DAYS, limit, np.inf)

    def resting(self) -> Array:
        """(i,) whether an item has been silent for so long that it is off the menu, if only for the season."""
        return (self.silence >= _RESTING_DAYS) & (self.silence * self.remembered >= _RESTING_UNITS)

    def _wake(self, sold: Array) -> None:
        """Let what comes back begin where it ended, with little weight: its first days count for most of it."""
        back = self.resting() & sold
        if back.any():
            days = np.maximum(_RETURN_DAYS, _RETURN_UNITS / self.remembered[back])
            self.sums[:, back], self.exposures[:, back] = days * self.remembered[back], days
            self.recent[:, :, back], self.zero_share[back] = np.nan, 0
            self.window.forget(back)
            self.refresh_levels()

    def _follow_shifts(self, counted: Array, w: int, on_menu: Array) -> None:
        """Where ten open days in a row lie beyond chance above or below the old level, begin anew with those days.

        Not sooner: a week of promotion that nobody told of would be taken for the new level whole.

        The slow levels are left as they are, to tell what the season was.
        """
        self.window.add(counted, self.profile[w], self.level[MIDDLE], on_menu)
        shifted = self.window.shifted(self.dispersion) & on_menu
        if shifted.any():
            sold, exposure = self.window.totals()
            fast = slice(0, LONG)
            self.sums[fast, shifted], self.exposures[fast, shifted] = sold[shifted], exposure[shifted]
            self.window.forget(shifted)

    def _usual(self, w: int) -> Array:
        return np.maximum(self.level[SHORT] * self.profile[w], 0.05)

    def _update_spread(self, squared_error: Array, w: int, idle: Array) -> None:
        error = np.minimum(squared_error / self._usual(w), 25.0)
        learns = (self.age >= _CAUTIOUS_DAYS) & ~idle
        self.dispersion += np.where(learns, _SMOOTH * (error - self.dispersion), 0.0)

    def _update_shape(self, counted: Array, w: int, idle: Array) -> None:
        usual = self.level[MIDDLE]
        evidence = np.where(self.age >= _CAUTIOUS_DAYS, usual / (usual + 1), 0.0)
        ratio = np.minimum(counted / np.maximum(usual, 1e-9), _RATIO_CAP)
        decay = np.where(idle, 1.0, _ITEM_DECAY)
        evidence[idle] = 0.0
        self.shape_sums[w] = decay * self.shape_sums[w] + evidence * ratio
        self.shape_weights[w] = decay * self.shape_weights[w] + evidence

    def _update_levels(self, counted: Array, w: int, on_menu: Array) -> None:
        keep = np.where(on_menu, (1 - _RATES)[:, None], 1.0)
        self.sums = keep * self.sums + np.where(on_menu, counted, 0.0)
        self.exposures = keep * self.exposures + np.where(on_menu, self.profile[w], 0.0)

    def _update_unmarked(self, counted: Array, w: int, on_menu: Array, out: Array) -> None:
        """The level of the days on which an item did not run out, and how often it did: what no estimate feeds."""
        learns = on_menu & ~out
        keep = np.where(learns, 1 - _SMOOTH, 1.0)
        self.unmarked_sums = keep * self.unmarked_sums + np.where(learns, counted, 0.0)
        self.unmarked_exposures = keep * self.unmarked_exposures + np.where(learns, self.profile[w], 0.0)
        self.runs_out += np.where(on_menu, _RATES[SHORT] * (out - self.runs_out), 0.0)

    def _update_venue(self, units: float, w: int) -> None:
        if self.venue_level[MIDDLE] > 0:
            ratio = min(units / self.venue_level[MIDDLE], _RATIO_CAP)
            self.venue_shape_sums[w] = _VENUE_DECAY * self.venue_shape_sums[w] + ratio
            self.venue_shape_weights[w] = _VENUE_DECAY * self.venue_shape_weights[w] + 1
        self.venue_sums = (1 - _RATES) * self.venue_sums + units
        self.venue_exposures = (1 - _RATES) * self.venue_exposures + self.venue_profile[w]

    def _update_memory(self, day: "_Day", asked: Array, on_menu: Array) -> None:
        """What is remembered of single days: the last sales, and how long ago they were."""
        w, silent = day.weekday, (day.sold == 0) & ~day.sold_out & ~day.special & (self.age > 0)
        later = np.concatenate([self.recent[1:, w], np.where(on_menu, asked, np.nan)[None]])
        self.recent[:, w] = np.where(day.special, self.recent[:, w], later)
        self.remembered = np.where(on_menu & (day.sold > 0), self.heyday(), self.remembered)
        self.last_sale = np.where(day.special, self.last_sale, asked)
        self.zero_share += np.where(day.special, 0.0, _SMOOTH * (silent - self.zero_share))
        self.silence = np.where(day.sold > 0, 0, self.silence + silent)
        self.age = self.age + on_menu


class _Window:
    """The last ten open days of each item, beside what the level before it would have sold."""

    def __init__(self, n_items: int) -> None:
        self.sold = np.zeros((_SHIFT_DAYS, n_items))
        self.exposure = np.zeros((_SHIFT_DAYS, n_items))
        self.before = np.zeros((_SHIFT_DAYS, n_items))
        self.days = np.zeros(n_items)

    def add(self, sold: Array, exposure: Array, level: Array, on_menu: Array) -> None:
        """Take in one open day of the items `on_menu`, and the level (i,) at its beginning."""
        for ring, value in ((self.sold, sold), (self.exposure, exposure), (self.before, level)):
            ring[:] = np.where(on_menu, np.vstack([ring[1:], value]), ring)
        self.days = self.days + on_menu

    def totals(self) -> tuple[Array, Array]:
        """(i,) units and exposure."""
        return self.sold.sum(axis=0), self.exposure.sum(axis=0)

    def shifted(self, dispersion: Array) -> Array:
        """(i,) whether these days are at another level than the one at their beginning."""
        sold, exposure = self.totals()
        expected = np.maximum(self.before[0] * exposure, 1e-9)
        far = np.abs(sold - expected) > _SHIFT_DEVIATIONS * np.sqrt(np.maximum(dispersion, 1) * expected)
        ratio = np.maximum(sold, 1e-9) / expected
        above = (self.sold > self.before[0] * self.exposure).sum(axis=0)
        agreed = np.where(sold > expected, above, _SHIFT_DAYS - above) >= _SHIFT_SAME_SIDE
        known = (self.days >= 3 * _SHIFT_DAYS) & (sold > 0)
        return known & far & agreed & (np.maximum(ratio, 1 / ratio) > _SHIFT_RATIO)

    def forget(self, items: Array) -> None:
        """Begin anew for these items (i,)."""
        self.days = np.where(items, 0, self.days)


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
    """Run through the panel once and keep what was known at the end of every day.

    Its panel is the one given, without marks of special days that are the rule: see `specials.heeded`.
    """
    panel = specials.heeded(panel)
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
    rows.weekday_last[t] = state.latest
    rows.zero_share[t], rows.silence[t] = state.zero_share, state.silence
    rows.age[t], rows.dispersion[t] = state.age, state.dispersion
