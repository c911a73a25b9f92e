"""When guests are served: the week's opening hours, and days on which the restaurant is planned to be closed."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations

from django.db import connection, transaction

from tenants.actors import By
from tenants.office import audit
from tenants.office.models import WEEKDAYS, Closure, OpeningHours

DAY = 24 * 60
WEEK = 7 * DAY
LONGEST_CLOSURE_DAYS = 366
FURTHEST_DAYS = 3 * 366


class HoursOverlap(Exception):
    """Two spans share some minutes."""

    def __init__(self, one: "Span", other: "Span") -> None:
        super().__init__(f"{one} and {other} overlap.")
        self.spans = (one, other)


class ClosureRefused(Exception):
    """A closure that cannot be planned; the text says why."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `opens_at` to `closes_at`, on the next day where that is not later; the same time is all round the clock."""

    weekday: int
    opens_at: dt.time
    closes_at: dt.time

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.weekday]} {self.clock}"

    @property
    def clock(self) -> str:
        return f"{self.opens_at:%H:%M}–{self.closes_at:%H:%M}"

    @property
    def minutes(self) -> tuple[int, int]:
        """Begin and end in minutes of the week; the end of Sunday's night lies beyond it."""
        begin = self.weekday * DAY + self.opens_at.hour * 60 + self.opens_at.minute
        long = (self.closes_at.hour - self.opens_at.hour) * 60 + self.closes_at.minute - self.opens_at.minute
        return begin, begin + ((long - 1) % DAY + 1)

    def meets(self, other: "Span") -> bool:
        """Whether they share a minute, Sunday night and Monday morning included."""
        (begin, end), (first, last) = self.minutes, other.minutes
        return any(begin < last + shift and first + shift < end for shift in (-WEEK, 0, WEEK))


@dataclass(frozen=True, slots=True)
class Planned:
    """Days without a gap that are closed for one reason, both included."""

    first_on: dt.date
    last_on: dt.date
    note: str

    def __str__(self) -> str:
        first, last = f"{self.first_on.day} {self.first_on:%b %Y}", f"{self.last_on.day} {self.last_on:%b %Y}"
        return first if first == last else f"{first} – {last}"

    @property
    def days(self) -> int:
        return (self.last_on - self.first_on).days + 1


def week() -> list[Span]:
    """The opening hours, from Monday on; empty where nobody has entered any."""
    found = OpeningHours.objects.values_list("weekday", "opens_at", "closes_at")
    return [Span(*row) for row in found]


@transaction.atomic
def change_week(spans: Collection[Span], *, by: By, at: dt.datetime) -> None:
    """Let these be the opening hours. Raises HoursOverlap, and then has changed nothing."""
    for one, other in combinations(sorted(spans), 2):
        if one.meets(other):
            raise HoursOverlap(one, other)
    _lock()
    before, after = set(week()), set(spans)
    for gone in before - after:
        OpeningHours.objects.filter(weekday=gone.weekday, opens_at=gone.opens_at, closes_at=gone.closes_at).delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(weekday=span.weekday, opens_at=span.opens_at, closes_at=span.closes_at)
        for span in sorted(after - before)
    )
    subject = audit.Subject("hours", "week", "opening hours")
    audit.record("hours.changed", subject, by=by, at=at, before=_in_words(before), after=_in_words(after))


def _in_words(spans: Iterable[Span]) -> dict[str, str]:
    """Weekday → its spans, from Monday on."""
    said: dict[str, str] = {}
    for span in sorted(spans):
        name = WEEKDAYS[span.weekday]
        said[name] = f"{said[name]}, {span.clock}" if name in said else span.clock
    return said


def closed_weekdays() -> frozenset[int]:
    """Weekdays without opening hours, 0 is Monday; none where nobody has entered any hours."""
    open_on = set(OpeningHours.objects.values_list("weekday", flat=True).distinct())
    return frozenset(range(7)) - open_on if open_on else frozenset()


@transaction.atomic
def plan_closure(first_on: dt.date, last_on: dt.date, note: str, *, today: dt.date, by: By, at: dt.datetime) -> Planned:
    """Close on every day from `first_on` to `last_on`, both included; days that are closed already keep their note.

    Raises ClosureRefused.
    """
    if last_on < first_on:
        raise ClosureRefused("The last day lies before the first one.")
    if first_on < today:
        raise ClosureRefused("These days are over: a closure is planned for today or later.")
    if (last_on - first_on).days >= LONGEST_CLOSURE_DAYS:
        raise ClosureRefused("That is more than a year. Is the year right?")
    if (last_on - today).days > FURTHEST_DAYS:
        raise ClosureRefused("That is more than three years from now. Is the year right?")
    _lock()
    closed = set(Closure.objects.filter(on__range=(first_on, last_on)).values_list("on", flat=True))
    days = [first_on + dt.timedelta(days=n) for n in range((last_on - first_on).days + 1)]
    new = [day for day in days if day not in closed]
    planned = Planned(first_on, last_on, note)
    if not new:
        raise ClosureRefused(f"The restaurant is planned to be closed on {planned} already.")
    Closure.objects.bulk_create(Closure(on=day, note=note) for day in new)
    after = audit.said({"note": note, "days": len(new)})
    audit.record("closure.added", _subject(planned), by=by, at=at, after=after)
    return planned


@transaction.atomic
def open_after_all(first_on: dt.date, last_on: dt.date, *, by: By, at: dt.datetime) -> int:
    """Take back the closures of these days. Returns how many there were."""
    _lock()
    closures = Closure.objects.filter(on__range=(first_on, last_on))
    notes = list(dict.fromkeys(closures.exclude(note="").values_list("note", flat=True)))
    gone, _ = closures.delete()
    if gone:
        before = audit.said({"note": ", ".join(notes), "days": gone})
        audit.record("closure.removed", _subject(Planned(first_on, last_on, "")), by=by, at=at, before=before)
    return gone


def planned(since: dt.date) -> list[Planned]:
    """The closures from `since` on, days in a row with one note together."""
    runs: list[Planned] = []
    for on, note in Closure.objects.filter(on__gte=since).order_by("on").values_list("on", "note"):
        last = runs[-1] if runs else None
        if last and last.note == note and (on - last.last_on).days == 1:
            runs[-1] = Planned(last.first_on, on, note)
        else:
            runs.append(Planned(on, on, note))
    return runs


def closed_between(first_on: dt.date, last_on: dt.date) -> frozenset[dt.date]:
    """Days, both ends included, on which the restaurant is closed: by plan, or because its hours leave them out."""
    weekdays = closed_weekdays()
    days = (first_on + dt.timedelta(days=n) for n in range((last_on - first_on).days + 1))
    by_plan = Closure.objects.filter(on__range=(first_on, last_on)).values_list("on", flat=True)
    return frozenset(by_plan) | {day for day in days if day.weekday() in weekdays}


def _subject(planned: Planned) -> audit.Subject:
    return audit.Subject("closure", f"{planned.first_on}", str(planned))


def _lock() -> None:
    """Let nobody else change hours or closures until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('office.hours ' || current_schema(), 0))")
