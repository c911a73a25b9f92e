"""Dishes that ran out, as the engine reads them: which days, and how much of a usual day had been sold by then."""

import datetime as dt
from itertools import accumulate

from forecasting.engine.panel import ItemDay
from menu.models import SoldOut
from pos.models import OrderLine
from tenants.context import current_restaurant
from tenants.models import Restaurant

_USUAL_DAYS = 56  # whose order times say how much of a day is sold by which hour
_HOURS = 24


def between(first: dt.date, last: dt.date) -> dict[ItemDay, float | None]:
    """The dish-days that ran out, both ends included: in two queries, one where nothing did.

    Each with the share of a usual day's sales made while the dish was to be had; None where no order times are known.
    """
    found = SoldOut.objects.counting().filter(business_date__range=(first, last))
    spans = list(found.values_list("business_date", "menu_item_id", "from_at", "until_at"))
    restaurant = current_restaurant()
    sold_by = _usual_day(last, restaurant) if spans else []
    shares: dict[ItemDay, float | None] = {(day, item): 1.0 if sold_by else None for day, item, _, _ in spans}
    for day, item, from_at, until_at in spans if sold_by else ():
        back = _sold_by(until_at, sold_by, restaurant) if until_at else 1.0
        missed = back - _sold_by(from_at, sold_by, restaurant)
        shares[day, item] = max((shares[day, item] or 0.0) - max(missed, 0.0), 0.0)
    return shares


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
