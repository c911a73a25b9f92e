"""The tasks whose effects span apps, and the sweep that beat starts for all restaurants."""

import contextlib
import datetime as dt
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from flux import calendar, imports, pipeline
from flux.demo import bistro, judgement, loading
from forecasting import forecast, proof, weather
from forecasting.tasks import ask_for_backtest, fetch_weather, run_backtest
from pos.models import SalesFile
from tenants import health
from tenants.actors import FLUX, By, as_json
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant
from tenants.naming import host_of
from tenants.office import jobs
from tenants.office.models import Job
from tenants.tasks import enqueue, for_each_restaurant, restaurant_task

LOOKED_AT_TOGETHER = 200  # restaurants: a second or two of one worker
LOOK_EXPIRES_S = 14 * 60  # by then the next sweep is about to be sent

log = structlog.get_logger(__name__)


@restaurant_task()
def run_pipeline(restaurant: Restaurant, *, job_id: str) -> None:
    """Sync, forecast and suggest for one restaurant; then the proof of the forecast, where one is due."""
    pipeline.work_off(restaurant, UUID(job_id))
    now = timezone.now()
    if proof.is_due(restaurant, now=now):
        ask_for_backtest(restaurant, now=now)


def ask_for_pipeline(restaurant: Restaurant, *, now: dt.datetime, by: By = FLUX, mark: str | None = None) -> Job:
    """Let the pipeline run in the background, once the running transaction has been committed.

    The marked ones of a night are thousands: they queue apart, so that nobody who asks for one waits behind them.
    """
    asked = {"by": as_json(by)}
    job = jobs.request(Job.Kind.PIPELINE, now=now, mark=mark, note="Waiting for its turn", asked=asked)
    enqueue(run_pipeline, restaurant, queue=settings.CROWD_QUEUE if mark else None, job_id=job.pk)
    return job


def ask_for_nightly(restaurant: Restaurant, *, now: dt.datetime) -> Job | None:
    """The same under the mark of this business date; None where that has been asked for already."""
    mark = pipeline.nightly_mark(restaurant, now)
    if Job.objects.filter(kind=Job.Kind.PIPELINE, mark=mark).exists():
        return None
    log.info("nightly_due", mark=mark)
    return ask_for_pipeline(restaurant, now=now, mark=mark)


@restaurant_task()
def suggest_orders(restaurant: Restaurant) -> None:
    """Bring the draft orders to a forecast that people have changed, or events; who ordered what stays."""
    with contextlib.suppress(pipeline.NothingToDo):
        pipeline.suggest(restaurant, timezone.now())


def ask_for_suggestions(restaurant: Restaurant) -> None:
    """Let the draft orders follow a forecast that has been changed by hand, once that has been committed."""
    enqueue(suggest_orders, restaurant)


@restaurant_task()
def import_file(restaurant: Restaurant, *, job_id: str) -> None:
    """Load a file of sales; forecast and orders follow."""
    if imports.work_off(restaurant, UUID(job_id)):
        ask_for_pipeline(restaurant, now=timezone.now())


def ask_for_import(restaurant: Restaurant, file: SalesFile, *, by: By, now: dt.datetime) -> Job:
    """Let `file` be loaded in the background; asking again while it is under way is asking once."""
    job = imports.request(file, by=by, now=now)
    enqueue(import_file, restaurant, job_id=job.pk)
    return job


@restaurant_task()
def change_calendar(restaurant: Restaurant, *, job_id: str) -> None:
    """Bring all sales to another business day; forecast and orders follow."""
    if calendar.work_off(restaurant, UUID(job_id)):
        ask_for_pipeline(restaurant, now=timezone.now())


def ask_for_calendar(
    restaurant: Restaurant, *, time_zone: str, closeout_hour: int, by: By, now: dt.datetime
) -> Job | None:
    """Let the business day be another one, in the background; raises what `calendar.request` raises."""
    job = calendar.request(restaurant, time_zone=time_zone, closeout_hour=closeout_hour, by=by, now=now)
    if job is not None:
        enqueue(change_calendar, restaurant, job_id=job.pk)
    return job


@shared_task
def nightly() -> None:
    """Let every working restaurant be looked at, many of them by one message, so that all workers share in it."""
    with public_context():
        ids = [str(pk) for pk in Restaurant.objects.working().order_by("pk").values_list("pk", flat=True)]
    for first in range(0, len(ids), LOOKED_AT_TOGETHER):
        batch = {"restaurant_ids": ids[first : first + LOOKED_AT_TOGETHER]}
        sweep.apply_async(kwargs=batch, expires=LOOK_EXPIRES_S)


@shared_task
def sweep(*, restaurant_ids: list[str]) -> list[str]:
    """Send what is due to these restaurants, each in a task of its own. Returns the slugs of those where that failed.

    It is done once more at no harm, and one that was lost is made up for by the next.
    """
    return for_each_restaurant(partial(send_what_is_due, now=timezone.now()), among=restaurant_ids)


def send_what_is_due(restaurant: Restaurant, *, now: dt.datetime) -> None:
    """The nightly run if this business date has had none, its weather, and jobs that lost their message or worker.

    While a long history is loading the nightly run waits: a forecast from half of it would mislead.
    """
    if not Job.objects.unfinished().filter(kind=Job.Kind.HISTORY).exists():
        ask_for_nightly(restaurant, now=now)
    forecast.fail_abandoned(now=now)
    if weather.is_due(restaurant, now=now):
        enqueue(fetch_weather, restaurant, queue=settings.CROWD_QUEUE)
    for job in jobs.stuck(now):
        log.warning("job_sent_again", kind=job.kind, job_id=str(job.pk), attempts=job.attempts)
        enqueue(AGAIN[job.kind], restaurant, queue=settings.CROWD_QUEUE, job_id=job.pk)


def take_up_again(restaurant: Restaurant) -> None:
    """Send every unfinished job anew: for a start at which no worker is alive and the broker has forgotten all."""
    jobs.orphan_all()
    for job in Job.objects.unfinished():
        enqueue(AGAIN[job.kind], restaurant, job_id=job.pk)


@restaurant_task()
def load_demo_history(restaurant: Restaurant, *, job_id: str) -> None:
    """Bring in the demo's sales up to yesterday; then run the pipeline on them, in place of the nightly one."""
    now = timezone.now()
    job = jobs.claim(UUID(job_id), now=now)
    if job is None:
        return
    lines = loading.load_history(restaurant, bistro.read(), now=now, job=job)
    health.reached(health.IMPORT)
    judgement.write_overrides(restaurant, bistro.read(), now=now)
    with transaction.atomic():  # whoever looks on sees one job give way to the next
        jobs.finish(job, note=f"{lines:,} order lines have been loaded.")
        _ = ask_for_nightly(restaurant, now=now) or ask_for_pipeline(restaurant, now=now)
        enqueue(score_demo_past, restaurant)


@restaurant_task()
def score_demo_past(restaurant: Restaurant) -> None:
    """Forecast the demo's past weeks as of then, and score them."""
    judgement.look_back(restaurant, now=timezone.now())


def ask_for_demo_history(restaurant: Restaurant, *, now: dt.datetime) -> None:
    """Let the demo's sales up to yesterday be brought in; where they are complete, what is missing of past scores."""
    if loading.missing_days(restaurant, bistro.read(), now=now):
        begun = Job.objects.unfinished().filter(kind=Job.Kind.HISTORY).first()
        job = begun or jobs.request(Job.Kind.HISTORY, now=now, note="Waiting for its turn")
        enqueue(load_demo_history, restaurant, job_id=job.pk)
    else:
        enqueue(score_demo_past, restaurant)


@shared_task
def let_demo_orders_arrive() -> None:
    """Today's guests of the demo restaurant, as their orders are opened."""
    with public_context():
        restaurant = Restaurant.objects.working().filter(domains__domain=host_of(bistro.read().slug)).first()
    if restaurant is not None:
        with restaurant_context(restaurant):
            loading.let_orders_arrive(restaurant, bistro.read(), now=timezone.now())


# Which task does a job of this kind once more.
AGAIN: dict[str, Any] = {
    Job.Kind.PIPELINE: run_pipeline,
    Job.Kind.IMPORT: import_file,
    Job.Kind.HISTORY: load_demo_history,
    Job.Kind.CALENDAR: change_calendar,
    Job.Kind.BACKTEST: run_backtest,
}
