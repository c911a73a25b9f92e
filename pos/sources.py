"""Which source counts on which business date: the first one that has sales of it, until somebody chooses another."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection as database
from django.db import transaction

from pos import loading, rollup
from pos.models import Connection, DaySource, Order
from tenants.actors import By
from tenants.office import audit

# A date whose source no longer has an order of it is free again; a free date goes to the oldest source that has any.
RELEASE = """
DELETE FROM pos_daysource d WHERE d.business_date = ANY(%(days)s) AND NOT EXISTS (
    SELECT FROM pos_order o WHERE o.business_date = d.business_date AND o.connection_id = d.connection_id
)
"""
CLAIM = """
INSERT INTO pos_daysource (business_date, connection_id, chosen_at)
SELECT DISTINCT ON (o.business_date) o.business_date, o.connection_id, %(now)s
FROM pos_order o JOIN pos_connection c ON c.id = o.connection_id
WHERE o.business_date = ANY(%(days)s)
ORDER BY o.business_date, c.created_at, c.id
ON CONFLICT (business_date) DO NOTHING
"""


class NoSuchRange(ValueError):
    """The range of dates ends before it begins, or the source has no sales in it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Dates that follow each other and have one source; ``days`` counts those with sales."""

    connection_id: UUID
    first_on: date
    last_on: date
    days: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of source did: dates that now belong to it, and dates that it has no sales of and that stay."""

    days: int
    without_sales: int


def settle(days: Collection[date], *, now: datetime) -> None:
    """Give each of ``days`` its source after orders came or went, and bring the rollup up to date."""
    if not days:
        return
    with database.cursor() as cursor:
        cursor.execute(RELEASE, {"days": list(days)})
        cursor.execute(CLAIM, {"days": list(days), "now": now})
    rollup.refresh(days)


def change(first_on: date, last_on: date, connection: Connection, *, by: By, at: datetime) -> Changed:
    """Let ``connection`` count from ``first_on`` to ``last_on``, both included, where it has sales.

    Dates that it has no sales of keep their source. Raises :class:`NoSuchRange`.
    """
    if last_on < first_on:
        raise NoSuchRange("The last day lies before the first.")
    with transaction.atomic():
        loading.lock()
        within = (first_on, last_on)
        covered = set(
            Order.objects.filter(connection=connection, business_date__range=within)
            .values_list("business_date", flat=True)
            .distinct()
        )
        if not covered:
            raise NoSuchRange(f"{connection.name} has no sales on these days.")
        others = DaySource.objects.filter(business_date__range=within).exclude(connection=connection)
        days = set(others.filter(business_date__in=covered).values_list("business_date", flat=True))
        kept = others.exclude(business_date__in=covered).count()
        DaySource.objects.filter(business_date__in=days).update(connection=connection, chosen_by_id=by.pk, chosen_at=at)
        if days:
            told = {"first_on": min(days), "last_on": max(days), "days": len(days)}
            audit.record("source.chosen", connection, by=by, at=at, after=told)
        rollup.refresh(days)
    return Changed(len(days), kept)


@transaction.atomic
def rename(connection: Connection, name: str, *, by: By, at: datetime) -> None:
    """Call the source what the restaurant calls it."""
    if connection.name != name:
        before, connection.name = connection.name, name
        connection.save(update_fields=["name"])
        audit.record("source.renamed", connection, by=by, at=at, before={"name": before}, after={"name": name})


def spans(by_day: Mapping[date, UUID]) -> list[Span]:
    """Who counts when, newest first: runs of dates with one source, whatever closed days lie between them."""
    found: list[Span] = []
    for day, connection_id in sorted(by_day.items()):
        if found and found[-1].connection_id == connection_id:
            found[-1] = Span(connection_id, found[-1].first_on, day, found[-1].days + 1)
        else:
            found.append(Span(connection_id, day, day, 1))
    return found[::-1]
