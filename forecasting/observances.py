"""Holidays as this house keeps them: changes to the country's public ones, and school holidays by hand or by file."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from django.db import connection, transaction

from forecasting import sheet
from forecasting.models import Holiday
from menu.tables import BadTable, Fault, Row
from tenants.actors import By
from tenants.office import audit

FIELDS = ("kind", "name", "starts_on", "ends_on", "is_off")
LONGEST_SCHOOL_DAYS = 150
NEAR_DAYS = 10 * 366  # into the past and the future
MOST_BYTES = 200_000
MOST_ROWS = 1000
COLUMNS = {
    "start": ("start date", "first day", "from", "begin", "begins"),
    "end": ("end date", "last day", "until", "to", "ends"),
    "name": ("holiday", "title", "summary", "description"),
}
NAME_LENGTH = Holiday._meta.get_field("name").max_length or 120


class HolidayRefused(Exception):
    """A holiday that cannot be kept; the text says why."""


@dataclass(frozen=True, slots=True, order=True)
class Break:
    """One school holiday, both days included."""

    starts_on: dt.date
    ends_on: dt.date
    name: str

    def meets(self, other: "Break") -> bool:
        """Whether they share a day."""
        return self.starts_on <= other.ends_on and other.starts_on <= self.ends_on


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file of school holidays would change: what comes, what makes way for it, and what is there already."""

    new: tuple[Break, ...]
    replaced: tuple[Break, ...]
    unchanged: tuple[Break, ...]


@transaction.atomic
def keep_public(on: dt.date, name: str, *, today: dt.date, by: By, at: dt.datetime) -> Holiday:
    """Let a day be a public holiday here, by this name: one of the country's by another name, or one of its own.

    Raises HolidayRefused.
    """
    return _say(on, name, is_off=False, today=today, by=by, at=at)


@transaction.atomic
def no_holiday(on: dt.date, name: str, *, today: dt.date, by: By, at: dt.datetime) -> Holiday:
    """Let a public holiday of the country be none for this house. Raises HolidayRefused."""
    return _say(on, name, is_off=True, today=today, by=by, at=at)


@transaction.atomic
def add_school(given: Break, *, today: dt.date, by: By, at: dt.datetime) -> Holiday:
    """Put a school holiday into the calendar. Raises HolidayRefused, also where it shares a day with another one."""
    _lock()
    if wrong := _wrong(given, today):
        raise HolidayRefused(wrong)
    if other := next((each for each in school() if each.meets(given)), None):
        raise HolidayRefused(f"It overlaps with “{other.name}”, {other.starts_on} to {other.ends_on}.")
    row = _row(given)
    audit.save(row, FIELDS, "holiday", by=by, at=at)
    return row


@transaction.atomic
def remove(holiday: Holiday, *, by: By, at: dt.datetime) -> None:
    """Take out what was entered: the country's own holiday, or none, counts again."""
    gone, _ = Holiday.objects.filter(pk=holiday.pk).delete()
    if gone:
        audit.record("holiday.removed", holiday, by=by, at=at, before=audit.said(audit.values(holiday, FIELDS)))


def school() -> list[Break]:
    """The school holidays that are entered, oldest first."""
    found = Holiday.objects.filter(kind=Holiday.Kind.SCHOOL).order_by("starts_on")
    return [Break(row.starts_on, row.ends_on, row.name) for row in found]


def plan(content: bytes, *, today: dt.date) -> Plan:
    """What a CSV file (start, end, name) would change. Raises BadTable with everything that is wrong with it.

    A holiday that shares a day with one of the file gives way to it, unless it is the same.
    """
    wanted, there = read(content, today=today), school()
    kept = set(wanted) & set(there)
    gone = [each for each in there if each not in kept and any(each.meets(other) for other in wanted)]
    return Plan(tuple(each for each in wanted if each not in kept), tuple(gone), tuple(sorted(kept)))


@transaction.atomic
def load(content: bytes, *, today: dt.date, by: By, at: dt.datetime) -> Plan:
    """Do what `plan` says; once more changes nothing. Raises BadTable, and then has changed nothing."""
    _lock()
    found = plan(content, today=today)
    starts = [each.starts_on for each in found.replaced]
    Holiday.objects.filter(kind=Holiday.Kind.SCHOOL, starts_on__in=starts).delete()
    Holiday.objects.bulk_create(_row(each) for each in found.new)
    if found.new:
        told = {"new": len(found.new), "replaced": len(found.replaced)}
        audit.record("holiday.loaded", audit.Subject("holiday", "school", "school holidays"), by=by, at=at, after=told)
    return found


def read(content: bytes, *, today: dt.date) -> list[Break]:
    """The school holidays of a CSV file, oldest first. Raises BadTable."""
    found: list[tuple[Break, Row]] = []
    faults: list[Fault] = []
    for row in sheet.rows(content, COLUMNS, most_bytes=MOST_BYTES, most_rows=MOST_ROWS):
        try:
            found.append((_break(row, today), row))
        except BadTable as bad:
            faults += bad.faults
    faults += _overlaps(found)
    if faults:
        raise BadTable(sorted(faults, key=lambda fault: fault.line))
    return sorted({each for each, _ in found})


def _break(row: Row, today: dt.date) -> Break:
    starts_on = sheet.day(row, "start")
    ends_on = sheet.day(row, "end") if row.values.get("end", "").strip() else starts_on
    given = Break(starts_on, ends_on, row.text("name"))
    if wrong := _wrong(given, today):
        raise BadTable([Fault(row.line, "end", str(ends_on), wrong)])
    return given


def _wrong(given: Break, today: dt.date) -> str:
    if not given.name or len(given.name) > NAME_LENGTH:
        return f"The name has 1 to {NAME_LENGTH} characters."
    if given.ends_on < given.starts_on:
        return "The last day lies before the first."
    if (given.ends_on - given.starts_on).days >= LONGEST_SCHOOL_DAYS:
        return f"That is more than {LONGEST_SCHOOL_DAYS} days. Is the year right?"
    far = max(abs((each - today).days) for each in (given.starts_on, given.ends_on))
    return "That is more than ten years away. Is the year right?" if far > NEAR_DAYS else ""


def _overlaps(found: Iterable[tuple[Break, Row]]) -> Iterator[Fault]:
    """Lines of which one shares a day with the line before it in time; the same line twice is once."""
    for (one, first), (other, second) in pairwise(sorted(found, key=lambda pair: pair[0])):
        if one != other and one.meets(other):
            later = max(first, second, key=lambda row: row.line)
            here, there = (other, one) if later is second else (one, other)
            yield Fault(later.line, "start", str(here.starts_on), f"this overlaps with “{there.name}” of another line")


def _row(given: Break) -> Holiday:
    return Holiday(kind=Holiday.Kind.SCHOOL, name=given.name, starts_on=given.starts_on, ends_on=given.ends_on)


def _say(on: dt.date, name: str, *, is_off: bool, today: dt.date, by: By, at: dt.datetime) -> Holiday:
    _lock()
    name = name.strip()
    if wrong := _wrong(Break(on, on, name), today):
        raise HolidayRefused(wrong)
    row = Holiday.objects.filter(kind=Holiday.Kind.PUBLIC, starts_on=on).first()
    row = row or Holiday(kind=Holiday.Kind.PUBLIC, starts_on=on, ends_on=on)
    row.name, row.is_off = name, is_off
    audit.save(row, FIELDS, "holiday", by=by, at=at)
    return row


def _lock() -> None:
    """Let nobody else change holidays until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('forecasting.holidays ' || current_schema(), 0))")
