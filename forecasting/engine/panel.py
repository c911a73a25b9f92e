"""What was sold, as arrays: one row per calendar day, one column per menu item."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
ItemDay = tuple[date, Hashable | None]  # None: every item
_WEEKS_OF_EVIDENCE, _MIN_WEEKS_OF_EVIDENCE = 8, 4
_UNREMARKABLE_DAYS = 3  # usual days without sales that a house may have closed on without telling


@dataclass(frozen=True)
class Panel:
    """Daily units sold per item over consecutive calendar days.

    `days`: (n_days,) datetime64[D], without gaps. `sold`: (n_days, n_items) units, never negative. `is_open`: (n_days,)
    False where the restaurant was closed or no sales are known: such a day is no evidence of low demand.

    The masks are (n_days, n_items), or anything that broadcasts to it. `sold_out`: the item ran out, so that its sales
    are the least that was asked for; `sold_out_share`: the share of a usual day's sales reached when it ran out, NaN
    where that is not known. `special`: a promotion, event or bulk order, which says nothing about ordinary demand.
    """

    days: Array
    items: tuple[Hashable, ...]
    sold: Array
    is_open: Array
    sold_out: Array = field(default_factory=lambda: np.zeros((1, 1), dtype=bool))
    special: Array = field(default_factory=lambda: np.zeros((1, 1), dtype=bool))
    sold_out_share: Array = field(default_factory=lambda: np.full((1, 1), np.nan))
    planned: Array = field(default_factory=lambda: np.zeros(1, dtype=bool))

    def __post_init__(self) -> None:
        for name in ("sold_out", "special", "sold_out_share"):
            object.__setattr__(self, name, np.broadcast_to(getattr(self, name), self.sold.shape))
        object.__setattr__(self, "planned", np.broadcast_to(self.planned, self.days.shape))

    @property
    def weekdays(self) -> Array:
        """(n_days,) with Monday = 0."""
        return weekday(self.days)

    @property
    def teaching(self) -> Array:
        """(n_days, n_items) item-days that say something about ordinary demand, if only how much there was at least."""
        return self.is_open[:, None] & ~self.special

    @property
    def ordinary(self) -> Array:
        """(n_days, n_items) item-days whose sales are what was asked for: forecasts are scored on these alone."""
        return self.teaching & ~self.sold_out

    def rows(self, chosen: slice) -> "Panel":
        """Some consecutive days of it, every item kept."""
        return Panel(
            self.days[chosen], self.items, self.sold[chosen], self.is_open[chosen],
            self.sold_out[chosen], self.special[chosen], self.sold_out_share[chosen], self.planned[chosen],
        )  # fmt: skip

    def followed_by_closed(self, n_days: int) -> "Panel":
        """It, lengthened by `n_days` days that are closed by plan."""
        more, n_items = np.arange(1, n_days + 1), len(self.items)
        return Panel(
            np.concatenate([self.days, self.days[-1:] + more]), self.items,
            np.vstack([self.sold, np.zeros((n_days, n_items))]), np.append(self.is_open, np.zeros(n_days, dtype=bool)),
            np.vstack([self.sold_out, np.zeros((n_days, n_items), dtype=bool)]),
            np.vstack([self.special, np.zeros((n_days, n_items), dtype=bool)]),
            np.vstack([self.sold_out_share, np.full((n_days, n_items), np.nan)]),
            np.append(self.planned, np.ones(n_days, dtype=bool)),
        )  # fmt: skip

    def tail(self, n_days: int) -> "Panel":
        """The last `n_days` days of it, every item kept."""
        return self.rows(slice(-n_days, None))


def weekday(days: Array) -> Array:
    """Weekday of each datetime64[D], Monday = 0 (1970-01-01 was a Thursday)."""
    return (days.astype("datetime64[D]").astype(int) + 3) % 7


def build(
    rows: Iterable[tuple[date, Hashable, float]],
    *,
    until: date,
    items: Sequence[Hashable] = (),
    closed: Collection[date] = (),
    sold_out: Collection[ItemDay] = (),
    special: Collection[ItemDay] = (),
    sold_out_share: Mapping[ItemDay, float] = MappingProxyType({}),
) -> Panel:
    """Arrays from (day, item, units sold) rows in any order; rows of one item and day add up.

    Rows later than `until` are ignored; returns that outweigh a day's sales count as nothing sold. A day is open when
    anything was sold on it and it is not in `closed`. `items` are kept as columns even if they never sold. The panel
    runs from the first sale to `until`, or is empty without sales. For the masks see Panel: (day, item) pairs, of which
    those that are outside the panel are ignored; an item of `sold_out_share` need not be in `sold_out` as well.
    """
    known = [row for row in rows if row[0] <= until]
    names = sorted({row[1] for row in known}, key=str)
    number = {name: place for place, name in enumerate(names)}
    return from_columns(
        names,
        np.array([row[0] for row in known], dtype="datetime64[D]"),
        np.array([number[row[1]] for row in known], dtype=int),
        np.array([row[2] for row in known], dtype=float),
        until=until, items=items, closed=closed, sold_out=sold_out, special=special, sold_out_share=sold_out_share,
    )  # fmt: skip


def from_columns(
    names: Sequence[Hashable],
    day: Array,
    item: Array,
    quantity: Array,
    *,
    until: date,
    items: Sequence[Hashable] = (),
    closed: Collection[date] = (),
    sold_out: Collection[ItemDay] = (),
    special: Collection[ItemDay] = (),
    sold_out_share: Mapping[ItemDay, float] = MappingProxyType({}),
) -> Panel:
    """The same as `build` of rows that are arrays: (n,) days up to `until`, places in `names`, units sold."""
    columns = {name: column for column, name in enumerate(dict.fromkeys([*items, *names]))}
    first = day.min().item() if len(day) else until
    n_days = (until - first).days + 1 if len(day) else 0
    sold = np.zeros((n_days, len(columns)))
    days = np.datetime64(first, "D") + np.arange(n_days)
    if len(day):
        place = np.array([columns[name] for name in names])
        np.add.at(sold, ((day - days[0]).astype(int), place[item]), quantity)
    np.clip(sold, 0, None, out=sold)
    planned = np.isin(days, np.array(sorted(closed), dtype="datetime64[D]"))
    is_open = (sold > 0).any(axis=1) & ~planned
    marked = partial(_place, first=first, n_days=n_days, columns=columns)
    out = marked(dict.fromkeys([*sold_out, *sold_out_share], 1.0), otherwise=0.0) > 0
    return Panel(
        days, tuple(columns), sold, is_open,
        sold_out=out & is_open[:, None],
        special=marked(dict.fromkeys(special, 1.0), otherwise=0.0) > 0,
        sold_out_share=marked(sold_out_share, otherwise=np.nan),
        planned=planned,
    )  # fmt: skip


def _place(
    values: Mapping[ItemDay, float], *, first: date, n_days: int, columns: Mapping[Hashable, int], otherwise: float
) -> Array:
    """(n_days, n_items) values at their day and item; one of all items comes before those of single items."""
    placed = np.full((n_days, len(columns)), otherwise)
    for (day, item), value in sorted(values.items(), key=lambda pair: pair[0][1] is not None):
        t = (day - first).days
        if 0 <= t < n_days and (item is None or item in columns):
            placed[t, slice(None) if item is None else columns[item]] = value
    return placed


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


@dataclass(frozen=True)
class Hole:
    """Days in a row, both ends included, of which no sales are known though the house usually trades on `days`."""

    first: date
    last: date
    days: int


def holes(panel: Panel, *, longest: int = _UNREMARKABLE_DAYS) -> list[Hole]:
    """Stretches without sales in which more than `longest` days were neither planned closures nor usual days off.

    A weekday is usual where the house traded on at least half of those it could have in the eight weeks around it.
    """
    missing = _usually_open(panel) & ~panel.is_open & ~panel.planned
    stretch = np.cumsum(panel.is_open)  # the same number from one open day up to the next
    found = []
    for one in np.unique(stretch[missing]):
        at = np.flatnonzero(missing & (stretch == one))
        if len(at) > longest:
            found.append(Hole(panel.days[at[0]].item(), panel.days[at[-1]].item(), len(at)))
    return found


def _usually_open(panel: Panel) -> Array:
    """(n_days,) whether most of the same weekdays in the weeks with trade before and after were open."""
    is_usual = np.zeros(len(panel.days), dtype=bool)
    week = np.arange(len(panel.days)) // 7
    trading, reach = np.unique(week[panel.is_open]), _WEEKS_OF_EVIDENCE // 2
    for w in range(7 if len(trading) else 0):
        on = np.isin(trading, week[panel.is_open & (panel.weekdays == w)])
        mostly = np.array([on[max(k - reach, 0) : k + reach].mean() >= 0.5 for k in range(len(trading))])
        at = np.flatnonzero(panel.weekdays == w)
        is_usual[at] = mostly[np.clip(np.searchsorted(trading, week[at]), 0, len(trading) - 1)]
    return is_usual
