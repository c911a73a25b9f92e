"""What of old forecasts is kept: 200 dishes make 7,000 rows a night, which nobody reads once their days are over.

Scores keep what was expected of each day, and they are made within a week of it; so a run keeps its rows for that long,
and longer only while orders under way rest on it. The run itself stays as a record of what was computed and how it did.
"""

import datetime as dt
from collections.abc import Collection
from uuid import UUID

import structlog
from django.db import transaction

from forecasting import forecast
from forecasting.models import Forecast, Run

ROWS_KEPT = dt.timedelta(days=8)
OTHERS_ROWS_KEPT = dt.timedelta(days=35)  # after the day that an integrator spoke of
RUNS_KEPT = dt.timedelta(days=400)

log = structlog.get_logger(__name__)


@transaction.atomic
def prune(*, now: dt.datetime, in_use: Collection[UUID] = ()) -> int:
    """Delete rows of past runs and the oldest runs, but nothing of the current run and of those `in_use`.

    Returns how many rows of forecasts went.
    """
    current = Run.objects.current()
    kept = {*in_use, *([current.pk] if current else [])}
    rows, _ = Forecast.objects.of_runs_before(now - ROWS_KEPT).exclude(run__in=kept).delete()
    Run.objects.spoke_of_days_before((now - OTHERS_ROWS_KEPT).date()).exclude(pk__in=kept).delete()
    Run.objects.filter(created_at__lt=now - RUNS_KEPT).exclude(pk__in=kept).delete()
    if rows:
        transaction.on_commit(forecast.drop_lists)
        log.info("forecasts_pruned", rows=rows)
    return rows
