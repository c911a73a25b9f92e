"""One dish: its sales with the plain method beside them, what is expected of it and why, and how good that was."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, NamedTuple

from forecasting import occasions
from forecasting.arithmetic import drivers, rounding
from forecasting.arithmetic.drivers import Changes, Known
from forecasting.dayparts import Split
from forecasting.models import Forecast, Run, Score
from forecasting.occasions import Occasion
from forecasting.overview import names, recent_and_last_year
from menu.models import MenuItem, SoldOut
from pos.models import DailySales
from tenants.models import Restaurant

PAST_DAYS = 56
BASELINE_WEEKS, LOOK_BACK_WEEKS = 4, 8
MEASURED_DAYS = 28
TENTH = 100  # thousandths
LEAST_SHOWN = 0.05  # units a day: what is less is shown as 0

Sales = Mapping[dt.date, float]


@dataclass(frozen=True)
class DishDay:
    """One day: units sold, or expected with their range. `baseline` is the mean of the last four same weekdays."""

    date: dt.date
    occasion: Occasion
    sold: float | None = None
    sold_out: bool = False
    baseline: float | None = None
    mean: float | None = None
    q10: float | None = None
    q25: float | None = None
    q50: float | None = None
    q75: float | None = None
    q90: float | None = None
    confidence: float | None = None
    is_changed: bool = False
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Story:
    """A dish's days, and the recent trend of its sales as a share; None where there is none to speak of."""

    days: list[DishDay]
    lately: float | None


class Scored(NamedTuple):
    """What was expected of a day, and what was sold."""

    mean: float
    baseline: float | None
    sold: float
    q10: float | None = None
    q90: float | None = None


@dataclass(frozen=True)
class Measured:
    """How the forecasts of the dish that people saw have fared: `error` and `baseline_error` are WAPE."""

    days: int
    error: float
    baseline_error: float | None
    bias: float
    coverage_80: float | None


def read(restaurant: Restaurant, run: Run | None, item: MenuItem, first: dt.date, n_days: int) -> Story:
    """PAST_DAYS days of sales before `first`, then `n_days` days of forecast, in a fixed number of queries.

    Closed days have neither.
    """
    began, last = first - dt.timedelta(days=PAST_DAYS), first + dt.timedelta(days=n_days - 1)
    until = min((run.cutoff_on if run else None) or first, first - dt.timedelta(days=1))
    known = {
        day: occasion.about(item.pk, item.category)
        for day, occasion in occasions.read(restaurant, run, began, last).items()
    }
    sold = sales(item, first, last, until)
    ran_out = frozenset(
        SoldOut.objects.counting()
        .filter(menu_item=item, business_date__range=(began, last))
        .values_list("business_date", flat=True)
    )
    rows = {}
    if run is not None:
        expected = Forecast.objects.on_the_menu(run, first, last).filter(menu_item=item)
        rows = {row.date: row for row in expected}
    every = [began + dt.timedelta(days=number) for number in range(PAST_DAYS + n_days)]
    past = [_past(known[day], sold, ran_out) for day in every[:PAST_DAYS]]
    ahead = [_ahead(known[day], rows.get(day), sold, until) for day in every[PAST_DAYS:]]
    return Story(past + ahead, drivers.lately(sold, until))


def silent_since(item: MenuItem, ahead: Sequence[DishDay], today: dt.date) -> dt.date | None:
    """The day of its last sale where none of the days ahead expects as much as is shown; None of any other dish."""
    if not ahead or any((day.mean or 0.0) >= LEAST_SHOWN for day in ahead):
        return None
    return DailySales.objects.filter(menu_item=item, quantity__gt=0, business_date__lt=today).last_on()


def sales(item: MenuItem, first: dt.date, last: dt.date, until: dt.date) -> dict[dt.date, float]:
    """Units of the dish by day on which the house sold anything, from the dish's first sale on; zero is zero."""
    looked_at = recent_and_last_year(first, last, until)
    open_days = looked_at.values_list("business_date", flat=True).distinct()
    found = dict(looked_at.filter(menu_item=item).values_list("business_date", "quantity"))
    if not found:
        return {}
    return {day: float(found.get(day, 0)) for day in sorted(open_days) if day >= min(found)}


def baseline(day: dt.date, sold: Sales, until: dt.date) -> float | None:
    """The mean of the last four same weekdays up to `until` on which the house was open, of at most eight weeks."""
    back = (day - dt.timedelta(weeks=week) for week in range(1, LOOK_BACK_WEEKS + (day - until).days // 7 + 1))
    found = [sold[date] for date in back if date <= until and date in sold][:BASELINE_WEEKS]
    return fmean(found) if found else None


def measured(item: MenuItem, until: dt.date) -> Measured | None:
    """How the dish's forecasts fared over the four weeks to `until`; None where none was scored or nothing sold."""
    scored = Score.objects.counting().between(until - dt.timedelta(days=MEASURED_DAYS - 1), until)
    names = ("mean", "baseline", "sold", "q10", "q90")
    found = scored.filter(menu_item=item).values_list(*names)
    return fared([Scored(*(None if value is None else float(value) for value in row)) for row in found])  # type: ignore[arg-type]


def fared(rows: Collection[Scored]) -> Measured | None:
    """The same from rows; the baseline only where it is known for every day, coverage over days with a range."""
    sold = sum(row.sold for row in rows)
    if not sold:
        return None
    plain = [abs(row.baseline - row.sold) for row in rows if row.baseline is not None]
    inside = [row.q10 <= row.sold <= row.q90 for row in rows if row.q10 is not None and row.q90 is not None]
    return Measured(
        days=len(rows),
        error=sum(abs(row.mean - row.sold) for row in rows) / sold,
        baseline_error=sum(plain) / sold if len(plain) == len(rows) else None,
        bias=sum(row.mean - row.sold for row in rows) / sold,
        coverage_80=sum(inside) / len(inside) if inside else None,
    )


def by_part(item: MenuItem, ahead: Sequence[DishDay], split: Split) -> list[tuple[dt.date, list[int], int]]:
    """Each day with the tenths of a unit of its parts, and of all of it; they add up."""
    found = []
    for day in ahead:
        exact = split.of(item.pk, item.category, day.date, round((day.mean or 0.0) * 1000))
        total = rounding.half_up(sum(exact), TENTH)
        found.append((day.date, rounding.apportion(exact, total, TENTH), total))
    return found


def _past(known: Occasion, sold: Sales, ran_out: Collection[dt.date]) -> DishDay:
    """A day without any sale of the house was closed: a gap, not a zero."""
    day = known.date
    units = sold.get(day)
    plain = baseline(day, sold, day - dt.timedelta(days=1)) if units is not None else None
    return DishDay(day, known, sold=units, sold_out=units is not None and day in ran_out, baseline=plain)


def _ahead(known: Occasion, row: Forecast | None, sold: Sales, until: dt.date) -> DishDay:
    if row is None or known.closed is not None:
        return DishDay(known.date, known)
    fields = ("mean", "q10", "q25", "q50", "q75", "q90", "confidence")
    numbers: dict[str, Any] = {name: None if (value := getattr(row, name)) is None else float(value) for name in fields}
    engine = float(row.engine_numbers[0]) if row.engine_numbers else numbers["mean"]
    changes = Changes(names(known), numbers["mean"], engine)
    about = Known(known.public_holiday, known.school_holiday, changes, known.facts)
    return DishDay(
        known.date,
        known,
        baseline=baseline(row.date, sold, until),
        is_changed=row.engine_numbers is not None,
        words=drivers.words(row.date, numbers["mean"], sold, about, until=until),
        **numbers,
    )
