"""What was sold, as arrays: one row per calendar day, one column per menu item."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_WEEKS_OF_EVIDENCE, _MIN_WEEKS_OF_EVIDENCE = 8, 4


@dataclass(frozen=True)
class Panel:
    """Daily units sold per item over consecutive calendar days.

    `days`: (n_days,) datetime64[D], without gaps. `sold`: (n_days, n_items) units, never negative. `is_open`: (n_days,)
    False where the restaurant was closed or no sales are known: such a day is no evidence of low demand.
    """

    days: Array
    items: tuple[Hashable, ...]
    sold: Array
    is_open: Array

    @property
    def weekdays(self) -> Array:
        """(n_days,) with Monday = 0."""
        return weekday(self.days)

    def tail(self, n_days: int) -> "Panel":
        """The last `n_days` days of it, every item kept."""
        return Panel(self.days[-n_days:], self.items, self.sold[-n_days:], self.is_open[-n_days:])


def weekday(days: Array) -> Array:
    """Weekday of each datetime64[D], Monday = 0 (1970-01-01 was a Thursday)."""
    return (days.astype("datetime64[D]").astype(int) + 3) % 7


def build(
    rows: Iterable[tuple[date, Hashable, float]],
    *,
    until: date,
    items: Sequence[Hashable] = (),
    closed: Collection[date] = (),
) -> Panel:
    """Arrays from (day, item, units sold) rows in any order; rows of one item and day add up.

    Rows later than `until` are ignored; returns that outweigh a day's sales count as nothing sold. A day is open when
    anything was sold on it and it is not in `closed`. `items` are kept as columns even if they never sold. The panel
    runs from the first sale to `until`, or is empty without sales.
    """
    known = [row for row in rows if row[0] <= until]
    columns = {
        item: column for column, item in enumerate(dict.fromkeys([*items, *sorted({r[1] for r in known}, key=str)]))
    }
    first = min((row[0] for row in known), default=until)
    n_days = (until - first).days + 1 if known else 0
    sold = np.zeros((n_days, len(columns)))
    for day, item, quantity in known:
        sold[(day - first).days, columns[item]] += quantity
    np.clip(sold, 0, None, out=sold)
    days = np.datetime64(first, "D") + np.arange(n_days)
    is_open = (sold > 0).any(axis=1) & ~np.isin(days, np.array(sorted(closed), dtype="datetime64[D]"))
    return Panel(days, tuple(columns), sold, is_open)


def closed_weekdays(panel: Panel) -> frozenset[int]:
    """Weekdays (Monday = 0) on which the restaurant stays closed: none open in the last eight weeks that it traded.

    Weeks without any open day (a holiday, missing sales) say nothing. Empty with under four weeks of trading.
    """
    weeks = (panel.days[-1] - panel.days).astype(int) // 7 if len(panel.days) else np.empty(0, dtype=int)
    traded = np.unique(weeks[panel.is_open])[:_WEEKS_OF_EVIDENCE]
    if len(traded) < _MIN_WEEKS_OF_EVIDENCE:
        return frozenset()
    seen = panel.weekdays[panel.is_open & np.isin(weeks, traded)]
    return frozenset(range(7)) - frozenset(seen.tolist())
