"""What the calendar says about days: public and school holidays as this house keeps them, and its events."""

import datetime as dt
from collections.abc import Iterable, Iterator
from uuid import UUID

from forecasting import almanac
from forecasting.models import CalendarEvent, Holiday, Scope
from menu.models import MenuItem
from tenants.models import Restaurant

ItemDay = tuple[dt.date, UUID | None]  # None: every item


def holidays(restaurant: Restaurant, years: Iterable[int]) -> dict[dt.date, str]:
    """Day → name of the public holidays of these years: the country's, as this house has changed them."""
    wanted = sorted(set(years))
    found = almanac.public_holidays(restaurant.country, restaurant.subdivision, wanted)
    if wanted:
        first, last = dt.date(wanted[0], 1, 1), dt.date(wanted[-1], 12, 31)
        for row, day in _days_of(Holiday.Kind.PUBLIC, first, last):
            if row.is_off:
                found.pop(day, None)
            elif day.year in wanted:
                found[day] = row.name
    return dict(sorted(found.items()))


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
