"""What an owner or a manager changes about the restaurant itself: its name.

The row lives in `public` and the entry that says who changed it in the restaurant's schema; both are written in one
transaction.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from tenants.actors import By
from tenants.context import public_context, restaurant_context
from tenants.hosts import forget_hosts
from tenants.models import Restaurant
from tenants.office import audit


def rename(restaurant: Restaurant, name: str, *, by: By, at: dt.datetime) -> None:
    """Call the restaurant `name`. Raises `ValidationError`."""
    with _changing(restaurant) as row:
        before = row.name
        row.name = name
        row.clean_fields(exclude={field.name for field in Restaurant._meta.fields} - {"name"})
        _save(row, {"name": before}, {"name": row.name}, "restaurant.renamed", by=by, at=at)
    restaurant.name = row.name


def set_business_day(restaurant: Restaurant, *, timezone: str, closeout_hour: int, by: By, at: dt.datetime) -> None:
    """Let the business day be another one. Called by the rebuild of all business dates, in its transaction."""
    after = {"timezone": timezone, "closeout_hour": closeout_hour}
    with _changing(restaurant) as row:
        _save(row, audit.values(row, after), after, "calendar.changed", by=by, at=at)
    restaurant.timezone, restaurant.closeout_hour = timezone, closeout_hour


@contextmanager
def _changing(restaurant: Restaurant) -> Iterator[Restaurant]:
    """The restaurant's row, locked, in a transaction; what processes remember of it is forgotten afterwards."""
    with transaction.atomic():
        with public_context():
            row = Restaurant.objects.select_for_update(no_key=True).get(pk=restaurant.pk)
        yield row
        transaction.on_commit(forget_hosts)


def _save(row: Restaurant, before: audit.Values, after: audit.Values, verb: str, *, by: By, at: dt.datetime) -> None:
    if before != after:
        with public_context():
            Restaurant.objects.filter(pk=row.pk).update(**after)
        with restaurant_context(row):
            audit.record(verb, row, by=by, at=at, before=before, after=after)
