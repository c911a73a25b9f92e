"""Numbers known about days, such as the weather or the guests booked: kept as they come in, and given to the engine.

The engine learns from a past day only by what was known of it before it was over, as it will be used: `updated_at` is
the moment at which a value was known. A value that came later is kept and shown, and teaches nothing; nor does it
replace one that was known in time.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Count, Max, Min
from django.utils.text import slugify

from forecasting import sheet
from forecasting.models import DailyFact
from menu.tables import BadTable, Fault, Row
from tenants.actors import FLUX, By, actor
from tenants.models import Restaurant
from tenants.office import audit

COLUMNS = {
    "date": ("day", "business date"),
    "kind": ("fact", "what", "name"),
    "value": ("number", "amount"),
    "known": ("known on", "known at", "as of"),
}
MOST_BYTES = 2_000_000
MOST_ROWS = 20_000
MOST_KINDS = 12  # each is a column that the model learns from
MOST = Decimal(10) ** 9
FURTHEST_DAYS = 366
OLDEST_DAYS = 10 * 366
FIRST_YEAR, LAST_YEAR = 2000, 2100  # a moment near year 1 or 9999 has no date in every time zone
_KIND = DailyFact._meta.get_field("kind").max_length or 40


class FactsRefused(Exception):
    """Facts that cannot be kept; the text says why."""


@dataclass(frozen=True, slots=True)
class Fact:
    """The value of one kind for one business date, and since when it has been known."""

    date: dt.date
    kind: str
    value: Decimal
    known_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of facts: new ones, changed ones, and those left as they were.

    `late` counts those of `new` and `changed` that were known only after their day: they teach nothing.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is of one kind."""

    kind: str
    n_days: int
    n_in_time: int
    first_on: dt.date
    last_on: dt.date
    updated_at: dt.datetime


@transaction.atomic
def keep(facts: Iterable[Fact], source: str, *, restaurant: Restaurant, by: By, at: dt.datetime) -> Kept:
    """Keep facts, of one kind and date the last one. Again changes nothing. Raises FactsRefused."""
    wanted = {(fact.kind, fact.date): fact for fact in facts}
    _lock()
    _refuse_too_many_kinds({kind for kind, _ in wanted})
    there = _stored(wanted)
    write = [fact for key, fact in wanted.items() if _counts(fact, there.get(key), restaurant)]
    rows = [
        DailyFact(kind=fact.kind, date=fact.date, value=fact.value, source=source, updated_at=fact.known_at)
        for fact in write
    ]
    DailyFact.objects.bulk_create(
        rows,
        batch_size=2000,
        update_conflicts=True,
        unique_fields=["kind", "date"],
        update_fields=["value", "source", "updated_at"],
    )
    n_new = sum((fact.kind, fact.date) not in there for fact in write)
    late = sum(not in_time(fact.date, fact.known_at, restaurant) for fact in write)
    if write and actor(by) is not FLUX:  # what Flux fetches every day by itself is nobody's change
        told = {"new": n_new, "changed": len(write) - n_new, "kinds": sorted({fact.kind for fact in write})}
        audit.record("fact.loaded", audit.Subject("dailyfact", source, "facts of days"), by=by, at=at, after=told)
    return Kept(n_new, len(write) - n_new, len(wanted) - len(write), late)


@transaction.atomic
def forget(kind: str, *, by: By, at: dt.datetime) -> int:
    """Take out all facts of a kind. Returns how many there were."""
    gone, _ = DailyFact.objects.filter(kind=kind).delete()
    if gone:
        audit.record("fact.removed", audit.Subject("dailyfact", kind, kind), by=by, at=at, before={"days": gone})
    return gone


def known(
    restaurant: Restaurant, first: dt.date, last: dt.date, *, as_of: dt.date = dt.date.max
) -> dict[str, dict[dt.date, float]]:
    """Kind → day → value from `first` to `last`, both included, without what was known only after its day.

    Nor what was known only after the business date `as_of`, of that day and later ones.
    """
    found: dict[str, dict[dt.date, float]] = {}
    rows = DailyFact.objects.filter(date__range=(first, last))
    for kind, date, value, updated_at in rows.values_list("kind", "date", "value", "updated_at"):
        if in_time(min(date, as_of), updated_at, restaurant):
            found.setdefault(kind, {})[date] = float(value)
    return found


def in_time(date: dt.date, known_at: dt.datetime, restaurant: Restaurant) -> bool:
    """Whether a value was known before its business date was over."""
    return restaurant.business_date(known_at) <= date


def kinds(restaurant: Restaurant) -> list[Kind]:
    """What there is, by kind."""
    totals = {"n": Count("id"), "first": Min("date"), "last": Max("date"), "newest": Max("updated_at")}
    rows = list(DailyFact.objects.values("kind").annotate(**totals).order_by("kind"))
    in_time_by_kind = known(restaurant, dt.date.min, dt.date.max) if rows else {}
    return [
        Kind(r["kind"], r["n"], len(in_time_by_kind.get(r["kind"], ())), r["first"], r["last"], r["newest"])
        for r in rows
    ]


def read(content: bytes, *, restaurant: Restaurant, at: dt.datetime) -> list[Fact]:
    """The facts of a CSV file (date, kind, value; perhaps known, a date). Raises BadTable with all that is wrong."""
    found: dict[tuple[str, dt.date], Fact] = {}
    faults: list[Fault] = []
    for row in sheet.rows(content, COLUMNS, most_bytes=MOST_BYTES, most_rows=MOST_ROWS):
        try:
            fact = _fact(row, restaurant, at)
        except BadTable as bad:
            faults += bad.faults
            continue
        if (other := found.setdefault((fact.kind, fact.date), fact)).value != fact.value:
            faults.append(
                Fault(row.line, "value", str(fact.value), f"another line says {other.value.normalize():f} for this day")
            )
    if faults:
        raise BadTable(faults)
    return list(found.values())


def problems(fact: Fact, *, restaurant: Restaurant, at: dt.datetime) -> Iterator[tuple[str, str]]:
    """The field, and what is wrong with it, of a fact that comes from outside."""
    today = restaurant.business_date(at)
    if not fact.kind or len(fact.kind) > _KIND or fact.kind != slugify(fact.kind):
        yield "kind", f"use up to {_KIND} small letters, digits and hyphens, such as rain-mm"
    if not fact.value.is_finite() or abs(fact.value) >= MOST:
        yield "value", "this is not a number that can be kept"
    if not -OLDEST_DAYS <= (fact.date - today).days <= FURTHEST_DAYS:
        yield "date", "this is more than ten years ago or more than a year from now"
    if not FIRST_YEAR <= fact.known_at.year <= LAST_YEAR:
        yield "known", f"this lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
    elif fact.known_at > at:
        yield "known", "this lies in the future"


def _fact(row: Row, restaurant: Restaurant, at: dt.datetime) -> Fact:
    known_at = at
    if row.values.get("known", "").strip():
        known_at = opening(sheet.day(row, "known"), restaurant)
    fact = Fact(sheet.day(row, "date"), kind_of(row.text("kind")), row.amount("value"), known_at)
    wrong = [
        Fault(row.line, field, row.values.get(field, ""), why)
        for field, why in problems(fact, restaurant=restaurant, at=at)
    ]
    if wrong:
        raise BadTable(wrong)
    return Fact(fact.date, fact.kind, fact.value.quantize(Decimal("0.001")), fact.known_at)


def kind_of(written: str) -> str:
    """“Rain mm” is rain-mm."""
    return slugify(written.replace("_", "-"))


def opening(day: dt.date, restaurant: Restaurant) -> dt.datetime:
    """The moment at which a business date begins."""
    return dt.datetime.combine(day, dt.time(restaurant.closeout_hour), restaurant.zone)


def _stored(wanted: Iterable[tuple[str, dt.date]]) -> dict[tuple[str, dt.date], DailyFact]:
    keys = set(wanted)
    if not keys:
        return {}
    dates = [date for _, date in keys]
    found = DailyFact.objects.filter(kind__in={kind for kind, _ in keys}, date__range=(min(dates), max(dates)))
    return {(row.kind, row.date): row for row in found}


def _counts(fact: Fact, there: DailyFact | None, restaurant: Restaurant) -> bool:
    """Whether a fact is news: of a day that is over, what was known in time stays; else the later word counts."""
    if there is None:
        return True
    was, comes = (in_time(fact.date, moment, restaurant) for moment in (there.updated_at, fact.known_at))
    if was != comes:
        return comes
    return there.value != fact.value and there.updated_at <= fact.known_at


def _refuse_too_many_kinds(new: set[str]) -> None:
    kinds = new | set(DailyFact.objects.values_list("kind", flat=True).distinct())
    if len(kinds) > MOST_KINDS:
        raise FactsRefused(f"That makes {len(kinds)} kinds of facts; Flux learns from {MOST_KINDS} at most.")


def _lock() -> None:
    """Let nobody else write facts until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('forecasting.facts ' || current_schema(), 0))")
