"""What a run says of itself: how good it is, what it lacks, and on which days the house is closed."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID


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
        return 1 - self.error / self.baseline_error if self.baseline_error else 0.0


@dataclass(frozen=True)
class DishQuality:
    """How the run's method did on one dish in the same weeks: WAPE, bias (0.05: 5 % too much), and coverage."""

    weeks: int
    error: float
    bias: float
    coverage_80: float | None


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


def quality_of(report: dict[str, Any], item_id: UUID) -> DishQuality | None:
    """The same for one dish; None where the run did not try it, or the dish sold nothing in those weeks."""
    found = (report.get("items") or {}).get(str(item_id))
    if not found:
        return None
    return DishQuality(report.get("weeks", 0), found["wape"], found["bias"], found.get("coverage_80"))


def holes(report: dict[str, Any]) -> list[Hole]:
    """Stretches of missing sales, as the run found them, oldest first."""
    return [
        Hole(dt.date.fromisoformat(found["first"]), dt.date.fromisoformat(found["last"]), found["days"])
        for found in report.get("missing_days", [])
    ]
