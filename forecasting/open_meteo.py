"""Daily weather from Open-Meteo (open-meteo.com): what is forecast for the coming days, and was forecast for past ones.

Past days come from its archive of forecasts and not from observations, for a forecast is what is known ahead of a day.
"""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

FORECAST_DAYS = 16
OLDEST = date(2022, 1, 1)  # where its archive of forecasts begins
KINDS = {"temperature_2m_max": "temperature-max", "precipitation_sum": "rain-mm"}  # °C, mm
_TIMEOUT_S = 15
_MOST_BYTES = 2_000_000


class WeatherError(Exception):
    """The provider did not answer, or not with weather; the text says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where to ask: addresses of the two services, and a key where one is paid for."""

    forecast_url: str
    history_url: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one day: °C or mm."""

    date: date
    kind: str
    value: Decimal


def coming(source: Source, latitude: Decimal, longitude: Decimal) -> list[Reading]:
    """Today and the next 15 days. Raises WeatherError."""
    return _ask(source.forecast_url, latitude, longitude, source.key, forecast_days=FORECAST_DAYS)


def past(source: Source, latitude: Decimal, longitude: Decimal, first: date, last: date) -> list[Reading]:
    """From `first` to `last`, both included, as far back as the archive reaches. Raises WeatherError."""
    first = max(first, OLDEST)
    if last < first:
        return []
    return _ask(source.history_url, latitude, longitude, source.key, start_date=first, end_date=last)


def _ask(url: str, latitude: Decimal, longitude: Decimal, key: str, **range_: Any) -> list[Reading]:
    place = {"latitude": latitude, "longitude": longitude, "timezone": "auto", "daily": ",".join(KINDS)}
    query = urllib.parse.urlencode(place | range_ | ({"apikey": key} if key else {}))
    answer = _get(f"{url}?{query}")
    try:
        return list(_readings(json.loads(answer)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeatherError("The weather service answered with something else than weather.") from error


def _get(address: str) -> bytes:
    if not address.startswith(("https://", "http://")):
        raise WeatherError("The address of the weather service is no web address.")
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response:  # noqa: S310 - checked above
            found: bytes = response.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        raise WeatherError(f"The weather service refused: {_reason(error)} (HTTP {error.code}).") from error
    except (OSError, ValueError) as error:
        raise WeatherError("The weather service did not answer.") from error
    return found


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000))["reason"])[:200]
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)[:200]


def _readings(answer: dict[str, Any]) -> Iterator[Reading]:
    """Days that have no value are left out."""
    daily = answer["daily"]
    days = [date.fromisoformat(day) for day in daily["time"]]
    for name, kind in KINDS.items():
        for day, value in zip(days, daily[name], strict=True):
            if value is not None and math.isfinite(value):
                yield Reading(day, kind, Decimal(str(value)).quantize(Decimal("0.001")))
