"""The proof on the restaurant's own history: its last weeks are hidden and predicted, as a job, and kept.

A job that is interrupted begins anew: it takes seconds, and writes its one `Backtest` together with its own end. numpy
and scikit-learn are loaded by the worker that computes.
"""

import datetime as dt
import time
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from forecasting import forecast
from forecasting.arithmetic import enough
from forecasting.models import Backtest, Run
from pos.models import DailySales
from tenants import health
from tenants.actors import FLUX, By, as_json
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job

if TYPE_CHECKING:
    from forecasting.engine import Outlook
    from forecasting.engine.panel import Panel
    from forecasting.engine.trial import Hidden

KIND = Job.Kind.BACKTEST
RENEWED_AFTER_DAYS = 28  # of newer sales, or of older ones that have come in since
LOOK_BACK_DAYS = 800  # of history: as far as the engine looks
TRIED_AGAIN_AFTER = dt.timedelta(days=7)  # by itself; whoever presses the button need not wait
FAULT = "The backtest did not work: a fault in Flux, which its log describes. Forecasts go on as before."
DONE = "The last {weeks} weeks have been hidden and predicted."

log = structlog.get_logger(__name__)


def request(restaurant: Restaurant, *, now: dt.datetime, by: By = FLUX) -> Job:
    """The job that will do it: the one that is under way, or a new one. Raises enough.TooShort."""
    enough.weeks_to_hide(enough.history_days(open_days(restaurant, now=now)))
    under_way = Job.objects.unfinished().filter(kind=KIND)
    if found := under_way.first():
        return found
    try:
        with transaction.atomic():
            return jobs.request(KIND, now=now, note="Waiting for its turn", asked={"by": as_json(by)})
    except Job.DoesNotExist:  # somebody else's has begun in this moment
        return under_way.get()


def open_days(restaurant: Restaurant, *, now: dt.datetime) -> list[dt.date]:
    """Complete business dates with sales, of the last years."""
    today = restaurant.business_date(now)
    known = DailySales.objects.between(today - dt.timedelta(days=LOOK_BACK_DAYS), today - dt.timedelta(days=1))
    return list(known.values_list("business_date", flat=True).distinct())


def is_due(restaurant: Restaurant, *, now: dt.datetime) -> bool:
    """Whether one should be made by itself: there is enough history, and none of it was tried, or not of late.

    Not while a job is on it or sales are still being loaded, nor in the days after one that failed.
    """
    busy = Job.objects.unfinished().filter(kind__in=[KIND, Job.Kind.HISTORY, Job.Kind.IMPORT])
    failed = Job.objects.filter(kind=KIND, status=Job.Status.FAILED, finished_at__gt=now - TRIED_AGAIN_AFTER)
    if (busy | failed).exists():
        return False
    days = open_days(restaurant, now=now)
    return enough.history_days(days) >= enough.ENOUGH_DAYS and _has_news(days)


def work_off(restaurant: Restaurant, job_id: UUID) -> Backtest | None:
    """Do the job; what was found, or None where it could not be done or somebody else is at it."""
    job = jobs.claim(job_id, now=timezone.now())
    if job is None:
        return None
    try:
        return _make(restaurant, job)
    except enough.TooShort as missing:
        jobs.finish(job, note="", error=str(missing))
    except Exception as error:
        log.exception("backtest_failed", job_id=str(job.pk))
        health.failed("backtest", error)
        jobs.finish(job, note="", error=FAULT)
    return None


def changes_forecast(made: Backtest) -> bool:
    """Whether the forecast that counts rests on another choice of items than this backtest's."""
    run = Run.objects.current()
    return run is not None and run.report.get("baseline", Backtest().choice) != made.choice


def _has_news(days: list[dt.date]) -> bool:
    newest = Backtest.objects.newest()
    if newest is None:
        return True
    first_on = dt.date.fromisoformat(newest.result["history_first_on"])
    newer, older = (max(days) - newest.last_on).days, (first_on - min(days)).days
    return max(newer, older) >= RENEWED_AFTER_DAYS


def _make(restaurant: Restaurant, job: Job) -> Backtest:
    """Hide, predict, judge; the backtest is written together with the end of its job."""
    from forecasting import engine
    from forecasting.engine import verdict

    began = time.perf_counter()
    known, hidden = _hide(restaurant, job)
    result = verdict.report(hidden) | {
        "history_days": enough.history_days(known),
        "history_first_on": str(min(known)),
        "seconds": round(time.perf_counter() - began, 1),
    }
    with transaction.atomic():
        made = Backtest.objects.create(
            first_on=hidden.days[0].item(),
            last_on=hidden.days[-1].item(),
            model_version=engine.MODEL_VERSION,
            result=result,
            created_at=timezone.now(),
        )
        jobs.finish(job, note=DONE.format(weeks=result["weeks"]), result={"backtest": str(made.pk)})
    log.info("backtest_made", backtest_id=str(made.pk), seconds=result["seconds"], weeks=result["weeks"])
    return made


def _hide(restaurant: Restaurant, job: Job) -> "tuple[list[dt.date], Hidden]":
    """The open days of the history, and the trial on its last weeks."""
    from forecasting import history
    from forecasting.engine import trial

    known = history.read(restaurant.business_date(timezone.now()))
    hidden = trial.hide(known, forecast=partial(_next_morning, restaurant), tell=partial(_tell, job))
    return known.days[known.is_open].tolist(), hidden


def _next_morning(restaurant: Restaurant, known: "Panel") -> "Outlook":
    """What the product would have said on the morning after the panel's last day."""
    return forecast.compute(restaurant, known, as_of=known.days[-1].item() + dt.timedelta(days=1))


def _tell(job: Job, done: int, total: int) -> None:
    doing = f"Predicting hidden week {done + 1} of {total}" if done < total else "Comparing with what was sold"
    jobs.progress(job, done, total, doing)
