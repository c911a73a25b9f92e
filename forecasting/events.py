"""Events, promotions and catering orders: put into the calendar, changed, taken out.

Each change goes into the audit trail and adjusts the current forecast at once. Days that are over teach the engine
nothing ordinary from the next run on.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from django.db import transaction

from forecasting import calendar, final, overrides
from forecasting.models import CalendarEvent, Run, Scope
from menu.models import MenuItem
from tenants.actors import By, actor
from tenants.office import audit

FIELDS = (
    "kind", "name", "starts_on", "ends_on", "scope", "category", "menu_item", "effect", "amount", "like", "note",
)  # fmt: skip
LONGEST_DAYS = 28  # half of the days from which the engine takes what is ordinary
FURTHEST_DAYS = 3 * 366
OLDEST_DAYS = 10 * 366
MOST_UNITS = 100_000
TOO_LONG = (
    f"At most {LONGEST_DAYS} days. What lasts longer is learned by itself within two weeks: enter the days on which "
    "something is different."
)
Fault = tuple[str, str]  # the field, and what is wrong with it


class EventRefused(Exception):
    """An event that cannot be kept as it is: `faults` gives each field what is wrong with it."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = faults


@transaction.atomic
def save(event: CalendarEvent, *, today: dt.date, by: By, at: dt.datetime) -> None:
    """Keep an event, new or changed. Raises EventRefused, and then has changed nothing."""
    final.lock()
    event.name, event.note = event.name.strip(), event.note.strip()
    faults = dict(reversed(list(_faults(event, today))))  # the first thing said of a field
    if faults:
        raise EventRefused(faults)
    is_new = event._state.adding
    before = None if is_new else CalendarEvent.objects.select_for_update().get(pk=event.pk)
    if is_new:
        event.created_by_id, event.created_at = actor(by).pk, at
    audit.save(event, FIELDS, "event", by=by, at=at)
    _adjust(*(each for each in (before, event) if each))


@transaction.atomic
def remove(event: CalendarEvent, *, by: By, at: dt.datetime) -> None:
    """Take an event out of the calendar; nothing where somebody else has done it."""
    final.lock()
    gone, _ = CalendarEvent.objects.filter(pk=event.pk).delete()
    if gone:
        audit.record("event.removed", event, by=by, at=at, before=audit.said(audit.values(event, FIELDS)))
        _adjust(event)


def _adjust(*changed: CalendarEvent) -> None:
    """Let the current forecast know: of the days of what changed, and of whatever is like it."""
    run = Run.objects.current()
    if run is None or run.cutoff_on is None:
        return
    first = run.cutoff_on + dt.timedelta(days=1)
    coming = CalendarEvent.objects.between(first, run.last_day).filter(effect=CalendarEvent.Effect.LIKE)
    touched = [*changed, *coming]
    dates = {day for event in touched for day in calendar.days(event.starts_on, event.ends_on, first, run.last_day)}
    overrides.readjust(run, sorted(dates))


def _faults(event: CalendarEvent, today: dt.date) -> Iterator[Fault]:
    wrong_dates = list(_wrong_dates(event, today))
    yield from wrong_dates
    yield from _wrong_scope(event)
    yield from _wrong_effect(event)
    if not event.name:
        yield "name", "Say what it is called."
    elif event.starts_on <= event.ends_on and (same := _same(event)) is not None:
        yield "name", f"“{same.name}” is in the calendar on these days already: change that one."
    elif wrong_dates:
        return  # there may be no day before the first
    elif event.effect == CalendarEvent.Effect.LIKE and event.amount is None and event.ends_on >= today:
        yield from _nothing_like_it(event, today)


def _wrong_dates(event: CalendarEvent, today: dt.date) -> Iterator[Fault]:
    if event.ends_on < event.starts_on:
        yield "ends_on", "The last day lies before the first."
    elif (event.ends_on - event.starts_on).days >= LONGEST_DAYS:
        yield "ends_on", TOO_LONG
    elif (event.ends_on - today).days > FURTHEST_DAYS:
        yield "ends_on", "That is more than three years from now. Is the year right?"
    elif (today - event.starts_on).days > OLDEST_DAYS:
        yield "starts_on", "That is more than ten years ago. Is the year right?"


def _wrong_scope(event: CalendarEvent) -> Iterator[Fault]:
    if event.scope == Scope.CATEGORY:
        known = {name.casefold(): name for name in categories()}
        if not event.category:
            yield "category", "Choose the category that it is about."
        elif event.category.casefold() not in known:
            yield "category", f"No dish is in a category “{event.category}”."
        else:
            event.category = known[event.category.casefold()]
    elif event.category:
        yield "category", "Leave this empty: it is not about a category."
    if event.scope == Scope.ITEM and event.menu_item_id is None:
        yield "menu_item", "Choose the dish that it is about."
    elif event.scope != Scope.ITEM and event.menu_item_id is not None:
        yield "menu_item", "Leave this empty: it is not about one dish."


def categories() -> list[str]:
    """The categories that dishes are in, in their order."""
    found = MenuItem.objects.exclude(category="").order_by("category")
    return list(found.values_list("category", flat=True).distinct())


def _wrong_effect(event: CalendarEvent) -> Iterator[Fault]:
    amount = event.amount
    if event.effect == CalendarEvent.Effect.LIKE:
        if amount is not None:
            yield "amount", "Leave this empty: the effect is measured on past days."
        return
    if event.like_id is not None:
        yield "like", "Leave this empty: the effect is a number."
    if amount is None or not amount.is_finite():
        yield "amount", "Say how much more or less is expected."
    elif event.effect == CalendarEvent.Effect.PERCENT and not -100 <= amount <= 1000:
        yield "amount", "Percent lies between −100 (nothing at all) and 1,000 (eleven times as much)."
    elif abs(amount) > MOST_UNITS:
        yield "amount", f"At most {MOST_UNITS:,} units a day."
    else:
        event.amount = amount.quantize(Decimal("0.01"))


def _same(event: CalendarEvent) -> CalendarEvent | None:
    """Another entry for the same thing on one of its days: its effect would count twice."""
    same = {"kind": event.kind, "scope": event.scope, "category": event.category, "menu_item": event.menu_item_id}
    found = CalendarEvent.objects.between(event.starts_on, event.ends_on).filter(name__iexact=event.name, **same)
    return found.exclude(pk=event.pk).first()


def _nothing_like_it(event: CalendarEvent, today: dt.date) -> Iterator[Fault]:
    yesterday = today - dt.timedelta(days=1)
    if event.like is not None and event.like.starts_on > min(yesterday, event.starts_on - dt.timedelta(days=1)):
        yield "like", "Choose an event that is over: this one has not happened yet."
    elif not calendar.like_last_time(event, until=yesterday).days:
        which = f"“{event.like.name}” then" if event.like else f"an earlier “{event.name}”"
        yield "effect", f"There are no sales of {which} that could be measured: say a percentage or units."
