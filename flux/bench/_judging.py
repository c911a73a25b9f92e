"""How a forecast is judged, whoever made it: cutoffs, what is in sight, which item-days count, and the figures.

A cutoff is the last day in sight. Items that sold in the four weeks up to it are asked for; days 1 to 7 after it are
scored, on days when anything was sold. Everything here is written for the benchmark alone: the product's own figures
come from `forecasting.backtest`, so that neither can hide the other's mistake.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Row = tuple[date, str, float]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
COLUMNS = ("mean", *(f"q{round(100 * q)}" for q in QUANTILES))
HORIZON_DAYS, SCORED_DAYS, ACTIVE_DAYS, STEP_DAYS, CUTOFFS = 14, 7, 28, 7, 8
NAIVE_DAYS, BUSY_UNITS = 364, 2.0  # busy: the same day a week earlier is off by that many units on average


@dataclass(frozen=True)
class Sales:
    """Daily units of one restaurant. `sold`: (days, items), NaN on a day without any row, which was closed."""

    name: str
    country: str
    first: date
    items: tuple[str, ...]
    sold: Array
    rows: tuple[Row, ...] = field(repr=False)

    @classmethod
    def of(cls, name: str, country: str, rows: list[Row]) -> "Sales":
        items = tuple(sorted({row[1] for row in rows}))
        place = {item: column for column, item in enumerate(items)}
        first, last = min(row[0] for row in rows), max(row[0] for row in rows)
        sold = np.zeros(((last - first).days + 1, len(items)))
        is_open = np.zeros(len(sold), dtype=bool)
        for day, item, units in rows:
            sold[(day - first).days, place[item]] += units
            is_open[(day - first).days] = True
        sold[~is_open] = np.nan
        return cls(name, country, first, items, sold, tuple(rows))

    def cutoffs(self, every: int) -> list[date]:
        """Eight weekly ones, the last of them a horizon before the end; every second of those where `every` is 2."""
        last = self.first + timedelta(days=len(self.sold) - 1 - HORIZON_DAYS)
        return [last - timedelta(days=STEP_DAYS * back) for back in range(0, CUTOFFS, every)][::-1]

    def known(self, cutoff: date) -> Array:
        """(days up to the cutoff, items)"""
        return self.sold[: (cutoff - self.first).days + 1]

    def active(self, cutoff: date) -> Array:
        """Columns of the items that sold in the last four weeks."""
        return np.flatnonzero((np.nan_to_num(self.known(cutoff)[-ACTIVE_DAYS:]) > 0).any(axis=0))


@dataclass(frozen=True)
class Judged:
    """One cutoff's scored item-days, (n,) each but `said`, which is (n, 7): the mean and the quantiles."""

    item: Array
    sold: Array
    is_busy: Array
    said: Array


def after_first_sale(sold: Array) -> Array:
    """The same with NaN on days before an item's first sale as well as on closed ones."""
    return np.where((np.nan_to_num(sold) > 0).cumsum(axis=0) > 0, sold, np.nan)


def naive_error(known: Array) -> Array:
    """(items,) mean units by which the same day a week earlier was off over the last year; NaN where none is known."""
    year = after_first_sale(known)[-NAIVE_DAYS:]
    off = np.abs(year[7:] - year[:-7])
    counts = (~np.isnan(off)).sum(axis=0)
    return np.where(counts > 0, np.nansum(off, axis=0) / np.maximum(counts, 1), np.nan)


def judge(sales: Sales, cutoff: date, said: dict[tuple[date, str], Array]) -> Judged:
    """Look at what was sold. What was left out of the answer counts as 0, and so does what is below it."""
    columns, error = sales.active(cutoff), naive_error(sales.known(cutoff))
    days = [cutoff + timedelta(days=ahead) for ahead in range(1, SCORED_DAYS + 1)]
    after = sales.sold[(days[0] - sales.first).days :][:SCORED_DAYS]
    pairs = [(d, i) for d in range(SCORED_DAYS) if not np.isnan(after[d]).all() for i in columns]
    nothing = np.zeros(len(COLUMNS))
    numbers = np.array([said.get((days[d], sales.items[i]), nothing) for d, i in pairs])
    return Judged(
        item=np.array([i for _, i in pairs]),
        sold=np.array([after[pair] for pair in pairs]),
        is_busy=np.array([error[i] >= BUSY_UNITS for _, i in pairs]),
        said=np.clip(np.nan_to_num(numbers), 0, None),
    )


def figures(parts: list[Judged]) -> dict[str, float]:
    """Over all cutoffs. Errors are units ÷ units sold, pinball loss is ÷ mean sales; coverage is a share of item-days.

    `week` is the error of each item's sum over a cutoff's scored days, which is what an order needs.
    """
    sold, said = np.concatenate([p.sold for p in parts]), np.concatenate([p.said for p in parts])
    is_busy = np.concatenate([p.is_busy for p in parts])
    off = sold[:, None] - said[:, 1:]
    levels = np.array(QUANTILES)
    inside = (sold >= said[:, 1]) & (sold <= said[:, 5])
    week = sum(np.abs(_by_item(p, p.sold) - _by_item(p, p.said[:, 0])).sum() for p in parts)
    found = {
        "wape": np.abs(sold - said[:, 0]).sum() / sold.sum(),
        "pinball": 2 * np.maximum(levels * off, (levels - 1) * off).mean() / sold.mean(),
        "week": week / sold.sum(),
        "bias": (said[:, 0] - sold).sum() / sold.sum(),
        "coverage": inside.mean(),
        "coverage_busy": inside[is_busy].mean() if is_busy.any() else np.nan,
        "at_or_below_q90": (sold <= said[:, 5]).mean(),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def _by_item(part: Judged, units: Array) -> Array:
    return np.bincount(part.item, weights=units)


def same_weekday(sales: Sales, cutoff: date, weeks: int) -> dict[tuple[date, str], Array]:
    """What restaurants do by hand: the mean of the last `weeks` open days of that weekday, from the first sale on.

    The range is normal, as wide as the errors of that rule over its last 26 occurrences of every weekday.
    """
    from statistics import NormalDist

    columns = sales.active(cutoff)
    known = after_first_sale(sales.known(cutoff)[-400:])[:, columns]
    weekdays = [(cutoff - timedelta(days=len(known) - 1 - day)).weekday() for day in range(len(known))]
    means, errors = {}, []
    for weekday in range(7):
        of_weekday = known[np.array(weekdays) == weekday]
        of_weekday = of_weekday[~np.isnan(of_weekday).all(axis=1)]
        means[weekday] = np.nan_to_num(_mean(of_weekday[-weeks:]))
        before = [_mean(of_weekday[max(0, n - weeks) : n]) for n in range(len(of_weekday))]
        errors.append((of_weekday - np.array(before).reshape(of_weekday.shape))[-26:])
    spread = np.nan_to_num(_spread(np.concatenate(errors)), nan=1.0)
    steps = np.array([0.0, *(NormalDist().inv_cdf(q) for q in QUANTILES)])
    days = [cutoff + timedelta(days=ahead) for ahead in range(1, HORIZON_DAYS + 1)]
    return {
        (day, sales.items[column]): means[day.weekday()][i] + steps * spread[i]
        for day in days
        for i, column in enumerate(columns)
    }


def _mean(rows: Array) -> Array:
    """By column, what is NaN left out; NaN where nothing is left."""
    counts = (~np.isnan(rows)).sum(axis=0)
    return np.where(counts > 0, np.nansum(rows, axis=0) / np.maximum(counts, 1), np.nan)


def _spread(rows: Array) -> Array:
    """Standard deviation of the sample by column, likewise."""
    counts = (~np.isnan(rows)).sum(axis=0)
    squares = np.nansum((rows - _mean(rows)) ** 2, axis=0)
    return np.where(counts > 1, np.sqrt(squares / np.maximum(counts - 1, 1)), np.nan)
