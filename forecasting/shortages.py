"""Dishes that ran out, as the engine reads them: which days, and how much of a usual day had been sold by then."""

import datetime as dt
from collections.abc import Iterator
from itertools import accumulate
from uuid import UUID

from django.db.models import F, Max, Q

from forecasting.engine.panel import ItemDay
from menu.models import SoldOut
from pos.models import DailySales, OrderLine
from tenants.context import current_restaurant
from tenants.models import Restaurant

_USUAL_DAYS = 56  # whose order times say how much of a day is sold by which hour
_HOURS = 24


Span = tuple[dt.date, UUID, dt.datetime, dt.datetime | None]  # business date, item, out from, out until


def between(first: dt.date, last: dt.date) -> dict[ItemDay, float | None]:
    """The dish-days that ran out, both ends included: in four queries at most, one where nothing did.

    Each with the share of a usual day's sales made while the dish was to be had; None where no order times are known.
    A dish that is sold while it is marked as out was to be had until then.
    """
    restaurant = current_restaurant()
    spans = list(_credible(first, last, restaurant))
    sold_by = _usual_day(last, restaurant) if spans else []
    shares: dict[ItemDay, float | None] = {(day, item): 1.0 if sold_by else None for day, item, _, _ in spans}
    for day, item, from_at, until_at in spans if sold_by else ():
        back = _sold_by(until_at, sold_by, restaurant) if until_at else 1.0
        missed = back - _sold_by(from_at, sold_by, restaurant)
        shares[day, item] = max((shares[day, item] or 0.0) - max(missed, 0.0), 0.0)
    return shares


def _credible(first: dt.date, last: dt.date, restaurant: Restaurant) -> Iterator[Span]:
    """The marks, by date: each from the last sale in it on, and none carried over from a day before a sale."""
    rows = SoldOut.objects.counting().filter(business_date__range=(first, last)).order_by("business_date", "from_at")
    marks = list(rows.values_list("pk", "business_date", "menu_item_id", "from_at", "until_at"))
    is_carried = {mark[0]: mark[3] == _begin(mark[1], restaurant) for mark in marks}
    sold_in, sold_on = _last_sales(first, last) if marks else {}, _sold_on({m[1] for m in marks if is_carried[m[0]]})
    over: set[UUID] = set()  # items that were sold again after the mark that is being carried over
    for pk, day, item, from_at, until_at in marks:
        if not is_carried[pk]:
            over.discard(item)
        elif until_at is None and (day, item) in sold_on:
            over.add(item)
        if item not in over:
            yield day, item, max(from_at, sold_in.get(pk, from_at)), until_at


def _begin(day: dt.date, restaurant: Restaurant) -> dt.datetime:
    """The first moment of a business date: a mark from there on goes on from the day before."""
    return dt.datetime.combine(day, dt.time(restaurant.closeout_hour), tzinfo=restaurant.zone)


def _last_sales(first: dt.date, last: dt.date) -> dict[UUID, dt.datetime]:
    """Marks by id → when the dish was last sold while it was marked as out."""
    opened, mark = F("order__opened_at"), "menu_item__sold_outs"
    until = Q(**{f"{mark}__until_at": None}) | Q(**{f"{mark}__until_at__gte": opened})
    within = {f"{mark}__business_date": F("order__business_date"), f"{mark}__from_at__lte": opened}
    dates = {"order__business_date__range": (first, last), f"{mark}__business_date__range": (first, last)}
    sold = OrderLine.objects.counted().filter(until, quantity__gt=0, **within, **dates)
    return dict(sold.values(f"{mark}__pk").annotate(last=Max("order__opened_at")).values_list(f"{mark}__pk", "last"))


def _sold_on(days: set[dt.date]) -> set[ItemDay]:
    """The dish-days of `days` on which anything was sold; no query without days."""
    sold = DailySales.objects.filter(business_date__in=days, quantity__gt=0)
    return set(sold.values_list("business_date", "menu_item_id")) if days else set()


def _usual_day(last: dt.date, restaurant: Restaurant) -> list[float]:
    """Share of a day's units sold by the end of each hour of the business day, from its first; empty if unknown."""
    days = [last - dt.timedelta(days=back) for back in range(_USUAL_DAYS)]
    units = [0.0] * _HOURS
    for row in OrderLine.objects.by_hour(days, restaurant.zone):
        units[(row["hour"] - restaurant.closeout_hour) % _HOURS] += max(float(row["units"]), 0.0)
    total = sum(units)
    return [sold / total for sold in accumulate(units)] if total else []


def _sold_by(moment: dt.datetime, sold_by: list[float], restaurant: Restaurant) -> float:
    """Share of a usual day's units sold by `moment`, by straight lines within an hour."""
    wall = moment.astimezone(restaurant.zone)
    hour = (wall.hour - restaurant.closeout_hour) % _HOURS
    before = sold_by[hour - 1] if hour else 0.0
    return before + (sold_by[hour] - before) * wall.minute / 60
