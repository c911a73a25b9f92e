"""Forecasts in the background."""

from uuid import UUID

from django.utils import timezone

from forecasting import forecast
from tenants import health
from tenants.models import Restaurant
from tenants.tasks import restaurant_task


@restaurant_task()
def run_forecast(restaurant: Restaurant, *, run_id: str) -> None:
    """Compute a run that somebody asked for."""
    if forecast.run(UUID(run_id), restaurant=restaurant, now=timezone.now()):
        health.reached(health.FORECAST)
