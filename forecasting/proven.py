"""What the newest backtest says, as pages and programs show it; and what stands in the way where there is none."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecasting import proof
from forecasting.arithmetic import enough
from forecasting.models import Backtest
from menu.models import MenuItem
from tenants.models import Restaurant
from tenants.office.models import Job

FLUX, SAME_WEEKDAY, TRIMMED = "flux", "same_weekday", "trimmed"  # the keys of a stored result
TOP_ITEMS = 20
STALE_DAYS = 56  # since the last hidden day
ALIKE = 0.02  # errors that differ by less than this share are called the same
GONE = "A dish that is gone"
_IN_WORDS = (
    (0.47, 0.53, "half the error"),
    (0.31, 0.36, "a third less error"),
    (0.64, 0.69, "two thirds less error"),
    (0.24, 0.26, "a quarter less error"),
)


@dataclass(frozen=True)
class Row:
    """One dish: units sold on the days that were judged, and each method's units off as a share of them."""

    item_id: str
    name: str
    days: int
    units: float
    errors: Mapping[str, float | None]
    bias: float
    inside_80: float
    gets_mean: bool

    @property
    def flux(self) -> float | None:
        return self.errors[FLUX]

    @property
    def same_weekday(self) -> float | None:
        return self.errors[SAME_WEEKDAY]

    @property
    def trimmed(self) -> float | None:
        return self.errors[TRIMMED]

    @property
    def winner(self) -> str:
        """The method that was off least; Flux where it shares that place."""
        known = {name: error for name, error in self.errors.items() if error is not None}
        return min(known, key=lambda name: known[name], default="")

    @property
    def is_alike(self) -> bool:
        """Whether another method was off less than Flux, but by so little that it says nothing."""
        best = self.errors.get(self.winner)
        less = less_error(best, self.flux)
        return self.winner != FLUX and less is not None and less <= ALIKE

    @property
    def is_worse(self) -> bool:
        """Whether the same-weekday mean was off less than Flux, by enough to name it."""
        less = less_error(self.same_weekday, self.flux)
        return less is not None and less > ALIKE


@dataclass(frozen=True)
class Day:
    """One hidden day of a dish or of all together; None where the house was closed."""

    date: dt.date
    sold: float | None
    flux: float | None
    low: float | None
    high: float | None
    same_weekday: float | None
    left_out: bool


@dataclass(frozen=True)
class Proven:
    """A backtest with the names of its dishes; `all` and `top` are as verdict.scores made them."""

    backtest: Backtest
    names: Mapping[str, str]

    @property
    def result(self) -> dict[str, Any]:
        return self.backtest.result

    @property
    def all(self) -> dict[str, Any] | None:
        return self.result["all"]

    @property
    def top(self) -> dict[str, Any] | None:
        return self.result["top"]

    @property
    def weeks(self) -> int:
        return int(self.result["weeks"])

    @property
    def less_error(self) -> float | None:
        """How much smaller Flux's error was than the same-weekday mean's, as a share; negative where it was larger."""
        return less_error(self.all[FLUX]["wape"], self.all[SAME_WEEKDAY]["wape"]) if self.all else None

    @property
    def in_words(self) -> str:
        """`less_error` where there are plain words for it."""
        return in_words(self.less_error)

    @property
    def rows(self) -> list[Row]:
        """Every dish that was judged, those sold most first."""
        chosen = set(self.result["baseline_items"])
        return [self._row(item, gets_mean=item["item"] in chosen or self.falls_back) for item in self.result["items"]]

    @property
    def falls_back(self) -> bool:
        """Whether Flux lost on the whole, so that every dish gets the same-weekday mean."""
        return bool(self.result["falls_back"])

    @property
    def n_with_mean(self) -> int:
        return len(self.result["items"]) if self.falls_back else len(self.result["baseline_items"])

    @property
    def charted(self) -> list[tuple[str, str]]:
        """Id and name of the dishes whose days are kept."""
        return [(item, self._name(item)) for item in self.result["days"]["items"]]

    def days(self, item: str = "") -> list[Day]:
        """The hidden days one by one, of a dish whose days are kept or of all dishes together."""
        kept = self.result["days"]
        of = kept["items"].get(item) or kept["all"]
        out = set(of.get("left_out", ()))
        columns = zip(kept["dates"], of["sold"], of[FLUX], of["low"], of["high"], of[SAME_WEEKDAY], strict=True)
        return [
            Day(dt.date.fromisoformat(day), sold, flux, low, high, usual, left_out=day in out)
            for day, sold, flux, low, high, usual in columns
        ]

    def is_stale(self, today: dt.date) -> bool:
        """Whether it speaks of days too long ago to say much of the forecast of today."""
        return (today - self.backtest.last_on).days > STALE_DAYS

    def _row(self, item: dict[str, Any], *, gets_mean: bool) -> Row:
        units = item["units"]
        errors = {name: off / units if units and off is not None else None for name, off in item["off"].items()}
        return Row(
            item_id=item["item"],
            name=self._name(item["item"]),
            days=item["days"],
            units=units,
            errors=errors,
            bias=(item["expected"] - units) / units if units else 0.0,
            inside_80=item["inside_80"] / item["days"],
            gets_mean=gets_mean,
        )

    def _name(self, item: str) -> str:
        return self.names.get(item, GONE)


@dataclass(frozen=True)
class State:
    """Where the proof stands: the newest result, the job that was asked for last, and days of sales still missing."""

    proven: Proven | None
    job: Job | None
    missing_days: int
    history_days: int

    @property
    def is_running(self) -> bool:
        return self.job is not None and self.job.is_running

    @property
    def failure(self) -> str:
        """Why the last try failed, unless a later one did not."""
        if self.job is None or self.job.status != Job.Status.FAILED:
            return ""
        later = self.proven is not None and self.proven.backtest.created_at > self.job.created_at
        return "" if later else self.job.error


def state(restaurant: Restaurant, *, now: dt.datetime) -> State:
    """Everything that the page shows, in four queries."""
    newest = Backtest.objects.newest()
    names = {str(pk): name for pk, name in MenuItem.objects.values_list("pk", "name")} if newest else {}
    n_days = enough.history_days(proof.open_days(restaurant, now=now))
    return State(
        proven=Proven(newest, names) if newest else None,
        job=Job.objects.last_of(proof.KIND),
        missing_days=max(0, enough.ENOUGH_DAYS - n_days),
        history_days=n_days,
    )


def less_error(error: float | None, other: float | None) -> float | None:
    """How much smaller `error` is than `other`, as a share of it."""
    return 1 - error / other if error is not None and other else None


def in_words(less: float | None) -> str:
    """A third less error, where a plain word fits; else nothing, and the number says it."""
    if less is None:
        return ""
    if abs(less) < ALIKE:
        return "about the same"
    return next((words for low, high, words in _IN_WORDS if low <= less <= high), "")
