"""A restaurant's sales as arrays: which days they cover, and which of them were closed."""

import datetime as dt
from collections.abc import Collection
from uuid import UUID

import numpy as np

from forecasting import calendar, panel, shortages
from forecasting.engine import MEMORY_DAYS
from forecasting.panel import Array, Panel
from menu.models import MenuItem
from pos.models import DailySales
from tenants.office import hours
from tenants.office.models import Closure


def read(today: dt.date) -> Panel:
    """Sales of complete business dates before `today`, as far back as the engine looks; columns are menu item ids.

    It ends on the last date with sales, or later by the closed days that are known to follow it; it is empty without
    sales. Days of planned closure count as closed even if something was sold; days of events teach nothing ordinary,
    and dishes that ran out only how much was asked for at least.
    """
    before = DailySales.objects.filter(business_date__lt=today)
    last_on = before.last_on() or today - dt.timedelta(days=1)
    first_on = last_on - dt.timedelta(days=MEMORY_DAYS)
    recent = before.between(first_on, last_on)
    sold = recent.values_list("business_date", "menu_item_id", "quantity").iterator(chunk_size=20_000)
    rows = ((day, item, float(quantity)) for day, item, quantity in sold)
    closed = closures()
    known = panel.build(
        rows,
        until=last_on,
        items=on_the_menu(),
        closed=closed,
        special=calendar.special_days(first_on, last_on),
        sold_out=(out := shortages.between(first_on, last_on)),
        sold_out_share={where: share for where, share in out.items() if share is not None},
    )
    return _through_closed_days(known, today, closed)


def on_the_menu() -> list[UUID]:
    """Ids of the items that are forecast."""
    return list(MenuItem.objects.on_the_menu().order_by("pk").values_list("pk", flat=True))


def closures() -> frozenset[dt.date]:
    """Days of planned closure, past and future."""
    return frozenset(Closure.objects.values_list("on", flat=True))


def weekdays_off(known: Panel) -> frozenset[int]:
    """Weekdays (Monday = 0) on which the restaurant stays closed: by its opening hours, or as its sales show."""
    return hours.closed_weekdays() | panel.closed_weekdays(known)


def closed_days(known: Panel, days: Array, planned: Collection[dt.date]) -> Array:
    """(n,) whether each of `days` is expected to be closed: by plan, or because its weekday always is."""
    weekdays = np.isin(panel.weekday(days), sorted(weekdays_off(known)))
    return weekdays | np.isin(days, np.array(sorted(planned), dtype="datetime64[D]"))


def _through_closed_days(known: Panel, today: dt.date, planned: Collection[dt.date]) -> Panel:
    """The panel, lengthened by the closed days between its end and `today`."""
    if not len(known.days):
        return known
    gap = np.arange(known.days[-1] + 1, np.datetime64(today, "D"))
    n_more = int(np.logical_and.accumulate(closed_days(known, gap, planned)).sum())
    return known.followed_by_closed(n_more)
