"""Why a day is expected to be as it is, in a few words: from numbers that are stored already, nothing is fitted here.

Sales are units by open day, of the whole house or of one dish; days on which the house was closed are not in them. A
share of 0.12 is 12 % more. Whatever rests on too few units to be told from chance is left out.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean

Sales = Mapping[date, float]

WEEKDAY_DAYS = 56  # eight of each weekday tell what a weekday is like
FEWEST_WEEKDAYS = 3  # of which it takes so many at least
RECENT_DAYS, LEVEL_DAYS = 7, 70  # lately against the last ten weeks
YEAR_DAYS = 364  # 52 weeks: the same weekday
FEWEST_UNITS = 10.0
SMALLEST = 0.05  # an effect below 5 % says nothing worth reading
CHANCE = 1.64  # deviations of a count: nine in ten of what chance does stays below
NO_BREAK, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FACTS = {
    "bookings": "{} guests booked",
    "temperature-max": "{} °C",
    "temperature": "{} °C",
    "rain-mm": "{} mm of rain",
    "snow-cm": "{} cm of snow",
}


@dataclass(frozen=True)
class Changes:
    """What events and people have changed: their names, and the units expected with them and without."""

    names: Sequence[str] = ()
    units: float = 0.0
    engine_units: float = 0.0

    @property
    def effect(self) -> float | None:
        """Their joint effect as a share; None where there was nothing to change, or where nothing has changed."""
        share = self.units / self.engine_units - 1 if self.engine_units > 0 else 0.0
        return share if round(share * 100) else None


@dataclass(frozen=True)
class Known:
    """What is known about a day besides the sales."""

    public_holiday: str = ""
    school_holiday: str = ""
    changes: Changes = field(default_factory=Changes)
    facts: Mapping[str, float] = field(default_factory=dict)


def words(day: date, expected: float, sales: Sales, known: Known, *, until: date) -> list[str]:
    """The drivers of `expected` units on `day`, in the order in which people think of them.

    `until` is the last date whose sales are complete: what comes after it is not looked at. The recent trend, which is
    the same for all days, is not among them: see `lately`. Facts come last and say that they are only known: whether
    the engine has learned anything from them cannot be told from what is stored.
    """
    said = [_weekday(day, weekday_effect(day, sales, until))]
    said += [name for name in (known.public_holiday, known.school_holiday) if name]
    said += _changes(known.changes)
    if (year := on_last_year(day, expected, sales, until)) is not None:
        said.append(f"{signed(year)} on last year")
    return said + _facts(known.facts)


def weekday_effect(day: date, sales: Sales, until: date) -> float | None:
    """The weekday's mean against the mean of all weekdays on which the house opens, over the last eight weeks.

    None where there were fewer than three of that weekday, and where chance alone would do as much.
    """
    by_weekday = _by_weekday(sales, until, WEEKDAY_DAYS)
    same = by_weekday.get(day.weekday(), [])
    usual = fmean(fmean(units) for units in by_weekday.values()) * len(same) if same else 0.0
    if len(same) < FEWEST_WEEKDAYS or usual < FEWEST_UNITS or _is_chance(math.fsum(same), usual):
        return None
    return _worth_saying(math.fsum(same) / usual - 1)


def on_last_year(day: date, expected: float, sales: Sales, until: date) -> float | None:
    """Against the mean of the same weekday in the three weeks about the date 52 weeks earlier."""
    about = (day - timedelta(days=YEAR_DAYS + shift) for shift in (-7, 0, 7))
    then = [sales[date] for date in about if date in sales and date <= until]
    usual = math.fsum(then)
    if len(then) < 2 or usual < FEWEST_UNITS or _is_chance(expected * len(then), usual):
        return None
    return _worth_saying(expected * len(then) / usual - 1)


def lately(sales: Sales, until: date) -> float | None:
    """The last seven days against what the same weekdays sold on average in the ten weeks to `until`."""
    means = _weekday_means(sales, until, LEVEL_DAYS)
    recent = [day for day in _days_to(until, RECENT_DAYS) if day in sales]
    usual = math.fsum(means[day.weekday()] for day in recent)
    sold = math.fsum(sales[day] for day in recent)
    if len(recent) < RECENT_DAYS // 2 or usual < FEWEST_UNITS or _is_chance(sold, usual):
        return None
    return _worth_saying(sold / usual - 1)


def signed(share: float) -> str:
    """0.124 is +12 %."""
    percent = round(share * 100)
    sign = "+" if percent > 0 else MINUS if percent < 0 else "±"
    return f"{sign}{abs(percent):,}{NO_BREAK}%"


def _weekday_means(sales: Sales, until: date, n_days: int) -> dict[int, float]:
    """Mean units by weekday over the open days of the last `n_days`."""
    return {weekday: fmean(units) for weekday, units in _by_weekday(sales, until, n_days).items()}


def _by_weekday(sales: Sales, until: date, n_days: int) -> dict[int, list[float]]:
    """The units of each of them."""
    found: dict[int, list[float]] = {}
    for day in _days_to(until, n_days):
        if day in sales:
            found.setdefault(day.weekday(), []).append(sales[day])
    return found


def _days_to(until: date, n_days: int) -> Iterable[date]:
    return (until - timedelta(days=back) for back in range(n_days))


def _is_chance(units: float, usual: float) -> bool:
    """Whether a count of `usual` units would end as far away by chance alone."""
    return abs(units - usual) < CHANCE * math.sqrt(usual)


def _worth_saying(share: float) -> float | None:
    return share if abs(share) >= SMALLEST else None


def _weekday(day: date, effect: float | None) -> str:
    name = WEEKDAYS[day.weekday()]
    return name if effect is None else f"{name} {signed(effect)}"


def _changes(changes: Changes) -> list[str]:
    """Each by name; how much they do stands with the only one, or with all of them together."""
    if not changes.names or changes.effect is None:
        return list(changes.names)
    effect = signed(changes.effect)
    if len(changes.names) == 1:
        return [f"{changes.names[0]} {effect}"]
    return [*changes.names, f"together {effect}"]


def _facts(facts: Mapping[str, float]) -> list[str]:
    told = " and ".join(_fact(kind, value) for kind, value in sorted(facts.items()))
    return [f"also known: {told}"] if told else []


def _fact(kind: str, value: float) -> str:
    number = f"{value:,.1f}".removesuffix(".0").replace("-", MINUS)
    return FACTS.get(kind, kind.replace("-", " ") + " {}").format(number)
