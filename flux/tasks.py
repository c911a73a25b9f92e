"""The tasks whose effects span apps, and the sweep that beat starts for all restaurants."""

import datetime as dt
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from flux import pipeline
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job
from tenants.tasks import enqueue, for_each_restaurant, restaurant_task

log = structlog.get_logger(__name__)


@restaurant_task()
def run_pipeline(restaurant: Restaurant, *, job_id: str) -> None:
    """Sync, forecast and suggest for one restaurant."""
    pipeline.work_off(restaurant, UUID(job_id))


def ask_for_pipeline(restaurant: Restaurant, *, now: dt.datetime, mark: str | None = None) -> Job:
    """Let the pipeline run in the background, once the running transaction has been committed."""
    job = jobs.request(Job.Kind.PIPELINE, now=now, mark=mark, note="Waiting for its turn")
    enqueue(run_pipeline, restaurant, job_id=job.pk)
    return job


@shared_task
def nightly() -> list[str]:
    """Send what is due to every working restaurant, each in a task of its own. Returns those where that failed."""
    return for_each_restaurant(partial(send_what_is_due, now=timezone.now()))


def send_what_is_due(restaurant: Restaurant, *, now: dt.datetime) -> None:
    """The nightly run if this business date has had none, and jobs that lost their message or their worker."""
    mark = pipeline.nightly_mark(restaurant, now)
    if not Job.objects.filter(kind=Job.Kind.PIPELINE, mark=mark).exists():
        ask_for_pipeline(restaurant, now=now, mark=mark)
        log.info("nightly_due", mark=mark)
    for job in jobs.stuck(now):
        log.warning("job_sent_again", kind=job.kind, job_id=str(job.pk), attempts=job.attempts)
        enqueue(AGAIN[job.kind], restaurant, job_id=job.pk)


AGAIN: dict[str, Any] = {Job.Kind.PIPELINE: run_pipeline}  # which task does a job of this kind once more
