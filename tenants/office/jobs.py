"""Jobs: asking for work in the background, doing it once, showing how far it is, and noticing that its worker died.

The row is the truth and the task only a messenger: a task that comes twice finds the job taken, and one that never
comes is missed by the sweep, which sends it again. Of the pipeline, at most one runs at a time in a restaurant.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from tenants import access, health
from tenants.actors import from_json
from tenants.context import current_restaurant
from tenants.office.models import Job

LOST_AFTER = dt.timedelta(minutes=10)  # nobody has taken a waiting job for so long: its message is lost
CROWD_LOST_AFTER = dt.timedelta(hours=1)  # a nightly one was asked for along with thousands: it may well be waiting
SILENT_AFTER = dt.timedelta(minutes=20)  # a running job has shown no sign of life for so long: its worker died
MOST_ATTEMPTS = 3
NOTHING: Mapping[str, Any] = MappingProxyType({})
TELL = """
UPDATE office_job SET progress_done = %s, progress_total = %s, note = %s, seen_at = %s WHERE id = %s
"""
GIVEN_UP = "It was interrupted three times and has been given up."
REFUSED = "Whoever asked for this may no longer do so. An owner or manager can ask for it again."

log = structlog.get_logger(__name__)


class WorkerDied(Exception):
    """Nobody knows why: the worker that did a job went silent each time."""


def request(
    kind: str, *, now: dt.datetime, mark: str | None = None, note: str = "", asked: Mapping[str, Any] = NOTHING
) -> Job:
    """The waiting job of this kind, made if there is none; with a `mark`, the one job that ever carries it.

    Asking twice before the work begins is asking once, and whoever asks last answers for it. `asked` is kept with a job
    that is made: what exactly is wanted.
    """
    same = Job.objects.filter(kind=kind, mark=mark) if mark else Job.objects.waiting(kind).filter(mark=None)
    found = same.first()
    if found:
        _answer_for(found, asked)
        return found
    try:
        with transaction.atomic():
            return Job.objects.create(kind=kind, mark=mark, note=note, created_at=now, asked=dict(asked))
    except IntegrityError:  # somebody else has asked for the same in this moment
        return same.get()


def _answer_for(job: Job, asked: Mapping[str, Any]) -> None:
    """Put whoever asks now in the place of a person who asked before; what Flux wants stays its own."""
    if from_json(job.asked.get("by")).pk and "by" in asked:
        job.asked["by"] = asked["by"]
        Job.objects.filter(pk=job.pk, status=Job.Status.PENDING).update(asked=job.asked)


def claim(job_id: UUID, *, now: dt.datetime) -> Job | None:
    """Take the job for this worker; None where it is done, or where it or another one of its kind is being done.

    A job whose worker died is taken over, three times at most. One whose asker may no longer have it done is ended.
    """
    give_up(job_id, now=now)
    refuse(job_id, now=now)
    free = Q(status=Job.Status.PENDING) | _silent(now)
    try:
        with transaction.atomic():
            taken = Job.objects.filter(free, pk=job_id).update(
                status=Job.Status.RUNNING, started_at=now, seen_at=now, attempts=F("attempts") + 1
            )
    except IntegrityError:  # another one of its kind runs; whoever does that one looks for this one afterwards
        return None
    return Job.objects.get(pk=job_id) if taken else None


def give_up(job_id: UUID, *, now: dt.datetime) -> None:
    """End a job that has killed its worker too often: a fourth attempt would kill it again."""
    worn = Job.objects.filter(_silent(now), pk=job_id, attempts__gte=MOST_ATTEMPTS)
    if worn.update(status=Job.Status.FAILED, finished_at=now, error=GIVEN_UP):
        health.failed("given up", WorkerDied(GIVEN_UP))


def refuse(job_id: UUID, *, now: dt.datetime) -> None:
    """End a job that nobody has begun, where whoever asked for it may no longer do so."""
    waiting = Job.objects.filter(pk=job_id, status=Job.Status.PENDING)
    job = waiting.first()
    if job is None or access.may_still(from_json(job.asked.get("by")).pk, current_restaurant(), at=now):
        return
    log.warning("job_refused", kind=job.kind, job_id=str(job_id), asked=job.asked)
    waiting.update(status=Job.Status.FAILED, finished_at=now, error=REFUSED)


def progress(job: Job, done: int, total: int, note: str) -> None:
    """Show how far the job is, in a manager's words; this is also its sign of life."""
    job.progress_done, job.progress_total, job.note, job.seen_at = done, total, note[:200], timezone.now()
    job.save(update_fields=["progress_done", "progress_total", "note", "seen_at"])


@contextmanager
def told_apart(job: Job) -> Iterator[Callable[[int, int, str], None]]:
    """`progress` for work in one long transaction, which nobody sees before its end: told by another connection.

    Where the caller is in a transaction already, that one holds the job's row: then nothing is told.
    """
    if connection.in_atomic_block:
        yield lambda _done, _total, _note: None
        return
    aside = connection.copy()

    def tell(done: int, total: int, note: str) -> None:
        with aside.cursor() as cursor:
            cursor.execute(TELL, [done, total, note[:200], timezone.now(), job.pk])

    try:
        yield tell
    finally:
        aside.close()


def finish(job: Job, *, note: str, result: dict[str, Any] | None = None, error: str = "") -> None:
    """End the job: done, or failed where `error` says why in a manager's words."""
    job.status = Job.Status.FAILED if error else Job.Status.DONE
    job.finished_at, job.note, job.result, job.error = timezone.now(), note[:200], result or {}, error
    job.save(update_fields=["status", "finished_at", "note", "result", "error"])


def stuck(now: dt.datetime) -> list[Job]:
    """Jobs that wait for a message that was lost, or whose worker died."""
    nightly = Q(kind=Job.Kind.PIPELINE, mark__isnull=False)
    lost = Q(created_at__lt=now - LOST_AFTER) & ~nightly | Q(created_at__lt=now - CROWD_LOST_AFTER)
    return list(Job.objects.filter(Q(status=Job.Status.PENDING) & lost | _silent(now)).order_by("created_at"))


def orphan_all() -> int:
    """Say that no worker is alive: every running job may be taken over at once. Returns how many there were."""
    return Job.objects.filter(status=Job.Status.RUNNING).update(seen_at=None)


def _silent(now: dt.datetime) -> Q:
    return Q(status=Job.Status.RUNNING) & (Q(seen_at=None) | Q(seen_at__lt=now - SILENT_AFTER))
