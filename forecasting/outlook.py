"""What a run says, as pages show it: dishes × days, one dish with its past, and how good the run is."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from forecasting.models import Forecast, Run
from menu.models import MenuItem
from pos.models import DailySales

PAST_DAYS = 56


@dataclass(frozen=True)
class Row:
    """Expected units of one dish, by day; None on a closed day and on one that the run does not speak of."""

    item_id: UUID
    name: str
    units: list[float | None]

    @property
    def total(self) -> float:
        return sum(value or 0.0 for value in self.units)


@dataclass(frozen=True)
class Table:
    """Dishes × days, the most wanted dish first; `totals` are the sums of all dishes, shown or not."""

    days: list[dt.date]
    closed: frozenset[dt.date]
    rows: list[Row]

    @property
    def totals(self) -> list[float]:
        return [sum(row.units[place] or 0.0 for row in self.rows) for place in range(len(self.days))]

    @property
    def total(self) -> float:
        return sum(self.totals)

    @property
    def peak(self) -> float:
        """The greatest number of one dish and day."""
        return max((value or 0.0 for row in self.rows for value in row.units), default=0.0)


@dataclass(frozen=True)
class ItemDay:
    """One day of one dish: what was sold, or what is expected with its range."""

    date: dt.date
    sold: float | None = None
    mean: float | None = None
    q10: float | None = None
    q25: float | None = None
    q75: float | None = None
    q90: float | None = None
    confidence: float | None = None


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


def table(run: Run, first: dt.date, n_days: int) -> Table:
    """Dishes × `n_days` days from `first` on, in two queries."""
    days = [first + dt.timedelta(days=ahead) for ahead in range(n_days)]
    closed = closed_days(run, days[0], days[-1])
    place = {day: number for number, day in enumerate(days)}
    rows: dict[UUID, Row] = {}
    found = Forecast.objects.on_the_menu(run, days[0], days[-1])
    for item_id, name, day, mean in found.values_list("menu_item_id", "menu_item__name", "date", "mean"):
        row = rows.setdefault(item_id, Row(item_id, name, [None] * n_days))
        row.units[place[day]] = None if day in closed else float(mean)
    ordered = sorted(rows.values(), key=lambda row: (-row.total, row.name.casefold()))
    return Table(days, closed, ordered)


def item_days(run: Run | None, item: MenuItem, first: dt.date, n_days: int) -> list[ItemDay]:
    """PAST_DAYS days of sales before `first`, then `n_days` days of forecast; closed days have neither."""
    began = first - dt.timedelta(days=PAST_DAYS)
    sold = dict(
        DailySales.objects.between(began, first).filter(menu_item=item).values_list("business_date", "quantity")
    )
    open_days = set(DailySales.objects.between(began, first).values_list("business_date", flat=True).distinct())
    ahead = {}
    if run is not None:
        last = first + dt.timedelta(days=n_days - 1)
        closed = closed_days(run, first, last)
        found = Forecast.objects.filter(run=run, menu_item=item, date__range=(first, last))
        ahead = {row.date: row for row in found if row.date not in closed}
    past = [_past(began + dt.timedelta(days=number), sold, open_days) for number in range(PAST_DAYS)]
    return past + [_ahead(first + dt.timedelta(days=number), ahead) for number in range(n_days)]


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


def closed_days(run: Run, first: dt.date, last: dt.date) -> frozenset[dt.date]:
    """Planned closures, and the weekdays on which the run takes the house to be closed; both ends included."""
    return run.closed_days(first, last)


def _past(day: dt.date, sold: dict[dt.date, Decimal], open_days: set[dt.date]) -> ItemDay:
    """A day without any sale of the house was closed: a gap, not a zero."""
    return ItemDay(day, sold=float(sold.get(day, 0)) if day in open_days else None)


def _ahead(day: dt.date, rows: dict[dt.date, Forecast]) -> ItemDay:
    row = rows.get(day)
    if row is None:
        return ItemDay(day)
    names = ("mean", "q10", "q25", "q75", "q90", "confidence")
    values = {name: getattr(row, name) for name in names}
    return ItemDay(day, **{name: None if value is None else float(value) for name, value in values.items()})
