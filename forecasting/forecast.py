"""Forecasting the menu: ask for a run, do it, take an integrator's forecast.

A `Run` is pending until a worker takes it, in progress while it computes, and then completed with its forecasts or
failed with the reason. numpy and scikit-learn are loaded by the worker that computes, not by the web server that asks.
"""

import datetime as dt
import time
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from forecasting import calendar, facts, final, likeness
from forecasting.models import Backtest, Forecast, Run
from menu.models import MenuItem
from pos.models import DailySales
from tenants.access import may_still
from tenants.actors import By
from tenants.keys import uuid7
from tenants.models import Restaurant
from tenants.office import audit

if TYPE_CHECKING:
    from forecasting.engine import Outlook
    from forecasting.engine.panel import Array, Panel

HORIZON_DAYS = 35
ABANDONED_AFTER = dt.timedelta(minutes=30)  # a run takes seconds: its worker was killed, or its message lost
ABANDONED = "It was interrupted: nobody finished it within half an hour."
FAULT = "The forecast did not work: a fault in Flux, which its log describes."
REFUSED = "Whoever asked for it may no longer do so."
NOTHING_SOLD = "There are no sales of a complete day yet."
COLUMNS = "forecasting_forecast (run_id, menu_item_id, date, mean, q10, q25, q50, q75, q90, q95, confidence)"
LIST_VERSION = "forecasts:version"

log = structlog.get_logger(__name__)


class NoSales(Exception):
    """There is nothing to forecast from."""


def start(restaurant: Restaurant, *, now: dt.datetime, requested_by_id: UUID | None = None) -> Run:
    """A run that waits for a worker; the one that waits already, if there is one. Raises NoSales.

    Runs that were abandoned are marked as failed first. Whoever asks last answers for a run that waits.
    """
    fail_abandoned(now=now)
    if not DailySales.objects.filter(business_date__lt=restaurant.business_date(now)).exists():
        raise NoSales(NOTHING_SOLD)
    waiting = Run.objects.filter(status=Run.Status.PENDING, origin=Run.Origin.FLUX).first()
    if waiting is not None and waiting.requested_by_id not in {None, requested_by_id}:
        waiting.requested_by_id = requested_by_id
        waiting.save(update_fields=["requested_by_id"])
    return waiting or Run.objects.create(
        created_at=now, horizon_days=HORIZON_DAYS, requested_by_id=requested_by_id, model_version=""
    )


def run(run_id: UUID, *, restaurant: Restaurant, now: dt.datetime) -> Run | None:
    """Compute a pending run; None where somebody else has taken it. What goes wrong is raised, and told on it."""
    taken = _claim(run_id, restaurant, now)
    if taken is None:
        return None
    try:
        _compute(taken, restaurant, now)
    except NoSales as missing:
        _fail(taken, str(missing))
        raise
    except Exception:
        log.exception("forecast_failed", run_id=str(run_id))
        _fail(taken, FAULT)
        raise
    return taken


def make(restaurant: Restaurant, *, now: dt.datetime) -> Run:
    """Start a run and do it here and now. Raises NoSales."""
    asked = start(restaurant, now=now)
    return run(asked.pk, restaurant=restaurant, now=now) or Run.objects.get(pk=asked.pk)


def record(
    item: MenuItem,
    *,
    date: dt.date,
    predicted_quantity: Decimal,
    confidence: Decimal,
    today: dt.date,
    now: dt.datetime,
    by: By,
    feeds_orders: bool = False,
) -> Forecast:
    """Keep an integrator's forecast of one item and day as a run of its own, which feeds no orders unless chosen."""
    yesterday = today - dt.timedelta(days=1)
    with transaction.atomic():
        made = Run.objects.create(
            origin=Run.Origin.INTEGRATOR,
            status=Run.Status.COMPLETED,
            cutoff_on=yesterday,
            horizon_days=(date - yesterday).days,
            feeds_orders=feeds_orders,
            requested_by_id=by.pk,
            created_at=now,
            started_at=now,
            finished_at=now,
        )
        kept = Forecast.objects.create(
            run=made, menu_item=item, date=date, mean=predicted_quantity, confidence=confidence
        )
        if feeds_orders:
            told = {"date": date, "expected_units": predicted_quantity}
            audit.record("forecast.overridden", item, by=by, at=now, after=told)
        transaction.on_commit(drop_lists)
    return kept


def told(restaurant: Restaurant, known: "Panel", *, as_of: dt.date) -> dict[str, Any]:
    """What the engine is told besides the sales, as it was known on `as_of`: arguments of `engine.forecast`."""
    years = range(known.days[0].item().year, known.days[-1].item().year + 2)
    first, last = dt.date(years[0], 1, 1), dt.date(years[-1], 12, 31)
    return {
        "holidays": calendar.holidays(restaurant, years),
        "school_holidays": calendar.school_holidays(first, last),
        "facts": facts.known(restaurant, first, last, as_of=as_of),
        "likeness": likeness.known(restaurant, as_of),
    }


def compute(
    restaurant: Restaurant, known: "Panel", *, as_of: dt.date, baseline_items: Collection[Hashable] = ()
) -> "Outlook":
    """What the engine says on `as_of` of the days after the panel: here, or on the endpoint that the setting names."""
    from forecasting import remote

    endpoint = remote.Endpoint(**settings.FORECAST_ENDPOINT) if settings.FORECAST_ENDPOINT else None
    asked = told(restaurant, known, as_of=as_of) | {"horizon_days": HORIZON_DAYS, "baseline_items": baseline_items}
    return remote.forecast(known, endpoint=endpoint, **asked)


def fail_abandoned(*, now: dt.datetime) -> int:
    """Mark runs whose worker or message was lost as failed. Returns how many there were."""
    return Run.objects.abandoned(now - ABANDONED_AFTER).update(
        status=Run.Status.FAILED, finished_at=now, error=ABANDONED
    )


def list_version() -> str:
    """What the keys of cached lists begin with; another one after every write."""
    return str(cache.get_or_set(LIST_VERSION, lambda: uuid7().hex, None))


def drop_lists() -> None:
    """Forget every cached list of forecasts of this restaurant."""
    cache.set(LIST_VERSION, uuid7().hex, None)


def _claim(run_id: UUID, restaurant: Restaurant, now: dt.datetime) -> Run | None:
    """Take a pending run for this worker; the row is locked while its state is looked at.

    One whose asker may no longer have it done is ended instead.
    """
    with transaction.atomic():
        found = Run.objects.select_for_update(skip_locked=True).filter(pk=run_id, status=Run.Status.PENDING).first()
        if found is None:
            return None
        if not may_still(found.requested_by_id, restaurant, at=now):
            found.status, found.finished_at, found.error = Run.Status.FAILED, now, REFUSED
            found.save(update_fields=["status", "finished_at", "error"])
            return None
        found.status, found.started_at = Run.Status.IN_PROGRESS, now
        found.save(update_fields=["status", "started_at"])
    return found


def _compute(taken: Run, restaurant: Restaurant, now: dt.datetime) -> None:
    """Read, compute and write; each step's seconds are kept at once, as a sign of progress."""
    from forecasting import engine, history

    with _timed(taken, "read"):
        known = history.read(restaurant.business_date(now), keep=True)
        if not known.is_open.any():
            raise NoSales(NOTHING_SOLD)
        taken.cutoff_on, taken.model_version = known.days[-1].item(), engine.MODEL_VERSION
    with _timed(taken, "compute"):
        proven = Backtest.objects.newest() or Backtest()
        plain = proven.baseline_items(known.items)
        outlook = compute(restaurant, known, as_of=restaurant.business_date(now), baseline_items=plain)
    with transaction.atomic():
        with _timed(taken, "write"):
            taken.report = {
                **outlook.report,
                "closed_weekdays": sorted(history.weekdays_off(known)),
                "baseline": proven.choice,
            }
            closed = history.closed_days(known, outlook.days, history.closures())
            final.lock()
            _write(taken, outlook, wanted=set(history.on_the_menu()), closed=closed)
            final.adjust(taken, [day.item() for day in outlook.days])
        taken.status = Run.Status.COMPLETED
        taken.finished_at = now + dt.timedelta(seconds=sum(taken.timings.values()))
        taken.save()
        transaction.on_commit(drop_lists)
    log.info("forecast_made", run_id=str(taken.pk), cutoff_on=str(taken.cutoff_on), **taken.timings)


@contextmanager
def _timed(taken: Run, step: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    taken.timings[step] = round(time.perf_counter() - began, 3)
    taken.save(update_fields=["timings", "cutoff_on", "model_version"])


def _write(taken: Run, outlook: "Outlook", *, wanted: set[UUID], closed: "Array") -> None:
    """Copy the outlook's rows of `wanted` items into the table; a closed day sells nothing, for certain."""
    places = [(item, place) for place, item in enumerate(outlook.items) if item in wanted]
    nothing = [0.0] * (1 + outlook.quantiles.shape[2])
    with connection.cursor() as cursor, cursor.copy(f"COPY {COLUMNS} FROM STDIN") as copy:
        for d, day in enumerate(outlook.days):
            for item, i in places:
                expected = [outlook.mean[d, i], *outlook.quantiles[d, i], outlook.confidence[d, i]]
                numbers = [*nothing, 1.0] if closed[d] else expected
                copy.write_row((taken.pk, item, day.item(), *(f"{number:.4f}" for number in numbers)))


def _fail(taken: Run, problem: str) -> None:
    Run.objects.filter(pk=taken.pk).update(status=Run.Status.FAILED, finished_at=timezone.now(), error=problem)
