"""How much a restaurant's days rise and fall as a whole, from its own totals."""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shock:
    """How the venue's days move together.

    `share` is the standard deviation of a day's common factor; `persistence` the correlation of two days' factors:
    when a week turns out better than forecast, all of its days tend to.
    """

    share: float
    persistence: float


USUAL = Shock(share=0.10, persistence=0.30)
_WEIGHT_OF_USUAL = 14  # days of evidence that the usual values count for
_MOST_PERSISTENT = 0.8


def venue_shock(totals: Mapping[datetime.date, float]) -> Shock:
    """The common factor of days, from units sold per open day over some weeks.

    Each day is compared with the other days of its weekday; what scatters beyond counting noise is the common factor.
    Little history moves the usual values only a little.
    """
    deviations = _deviations(totals)
    if not deviations:
        return USUAL
    counting = math.fsum(1 / total for total in totals.values() if total > 0) / len(totals)
    squares = math.fsum(deviation**2 for deviation in deviations.values())
    observed = max(0.0, squares / len(deviations) - counting)
    share = math.sqrt(_blend(observed, USUAL.share**2, len(deviations)))
    pairs = [
        deviation * deviations[day + datetime.timedelta(days=1)]
        for day, deviation in deviations.items()
        if day + datetime.timedelta(days=1) in deviations
    ]
    lagged = math.fsum(pairs) / len(pairs) / observed if pairs and observed else USUAL.persistence
    persistence = _blend(min(max(lagged, 0.0), _MOST_PERSISTENT), USUAL.persistence, len(pairs))
    return Shock(share, persistence)


def _deviations(totals: Mapping[datetime.date, float]) -> dict[datetime.date, float]:
    """Each day's total relative to the mean of the other days of its weekday, less 1."""
    found = {}
    for day, total in totals.items():
        others = [other for date, other in totals.items() if date != day and date.weekday() == day.weekday()]
        mean = math.fsum(others) / len(others) if others else 0.0
        if mean > 0:
            found[day] = (total / mean - 1) * math.sqrt(len(others) / (len(others) + 1))
    return found


def _blend(observed: float, usual: float, evidence: int) -> float:
    return (observed * evidence + usual * _WEIGHT_OF_USUAL) / (evidence + _WEIGHT_OF_USUAL)
