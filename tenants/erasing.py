"""Erasing a restaurant completely: its tables, its schema and role, whatever the platform keeps about it, its sessions.

It happens in the background, in steps that are transactions of their own and may be repeated: whoever is stopped in the
middle is followed by somebody who goes on. What stays is an `Erasure` with the restaurant's id, when it was erased and
by whom. People keep their accounts, which are theirs and not the restaurant's, also where it was their only one. Flux
keeps no files outside of the database. Backups and logs end by their own rules.
"""

import datetime as dt
from typing import Any
from uuid import UUID

import structlog
from django.core.cache import caches
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from tenants import catalog, provisioning
from tenants.context import public_context
from tenants.hosts import forget_hosts
from tenants.models import Erasure, Restaurant
from tenants.template import quote

LOCK_TIMEOUT = "5s"  # somebody still reads the table: better later than that others wait behind us
KEYS_PER_ROUND_TRIP = 1000
log = structlog.get_logger(__name__)


class NotClosed(Exception):
    """People can still work in the restaurant: close it first."""


class BeingErased(Exception):
    """Somebody else has asked for that already."""


def request(restaurant: Restaurant, *, by: str, at: dt.datetime) -> Erasure:
    """Put down that the restaurant is to be erased, by somebody who cannot take it back.

    Raises `NotClosed`, `BeingErased`.

    From now on the platform does not know it: its address, its members' roles and its keys are gone, its name is free.
    Its rows are removed by `erase`.
    """
    with public_context(), transaction.atomic():
        row = Restaurant.objects.select_for_update().filter(pk=restaurant.pk).first()
        if row is None:
            raise BeingErased(f"{restaurant.name} is being erased already.")
        if row.status != Restaurant.Status.CLOSED:
            raise NotClosed(f"{row.name} is not closed: only a closed restaurant can be erased.")
        erasure = Erasure.objects.create(restaurant_id=row.pk, schema_name=row.schema_name, by=by[:160], asked_at=at)
        row.delete()
        transaction.on_commit(forget_hosts)
    log.info("erasure_requested", restaurant_id=str(erasure.pk), by=by)
    return erasure


def erase(restaurant_id: UUID, *, now: dt.datetime) -> bool:
    """Remove what is left of the restaurant; whether it is all gone. Only for the database's owner.

    False where somebody still holds one of its tables: then it goes on another time. Two at once do no harm.
    """
    with public_context():
        erasure = Erasure.objects.get(pk=restaurant_id)
        if erasure.erased_at is not None:
            return True
        try:
            _drop_tables(erasure.schema_name)
            provisioning.drop_schema(erasure.schema_name)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            log.warning("erasure_waits", restaurant_id=str(restaurant_id), error=str(error).strip())
            return False
        forget(erasure.schema_name)
        Erasure.objects.filter(pk=restaurant_id).update(schema_name="", erased_at=now)
    log.info("erased", restaurant_id=str(restaurant_id), by=erasure.by)
    return True


def unfinished() -> list[UUID]:
    """The restaurants that are not gone yet, in the order in which that was asked for."""
    with public_context():
        return list(Erasure.objects.filter(erased_at=None).order_by("asked_at").values_list("pk", flat=True))


def forget(schema_name: str) -> None:
    """Remove the restaurant's keys from the cache, where its sessions are too."""
    cache: Any = caches["default"]
    client = cache._cache.get_client(None, write=True)
    found = client.scan_iter(f"{cache.key_prefix}:{schema_name}:*", count=KEYS_PER_ROUND_TRIP)
    batch: list[bytes] = []
    for key in found:
        batch.append(key)
        if len(batch) == KEYS_PER_ROUND_TRIP:
            client.unlink(*batch)
            batch = []
    if batch:
        client.unlink(*batch)


def _drop_tables(schema_name: str) -> None:
    """One by one: dropping all at once would lock every table, index and sequence of the schema together."""
    for table in catalog.table_names(schema_name):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            cursor.execute(f"DROP TABLE IF EXISTS {quote(schema_name)}.{quote(table)} CASCADE")
