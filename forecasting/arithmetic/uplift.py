"""What an event did to sales: units sold on its past days against the same weekdays around them.

Both sides count the same dishes; one that ran out, on the day or on a day that it is compared with, is left out there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

ItemDay = tuple[date, UUID | None]  # None: every item
Sold = Mapping[date, Mapping[UUID, float]]  # open days → units by item

AROUND_WEEKS = 4
FEWEST_TO_COMPARE = 2  # ordinary days around a day, below which nothing is said of it
_SIGMA_DAY = 0.2  # spread of an ordinary day's total around its mean, as a share
_SIGMA_EFFECT = 0.4  # spread of what events do to demand, as a share
_MIN_PERCENT, _MAX_PERCENT = -100.0, 1000.0


@dataclass(frozen=True, slots=True)
class PastDay:
    """Units sold on a past day, and the units of the same dishes on the same weekday around it."""

    date: date
    sold: float
    usual: float


@dataclass(frozen=True, slots=True)
class Uplift:
    """What past days say together; nothing where there are none."""

    days: tuple[PastDay, ...]

    @property
    def sold(self) -> float:
        return sum(day.sold for day in self.days)

    @property
    def usual(self) -> float:
        return sum(day.usual for day in self.days)

    @property
    def measured(self) -> float | None:
        """Percent more or less than usual; None where no day could be measured."""
        return 100 * (self.sold - self.usual) / self.usual if self.days else None

    @property
    def trust(self) -> float:
        """Share of what was measured that is counted on, 0 to 1: more with more days and more units.

        The weight of a normal mean with a normal prior around no effect: the noise is that of whole days and of the
        count of units, and a quarter more for what they are compared with.
        """
        if not self.days:
            return 0.0
        noise = 1.25 * (_SIGMA_DAY**2 / len(self.days) + 1 / max(self.usual, 1.0))
        return _SIGMA_EFFECT**2 / (_SIGMA_EFFECT**2 + noise)

    @property
    def percent(self) -> float:
        """What is counted on, in percent more or less."""
        expected = self.trust * (self.measured or 0.0)
        return round(min(max(expected, _MIN_PERCENT), _MAX_PERCENT), 1)

    def __str__(self) -> str:
        if self.measured is None:
            return "no past day to measure"
        n = len(self.days)
        return f"{n} past {'day' if n == 1 else 'days'}: {_signed(self.measured)}, counted as {_signed(self.percent)}"


def around(day: date) -> list[date]:
    """The same weekday in the four weeks before and the four after."""
    weeks = (n for n in range(-AROUND_WEEKS, AROUND_WEEKS + 1) if n)
    return [day + timedelta(weeks=n) for n in weeks]


def measure(
    days: Iterable[date], sold: Sold, *, special: Collection[ItemDay] = (), sold_out: Collection[ItemDay] = ()
) -> Uplift:
    """Compare each of `days` with the ordinary open days around it.

    Days without sales are closed, and left out like days with fewer than two days to compare with. `special` item-days
    are compared with nothing; `sold_out` ones count on neither side.
    """
    found = (_past_day(day, sold, special, sold_out) for day in days if day in sold)
    return Uplift(tuple(day for day in found if day is not None))


def _past_day(day: date, sold: Sold, special: Collection[ItemDay], sold_out: Collection[ItemDay]) -> PastDay | None:
    others = [other for other in around(day) if other in sold and (other, None) not in special]
    got = usual = 0.0
    for item in {item for each in (day, *others) for item in sold[each]}:
        ordinary = [each for each in others if (each, item) not in special and (each, item) not in sold_out]
        if (day, item) not in sold_out and len(ordinary) >= FEWEST_TO_COMPARE:
            got += sold[day].get(item, 0.0)
            usual += sum(sold[each].get(item, 0.0) for each in ordinary) / len(ordinary)
    return PastDay(day, got, usual) if usual else None


def _signed(percent: float) -> str:
    whole = round(percent)
    sign = "+" if whole > 0 else "−" if whole < 0 else ""
    return f"{sign}{abs(whole):,} %"
