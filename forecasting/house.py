"""What the whole house is expected to sell, day by day, with its range: the sum of the dishes' forecasts."""

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from forecasting.arithmetic import shocks
from forecasting.models import Forecast, Run
from menu import explosion
from menu.explosion import Moments
from pos.models import DailySales

HOUSE = "house"
Demand = dict[tuple[UUID, dt.date], Moments]  # of each dish on each day, in portions
SHOCK_DAYS = 70  # ten of each weekday tell how far days rise and fall as a whole
PRICE_DAYS = 28
Z_50, Z_80 = 0.6745, 1.2816  # half the width of the middle 50 % and 80 % of a normal distribution, in deviations


@dataclass(frozen=True)
class DayOutlook:
    """Units expected of the whole house on one day, and the net sales they bring where prices are known."""

    date: dt.date
    units: float
    low80: float
    low50: float
    high50: float
    high80: float
    net: float


def read(
    run: Run, first: dt.date, last: dt.date, sold: Mapping[dt.date, float], prices: Mapping[UUID, float]
) -> list[DayOutlook]:
    """The days from `first` to `last` that the run speaks of and on which the house is open, in two queries."""
    rows = Forecast.objects.on_the_menu(run, first, last).values_list("menu_item_id", "date", "mean", "q10", "q90")
    closed = run.closed_days(first, last)
    dishes = {(item, day): moments(mean, low, high) for item, day, mean, low, high in rows if day not in closed}
    return totals(dishes, run.unknown_from(first), sold, prices)


def totals(
    dishes: Demand, unknown_from: dt.date, sold: Mapping[dt.date, float], prices: Mapping[UUID, float]
) -> list[DayOutlook]:
    """The days that `dishes` speak of.

    `sold` (units by open day), before `unknown_from`, says how much the days of this house rise and fall together,
    which the ranges need: the sum of the dishes' 90 % quantiles would be far too high. With the day after the run's
    last known one a day has the same range on every page, whichever day a page begins with. `prices` is net sales per
    unit sold, by dish.
    """
    one_each = {item: {HOUSE: Fraction(1)} for item, _ in dishes}
    found = explosion.explode(dishes, one_each, shocks.venue_shock(_recent(sold, unknown_from)).share)
    net: dict[dt.date, list[float]] = {}
    for (item, day), demand in dishes.items():
        net.setdefault(day, []).append(demand.mean * prices.get(item, 0.0))
    by_day = sorted(((day, total) for (_, day), total in found.items()), key=lambda pair: pair[0])
    return [_day(day, total, math.fsum(net[day])) for day, total in by_day]


def of(outlooks: Iterable[DayOutlook], date: dt.date) -> DayOutlook | None:
    """The outlook of one day."""
    return next((outlook for outlook in outlooks if outlook.date == date), None)


def prices(last_on: dt.date | None) -> dict[UUID, float]:
    """Net sales per unit sold in the four weeks to `last_on`, by dish; above zero, dishes without one are left out."""
    if last_on is None:
        return {}
    recent = DailySales.objects.between(last_on - dt.timedelta(days=PRICE_DAYS - 1), last_on)
    return {item: float(price) for item, price in recent.prices().items()}


def moments(mean: Decimal, low: Decimal | None, high: Decimal | None) -> Moments:
    """Variance from the 10 % and 90 % quantiles; counts vary at least as much as a Poisson count of the same mean."""
    deviation = 0.0 if low is None or high is None else float(high - low) / (2 * Z_80)
    return Moments(float(mean), max(float(mean), deviation**2))


def _day(date: dt.date, total: Moments, net: float) -> DayOutlook:
    deviation = math.sqrt(total.variance)
    return DayOutlook(
        date=date,
        units=total.mean,
        low80=max(0.0, total.mean - Z_80 * deviation),
        low50=max(0.0, total.mean - Z_50 * deviation),
        high50=total.mean + Z_50 * deviation,
        high80=total.mean + Z_80 * deviation,
        net=net,
    )


def _recent(sold: Mapping[dt.date, float], before: dt.date) -> dict[dt.date, float]:
    earliest = before - dt.timedelta(days=SHOCK_DAYS)
    return {day: units for day, units in sold.items() if earliest <= day < before}
