"""What the demand model sees of an item, a day to forecast and the day it is forecast from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecasting.engine import levels
from forecasting.engine.panel import Array, weekday

BASE_FLOOR = 0.02  # units; keeps ratios finite
HOLIDAY_REACH_DAYS = 8
HORIZON_DAYS = 14  # what models learn to forecast; beyond it last year's season is followed
YEAR_DAYS = 364  # the same weekday a year earlier
MAX_CODES = 64
_SETTLED_DAYS = 27  # days of history from which on a level says where a season stood
_SEASON_RANGE = (0.25, 4.0)
GROWN_UP_DAYS = 60  # an item's age beyond it would only say which day it is
USUAL_DAYS = 28  # what a fact of a day is compared with: its mean over the days up to the origin

Facts = Mapping[str, Mapping[date, float]]  # kind (rain_mm, bookings, …) → day → value, past days and future ones

NAMES = (
    "weekday", "horizon", "log_base", "level_3", "level_21", "level_70", "weekday_last", "weekday_mean",
    "venue_3", "venue_8", "venue_70", "zero_share", "silence", "age", "dispersion", "item_weekday", "venue_weekday",
    "is_holiday", "holiday_distance", "year_ratio", "year_sin", "year_cos",
)  # fmt: skip

DAY_OF_YEAR = [NAMES.index("year_sin"), NAMES.index("year_cos")]


def holiday_distance(days: Array, holidays: Iterable[date]) -> Array:
    """Signed days from each day to its nearest holiday (-2: the holiday was two days ago), cut at ±8."""
    marks = np.array(sorted(holidays), dtype="datetime64[D]")
    if not marks.size:
        return np.full(days.shape, float(HOLIDAY_REACH_DAYS))
    ahead = (marks[None, :] - days[:, None]).astype(int)
    nearest = np.take_along_axis(ahead, np.abs(ahead).argmin(axis=1)[:, None], axis=1)[:, 0]
    return np.clip(nearest, -HOLIDAY_REACH_DAYS, HOLIDAY_REACH_DAYS).astype(float)


@dataclass(frozen=True)
class Cases:
    """Index arrays, (n,) each: forecast `item` for the day `horizon` days after the end of day `origin`."""

    origin: Array
    item: Array
    horizon: Array

    @property
    def target(self) -> Array:
        """Row of the day that is forecast; may lie beyond the panel."""
        return self.origin + self.horizon

    def __getitem__(self, chosen: Array | slice) -> "Cases":
        return Cases(self.origin[chosen], self.item[chosen], self.horizon[chosen])

    def __len__(self) -> int:
        return len(self.origin)

    def parts(self, size: int) -> Iterator["Cases"]:
        """They in their order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self[slice(start, start + size)]


def grid(origin: int, n_items: int, horizons: Array) -> Cases:
    """Every item at every horizon, horizon-major, from one origin."""
    h, i = (a.ravel() for a in np.meshgrid(horizons, np.arange(n_items), indexing="ij"))
    return Cases(np.full(len(h), origin), i, h)


class Lookup:
    """Reads features for cases from a track and a calendar; no sale after a case's origin is touched.

    `school_holidays` and `facts` add columns only where they are given. A fact of a day after the origin is used as it
    stands: the caller gives what is known ahead of such days (a weather forecast, bookings), for past days too.
    """

    def __init__(
        self,
        track: levels.Track,
        holidays: Iterable[date] = (),
        school_holidays: Iterable[date] = (),
        facts: Facts | None = None,
    ) -> None:
        self.track = track
        days = track.panel.days
        reach = np.arange(len(days) + YEAR_DAYS)
        self._all_days = (days[0] if len(days) else np.datetime64("2000-01-01", "D")) + reach
        self._weekdays = weekday(self._all_days)
        self._holiday_distance = holiday_distance(self._all_days, holidays)
        self._year_angle = 2 * np.pi * ((self._all_days - self._all_days.astype("datetime64[Y]")).astype(int)) / 365.25
        self._week_mean, self._fortnight_mean = _seasonal_means(track)
        no_school = np.array(sorted(school_holidays), dtype="datetime64[D]")
        self._no_school = np.isin(self._all_days, no_school).astype(float) if no_school.size else None
        self._facts = [_fact(self._all_days, values) for _, values in sorted((facts or {}).items()) if values]

    def weekday(self, cases: Cases) -> Array:
        return self._weekdays[cases.target]

    def base(self, cases: Cases) -> Array:
        """Units a steady continuation would sell on the day: the exposure that the model's answer multiplies."""
        t, i = cases.origin, cases.item
        level = (12 * self.track.level[t, levels.SHORT, i] + 4 * self.track.level[t, levels.MIDDLE, i]) / 16
        return np.maximum(level * self.track.profile[t, self.weekday(cases), i], BASE_FLOOR)

    def year_ratio(self, origin: Array, target: Array) -> Array:
        """Last year's week around the target day over the fortnight up to the origin's day; NaN if unknown."""
        then, before = target - YEAR_DAYS, origin - YEAR_DAYS
        settled = before >= _SETTLED_DAYS
        sold, usual = self._week_mean[np.where(settled, then, 0)], self._fortnight_mean[np.where(settled, before, 0)]
        unknown = np.full(len(sold), np.nan)
        return np.clip(np.divide(sold, usual, out=unknown, where=settled & (usual > 0)), 0.2, 5.0)

    def season(self, origin: Array, target: Array) -> Array:
        """(n, k) what the venue sold around the target day over its level of each half-life at the origin, in former
        years: the geometric mean of the years that are known, 1 where none is.

        A level lags behind a season by its half-life. Then as now: so its ratio says how far it will be off.
        """
        sums, n_years = np.zeros((len(origin), len(levels.HALF_LIVES))), np.zeros((len(origin), 1))
        for back in range(YEAR_DAYS, len(self.track.panel.days), YEAR_DAYS):
            then, before = np.maximum(target - back, 0), np.maximum(origin - back, 0)
            level = self.track.venue_level[before]
            known = (origin - back >= _SETTLED_DAYS) & (self._week_mean[then] > 0) & (level > 0).all(axis=1)
            ratio = np.where(known, self._week_mean[then], 1.0)[:, None] / np.where(known[:, None], level, 1.0)
            sums += np.log(np.clip(ratio, *_SEASON_RANGE))
            n_years += known[:, None]
        return np.exp(sums / np.maximum(n_years, 1))

    def matrix(self, cases: Cases) -> Array:
        """(n, len(NAMES)) features; NaN where unknown."""
        t, i, w, target = cases.origin, cases.item, self.weekday(cases), cases.target
        track, base = self.track, self.base(cases)
        level, venue = track.level[t, :, i] + 0.01, track.venue_level[t] + 0.01
        short, venue_middle = level[:, levels.SHORT], venue[:, levels.MIDDLE]
        distance = self._holiday_distance[target]
        columns = (
            w, cases.horizon, np.log(base),
            np.log(level[:, 0] / short), np.log(level[:, levels.MIDDLE] / short), np.log(level[:, levels.LONG] / short),
            np.minimum(track.weekday_last[t, w, i] / base, 8), np.minimum(track.weekday_mean[t, w, i] / base, 8),
            np.log(venue[:, 0] / venue_middle), np.log(venue[:, levels.SHORT] / venue_middle),
            np.log(venue[:, levels.LONG] / venue_middle),
            track.zero_share[t, i], track.silence[t, i], np.minimum(track.age[t, i], GROWN_UP_DAYS),
            track.dispersion[t, i], track.profile[t, w, i], track.venue_profile[t, w],
            distance == 0, distance, self.year_ratio(t, target),
            np.sin(self._year_angle[target]), np.cos(self._year_angle[target]),
        )  # fmt: skip
        return np.column_stack([*columns, *self._optional(cases)]).astype(float)

    def _optional(self, cases: Cases) -> list[Array]:
        """Columns of what not every restaurant tells: no school, and each fact with its distance from the usual."""
        columns = [] if self._no_school is None else [self._no_school[cases.target]]
        for value, usual in self._facts:
            columns += [value[cases.target], value[cases.target] - usual[cases.origin]]
        return columns


def _fact(days: Array, values: Mapping[date, float]) -> tuple[Array, Array]:
    """The value of each day, and its mean over the four weeks up to it; NaN where unknown."""
    known = {np.datetime64(day, "D"): value for day, value in values.items()}
    value = np.array([known.get(day, np.nan) for day in days], dtype=float)
    told = np.isfinite(value)
    value[~told] = np.nan
    return value, _window_mean(np.where(told, value, 0.0), told, back=USUAL_DAYS - 1, ahead=0)


def _seasonal_means(track: levels.Track) -> tuple[Array, Array]:
    """Venue units per average open day: in the 7 days around each day, in the 14 up to it; NaN if closed."""
    is_open = track.panel.is_open
    factor = np.maximum(np.take_along_axis(track.venue_profile, track.panel.weekdays[:, None], axis=1)[:, 0], 0.1)
    plain = np.where(is_open, track.counted.sum(axis=1) / factor, 0.0)
    return _window_mean(plain, is_open, back=3, ahead=3), _window_mean(plain, is_open, back=13, ahead=0)


def _window_mean(values: Array, is_open: Array, *, back: int, ahead: int) -> Array:
    """Mean of the open days in [t - back, t + ahead] for every t."""
    at = np.arange(len(values))
    start, stop = np.maximum(at - back, 0), np.minimum(at + ahead + 1, len(values))
    sums, counts = np.append(0, values.cumsum()), np.append(0, is_open.cumsum())
    n_open = (counts[stop] - counts[start]).astype(float)
    return np.divide(sums[stop] - sums[start], n_open, out=np.full(len(values), np.nan), where=n_open > 0)


class Codes:
    """Replaces each feature by the number of its quantile bin, at most 64 of them; NaN stays NaN.

    scikit-learn's boosting with sample weights spends most of its time on the bins of distinct values: coded first, a
    fit takes a fraction of the time at the same accuracy.
    """

    def __init__(self, max_codes: int = MAX_CODES) -> None:
        self.max_codes = max_codes

    def fit(self, features: Array) -> "Codes":
        """Learn the edges of the bins from (n, f) features."""
        steps = np.linspace(0, 1, self.max_codes + 1)[1:-1]
        self.ever_known_ = ~np.isnan(features).all(axis=0)
        self.edges_ = [
            np.unique(np.quantile(c[~np.isnan(c)], steps)) if not np.isnan(c).all() else steps[:0] for c in features.T
        ]
        return self

    def transform(self, features: Array) -> Array:
        """(n, f) features as codes."""
        codes = np.column_stack(
            [np.searchsorted(e, c, side="left") for e, c in zip(self.edges_, features.T, strict=True)]
        )
        known = ~np.isnan(features) | ~self.ever_known_
        return np.where(known, codes.astype(float), np.nan)
