"""Hide the last weeks of sales and predict them: what the forecast would have been worth to this restaurant.

Each hidden week is forecast from the day before it by the engine as the product runs it, fitted anew, with nothing
later in sight: it is handed the panel's rows up to that day and no others. Beside it stand the means that restaurants
use today, made from the same rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting import engine
from forecasting.arithmetic import shocks
from forecasting.arithmetic.enough import WEEK_DAYS, history_days, weeks_to_hide
from forecasting.engine import levels
from forecasting.engine.baselines import SameWeekdayMean
from forecasting.engine.features import Lookup, grid
from forecasting.engine.intervals import QUANTILES
from forecasting.engine.panel import Array, Panel

ACTIVE_DAYS = 28  # an item that was not sold for so long before a week is not judged in it
TRIMMED_WEEKS = 8

_SHOCK_DAYS = 70  # ten of each weekday tell how far days rise and fall as a whole
_CENTRAL_80 = 1.2816  # 80 % of a normal distribution lies within so many standard deviations

Forecast = Callable[[Panel], engine.Outlook]
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Hidden:
    """The hidden days and what was said of them; d = hidden day, i = item, q = intervals.QUANTILES. Units sold."""

    days: Array  # (d,) datetime64[D]
    items: tuple[Any, ...]
    is_open: Array  # (d,)
    sold: Array  # (d, i)
    scored: Array  # (d, i) open, ordinary and of an item that was sold in the four weeks before its week
    mean: Array  # (d, i) by Flux
    quantiles: Array  # (d, i, q)
    total_low: Array  # (d,) all items together: four days of five lie between this …
    total_high: Array  # … and this
    same_weekday: Array  # (d, i) mean of the last four open days of the weekday
    trimmed: Array  # (d, i) see `trimmed_mean`; NaN with under eight weeks of sales before
    methods: tuple[str, ...]  # what the engine chose, week by week

    @property
    def weeks(self) -> Array:
        """(d,) number of the hidden week, from 0."""
        return np.arange(len(self.days)) // WEEK_DAYS


def hide(panel: Panel, *, forecast: Forecast, tell: Tell = lambda done, total: None) -> Hidden:
    """Forecast each of the last weeks from the day before it. Raises enough.TooShort.

    `forecast` asks the engine about a week or more after the panel that it is handed. `tell` hears the number of weeks
    done and in all.
    """
    known = through_last_sale(panel).tail(engine.MEMORY_DAYS)
    weeks = weeks_to_hide(history_days(known.days[known.is_open].tolist()))
    parts = []
    for number in range(weeks):
        tell(number, weeks)
        origin = len(known.days) - WEEK_DAYS * (weeks - number)
        parts.append(_week(known, origin, forecast))
    tell(weeks, weeks)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "method"}
    return Hidden(items=known.items, methods=tuple(part["method"] for part in parts), **joined)


def through_last_sale(panel: Panel) -> Panel:
    """Without the closed days at its end."""
    sold_on = np.flatnonzero(panel.is_open)
    return panel.rows(slice(int(sold_on[-1]) + 1 if len(sold_on) else 0))


def trimmed_mean(known: Panel, ahead: int) -> Array:
    """(i,) units of the day `ahead` (1 to 7) days after the panel: the mean of its weekday over the past eight weeks.

    Days without a sale are left out, then the lowest and the highest one, where three or more are left: Restaurant365's
    way. NaN with under eight weeks of sales.
    """
    n_days, n_items = known.sold.shape
    if n_days < TRIMMED_WEEKS * WEEK_DAYS:
        return np.full(n_items, np.nan)
    rows = n_days - 1 + ahead - WEEK_DAYS * np.arange(1, TRIMMED_WEEKS + 1)
    counts = known.teaching[rows] & (known.sold[rows] > 0)
    sold = np.where(counts, known.sold[rows], 0.0)
    lowest = np.where(counts, sold, np.inf).min(axis=0)
    n = counts.sum(axis=0)
    is_cut = n >= 3
    extremes = np.where(is_cut, sold.max(axis=0) + np.where(is_cut, lowest, 0.0), 0.0)
    return (sold.sum(axis=0) - extremes) / np.maximum(n - 2 * is_cut, 1)


def venue_shock(known: Panel) -> float:
    """Standard deviation of what all items of a day have in common, as a share of the day's units."""
    recent = known.rows(slice(-_SHOCK_DAYS, None))
    totals = recent.sold.sum(axis=1)[recent.is_open]
    return shocks.venue_shock(dict(zip(recent.days[recent.is_open].tolist(), totals.tolist(), strict=True))).share


def total_variance(mean: Array, quantiles: Array, shock: float) -> Array:
    """(d,) variance of all items' units together, from (d, i) means and (d, i, q) quantiles.

    An item's variance is that of its 10–90 % range, and a Poisson's at least. The part that a day's items have in
    common adds up in full, the rest in squares.
    """
    low, high = quantiles[:, :, QUANTILES.index(0.1)], quantiles[:, :, QUANTILES.index(0.9)]
    variance = np.maximum(mean, ((high - low) / (2 * _CENTRAL_80)) ** 2)
    common = np.minimum(shock * mean, np.sqrt(variance))
    return (variance - common**2).sum(axis=1) + common.sum(axis=1) ** 2


def _week(panel: Panel, origin: int, forecast: Forecast) -> dict[str, Any]:
    """Row `origin` and the six after it, forecast from the rows before them."""
    known, n_items = panel.rows(slice(origin)), len(panel.items)
    outlook = forecast(known)
    lookup = Lookup(levels.track(known))
    ahead = np.arange(1, WEEK_DAYS + 1)
    usual = SameWeekdayMean().predict(lookup, grid(origin - 1, n_items, ahead)).reshape(WEEK_DAYS, n_items)
    hidden = panel.rows(slice(origin, origin + WEEK_DAYS))
    mean, quantiles = outlook.mean[:WEEK_DAYS], outlook.quantiles[:WEEK_DAYS]
    reach = _CENTRAL_80 * np.sqrt(total_variance(mean, quantiles, venue_shock(known)))
    active = (known.sold[-ACTIVE_DAYS:] > 0).any(axis=0)
    return {
        "days": hidden.days,
        "is_open": hidden.is_open,
        "sold": hidden.sold,
        "scored": hidden.ordinary & active,
        "mean": mean,
        "quantiles": quantiles,
        "total_low": np.maximum(mean.sum(axis=1) - reach, 0),
        "total_high": mean.sum(axis=1) + reach,
        "same_weekday": usual,
        "trimmed": np.stack([trimmed_mean(known, day) for day in range(1, WEEK_DAYS + 1)]),
        "method": outlook.report["method"],
    }
