"""How far expectations were from sales, added up. Plain arithmetic on what was scored, day by day and dish by dish.

An error is in units, of all units sold (WAPE: Σ|expected − sold| / Σ sold); a bias keeps its sign, above 0 is too much.
Days on which a dish ran out count nowhere. The three ways to expect are compared on the same dish-days: those for which
the same-weekday mean is known, too.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

MISSES, MISS_DAYS = 4, 7  # so many misses to the same side in so many days are no chance
MISS_OF_TOTAL = 0.10  # share by which the day of the whole house must be off
LEAST_UNITS = 2.0  # and a dish by so many units beyond leaving its range
RANGE_DAYS = 28
RANGE_LOW, RANGE_HIGH = 0.75, 0.85  # what share of the 80 % ranges may hold
BUSY_UNITS = 5.0  # dishes that sell fewer a day have ranges of whole units, which hold more than they promise
LEAST_RANGES = 100  # fewer say nothing about a share of 80 %

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class DishDay:
    """One dish on one day: what was expected and what came, in units; `price` is net sales of a unit, if known."""

    date: date
    item_id: UUID
    sold: float
    final: float
    flux: float
    usual: float | None
    q10: float | None
    q90: float | None
    price: float | None

    @property
    def has_range(self) -> bool:
        return self.q10 is not None and self.q90 is not None

    @property
    def in_range(self) -> bool:
        """Whether the sales lay in the 80 % range."""
        return (self.q10 or 0.0) <= self.sold <= (self.q90 or 0.0)


@dataclass(frozen=True, slots=True)
class Errors:
    """One way to expect: shares of the units sold, None where nothing was; money that was too much and too little."""

    wape: float | None
    bias: float | None
    units: float
    over: float
    under: float


@dataclass(frozen=True, slots=True)
class Tally:
    """What a set of dish-days comes to. `coverage` is the share of sales inside the 80 % ranges, of busy dishes."""

    sold: float
    dish_days: int
    compared: int
    final: Errors
    flux: Errors
    usual: Errors
    coverage: float | None
    ranges: int

    @property
    def saved_units(self) -> float:
        """Units by which Flux was nearer than the same-weekday mean; below 0 where it was further off."""
        return self.usual.units - self.flux.units


def tally(rows: Iterable[DishDay]) -> Tally:
    """Add up; compared are the dish-days of which the same-weekday mean is known."""
    known = list(rows)
    compared = [row for row in known if row.usual is not None]
    ranges = [row.in_range for row in known if row.has_range and row.final >= BUSY_UNITS]
    return Tally(
        sold=sum(row.sold for row in known),
        dish_days=len(known),
        compared=len(compared),
        final=_errors(compared, lambda row: row.final),
        flux=_errors(compared, lambda row: row.flux),
        usual=_errors(compared, lambda row: row.usual or 0.0),
        coverage=sum(ranges) / len(ranges) if ranges else None,
        ranges=len(ranges),
    )


def by(rows: Iterable[DishDay], key: Callable[[DishDay], Key]) -> dict[Key, list[DishDay]]:
    """The rows, apart."""
    found: dict[Key, list[DishDay]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def week_of(row: DishDay) -> date:
    """The Monday of its week."""
    return row.date - timedelta(days=row.date.weekday())


def missed_total(rows: Iterable[DishDay], last: date) -> int:
    """Days of the last seven on which the house sold more than expected (above 0) or less, if that is no chance.

    A miss is a day on which the sum of all dishes was off by more than a tenth. 0 where there is nothing to report.
    """
    sums = {day: (sum(row.sold for row in of), sum(row.final for row in of)) for day, of in by(rows, _day).items()}
    signs = {
        day: _sign(sold - expected) if abs(sold - expected) > MISS_OF_TOTAL * expected else 0
        for day, (sold, expected) in sums.items()
    }
    return _streak(signs, last)


def missed_items(rows: Iterable[DishDay], last: date) -> Mapping[UUID, int]:
    """The same for each dish that has something to report; a miss lies outside the 80 % range, by two units or more."""
    found = {}
    for item, of in by(rows, lambda row: row.item_id).items():
        signs = {row.date: _sign(row.sold - row.final) if _misses(row) else 0 for row in of}
        if streak := _streak(signs, last):
            found[item] = streak
    return found


def range_fault(whole: Tally) -> float | None:
    """The coverage where it is too low or too high, and rests on enough; else None."""
    share = whole.coverage
    if share is None or whole.ranges < LEAST_RANGES or RANGE_LOW <= share <= RANGE_HIGH:
        return None
    return share


def _errors(rows: list[DishDay], expected: Callable[[DishDay], float]) -> Errors:
    off = [(expected(row) - row.sold, row.price or 0.0) for row in rows]
    sold, units = sum(row.sold for row in rows), sum(abs(gap) for gap, _ in off)
    return Errors(
        wape=units / sold if sold else None,
        bias=sum(gap for gap, _ in off) / sold if sold else None,
        units=units,
        over=sum(gap * price for gap, price in off if gap > 0),
        under=sum(-gap * price for gap, price in off if gap < 0),
    )


def _misses(row: DishDay) -> bool:
    return row.has_range and not row.in_range and abs(row.sold - row.final) >= LEAST_UNITS


def _streak(signs: Mapping[date, int], last: date) -> int:
    """How many of the seven days up to `last` missed to the same side, with that side's sign; 0 below four."""
    recent = [sign for day, sign in signs.items() if 0 <= (last - day).days < MISS_DAYS]
    for side in (1, -1):
        if recent.count(side) >= MISSES:
            return side * recent.count(side)
    return 0


def _day(row: DishDay) -> date:
    return row.date


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
