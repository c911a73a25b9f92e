"""Weather brought in as facts, where the platform has a provider and the restaurant has said where it is."""

import datetime as dt
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import transaction

from forecasting import facts, open_meteo
from forecasting.facts import Fact, Kept
from forecasting.models import DailyFact, WeatherPlace
from forecasting.open_meteo import Reading, Source, WeatherError
from pos.models import DailySales
from tenants.actors import FLUX, By
from tenants.models import Restaurant
from tenants.office import audit

FIELDS = ("latitude", "longitude")
AGAIN_AFTER = dt.timedelta(hours=1)
LONGEST_PAST_DAYS = 800  # what the engine looks back

log = structlog.get_logger(__name__)


def is_offered() -> bool:
    """Whether this platform has a provider of weather."""
    return bool(settings.WEATHER_PROVIDER)


def place() -> WeatherPlace | None:
    """Where the restaurant is, once somebody has said so."""
    return WeatherPlace.objects.first()


@transaction.atomic
def locate(latitude: Decimal, longitude: Decimal, *, by: By, at: dt.datetime) -> WeatherPlace:
    """Say where the restaurant is: degrees north and east. The weather of the new place is fetched from the start."""
    found = WeatherPlace.objects.select_for_update().first() or WeatherPlace()
    is_new = found._state.adding
    before = {} if is_new else audit.values(found, FIELDS)
    found.latitude, found.longitude = round(latitude, 4), round(longitude, 4)
    found.fetched_at, found.tried_at, found.problem = None, None, ""
    found.save()
    after = audit.values(found, FIELDS)
    audit.record("weather.placed", found, by=by, at=at, before=before, after=after)
    return found


@transaction.atomic
def leave(*, by: By, at: dt.datetime) -> None:
    """Fetch no more weather; what has been fetched stays."""
    for found in WeatherPlace.objects.all():
        before = audit.values(found, FIELDS)
        found.delete()
        audit.record("weather.left", audit.Subject("weatherplace", "1", "weather"), by=by, at=at, before=before)


def is_due(restaurant: Restaurant, *, now: dt.datetime) -> bool:
    """Whether weather is to be fetched: once a business date, and an hour after a failure again."""
    found = place() if is_offered() else None
    if found is None or (found.tried_at is not None and now - found.tried_at < AGAIN_AFTER):
        return False
    return found.fetched_at is None or restaurant.business_date(found.fetched_at) < restaurant.business_date(now)


def refresh(restaurant: Restaurant, *, now: dt.datetime) -> Kept | None:
    """Fetch the coming days, and the past ones that are missing; None where it did not work, which the place says.

    What is there stays, whatever goes wrong.
    """
    found = place()
    if found is None or not is_due(restaurant, now=now):
        return None
    WeatherPlace.objects.filter(pk=found.pk).update(tried_at=now)
    try:
        readings = _fetch(found, restaurant, now)
    except WeatherError as problem:
        log.warning("weather_not_fetched", problem=str(problem))
        WeatherPlace.objects.filter(pk=found.pk).update(problem=str(problem)[:300])
        return None
    with transaction.atomic():
        given = [_fact(reading, restaurant, now) for reading in readings]
        kept = facts.keep(given, DailyFact.Source.PROVIDER, restaurant=restaurant, by=FLUX, at=now)
        WeatherPlace.objects.filter(pk=found.pk).update(fetched_at=now, problem="")
    return kept


def _fetch(found: WeatherPlace, restaurant: Restaurant, now: dt.datetime) -> list[Reading]:
    source = Source(settings.WEATHER_FORECAST_URL, settings.WEATHER_HISTORY_URL, settings.WEATHER_API_KEY)
    today = restaurant.business_date(now)
    first = _first_missing(found, restaurant, today)
    past = open_meteo.past(source, found.latitude, found.longitude, first, today - dt.timedelta(days=1))
    return [*past, *open_meteo.coming(source, found.latitude, found.longitude)]


def _first_missing(found: WeatherPlace, restaurant: Restaurant, today: dt.date) -> dt.date:
    """The first day whose weather was never fetched, as far back as there are sales that the engine looks at."""
    if found.fetched_at is not None:
        return restaurant.business_date(found.fetched_at) + dt.timedelta(days=open_meteo.FORECAST_DAYS)
    sold = DailySales.objects.order_by("business_date").values_list("business_date", flat=True).first()
    return max(sold or today, today - dt.timedelta(days=LONGEST_PAST_DAYS))


def _fact(reading: Reading, restaurant: Restaurant, now: dt.datetime) -> Fact:
    """A past day's forecast was known when that day began."""
    known_at = min(now, facts.opening(reading.date, restaurant))
    return Fact(reading.date, reading.kind, reading.value, known_at)
