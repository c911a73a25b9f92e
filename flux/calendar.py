"""Another time zone or closeout hour: asked for on a page, done as a job, visible all at once.

The restaurant's row, every business date, the dates' sources and the rollup change in one transaction: until it is
committed everybody works with the old ones, a worker that dies leaves nothing behind, and the next one begins anew.
"""

import copy
import datetime as dt
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from pos import business_days, loading
from tenants import health, restaurants
from tenants.actors import By, as_json, from_json
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job

KIND = Job.Kind.CALENDAR
FAULT = "It did not work: a fault in Flux, which its log describes. Everything is as it was before."

log = structlog.get_logger(__name__)


class UnderWay(Exception):
    """Another change is being worked in."""

    def __init__(self, job: Job | None) -> None:
        super().__init__("Another change of the business day is still being worked in: wait until it is done.")
        self.job = job


def request(restaurant: Restaurant, *, time_zone: str, closeout_hour: int, by: By, now: dt.datetime) -> Job | None:
    """The job that brings all sales to another business day; None where it is that one already.

    Raises `ValidationError`, UnderWay.
    """
    wanted: dict[str, Any] = {"timezone": time_zone, "closeout_hour": closeout_hour}
    _check(restaurant, wanted)
    if under_way := Job.objects.unfinished().filter(kind=KIND).first():
        if under_way.asked.get("wanted") == wanted:
            return under_way
        raise UnderWay(under_way)
    if wanted == {name: getattr(restaurant, name) for name in wanted}:
        return None
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=KIND, note="Waiting for its turn", created_at=now, asked={"wanted": wanted, "by": as_json(by)}
            )
    except IntegrityError as error:
        raise UnderWay(None) from error


def _check(restaurant: Restaurant, wanted: dict[str, Any]) -> None:
    changed = copy.copy(restaurant)
    for name, value in wanted.items():
        setattr(changed, name, value)
    changed.clean_fields(exclude={field.name for field in Restaurant._meta.fields} - wanted.keys())


def work_off(restaurant: Restaurant, job_id: UUID) -> bool:
    """Do the job; whether the business day is another one now. Nothing where somebody else is at it."""
    job = jobs.claim(job_id, now=timezone.now())
    if job is None:
        return False
    try:
        with jobs.told_apart(job) as tell, transaction.atomic():
            rebuilt = _change(restaurant, job, tell)
    except Exception as error:
        log.exception("calendar_change_failed")
        health.failed("calendar", error)
        jobs.finish(job, note="", error=FAULT)
        return False
    log.info("calendar_changed", orders=rebuilt.orders, unreadable=rebuilt.unreadable)
    return True


def _change(restaurant: Restaurant, job: Job, tell: business_days.Tell) -> business_days.Rebuilt:
    """The dates first and the restaurant's row last, so that nobody waits for it long."""
    loading.lock(restaurant)
    wanted, now = job.asked["wanted"], timezone.now()
    changed = copy.copy(restaurant)
    changed.timezone, changed.closeout_hour = wanted["timezone"], wanted["closeout_hour"]
    rebuilt = business_days.rebuild(changed, now=now, tell=tell)
    restaurants.set_business_day(restaurant, **wanted, by=from_json(job.asked["by"]), at=now)
    jobs.finish(job, note=_note(rebuilt), result={"orders": rebuilt.orders, "unreadable": rebuilt.unreadable})
    return rebuilt


def _note(rebuilt: business_days.Rebuilt) -> str:
    moved = "1 order has" if rebuilt.orders == 1 else f"{rebuilt.orders:,} orders have"
    left = f" Could not be read again: {', '.join(rebuilt.unreadable)}." if rebuilt.unreadable else ""
    return f"{moved} another business day now.{left}"
