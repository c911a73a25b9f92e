"""Forecasts and their proof in the background."""

import datetime as dt
from uuid import UUID

from django.utils import timezone

from forecasting import forecast, proof, weather
from tenants import health
from tenants.actors import FLUX, By
from tenants.models import Restaurant
from tenants.office.models import Job
from tenants.tasks import enqueue, restaurant_task


@restaurant_task()
def run_forecast(restaurant: Restaurant, *, run_id: str) -> None:
    """Compute a run that somebody asked for."""
    if forecast.run(UUID(run_id), restaurant=restaurant, now=timezone.now()):
        health.reached(health.FORECAST)


@restaurant_task()
def run_backtest(restaurant: Restaurant, *, job_id: str) -> None:
    """Hide the last weeks and predict them; a forecast follows where other items get the same-weekday mean now."""
    made = proof.work_off(restaurant, UUID(job_id))
    if made is not None and proof.changes_forecast(made):
        asked = forecast.start(restaurant, now=timezone.now())
        enqueue(run_forecast, restaurant, run_id=asked.pk)


@restaurant_task()
def fetch_weather(restaurant: Restaurant) -> None:
    """Bring in the weather of the coming days; the next forecast knows it."""
    weather.refresh(restaurant, now=timezone.now())


def ask_for_backtest(restaurant: Restaurant, *, now: dt.datetime, by: By = FLUX) -> Job:
    """Let it be done in the background; asking again while it is under way is asking once. Raises enough.TooShort."""
    job = proof.request(restaurant, now=now, by=by)
    enqueue(run_backtest, restaurant, job_id=job.pk)
    return job
