"""What the forecast will use of each ingredient, day by day."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Sum

from forecasting.arithmetic import shocks
from forecasting.arithmetic.shocks import Shock
from forecasting.models import Forecast, Run
from menu import explosion
from menu.explosion import Moments
from menu.recipes import Book
from pos.models import DailySales
from tenants.models import Restaurant
from tenants.office.models import Closure

_Z_10_TO_90 = 2.5631  # standard deviations between the 10 % and the 90 % quantile of a normal distribution
_SHARE_DAYS = 14
_SHOCK_DAYS = 70


@dataclass(frozen=True, slots=True)
class Needs:
    """The forecast that feeds orders and what it needs; `run` is None where there is none yet."""

    run: Run | None
    ends_on: dt.date | None
    by_dish: Mapping[UUID, Mapping[dt.date, Moments]]
    daily: Mapping[UUID, Mapping[dt.date, Moments]]
    names: Mapping[UUID, str]
    shock: Shock
    recipe_share: Decimal | None


def read(restaurant: Restaurant, now: dt.datetime, book: Book, since: dt.date | None = None) -> Needs:
    """The current run, with the integrators' forecasts chosen over it, exploded into ingredients.

    From `since` (today, if None) until the run's last day.
    """
    today = restaurant.business_date(now)
    run = Run.objects.current()
    if run is None:
        return Needs(None, None, {}, {}, {}, shocks.USUAL, None)
    closed = set(Closure.objects.filter(on__gte=since or today).values_list("on", flat=True))
    ahead = Forecast.objects.feeding_orders(run).filter(
        date__gte=since or today, date__lte=run.last_day, menu_item__is_active=True
    )
    rows = [
        row
        for row in ahead.values_list("menu_item_id", "menu_item__name", "date", "mean", "q10", "q90")
        if row[2] not in closed
    ]
    dishes = {(item, day): _moments(mean, low, high) for item, _, day, mean, low, high in rows}
    shock = shocks.venue_shock(_totals(today))
    exploded = explosion.explode(dishes, book.recipes, shock.share)
    daily: dict[UUID, dict[dt.date, Moments]] = {}
    for (ingredient, day), moments in sorted(exploded.items(), key=lambda entry: entry[0][1]):
        daily.setdefault(ingredient, {})[day] = moments
    by_dish: dict[UUID, dict[dt.date, Moments]] = {}
    for (item, day), moments in dishes.items():
        by_dish.setdefault(item, {})[day] = moments
    return Needs(
        run=run,
        ends_on=run.last_day,
        by_dish=by_dish,
        daily=daily,
        names={row[0]: row[1] for row in rows},
        shock=shock,
        recipe_share=_recipe_share(dishes, book, today),
    )


def _moments(mean: Decimal, low: Decimal | None, high: Decimal | None) -> Moments:
    """Mean and variance; counts vary at least as much as a Poisson count of the same mean."""
    spread = 0.0 if low is None or high is None else float(high - low) / _Z_10_TO_90
    return Moments(float(mean), max(float(mean), spread**2))


def _totals(today: dt.date) -> dict[dt.date, float]:
    sold: Any = (
        DailySales.objects.filter(business_date__gte=today - dt.timedelta(days=_SHOCK_DAYS), business_date__lt=today)
        .values_list("business_date")
        .annotate(Sum("quantity"))
        .order_by("business_date")
    )
    return {day: float(quantity) for day, quantity in sold}


def _recipe_share(dishes: Mapping[tuple[UUID, dt.date], Moments], book: Book, today: dt.date) -> Decimal:
    """Share of the portions forecast for two weeks that belong to dishes with a complete recipe."""
    until = today + dt.timedelta(days=_SHARE_DAYS)
    portions: dict[UUID, float] = {}
    for (item, day), moments in dishes.items():
        if today <= day < until:
            portions[item] = portions.get(item, 0.0) + moments.mean
    return Decimal(str(round(explosion.covered_share(portions, book.complete), 4)))
