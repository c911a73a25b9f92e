"""How good a forecast is, by the stored proof or by the run's own rehearsal, and which sales the run lacks."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from forecasting.models import Backtest


@dataclass(frozen=True)
class Quality:
    """How the run's method did on this restaurant's own last weeks, beside the same-weekday mean.

    `error` and `baseline_error` are WAPE: units off, of all units sold, per dish and day. `coverage_80` is the share
    of actual sales that fell inside the 80 % ranges; it should be near 0.8.
    """

    method: str
    weeks: int
    error: float
    baseline_error: float
    coverage_80: float | None
    notes: list[str]

    @property
    def less_error(self) -> float:
        """How much smaller the error is than the baseline's, as a share; negative where it is larger."""
        return _less(self.error, self.baseline_error)


@dataclass(frozen=True)
class DishQuality:
    """How it did on one dish in the same weeks: WAPE, that of the same-weekday mean where it was kept, and coverage."""

    weeks: int
    error: float
    baseline_error: float | None
    coverage_80: float | None


@dataclass(frozen=True)
class Proof:
    """What the page of the proof says of the same: the newest stored backtest, and its row of one dish, if any."""

    first_on: dt.date
    last_on: dt.date
    weeks: int
    error: float
    baseline_error: float
    coverage_80: float
    of_dish: DishQuality | None

    @property
    def less_error(self) -> float:
        """As of Quality."""
        return _less(self.error, self.baseline_error)


@dataclass(frozen=True)
class Hole:
    """Days in a row that have no sales though the house is usually open then: a file that was never uploaded?"""

    first: dt.date
    last: dt.date
    days: int


def quality(report: dict[str, Any]) -> Quality | None:
    """How good the run's method was lately; None where there was too little history to try it."""
    scores, method = report.get("scores") or {}, report.get("method", "")
    if method not in scores or "same_weekday" not in scores:
        return None
    return Quality(
        method=method,
        weeks=report.get("weeks", 0),
        error=scores[method]["wape"],
        baseline_error=scores["same_weekday"]["wape"],
        coverage_80=report.get("coverage_80"),
        notes=report.get("notes", []),
    )


def proof(item_id: UUID | None = None) -> Proof | None:
    """The newest backtest's figures, for all dishes and for one, in one query; None where nothing was compared."""
    newest = Backtest.objects.told(item_id).newest()
    if newest is None or newest.all is None:  # type: ignore[attr-defined]
        return None
    weeks, scores, dish = newest.weeks, newest.all, newest.dish  # type: ignore[attr-defined]
    return Proof(
        first_on=newest.first_on,
        last_on=newest.last_on,
        weeks=weeks,
        error=scores["flux"]["wape"],
        baseline_error=scores["same_weekday"]["wape"],
        coverage_80=scores["flux"]["coverage_80"],
        of_dish=_proven_dish(weeks, dish) if dish else None,
    )


def _proven_dish(weeks: int, row: dict[str, Any]) -> DishQuality | None:
    """None where the dish sold nothing: there is nothing to be off by."""
    units, off = row["units"], row["off"]
    if not units:
        return None
    usual = off["same_weekday"]
    return DishQuality(
        weeks, off["flux"] / units, None if usual is None else usual / units, row["inside_80"] / row["days"]
    )


def _less(error: float, baseline_error: float) -> float:
    return 1 - error / baseline_error if baseline_error else 0.0


def quality_of(report: dict[str, Any], item_id: UUID) -> DishQuality | None:
    """The same for one dish; None where the run did not try it, or the dish sold nothing in those weeks."""
    found = (report.get("items") or {}).get(str(item_id))
    if not found:
        return None
    return DishQuality(report.get("weeks", 0), found["wape"], None, found.get("coverage_80"))


def holes(report: dict[str, Any]) -> list[Hole]:
    """Stretches of missing sales, as the run found them, oldest first."""
    return [
        Hole(dt.date.fromisoformat(found["first"]), dt.date.fromisoformat(found["last"]), found["days"])
        for found in report.get("missing_days", [])
    ]
