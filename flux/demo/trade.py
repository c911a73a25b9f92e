"""The demo restaurant's guests: order lines for any business date, drawn from a seed. No Django, no clock.

Each date is drawn from a generator of its own, seeded by (seed, date): a date's orders do not depend on when, or with
which other dates, they are drawn. That is what lets a demo that restarts a week later continue where it stopped.

Demand for an item on a date is a Poisson draw whose mean is moved by weekday and daypart, season, holidays, events,
the item's own growth, a shock shared by all items of the day, and a gamma factor of its own: a negative binomial.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flux.demo import diary
from flux.demo.bistro import Bistro, Daypart, Item

if TYPE_CHECKING:
    import numpy as np

SEED = 20260
HISTORY_MONTHS = 18
REFIT_BEFORE_DAYS = 210  # the closure in the history starts about so long before the restaurant joined
REFIT_DAYS = 10
OUTING_AFTER_DAYS = 20  # and a short one lies ahead, inside the forecast's horizon
OUTING_DAYS = 2
SHOCK_SIGMA = 0.12  # of the log of the day's shared shock
ITEM_SHAPE = 9.0  # of the gamma factor: variance of an item's day = mean + mean² / shape
ORDER_SIZES = (0.16, 0.24, 0.26, 0.18, 0.10, 0.06)  # chance of an order with 1…6 lines
LINE_QUANTITIES = (0.70, 0.24, 0.04, 0.02)  # chance of a line with 1…4 units
NEW_ITEM_RAMP_DAYS = 21
YEAR_DAYS = 365.25
MIDSUMMER = 208  # day of the year at which summer items peak


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as a point of sale would hand it over; `unit_price` includes VAT."""

    order_id: str
    opened_at: datetime
    business_date: date
    item: str
    category: str
    quantity: int
    unit_price: Decimal


def history_start(joined_on: date) -> date:
    """The first business date of the history of a restaurant that joins on `joined_on`."""
    months = joined_on.year * 12 + joined_on.month - 1 - HISTORY_MONTHS
    return date(months // 12, months % 12 + 1, min(joined_on.day, 28))


def closures(joined_on: date) -> dict[date, str]:
    """The days on which the restaurant is closed, each with the reason that its calendar shows."""
    refit = _monday(joined_on - timedelta(days=REFIT_BEFORE_DAYS))
    outing = _monday(joined_on + timedelta(days=OUTING_AFTER_DAYS))
    closed = {refit + timedelta(days=n): "Kitchen refit" for n in range(REFIT_DAYS)}
    closed |= {outing + timedelta(days=n): "Staff outing" for n in range(OUTING_DAYS)}
    for year in range(history_start(joined_on).year, joined_on.year + 2):
        closed |= {date(year, 12, 25): "Christmas Day", date(year, 12, 26): "Saint Stephen's Day"}
    return closed


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def arrived(lines: Iterable[Line], now: datetime) -> list[Line]:
    """The lines of the orders that have been opened by `now`."""
    return [line for line in lines if line.opened_at <= now]


def as_csv(lines: Iterable[Line]) -> str:
    """The lines as a point of sale's export, local times, one header row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Order ID", "Opened", "Item", "Category", "Quantity", "Unit price"])
    for line in lines:
        opened = line.opened_at.strftime("%Y-%m-%d %H:%M:%S")
        writer.writerow([line.order_id, opened, line.item, line.category, line.quantity, line.unit_price])
    return text.getvalue()


class Trade:
    """The orders of a restaurant that joined Flux on `joined_on`.

    `closed` replaces the planned closures, for a restaurant whose manager has changed them since.
    """

    def __init__(
        self, bistro: Bistro, *, joined_on: date, seed: int = SEED, closed: Iterable[date] | None = None
    ) -> None:
        self.bistro = bistro
        self.joined_on = joined_on
        self.seed = seed
        self.closed = frozenset(closures(joined_on) if closed is None else closed)
        self.first_on = history_start(joined_on)
        self.zone = ZoneInfo(bistro.timezone)

    def between(self, first_on: date, last_on: date) -> Iterator[Line]:
        """The lines of all business dates from `first_on` to `last_on`, both included, in order."""
        for ordinal in range(first_on.toordinal(), last_on.toordinal() + 1):
            yield from self.on(date.fromordinal(ordinal))

    def on(self, day: date) -> list[Line]:
        """The lines of one business date, ordered by the opening of their orders; none where it is closed."""
        import numpy as np

        if day in self.closed:
            return []
        rng = np.random.default_rng([self.seed, day.toordinal()])
        counts = self._line_counts(day, rng)
        parts = [self._orders(day, index, counts[:, index], rng) for index in range(len(self.bistro.dayparts))]
        opened = np.concatenate([part[0] for part in parts])
        items = [lines for part in parts for lines in part[1]]
        quantities = [lines for part in parts for lines in part[2]]
        lines: list[Line] = []
        for number, index in enumerate(np.argsort(opened, kind="stable"), start=1):
            lines += self._order(day, number, float(opened[index]), items[index], quantities[index])
        return lines

    def expected(self, day: date) -> dict[str, float]:
        """Mean units of each item on an open day that is no holiday: what opening stock is measured by."""
        means = self._means(day).sum(axis=1) * sum(n * share for n, share in enumerate(LINE_QUANTITIES, start=1))
        return {item.name: float(mean) for item, mean in zip(self.bistro.items, means, strict=True)}

    def _line_counts(self, day: date, rng: "np.random.Generator") -> "np.ndarray":
        """Number of order lines, shape (items, dayparts)."""
        own = rng.gamma(ITEM_SHAPE, 1 / ITEM_SHAPE, size=(len(self.bistro.items), 1))
        return rng.poisson(self._means(day) * own * self._shock(day) * self._holiday(day) * self._pull(day))

    def _means(self, day: date) -> "np.ndarray":
        """Expected order lines by item and daypart without noise."""
        import numpy as np

        busy = np.array([part.weekdays[day.weekday()] for part in self.bistro.dayparts])
        items = np.array([_demand(item, day, self.joined_on) for item in self.bistro.items])
        return self._mix * items[:, None] * busy * _venue_season(day)

    @cached_property
    def _mix(self) -> "np.ndarray":
        """Order lines on an ordinary day, shape (items, dayparts)."""
        import numpy as np

        names = [part.name for part in self.bistro.dayparts]
        weights = np.array([[item.dayparts.get(name, 0.0) for name in names] for item in self.bistro.items])
        volumes = np.array([item.lines_a_day for item in self.bistro.items])
        return weights / weights.sum(axis=1, keepdims=True) * volumes[:, None]

    @cached_property
    def _ranks(self) -> "np.ndarray":
        """When guests choose an item in each daypart: the place of its course, shape (dayparts, items)."""
        import numpy as np

        return np.array(
            [[part.courses.index(item.category) for item in self.bistro.items] for part in self.bistro.dayparts]
        )

    def _shock(self, day: date) -> float:
        """What all items of a day share (weather, a match, a street party); neighbouring days are alike."""
        own, before = (self._innovation(day.toordinal() - back) for back in (0, 1))
        return math.exp(SHOCK_SIGMA * (0.8 * own + 0.6 * before) - SHOCK_SIGMA**2 / 2)

    def _innovation(self, ordinal: int) -> float:
        import numpy as np

        return float(np.random.default_rng([self.seed, ordinal, 1]).standard_normal())

    def _pull(self, day: date) -> "np.ndarray":
        """What the events of a day do to each item: shape (items, 1)."""
        import numpy as np

        today = [occasion for occasion in self._occasions if occasion.starts_on <= day <= occasion.ends_on]
        pulls = [
            math.prod(occasion.pull for occasion in today if occasion.draws(item.name, item.category))
            for item in self.bistro.items
        ]
        return np.array(pulls)[:, None]

    @cached_property
    def _occasions(self) -> list[diary.Occasion]:
        return diary.occasions(self.joined_on)

    @cached_property
    def _ran_out(self) -> dict[tuple[date, str], float]:
        """The hour at which a dish ran out on a day."""
        return {(one.on, one.item): one.hour for one in diary.shortages(self.joined_on)}

    def _holiday(self, day: date) -> float:
        return 1.25 if day in self._holidays else 1.0

    @cached_property
    def _holidays(self) -> "frozenset[date]":
        import holidays

        years = range(self.first_on.year, self.joined_on.year + 3)
        return frozenset(holidays.country_holidays(self.bistro.country, years=years))

    def _orders(
        self, day: date, part: int, counts: "np.ndarray", rng: "np.random.Generator"
    ) -> tuple["np.ndarray", list["np.ndarray"], list["np.ndarray"]]:
        """The orders of one daypart: opening hours, and for each order its items and their quantities."""
        import numpy as np

        lines = rng.permutation(np.repeat(np.arange(counts.size), counts))
        if not lines.size:
            return np.empty(0), [], []
        lines = lines[np.argsort(self._ranks[part][lines], kind="stable")]
        sizes = _order_sizes(lines.size, rng)
        keys = _deal(sizes, rng) * counts.size + lines
        quantities = rng.choice(len(LINE_QUANTITIES), size=lines.size, p=LINE_QUANTITIES) + 1
        kept, place = np.unique(keys, return_inverse=True)  # one line for an item that a table orders twice
        totals = np.bincount(place, weights=quantities).astype(int)
        cuts = np.flatnonzero(np.diff(kept // counts.size)) + 1
        opened = _opening_hours(self.bistro.dayparts[part], sizes.size, rng)
        return opened, np.split(kept % counts.size, cuts), np.split(totals, cuts)

    def _order(self, day: date, number: int, hours: float, items: "np.ndarray", quantities: "np.ndarray") -> list[Line]:
        """The lines of an order, without dishes that had run out by then."""
        midnight = datetime.combine(day, time(), self.zone)
        opened_at = midnight + timedelta(seconds=round(hours * 3600))  # wall-clock arithmetic, as a till's clock runs
        order_id = f"{day:%y%m%d}-{number:03d}"
        sold = (self.bistro.items[index] for index in items.tolist())
        return [
            Line(order_id, opened_at, day, item.name, item.category, quantity, item.price)
            for item, quantity in zip(sold, quantities.tolist(), strict=True)
            if hours < self._ran_out.get((day, item.name), math.inf)
        ]


def _demand(item: Item, day: date, joined_on: date) -> float:
    """The item's own factor on a date: on the menu or not, growth, season."""
    age = (day - joined_on).days
    if item.ends_before is not None and age >= -item.ends_before:
        return 0.0
    ramp = 1.0
    if item.starts_before is not None:
        sold_for = age + item.starts_before
        ramp = 0.0 if sold_for < 0 else min(1.0, 0.4 + 0.6 * sold_for / NEW_ITEM_RAMP_DAYS)
    return ramp * (1 + item.growth) ** (age / YEAR_DAYS) * (1 + item.season * _summer(day))


def _summer(day: date) -> float:
    """1 in the middle of summer, -1 in the middle of winter."""
    return math.cos(2 * math.pi * (day.timetuple().tm_yday - MIDSUMMER) / YEAR_DAYS)


def _venue_season(day: date) -> float:
    """Terrace in summer, parties before Christmas, an empty January."""
    if day.month == 12 and day.day < 25:
        return 1.16
    if day.month == 1:
        return 0.86
    return 1 + 0.09 * _summer(day)


def _order_sizes(lines: int, rng: "np.random.Generator") -> "np.ndarray":
    """Sizes of 1…6 that add up to `lines`."""
    import numpy as np

    sizes = rng.choice(len(ORDER_SIZES), size=lines, p=ORDER_SIZES) + 1
    ends = np.minimum(np.cumsum(sizes), lines)
    return np.diff(ends[: np.searchsorted(ends, lines) + 1], prepend=0)


def _deal(sizes: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    """To which order each line goes when every order takes its first line before any takes a second: shape (lines,)."""
    import numpy as np

    orders = np.repeat(np.arange(sizes.size), sizes)
    rounds = np.arange(orders.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return orders[np.lexsort((rng.random(orders.size), rounds))]


def _opening_hours(part: Daypart, orders: int, rng: "np.random.Generator") -> "np.ndarray":
    """Wall-clock hours at which orders open: few at the edges of the daypart, most in its middle."""
    return part.starts + (part.ends - part.starts) * rng.beta(2.0, 2.2, size=orders)
