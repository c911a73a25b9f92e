"""Public holidays of any country and its parts, with their names. Loads the package `holidays` when it is asked."""

from collections.abc import Iterable
from datetime import date

LANGUAGE = "en_US"  # said, for otherwise the machine's own language decides


def public_holidays(country: str, subdivision: str, years: Iterable[int]) -> dict[date, str]:
    """Day → name, in English where the package has it, of a country (ISO 3166-1 alpha-2) or a subdivision of it.

    Those of the country where the subdivision is not known; none where the country is not known. Two holidays of one
    day are named together: “A; B”.
    """
    import holidays

    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=years, language=LANGUAGE)
    except NotImplementedError:
        return public_holidays(country, "", years) if subdivision else {}
    return dict(sorted(found.items()))
