"""Another time zone or closeout hour: the business dates of all sales, worked out anew.

Afterwards the tables say what they would say had the sales come in under the new zone and hour. What came by files is
read from the files once more, because the wall clock in them means another moment in another zone; everything else
keeps its moment and gets the date that the moment has now. Sales that know no time of day stay where they are.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection as database
from django.db.models import Exists, OuterRef

from pos import importing, sources
from pos.models import Order, SalesFile
from pos.providers.base import ProviderError
from tenants.models import Restaurant

CHUNK = 20_000
Tell = Callable[[int, int, str], None]
"""Hears how many steps of how many are done, and what is being done."""

REMEMBER = (
    "DROP TABLE IF EXISTS dates_before, moved_order",
    "CREATE TEMP TABLE dates_before ON COMMIT DROP AS SELECT id, business_date FROM pos_order",
    "CREATE TEMP TABLE moved_order (id bigint, business_date date) ON COMMIT DROP",
)
MOVE = """
UPDATE pos_order o SET business_date = m.business_date FROM moved_order m WHERE m.id = o.id
"""
MOVED = """
SELECT o.business_date, b.business_date
FROM pos_order o JOIN dates_before b USING (id) WHERE o.business_date <> b.business_date
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did: orders that have another business date now, and files that could not be read again."""

    orders: int
    unreadable: tuple[str, ...]


def rebuild(restaurant: Restaurant, *, now: dt.datetime, tell: Tell) -> Rebuilt:
    """Give every sale the business date that `restaurant` says, with the dates' sources and the rollup.

    In the caller's transaction, so that nobody sees half of it; `loading.lock` must be held.
    """
    files = list(_files_with_times())
    with database.cursor() as cursor:
        for statement in REMEMBER:
            cursor.execute(statement)
    unreadable = []
    for number, file_id in enumerate(files):
        file = SalesFile.objects.get(pk=file_id)
        tell(number, len(files) + 2, f"Reading {file.name} again")
        try:
            importing.read_again(restaurant, file, now=now)
        except ProviderError:
            unreadable.append(file.name)
    tell(len(files), len(files) + 2, "Finding the business day of each order")
    _move(restaurant)
    tell(len(files) + 1, len(files) + 2, "Adding up the days")
    orders, days = _moved()
    sources.settle(days, now=now)
    return Rebuilt(orders, tuple(unreadable))


def _files_with_times() -> Iterator[UUID]:
    """Files whose orders have a time of day, in the order in which they came in."""
    timed = Order.objects.filter(file=OuterRef("pk"), opened_at__isnull=False)
    imported = SalesFile.objects.filter(Exists(timed), imported_at__isnull=False)
    yield from imported.order_by("imported_at", "id").values_list("pk", flat=True)


def _move(restaurant: Restaurant) -> None:
    """Give each order that knows its moment the date that the moment has now."""
    last = 0
    while chunk := list(_timed(last)):
        last = chunk[-1][0]
        dates = ((pk, on, restaurant.business_date(at)) for pk, at, on in chunk if at)
        rows = [f"{pk}\t{now_on}\n" for pk, on, now_on in dates if now_on != on]
        with database.cursor() as cursor, cursor.copy("COPY moved_order FROM STDIN") as copy:
            copy.write("".join(rows))
    with database.cursor() as cursor:
        cursor.execute(MOVE)


def _timed(after: int) -> Iterable[tuple[int, dt.datetime | None, dt.date]]:
    timed = Order.objects.filter(opened_at__isnull=False, pk__gt=after).order_by("pk")
    return timed.values_list("pk", "opened_at", "business_date")[:CHUNK]


def _moved() -> tuple[int, set[dt.date]]:
    """How many orders have another date than before, and the dates that they left and came to."""
    with database.cursor() as cursor:
        cursor.execute(MOVED)
        found = cursor.fetchall()
    return len(found), {day for dates in found for day in dates}
