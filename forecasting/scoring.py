"""How forecasts and overrides fared, day by day: what was expected before a day, beside what was sold on it.

A day is scored once its sales are in, by the newest run that knew only sales before it; what was expected is written
down then and never changed. Sales that come late or are corrected change the actual. A day on which nothing was sold,
or that was planned to be closed, has no score.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from forecasting import calendar, final
from forecasting.models import Forecast, Override, Run, Score
from menu.models import SoldOut
from pos.models import DailySales
from tenants.models import Restaurant
from tenants.office.models import Closure

BASELINE_WEEKS = 4
BASELINE_REACH_WEEKS = 12  # how far back those four may lie where the house was closed
PRICE_DAYS = 28
LOOK_BACK_DAYS = 400  # days before that are neither scored anew nor corrected
NO_DIFFERENCE = Decimal("0.5")  # units: an override that moves the error by less has made none
NEWS = """
UPDATE forecasting_score AS score
SET sold = now.sold, was_sold_out = now.was_sold_out, unit_price = coalesce(score.unit_price, now.unit_price)
FROM (
    SELECT old.id, coalesce(sales.quantity, 0) AS sold,
        round(CASE WHEN sales.net_sales > 0 THEN sales.net_sales / nullif(sales.quantity, 0) END, 4) AS unit_price,
        EXISTS (
            SELECT FROM menu_soldout AS gone
            WHERE gone.menu_item_id = old.menu_item_id AND gone.business_date = old.date AND gone.dismissed_at IS NULL
        ) AS was_sold_out
    FROM forecasting_score AS old
    LEFT JOIN pos_dailysales AS sales ON sales.menu_item_id = old.menu_item_id AND sales.business_date = old.date
    WHERE old.date BETWEEN %s AND %s
) AS now
WHERE now.id = score.id AND (
    (score.sold, score.was_sold_out) <> (now.sold, now.was_sold_out)
    OR score.unit_price IS NULL AND now.unit_price IS NOT NULL
)
RETURNING score.date"""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a round of scoring did: days that have scores now, and days whose sales had changed since."""

    new: tuple[dt.date, ...]
    corrected: tuple[dt.date, ...]


def catch_up(restaurant: Restaurant, *, now: dt.datetime) -> Scored:
    """Score every day that is over and has no scores yet, and correct those whose sales have changed.

    Days before the first run stay without. Whatever is repeated changes nothing.
    """
    last = restaurant.business_date(now) - dt.timedelta(days=1)
    first = last - dt.timedelta(days=LOOK_BACK_DAYS - 1)
    with transaction.atomic():
        _lock()
        there = set(Score.objects.between(first, last).values_list("date", flat=True).distinct())
        traded = _trading_days(first, last)
        Score.objects.filter(date__in=there - traded).delete()
        corrected = _correct(first, last)
        runs = _runs()
        new = [day for day in sorted(traded - there) if (run := _run_before(runs, day)) and _score(run, day)]
        for day in {*new, *corrected}:
            _judge(day, now=now)
    return Scored(tuple(new), tuple(sorted(corrected & there & traded)))


def _lock() -> None:
    """One round of scoring at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('forecasting.scoring ' || current_schema(), 0))")


def _trading_days(first: dt.date, last: dt.date) -> set[dt.date]:
    """Days on which something was sold, and that were not planned to be closed."""
    sold = DailySales.objects.between(first, last).filter(quantity__gt=0)
    closed = Closure.objects.filter(on__range=(first, last)).values_list("on", flat=True)
    return set(sold.values_list("business_date", flat=True).distinct()) - set(closed)


def _correct(first: dt.date, last: dt.date) -> set[dt.date]:
    """Bring the actuals of the scores to the sales of now; the days that differed."""
    with connection.cursor() as cursor:
        cursor.execute(NEWS, [first, last])
        return {day for (day,) in cursor.fetchall()}


def _runs() -> list[Run]:
    """Flux's completed runs, those that knew most first."""
    done = Run.objects.filter(status=Run.Status.COMPLETED, origin=Run.Origin.FLUX)
    return list(done.only("cutoff_on", "horizon_days").order_by("-cutoff_on", "-created_at", "-id"))


def _run_before(runs: Iterable[Run], day: dt.date) -> Run | None:
    """The newest one that knew only sales before `day`, and speaks of it."""
    return next((run for run in runs if run.covers(day)), None)


def _score(run: Run, day: dt.date) -> bool:
    """Write down what `run` expected of `day` and what came; whether it expected anything."""
    sold = dict(DailySales.objects.between(day, day).values_list("menu_item_id", "quantity"))
    rows = _expected(run, day, sold)
    alone = _without(rows, run, day, Override.objects.in_force().filter(date=day))
    usual, prices, gone = baseline(run.cutoff_on or day, day), _prices(day), _sold_out(day)
    Score.objects.bulk_create(
        Score(
            date=day,
            menu_item_id=item,
            run_id=run.pk,
            days_ahead=(day - (run.cutoff_on or day)).days,
            mean=row.mean,
            engine_mean=alone[item],
            baseline=usual.get(item),
            q10=row.q10,
            q90=row.q90,
            sold=sold.get(item, Decimal(0)),
            was_sold_out=item in gone,
            unit_price=prices.get(item),
        )
        for item, row in rows.items()
    )
    return bool(rows)


def _expected(run: Run, day: dt.date, sold: Collection[UUID]) -> dict[UUID, Forecast]:
    """The run's forecasts of the day, but for dishes that left the menu before it."""
    rows = Forecast.objects.filter(run=run, date=day).select_related("menu_item").order_by("menu_item_id")
    return {row.menu_item_id: row for row in rows if row.menu_item.is_active or row.menu_item_id in sold}


def _without(
    rows: Mapping[UUID, Forecast], run: Run, day: dt.date, left_out: Iterable[Override]
) -> dict[UUID, Decimal]:
    """Means of the day's dishes as they would have been without these overrides; the final ones where there is none."""
    means = {item: row.mean for item, row in rows.items()}
    absent = {override.pk for override in left_out}
    if absent:
        others = Override.objects.in_force().filter(date=day).exclude(pk__in=absent)
        moved = [row for row in rows.values() if row.q10 is not None and row.menu_item.is_active]
        events = calendar.effects(day, day, until=run.cutoff_on or day)
        numbers = final.final_numbers(moved, events, map(final.effect_of, others))
        means |= {item: after[0] for item, after in numbers.items()}
    return means


def baseline(cutoff_on: dt.date, day: dt.date) -> dict[UUID, Decimal]:
    """Mean of the last four trading days of that weekday up to the cutoff, by dish; from its own first sale on."""
    newest = cutoff_on - dt.timedelta(days=(cutoff_on.weekday() - day.weekday()) % 7)
    same = [newest - dt.timedelta(weeks=week) for week in range(BASELINE_REACH_WEEKS)]
    days = sorted(_trading_days(same[-1], newest).intersection(same))[-BASELINE_WEEKS:]
    if not days:
        return {}
    first_on = {item: first for item, first in DailySales.objects.first_days() if first <= days[-1]}
    units = dict.fromkeys(first_on, Decimal(0))
    for item, quantity in DailySales.objects.filter(business_date__in=days).values_list("menu_item_id", "quantity"):
        units[item] += quantity
    return {item: units[item] / sum(first <= day for day in days) for item, first in first_on.items()}


def _prices(day: dt.date) -> dict[UUID, Decimal]:
    """Net sales of a unit in the four weeks up to the day, by dish, where they are known."""
    return DailySales.objects.between(day - dt.timedelta(days=PRICE_DAYS - 1), day).prices()


def _sold_out(day: dt.date) -> set[UUID]:
    return set(SoldOut.objects.counting().filter(business_date=day).values_list("menu_item_id", flat=True))


def _judge(day: dt.date, *, now: dt.datetime) -> None:
    """Compare each override of the day with what would have been expected without it.

    Dishes that sold out count on neither side: nobody knows what would have been sold. Where the run is gone, or all
    dishes sold out, an override stays as it is.
    """
    made = list(Override.objects.in_force().filter(date=day))
    if not made:
        return
    sold = dict(Score.objects.counting().filter(date=day).values_list("menu_item_id", "sold"))
    run = Run.objects.filter(pk__in=Score.objects.filter(date=day).values("run_id")).first()
    if run is None:
        return
    rows = _expected(run, day, sold)
    for override in made:
        effect, without = final.effect_of(override), _without(rows, run, day, [override])
        meant = [item for item in sold if item in rows and effect.touches(item, rows[item].menu_item.category)]
        if meant:
            before, after = sum(without[item] for item in meant), sum(rows[item].mean for item in meant)
            _write_verdict(override, Decimal(before), Decimal(after), Decimal(sum(sold[item] for item in meant)), now)


def _write_verdict(override: Override, before: Decimal, after: Decimal, sold: Decimal, now: dt.datetime) -> None:
    override.units_before, override.units_after, override.units_sold = before, after, sold
    override.verdict, override.scored_at = verdict(before, after, sold), now
    override.save(update_fields=["units_before", "units_after", "units_sold", "verdict", "scored_at"])


def verdict(before: Decimal, after: Decimal, sold: Decimal) -> Override.Verdict:
    """Whether the expectation came nearer to the sales; all in units of what the override speaks of."""
    nearer = abs(before - sold) - abs(after - sold)
    if abs(nearer) < NO_DIFFERENCE:
        return Override.Verdict.EVEN
    return Override.Verdict.HELPED if nearer > 0 else Override.Verdict.HURT
