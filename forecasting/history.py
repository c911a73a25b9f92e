"""A restaurant's sales as arrays: which days they cover, and which of them were closed."""

import datetime as dt
from collections.abc import Collection
from hashlib import sha256
from uuid import UUID

import numpy as np
import structlog
from django.utils import timezone

from forecasting import calendar, shortages
from forecasting.engine import MEMORY_DAYS, panel, state
from forecasting.engine.panel import Array, Panel
from forecasting.models import EngineState
from menu import dishes
from menu.models import MenuItem
from pos.models import DailySales, DailySalesQuerySet
from tenants.context import current_restaurant
from tenants.office import hours
from tenants.office.models import Closure

log = structlog.get_logger(__name__)


def read(today: dt.date, *, keep: bool = False) -> Panel:
    """Sales of complete business dates before `today`, as far back as the engine looks; columns are menu item ids.

    It ends on the last date with sales, or later by the closed days that are known to follow it; it is empty without
    sales. Days of planned closure count as closed even if something was sold; days of events and days off the menu
    teach nothing ordinary, and dishes that ran out only how much was asked for at least. Only days that are new or have
    changed since the stored ledger are read from the database; `keep` stores the new one.
    """
    before = DailySales.objects.filter(business_date__lt=today)
    last_on = before.last_on() or today - dt.timedelta(days=1)
    first_on = last_on - dt.timedelta(days=MEMORY_DAYS)
    ledger = _brought_up_to_date(before.between(first_on, last_on), last_on, keep=keep)
    closed = closures()
    known = panel.from_columns(
        [UUID(item) for item in ledger.items],
        ledger.day,
        ledger.item,
        ledger.quantity,
        until=last_on,
        items=on_the_menu(),
        closed=closed,
        special=calendar.special_days(first_on, last_on) | dishes.off_the_menu(current_restaurant(), first_on, last_on),
        sold_out=(out := shortages.between(first_on, last_on)),
        sold_out_share={where: share for where, share in out.items() if share is not None},
    )
    return _through_closed_days(known, today, closed)


def _brought_up_to_date(recent: DailySalesQuerySet, last_on: dt.date, *, keep: bool) -> state.Ledger:
    """The stored ledger with the days that are new or have changed; all of them where there is no sound one."""
    kept, marks = _stored(), recent.marks()
    changed = kept.changed(marks)
    if not changed and kept.marks.keys() == marks.keys():
        return kept
    sold = recent.filter(business_date__in=changed) if changed else recent.none()
    rows = sold.values_list("business_date", "menu_item_id", "quantity").iterator(chunk_size=20_000)
    ledger = kept.after(marks, ((day, item, float(quantity)) for day, item, quantity in rows))
    if keep:
        _store(ledger, last_on)
    return ledger


def _stored() -> state.Ledger:
    """The ledger of the last run; an empty one where there is none, or none that this version can read."""
    found = EngineState.objects.filter(version=state.VERSION).first()
    try:
        return state.load(bytes(found.payload)) if found else state.EMPTY
    except state.Unreadable as problem:
        log.warning("ledger_unreadable", problem=str(problem))
        return state.EMPTY


def _store(ledger: state.Ledger, last_on: dt.date) -> None:
    payload = ledger.dump()
    told = {"version": state.VERSION, "fingerprint": sha256(payload).hexdigest(), "payload": payload}
    EngineState.objects.update_or_create(pk=1, defaults={**told, "cutoff_on": last_on, "updated_at": timezone.now()})


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
