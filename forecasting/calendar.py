"""What the calendar says about days: public and school holidays as this house keeps them, and its events.

Here it is only read; `events` and `observances` change it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Literal
from uuid import UUID

from django.core.cache import cache
from django.db.models import Q

from forecasting.arithmetic import almanac, uplift
from forecasting.arithmetic.adjusting import Effect
from forecasting.arithmetic.uplift import ItemDay, Uplift
from forecasting.models import CalendarEvent, Holiday, Scope
from forecasting.models.calendar import CalendarEventQuerySet
from menu.models import MenuItem, SoldOut
from pos.models import DailySales
from tenants.models import Restaurant

OFFICIAL_SECONDS = 30 * 24 * 3600
MOST_LOOK_ALIKES = 12  # past days that are measured: the newest ones


def holidays(restaurant: Restaurant, years: Iterable[int]) -> dict[dt.date, str]:
    """Day → name of the public holidays of these years: the country's, as this house has changed them."""
    wanted = sorted(set(years))
    found = official(restaurant.country, restaurant.subdivision, wanted)
    if wanted:
        first, last = dt.date(wanted[0], 1, 1), dt.date(wanted[-1], 12, 31)
        for row, day in _days_of(Holiday.Kind.PUBLIC, first, last):
            if row.is_off:
                found.pop(day, None)
            elif day.year in wanted:
                found[day] = row.name
    return dict(sorted(found.items()))


def official(country: str, subdivision: str, years: Iterable[int]) -> dict[dt.date, str]:
    """The country's own public holidays. They are computed once a month at most: a page need not load the package."""
    keys = {f"holidays:{country}:{subdivision}:{year}": year for year in years}
    found: dict[str, dict[dt.date, str]] = cache.get_many(keys)
    missing = {
        key: almanac.public_holidays(country, subdivision, [year]) for key, year in keys.items() if key not in found
    }
    cache.set_many(missing, OFFICIAL_SECONDS)
    return {day: name for key in keys for day, name in (found | missing)[key].items()}


def school_holidays(first: dt.date, last: dt.date) -> dict[dt.date, str]:
    """Day → name of the school holidays from `first` to `last`, both included."""
    return {day: row.name for row, day in _days_of(Holiday.Kind.SCHOOL, first, last) if not row.is_off}


def special_days(first: dt.date, last: dt.date) -> frozenset[ItemDay]:
    """The item-days of events, which say nothing about ordinary demand, from `first` to `last`, both included.

    The item is None where the event is about all dishes; an event about a category gives each dish that is in it now.
    """
    events = list(CalendarEvent.objects.between(first, last))
    items_of = _items_by_category({event.category for event in events if event.scope == Scope.CATEGORY})
    found: set[ItemDay] = set()
    for event in events:
        about = items_of.get(event.category, []) if event.scope == Scope.CATEGORY else [event.menu_item_id]
        found.update((day, item) for day in days(event.starts_on, event.ends_on, first, last) for item in about)
    return frozenset(found)


def effects(first: dt.date, last: dt.date, *, until: dt.date) -> list[Effect]:
    """What events do to each day from `first` to `last`, both included, in the order in which they begin.

    `until` is the last complete business date that may be measured: a run's cutoff. An event that is to be like last
    time has no effect where there was no last time.
    """
    found: list[Effect] = []
    for event in CalendarEvent.objects.between(first, last).select_related("like").order_by("starts_on", "pk"):
        kind, amount, source = expected(event, until=until)
        about = (event.scope, event.category, event.menu_item_id)
        on = days(event.starts_on, event.ends_on, first, last) if amount else ()
        is_ordered = event.kind == CalendarEvent.Kind.CATERING and event.effect == CalendarEvent.Effect.UNITS
        found += [Effect(day, *about, "ordered" if is_ordered else kind, amount, source) for day in on]
    return found


def expected(event: CalendarEvent, *, until: dt.date) -> tuple[Literal["percent", "units"], float, str]:
    """The kind and amount of an event's effect on each of its days, and its name with what that rests on."""
    if event.effect != CalendarEvent.Effect.LIKE:
        kind: Literal["percent", "units"] = "units" if event.effect == CalendarEvent.Effect.UNITS else "percent"
        return kind, float(event.amount or 0), event.name
    measured = like_last_time(event, until=until)
    return "percent", measured.percent, f"{event.name} ({measured})"


def like_last_time(event: CalendarEvent, *, until: dt.date) -> Uplift:
    """What the event's look-alikes did to sales of what it is about, as measured on their days up to `until`.

    A look-alike is the event that it names, or else every earlier one of its kind, name (in any case) and scope.
    """
    before = min(until, event.starts_on - dt.timedelta(days=1))
    found = CalendarEvent.objects.filter(pk=event.like_id) if event.like_id else look_alikes(event)
    past = {day for each in found for day in days(each.starts_on, each.ends_on, each.starts_on, before)}
    return measured(sorted(past)[-MOST_LOOK_ALIKES:], event, until=until)


def look_alikes(event: CalendarEvent) -> CalendarEventQuerySet:
    """Other events of its kind, name and scope that began before it."""
    same = {"kind": event.kind, "scope": event.scope, "category": event.category, "menu_item": event.menu_item_id}
    return CalendarEvent.objects.filter(name__iexact=event.name, starts_on__lt=event.starts_on, **same).exclude(
        pk=event.pk
    )


def measured(past: list[dt.date], about: CalendarEvent, *, until: dt.date) -> Uplift:
    """What was sold on `past` days of what an event is about, against what is usual; see `uplift`."""
    if not past:
        return Uplift(())
    wanted = {day for each in past for day in (each, *uplift.around(each)) if day <= until}
    return uplift.measure(
        past, _sold(wanted, about), special=special_days(min(wanted), max(wanted)), sold_out=_sold_out(wanted)
    )


def _sold(wanted: set[dt.date], about: CalendarEvent) -> dict[dt.date, dict[UUID, float]]:
    """Open days → units by item, of the items that the event is about."""
    rows = DailySales.objects.filter(business_date__in=wanted)
    traded = rows.filter(quantity__gt=0).values_list("business_date", flat=True).distinct()
    found: dict[dt.date, dict[UUID, float]] = {day: {} for day in traded}
    for day, item, units in rows.filter(_about(about)).values_list("business_date", "menu_item_id", "quantity"):
        found.get(day, {})[item] = float(units)
    return found


def _about(event: CalendarEvent) -> Q:
    if event.scope == Scope.CATEGORY:
        return Q(menu_item__category=event.category)
    return Q(menu_item=event.menu_item_id) if event.scope == Scope.ITEM else Q()


def _sold_out(wanted: set[dt.date]) -> set[ItemDay]:
    return set(SoldOut.objects.counting().filter(business_date__in=wanted).values_list("business_date", "menu_item_id"))


def days(starts_on: dt.date, ends_on: dt.date, first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """The days of one range that lie in another one; all ends are included."""
    begin, end = max(starts_on, first), min(ends_on, last)
    return (begin + dt.timedelta(days=n) for n in range((end - begin).days + 1))


def _days_of(kind: Holiday.Kind, first: dt.date, last: dt.date) -> Iterator[tuple[Holiday, dt.date]]:
    for row in Holiday.objects.filter(kind=kind, starts_on__lte=last, ends_on__gte=first):
        for day in days(row.starts_on, row.ends_on, first, last):
            yield row, day


def _items_by_category(categories: set[str]) -> dict[str, list[UUID | None]]:
    found: dict[str, list[UUID | None]] = {}
    if categories:
        for category, item in MenuItem.objects.filter(category__in=categories).values_list("category", "pk"):
            found.setdefault(category, []).append(item)
    return found
