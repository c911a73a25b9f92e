"""THE PIPELINE for one restaurant: sync sales → find what ran out → score → forecast → suggest orders.

It follows an import and runs every early morning. Each step can be repeated without harm. A step that fails is recorded
in a manager's words, with its traceback in the log, and the steps after it run on what was there before.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from forecasting import forecast, pruning, scoring
from forecasting.models import Run
from pos import loading, sources, stockouts
from pos.models import DailySales
from procurement import suggestions
from procurement.models import PurchaseOrder, SupplierItem
from tenants import health
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job

PIPELINE = Job.Kind.PIPELINE
RECOUNTED_DAYS = 35
ORDERS_UNDER_WAY = dt.timedelta(days=60)  # one that has not come in by then was forgotten
REST_HOURS = 1  # after closeout, so that the last orders of the night are in

log = structlog.get_logger(__name__)


class NothingToDo(Exception):
    """A step has nothing to work on yet; its text says what is missing. No failure."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the pipeline: `do` returns one sentence about what came of it."""

    name: str
    doing: str
    do: Callable[[Restaurant, dt.datetime], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went, as it is kept on the job; `text` is for the manager, whatever the status."""

    name: str
    status: Literal["done", "skipped", "failed"]
    text: str
    seconds: float


def night_of(restaurant: Restaurant, now: dt.datetime) -> dt.date:
    """The business date whose nightly run is due at `now`: that of the latest early morning.

    Early morning is one hour after closeout on the wall clock. Whoever asks later that day gets the same date: a missed
    night is caught up, and a change of the clocks neither skips nor doubles one.
    """
    wall = now.astimezone(restaurant.zone).replace(tzinfo=None)
    return (wall - dt.timedelta(hours=restaurant.closeout_hour + REST_HOURS)).date()


def morning_of(restaurant: Restaurant, day: dt.date) -> dt.datetime:
    """The moment from which on the nightly run of that business date is due."""
    hour = dt.time(restaurant.closeout_hour + REST_HOURS)
    return dt.datetime.combine(day, hour, tzinfo=restaurant.zone).astimezone(dt.UTC)


def nightly_mark(restaurant: Restaurant, now: dt.datetime) -> str:
    """What the one nightly job of that business date carries."""
    return f"nightly:{night_of(restaurant, now)}"


def work_off(restaurant: Restaurant, job_id: UUID) -> None:
    """Do the job, and after it those that were asked for meanwhile; nothing where somebody else is at it."""
    wanted: UUID | None = job_id
    while wanted and (job := jobs.claim(wanted, now=timezone.now())):
        run(restaurant, now=timezone.now(), job=job)
        wanted = Job.objects.waiting(PIPELINE).values_list("pk", flat=True).first()


def run(restaurant: Restaurant, *, now: dt.datetime, job: Job, steps: tuple[Step, ...] | None = None) -> list[Outcome]:
    """Run all steps for `restaurant` as of `now`, and keep on the job how each one went."""
    steps = STEPS if steps is None else steps
    outcomes: list[Outcome] = []
    for number, step in enumerate(steps):
        jobs.progress(job, number, len(steps), step.doing)
        outcomes.append(_outcome(step, restaurant, now))
    failures = [outcome.text for outcome in outcomes if outcome.status == "failed"]
    jobs.progress(job, len(steps), len(steps), "Finished")
    jobs.finish(
        job,
        note=" ".join(outcome.text for outcome in outcomes if outcome.status == "done"),
        result={"steps": [asdict(outcome) for outcome in outcomes]},
        error=" ".join(failures),
    )
    return outcomes


def _outcome(step: Step, restaurant: Restaurant, now: dt.datetime) -> Outcome:
    began = time.perf_counter()
    status: Literal["done", "skipped", "failed"] = "done"
    try:
        text = step.do(restaurant, now)
    except NothingToDo as missing:
        status, text = "skipped", str(missing)
    except Exception as error:
        log.exception("pipeline_step_failed", step=step.name)
        health.failed(step.name, error)
        status, text = "failed", f"{step.doing} did not work: a fault in Flux, which its log describes."
    seconds = round(time.perf_counter() - began, 3)
    log.info("pipeline_step", step=step.name, outcome=status, text=text, seconds=seconds)
    return Outcome(step.name, status, text, seconds)


def sync(restaurant: Restaurant, now: dt.datetime) -> str:
    """Count the last weeks' orders once more, by the source that each day has now, and say how far the sales reach.

    Every load does so for its own days; this catches what was changed past it.
    """
    today = restaurant.business_date(now)
    days = [today - dt.timedelta(days=n) for n in range(RECOUNTED_DAYS)]
    with transaction.atomic():
        loading.lock(restaurant)
        sources.settle(days, now=now)
    last_on = DailySales.objects.last_on()
    if last_on is None:
        raise NothingToDo("There are no sales yet: upload a file from your till.")
    return f"Sales are in up to {last_on:%a} {last_on.day} {last_on:%b}."


def find_stockouts(restaurant: Restaurant, now: dt.datetime) -> str:
    """Take dishes that stopped selling too early to be chance as sold out, before the forecast learns from them."""
    found = stockouts.infer(restaurant, now=now)
    if not found:
        raise NothingToDo("No dish stopped selling early.")
    return f"{len(found)} time{'' if len(found) == 1 else 's'} a dish seems to have run out: the 86 board asks."


def predict(restaurant: Restaurant, now: dt.datetime) -> str:
    """Forecast the whole menu."""
    try:
        made = forecast.make(restaurant, now=now)
    except forecast.NoSales as missing:
        raise NothingToDo(str(missing)) from missing
    if made.status != Run.Status.COMPLETED:
        return "Another forecast is being made at this moment."
    health.reached(health.FORECAST)
    pruning.prune(now=now, in_use=PurchaseOrder.objects.runs_in_use(since=now - ORDERS_UNDER_WAY))
    until = made.last_day
    return f"Forecast until {until:%a} {until.day} {until:%b}."


def score(restaurant: Restaurant, now: dt.datetime) -> str:
    """Compare what was expected of the days that are over with what was sold."""
    scored = scoring.catch_up(restaurant, now=now)
    if not scored.new:
        raise NothingToDo("No day has ended that an earlier forecast spoke of.")
    last = scored.new[-1]
    days = "1 day" if len(scored.new) == 1 else f"{len(scored.new)} days"
    return f"{days} compared with the sales, up to {last:%a} {last.day} {last:%b}."


def suggest(restaurant: Restaurant, now: dt.datetime) -> str:
    """Bring the draft orders to what should be ordered now."""
    if not SupplierItem.objects.orderable().exists():
        raise NothingToDo("There are no suppliers' items yet, so nothing can be ordered.")
    suggested = suggestions.suggest(restaurant, now)
    health.reached(health.SUGGESTION)
    drafts = len(suggested.drafts)
    return "1 draft order." if drafts == 1 else f"{drafts} draft orders."


STEPS: tuple[Step, ...] = (
    Step("sync", "Checking sales", sync),
    Step("stockouts", "Looking for dishes that ran out", find_stockouts),
    Step("score", "Comparing forecasts with sales", score),
    Step("forecast", "Forecasting the menu", predict),
    Step("suggest", "Suggesting orders", suggest),
)
