"""[p] Countries with their time zones and currencies, from CLDR (Babel), and a guess at where a browser is."""

import re
from functools import cache

from babel import Locale
from babel.core import get_global
from babel.numbers import get_territory_currencies

# Countries of several zones whose people nearly all live in one (CLDR's primary zones).
USUAL_ZONES = {
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
ZONES_NOT_IN_CLDR = {"XK": ["Europe/Belgrade"]}
NEWER_CURRENCIES = {"BG": "EUR"}  # since January 2026; Babel's data is older


@cache
def countries() -> dict[str, str]:
    """English names by two-letter code, of the countries that have a time zone and a currency, in the names' order."""
    names = Locale("en").territories
    codes = (code for code in _zones() if re.fullmatch("[A-Z]{2}", code) and code != "ZZ")
    named = {code: names[code] for code in codes if get_territory_currencies(code)}
    return dict(sorted(named.items(), key=lambda entry: entry[1].replace("Å", "A")))


@cache
def _zones() -> dict[str, list[str]]:
    return {**get_global("territory_zones"), **ZONES_NOT_IN_CLDR}


def zones_of(country: str) -> list[str]:
    """The country's time zones, the usual one first where there is one."""
    zones = sorted(_zones().get(country, []))
    usual = usual_zone(country)
    return [usual, *(zone for zone in zones if zone != usual)] if usual else zones


def usual_zone(country: str) -> str | None:
    """The zone that nearly everybody there lives in; None where people have to say which."""
    zones = _zones().get(country, [])
    return zones[0] if len(zones) == 1 else USUAL_ZONES.get(country)


def currency_of(country: str) -> str:
    """The three letters of what people pay with there now."""
    return NEWER_CURRENCIES.get(country) or str(get_territory_currencies(country)[0])


@cache
def other_names() -> dict[str, list[str]]:
    """What else browsers may call a zone: Asia/Kolkata is Asia/Calcutta to some."""
    found: dict[str, list[str]] = {}
    for alias, zone in get_global("zone_aliases").items():
        found.setdefault(zone, []).append(alias)
    return found


def country_of_language(accept_language: str) -> str | None:
    """The country in the browser's first language that names one: FR for “fr-FR,fr;q=0.9”."""
    for found in re.finditer(r"\b[a-zA-Z]{2,3}(?:-[A-Z][a-z]{3})?-([A-Z]{2})\b", accept_language[:200]):
        if found[1] in countries():
            return found[1]
    return None
