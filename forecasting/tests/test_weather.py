"""Weather from a provider that answers on this machine, with answers made up in the provider's form."""

import datetime as dt
import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from forecasting import facts, open_meteo, weather
from forecasting.models import DailyFact, WeatherPlace
from forecasting.open_meteo import Reading, Source, WeatherError
from forecasting.tests.factories import NOW, TODAY, sell
from menu.tests.factories import MenuItemFactory
from tenants.actors import FLUX

DUBLIN = Decimal("53.3498"), Decimal("-6.2603")


def day(ahead: int) -> dt.date:
    return TODAY + dt.timedelta(days=ahead)


class Provider:
    """What it is asked and what it answers: by path, a body or a status."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: bytes | None = None
        self.status = 200
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                provider.asked.append((parts.path, query))
                body = provider.answer if provider.answer is not None else provider.weather(query)
                self.send_response(provider.status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def weather(self, query: dict[str, str]) -> bytes:
        """10.5 °C and no rain on each day that is asked for, but for one day of which nothing is known."""
        first = dt.date.fromisoformat(query["start_date"]) if "start_date" in query else TODAY
        last = dt.date.fromisoformat(query["end_date"]) if "end_date" in query else day(15)
        days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
        temperature = [None if each == day(15) else 10.5 for each in days]
        daily = {"time": [str(each) for each in days], "temperature_2m_max": temperature}
        return json.dumps({"daily": daily | {"precipitation_sum": [0.0] * len(days)}}).encode()


@pytest.fixture
def provider(settings):
    provider = Provider()
    settings.WEATHER_PROVIDER = "open-meteo"
    settings.WEATHER_FORECAST_URL, settings.WEATHER_HISTORY_URL = f"{provider.url}/coming", f"{provider.url}/past"
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


@pytest.fixture
def placed(restaurant, provider):
    weather.locate(*DUBLIN, by=FLUX, at=NOW)
    return restaurant


def test_the_provider_is_asked_for_days_at_a_place(provider):
    source = Source(f"{provider.url}/coming", f"{provider.url}/past", key="secret")
    found = open_meteo.past(source, *DUBLIN, day(-1), day(-1))
    assert found == [Reading(day(-1), "temperature-max", Decimal("10.5")), Reading(day(-1), "rain-mm", Decimal(0))]
    [(path, query)] = provider.asked
    assert (path, query["latitude"], query["longitude"], query["apikey"]) == ("/past", "53.3498", "-6.2603", "secret")
    assert (query["start_date"], query["end_date"], query["timezone"]) == (str(day(-1)), str(day(-1)), "auto")
    assert open_meteo.past(source, *DUBLIN, dt.date(2019, 1, 1), dt.date(2019, 2, 1)) == []  # before its archive


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (
            400,
            b'{"error": true, "reason": "Latitude must be in range"}',
            "refused: Latitude must be in range (HTTP 400)",
        ),
        (500, b"<html>", "refused: Internal Server Error (HTTP 500)"),
        (200, b"<html>", "something else than weather"),
        (200, b'{"daily": {"time": ["2026-11-22"]}}', "something else than weather"),
        (200, b'{"daily": {"time": ["x"], "temperature_2m_max": [1], "precipitation_sum": [1]}}', "something else"),
    ],
)
def test_what_is_no_weather_is_told_in_words(provider, status, answer, why):
    provider.status, provider.answer = status, answer
    with pytest.raises(WeatherError) as error:
        open_meteo.coming(Source(provider.url, provider.url), *DUBLIN)
    assert why in str(error.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "file:///etc/hosts"])
def test_nobody_at_home(url):
    with pytest.raises(WeatherError):
        open_meteo.coming(Source(url, url), *DUBLIN)


@pytest.mark.django_db
def test_the_first_fetch_brings_the_past_of_the_sales_and_the_coming_days(placed, provider):
    sell(MenuItemFactory(), day(-3), 5)
    kept = weather.refresh(placed, now=NOW)
    assert [path for path, _ in provider.asked] == ["/past", "/coming"]
    assert (kept.new, kept.late) == (2 * 3 + 2 * 16 - 1, 0)
    known = facts.known(placed, day(-10), day(20))["temperature-max"]
    assert (min(known), max(known)) == (day(-3), day(14))
    assert set(DailyFact.objects.values_list("source", flat=True)) == {"provider"}


@pytest.mark.django_db
def test_it_is_fetched_once_a_day_and_a_gap_is_filled(placed, provider):
    weather.refresh(placed, now=NOW)
    assert weather.refresh(placed, now=NOW + dt.timedelta(hours=2)) is None
    provider.asked.clear()
    assert weather.refresh(placed, now=NOW + dt.timedelta(days=1)) is not None
    assert [path for path, _ in provider.asked] == ["/coming"]
    provider.asked.clear()
    weather.refresh(placed, now=NOW + dt.timedelta(days=21))
    path, query = provider.asked[0]
    assert (path, query["start_date"], query["end_date"]) == ("/past", str(day(17)), str(day(20)))


@pytest.mark.django_db
def test_a_failure_is_kept_loses_nothing_and_is_tried_again_after_an_hour(placed, provider):
    weather.refresh(placed, now=NOW)
    before = list(DailyFact.objects.values())
    tomorrow = NOW + dt.timedelta(days=1)
    provider.status, provider.answer = 503, b""
    assert weather.refresh(placed, now=tomorrow) is None
    place = WeatherPlace.objects.get()
    assert place.problem == "The weather service refused: Service Unavailable (HTTP 503)."
    assert list(DailyFact.objects.values()) == before
    assert not weather.is_due(placed, now=tomorrow + dt.timedelta(minutes=59))
    provider.status, provider.answer = 200, None
    assert weather.refresh(placed, now=tomorrow + dt.timedelta(hours=1)) is not None
    assert WeatherPlace.objects.get().problem == ""


@pytest.mark.django_db
def test_nothing_is_fetched_unless_configured_and_placed(restaurant, provider, settings):
    assert not weather.is_due(restaurant, now=NOW)
    weather.locate(*DUBLIN, by=FLUX, at=NOW)
    assert weather.is_due(restaurant, now=NOW)
    settings.WEATHER_PROVIDER = ""
    assert not weather.is_due(restaurant, now=NOW)
    assert weather.refresh(restaurant, now=NOW) is None
    settings.WEATHER_PROVIDER = "open-meteo"
    weather.leave(by=FLUX, at=NOW)
    assert not weather.is_due(restaurant, now=NOW)
    assert provider.asked == []
