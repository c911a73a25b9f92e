"""How many guests are expected: the units expected, divided by what a guest of that weekday has lately."""

import datetime as dt
from collections.abc import Mapping

from pos.models import Order, OrderLine

RECENT_DAYS = 56
FEWEST_GUESTS = 30  # of a weekday; below, the guests of all weekdays tell how much one has


def units_per_guest(last_on: dt.date) -> dict[int, float]:
    """Weekday (0 is Monday) → units of a guest, over the eight weeks to `last_on`; empty where no order has guests."""
    first = last_on - dt.timedelta(days=RECENT_DAYS - 1)
    found = Order.objects.guests_by_weekday(first, last_on)
    guests = {row["weekday"] - 1: float(row["guests_served"]) for row in found}
    bought = OrderLine.objects.units_by_weekday_with_guests(first, last_on)
    units = {row["weekday"] - 1: float(row["units"]) for row in bought}
    return ratios(units, guests)


def ratios(units: Mapping[int, float], guests: Mapping[int, float]) -> dict[int, float]:
    """Units per guest by weekday; all weekdays together where one has few guests, nothing where there are none."""
    if sum(guests.values()) <= 0 or sum(units.values()) <= 0:
        return {}
    overall = sum(units.values()) / sum(guests.values())
    return {
        weekday: units[weekday] / guests[weekday]
        if guests.get(weekday, 0) >= FEWEST_GUESTS and units.get(weekday, 0) > 0
        else overall
        for weekday in range(7)
    }
