"""Which dishes stopped selling so early that they had probably run out. Plain arithmetic on the times of orders.

What a dish sells from an hour on is taken for a Poisson count whose rate varies from day to day by a gamma factor. What
the same weekdays sold after that hour says how much was to be expected; what the dish sold up to it, and how the rest
of the house went on, say how much of it on that day (Gelman et al., Bayesian Data Analysis, section 2.6).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Item: TypeAlias = Any
"""What a dish is known by: anything that can be a key."""
Day: TypeAlias = Mapping[Item, Sequence[int]]
"""Of one business date: the seconds since its begin at which each dish was ordered, ascending."""

MIN_PAST_DAYS = 4  # same weekdays with times
FALSE_SHARE = 0.02  # of what is found on a day, at most so much by chance: see _too_unlikely
_SHAPE = 8.0  # of the gamma factor that a dish's day has before anything is sold: it varies by a third
_MOST_SHAPE = 16.0  # what the day has shown does not make its rest surer than this


@dataclass(frozen=True)
class Silence:
    """A dish's last order, in seconds since the begin of the day, and how likely it was that none would follow."""

    item: Item
    last: int
    chance: float


def ran_out(today: Day, past: Sequence[Day], groups: Mapping[Item, str]) -> list[Silence]:
    """The dishes of `today` that probably ran out after their last order, the least likely silence first.

    `past` are earlier days of the same weekday, each with every dish, ordered or not; a dish is left out of those on
    which it is known to have run out.
    `groups` gives each dish's category. A dish that was not ordered at all says nothing: it may not have been offered.
    """
    house = _House(today, past, groups)
    tested = [house.silence(item) for item, times in today.items() if times]
    return _too_unlikely([silence for silence in tested if silence is not None])


def chance_of_none(sold: float, usual: float, rest: float) -> float:
    """P(no order where `rest` are usual), of a dish ordered `sold` times where `usual` were."""
    shape, rate = _SHAPE + sold, _SHAPE + usual
    trust = min(1.0, _MOST_SHAPE / shape)
    return float((trust * rate / (trust * rate + rest)) ** (trust * shape))


def _too_unlikely(tested: list[Silence]) -> list[Silence]:
    """Those that chance alone would hardly make among so many dishes (Benjamini and Hochberg 1995, step-up rule).

    On a day on which nothing ran out, something is found with a probability of at most FALSE_SHARE.
    """
    ordered = sorted(tested, key=lambda silence: silence.chance)
    places = range(len(ordered), 0, -1)
    enough = (place for place in places if ordered[place - 1].chance <= FALSE_SHARE * place / len(ordered))
    return ordered[: next(enough, 0)]


class _House:
    """One day beside the same weekdays before it."""

    def __init__(self, today: Day, past: Sequence[Day], groups: Mapping[Item, str]) -> None:
        self.today, self.past, self.groups = today, past, groups
        self.all = [_merged(day, day) for day in (today, *past)]
        self.by_group: dict[str, list[list[int]]] = {}

    def silence(self, item: Item) -> Silence | None:
        """The last order of the dish and its chance; None where too few days say what is usual."""
        known = [day[item] for day in self.past if item in day]
        if len(known) < MIN_PAST_DAYS:
            return None
        times = self.today[item]
        last = times[-1]
        usual = sum(bisect_right(day, last) for day in known) / len(known)
        rest = sum(map(len, known)) / len(known) - usual
        pace = min(1.0, self._pace(self.all, last, rest), self._pace(self._group(item), last, rest))
        return Silence(item, last, chance_of_none(len(times), usual, rest * pace))

    def _group(self, item: Item) -> list[list[int]]:
        name = self.groups.get(item, "")
        if name not in self.by_group:
            members = {other for other, group in self.groups.items() if group == name}
            self.by_group[name] = [_merged(day, members) for day in (self.today, *self.past)]
        return self.by_group[name]

    @staticmethod
    def _pace(days: list[list[int]], after: int, own: float) -> float:
        """Orders of other dishes after the second, over what is usual then; the first of `days` is today.

        `own` is what is usual of the dish itself, which has none. One more of each is counted.
        """
        now, *before = (len(day) - bisect_right(day, after) for day in days)
        return (now + 1) / (sum(before) / len(before) - own + 1)


def _merged(day: Day, items: Iterable[Item]) -> list[int]:
    return sorted(second for item in items for second in day.get(item, ()))
