"""What the demo's managers knew better, and how past forecasts of the demo fared.

The overrides are made up, from what then happened: some of them foresaw half of it, some are hunches that may be wrong.
The scores are not: for each past week the engine really forecasts from the sales that were known on its Monday morning,
and is compared with what came.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from flux.demo.bistro import Bistro
from forecasting import forecast, scoring
from forecasting.models import Override, Run, Score
from menu.models import MenuItem
from pos.models import DailySales
from tenants.models import Restaurant

WEEKS = 8
KNOWN_WEEKS = 4  # what "usual" is to the managers
FORESEEN = 6  # of the days that were least as usual
APART_DAYS = 4
MORE = ("Coach party from Cork booked for lunch", "Regatta in the harbour", "Concert in the town hall")
LESS = ("Storm warning along the coast", "Road works right outside", "Ferries cancelled, few day trippers")


@dataclass(frozen=True, slots=True)
class Hunch:
    """An override `days` from today (before it where below 0); units where it says so, else percent."""

    days: int
    amount: int
    reason: str
    item: str = ""
    category: str = ""
    effect: str = "percent"


HUNCHES = (
    Hunch(-33, 15, "Last warm weekend, the terrace will be full"),
    Hunch(-18, -25, "Half the regulars are at a wedding", category="Mains"),
    Hunch(-11, 20, "Mussels are the dish of the day", item="Mussels in Cream"),
    Hunch(2, 18, "Table of 12 ordered it in advance", item="Samphire Burger", effect="units"),
    Hunch(4, 15, "Craft fair on the quay"),
)


def write_overrides(restaurant: Restaurant, facts: Bistro, *, now: dt.datetime) -> None:
    """The managers' overrides of past weeks and of the coming days; nothing where there is one already."""
    if Override.objects.exists():
        return
    authors = [person.name for person in facts.people if person.role in {"owner", "manager"}]
    made = [*_foreseen(restaurant.business_date(now)), *_hunches(restaurant.business_date(now))]
    for number, override in enumerate(made):
        override.author = authors[number % len(authors)]
        evening_before = dt.datetime.combine(override.date - dt.timedelta(days=1), dt.time(21, 10 + number), dt.UTC)
        override.created_at = min(evening_before, now)
    Override.objects.bulk_create(made)


def look_back(restaurant: Restaurant, *, now: dt.datetime) -> int:
    """Forecast the past weeks, each as of its first morning, and score them, the newest first; how many were scored.

    Weeks that have scores are left alone. Such a run feeds no orders, and no page takes it for the present forecast.
    """
    mornings = [now - dt.timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    missing = [morning for morning in mornings if _is_missing(restaurant.business_date(morning))]
    return sum(_forecast_week(restaurant, morning, now) for morning in missing)


def _is_missing(first: dt.date) -> bool:
    """Whether something was sold in the week from `first` on, and nothing of it is scored."""
    last = first + dt.timedelta(days=6)
    return DailySales.objects.between(first, last).exists() and not Score.objects.between(first, last).exists()


def _forecast_week(restaurant: Restaurant, morning: dt.datetime, now: dt.datetime) -> bool:
    with transaction.atomic():
        asked = Run.objects.create(created_at=morning, horizon_days=7, feeds_orders=False)
    try:
        done = forecast.run(asked.pk, restaurant=restaurant, now=morning)
    except forecast.NoSales:
        return False
    return done is not None and bool(scoring.catch_up(restaurant, now=now).new)


def _foreseen(today: dt.date) -> Iterator[Override]:
    """Days on which much more or less was sold than usual; the managers expected half of it."""
    unlike = sorted(_departures(today), key=lambda day: -abs(day[1]))
    chosen: list[dt.date] = []
    for day, share in unlike:
        if len(chosen) < FORESEEN and all(abs((day - other).days) >= APART_DAYS for other in chosen):
            reasons = MORE if share > 0 else LESS
            amount = max(5, 5 * round(10 * abs(share))) * (1 if share > 0 else -1)
            yield Override(date=day, amount=amount, reason=reasons[len(chosen) % len(reasons)])
            chosen.append(day)


def _departures(today: dt.date) -> Iterator[tuple[dt.date, float]]:
    """Past days with sales, and their units against the mean of the same weekdays before, as a share."""
    first = today - dt.timedelta(weeks=WEEKS + KNOWN_WEEKS)
    sold = {row["business_date"]: float(row["units"]) for row in DailySales.objects.between(first, today).by_day()}
    for back in range(1, 7 * WEEKS):
        day = today - dt.timedelta(days=back)
        before = [sold[d] for n in range(1, KNOWN_WEEKS + 1) if (d := day - dt.timedelta(weeks=n)) in sold]
        if day in sold and before:
            yield day, sold[day] / (sum(before) / len(before)) - 1


def _hunches(today: dt.date, hunches: Iterable[Hunch] = HUNCHES) -> Iterator[Override]:
    items = {item.name: item for item in MenuItem.objects.all()}
    for one in hunches:
        yield Override(
            date=today + dt.timedelta(days=one.days),
            scope="item" if one.item else "category" if one.category else "all",
            category=one.category,
            menu_item=items[one.item] if one.item else None,
            effect=one.effect,
            amount=Decimal(one.amount),
            reason=one.reason,
        )
