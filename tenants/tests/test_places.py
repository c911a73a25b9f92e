"""Countries, their time zones and their money."""

import zoneinfo

import pytest

from tenants import places
from tenants.models import Restaurant


def test_every_country_has_zones_that_exist_and_money_that_a_restaurant_may_have() -> None:
    known = zoneinfo.available_timezones()
    for country in places.countries():
        zones = places.zones_of(country)
        assert zones
        assert set(zones) <= known
        facts = Restaurant(name="x", slug="x", country=country, timezone=zones[0], currency=places.currency_of(country))
        facts.clean_fields(exclude=["schema_name"])


@pytest.mark.parametrize(
    ("country", "zone", "currency"),
    [
        ("FR", "Europe/Paris", "EUR"),
        ("DE", "Europe/Berlin", "EUR"),
        ("BG", "Europe/Sofia", "EUR"),
        ("CH", "Europe/Zurich", "CHF"),
        ("IN", "Asia/Kolkata", "INR"),
        ("XK", "Europe/Belgrade", "EUR"),
        ("US", None, "USD"),
    ],
)
def test_what_a_country_settles(country: str, zone: str | None, currency: str) -> None:
    assert places.usual_zone(country) == zone
    assert places.currency_of(country) == currency


@pytest.mark.parametrize(
    ("header", "country"),
    [
        ("fr-FR,fr;q=0.9,en-US;q=0.8", "FR"),
        ("zh-Hant-TW", "TW"),
        ("en", None),
        ("", None),
        ("en-ZZ, de-AT", "AT"),
        ("x" * 100_000, None),
    ],
)
def test_a_guess_from_the_browsers_language(header: str, country: str | None) -> None:
    assert places.country_of_language(header) == country
