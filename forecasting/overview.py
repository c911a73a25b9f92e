"""The forecast at a glance: every day of the house with its drivers, and dishes × days, in units or in money."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from forecasting import covers, house, occasions
from forecasting.arithmetic import drivers, grid
from forecasting.arithmetic.drivers import Changes, Known
from forecasting.arithmetic.grid import Dish, Grid
from forecasting.house import DayOutlook
from forecasting.models import Forecast, Run
from forecasting.occasions import Occasion
from pos.models import DailySales, DailySalesQuerySet
from tenants.models import Restaurant

UNITS, MONEY = "units", "money"
STEPS = {UNITS: 100, MONEY: 1000}  # thousandths in a step of what is shown: tenths of a unit, whole money
PAST_DAYS = 28


@dataclass(frozen=True)
class DayLine:
    """One day of the house. `units` counts tenths and `net` whole money, as in the grids; None: closed, or unknown."""

    date: dt.date
    occasion: Occasion
    units: int | None = None
    net: int | None = None
    guests: int | None = None
    outlook: DayOutlook | None = None
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Overview:
    """Everything that the page shows. `sold` is units by open day, `lately` their recent trend as a share.

    `unpriced` counts dishes without a known price.
    """

    days: list[DayLine]
    grid: Grid
    measure: str
    sold: Mapping[dt.date, float]
    lately: float | None
    has_money: bool
    has_guests: bool
    unpriced: int

    @property
    def net(self) -> int:
        return sum(day.net or 0 for day in self.days)

    @property
    def guests(self) -> int:
        return sum(day.guests or 0 for day in self.days)

    @property
    def units(self) -> int:
        """In tenths."""
        return sum(day.units or 0 for day in self.days)


@dataclass
class Expected:
    """The run's rows: dishes, their moments, and what events and overrides have changed of each day's units."""

    dishes: dict[UUID, Dish] = field(default_factory=dict)
    demand: house.Demand = field(default_factory=dict)
    units: dict[dt.date, float] = field(default_factory=dict)
    engine_units: dict[dt.date, float] = field(default_factory=dict)


def read(
    restaurant: Restaurant, run: Run, first: dt.date, n_days: int, *, measure: str = UNITS, with_money: bool = True
) -> Overview:
    """`n_days` days from `first` on, in a fixed number of queries. Without `with_money` no price is looked at."""
    days = [first + dt.timedelta(days=ahead) for ahead in range(n_days)]
    known = occasions.read(restaurant, run, days[0], days[-1])
    closed = frozenset(day for day in days if known[day].closed is not None)
    expected = rows(run, days[0], days[-1], closed)
    until = run.cutoff_on or first - dt.timedelta(days=1)
    sold = sales(days[0], days[-1], until)
    prices = house.prices(until) if with_money else {}
    dishes = list(expected.dishes.values())
    priced = grid.in_money(dishes, prices)
    in_units = grid.build(days, closed, dishes, step=STEPS[UNITS])
    in_money = grid.build(days, closed, priced, step=STEPS[MONEY])
    outlooks = {day.date: day for day in house.totals(expected.demand, run.unknown_from(first), sold, prices)}
    per_guest = covers.units_per_guest(until)
    lines = [
        DayLine(
            date=day,
            occasion=known[day],
            units=in_units.totals.cells[place],
            net=in_money.totals.cells[place],
            guests=_guests(outlooks.get(day), per_guest),
            outlook=outlooks.get(day),
            words=_words(day, known[day], expected, sold, until),
        )
        for place, day in enumerate(days)
    ]
    shown = in_money if measure == MONEY and priced else in_units
    return Overview(
        days=lines,
        grid=shown,
        measure=MONEY if shown is in_money else UNITS,
        sold=sold,
        lately=drivers.lately(sold, until),
        has_money=bool(priced),
        has_guests=bool(per_guest),
        unpriced=len(dishes) - len(priced),
    )


def rows(run: Run, first: dt.date, last: dt.date, closed: Iterable[dt.date]) -> Expected:
    """What the run says of dishes on the menu, days on which the house is closed left out; one query."""
    found, shut = Expected(), frozenset(closed)
    names = (
        "menu_item_id",
        "menu_item__name",
        "menu_item__category",
        "date",
        "mean",
        "q10",
        "q90",
        "engine_numbers__0",
    )
    for item, name, category, day, mean, low, high, engine in (
        Forecast.objects.on_the_menu(run, first, last).order_by("date", "menu_item_id").values_list(*names)
    ):
        dish = found.dishes.setdefault(item, Dish(item, name, category))
        if day in shut:
            continue
        dish.expected[day] = int(mean * 1000)
        found.demand[item, day] = house.moments(mean, low, high)
        found.units[day] = found.units.get(day, 0.0) + float(mean)
        found.engine_units[day] = found.engine_units.get(day, 0.0) + float(mean if engine is None else engine)
    return found


def sales(first: dt.date, last: dt.date, until: dt.date) -> dict[dt.date, float]:
    """Units of the house by open day: of the weeks up to `until`, and about the same dates a year earlier."""
    found = recent_and_last_year(first, last, until).by_day()
    return {row["business_date"]: float(row["units"]) for row in found}


def recent_and_last_year(first: dt.date, last: dt.date, until: dt.date) -> DailySalesQuerySet:
    """The sales that drivers, ranges and charts of the days from `first` to `last` look at."""
    a_year = dt.timedelta(days=drivers.YEAR_DAYS)
    week = dt.timedelta(days=7)
    begin = min(first, until) - dt.timedelta(days=drivers.LEVEL_DAYS + PAST_DAYS)
    then = DailySales.objects.between(first - a_year - week, last - a_year + week)
    return DailySales.objects.between(begin, until) | then


def _guests(outlook: DayOutlook | None, per_guest: Mapping[int, float]) -> int | None:
    if outlook is None or not per_guest:
        return None
    return round(outlook.units / per_guest[outlook.date.weekday()])


def _words(
    day: dt.date, known: Occasion, expected: Expected, sold: Mapping[dt.date, float], until: dt.date
) -> list[str]:
    if known.closed is not None or day not in expected.units:
        return []
    changes = Changes(names(known), expected.units[day], expected.engine_units[day])
    about = Known(known.public_holiday, known.school_holiday, changes, known.facts)
    return drivers.words(day, expected.units[day], sold, about, until=until)


def names(known: Occasion) -> Sequence[str]:
    """What has changed the day, each once."""
    return list(dict.fromkeys([*known.events, *known.overrides]))
