"""The final numbers of a run: the engine's, with calendar events and people's overrides applied.

They stand in the run's forecasts, where everything reads them. The engine's own numbers are kept beside those that were
changed, so that a later change begins from them again and taking it back restores them to the digit.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from forecasting import calendar
from forecasting.arithmetic import adjusting
from forecasting.arithmetic.adjusting import Effect, Numbers
from forecasting.models import Forecast, Override, Run

NUMBERS = ("mean", "q10", "q25", "q50", "q75", "q90", "q95")
WRITE = """
UPDATE forecasting_forecast AS forecast
SET mean = new.mean, q10 = new.q10, q25 = new.q25, q50 = new.q50, q75 = new.q75, q90 = new.q90, q95 = new.q95,
    engine_numbers = CASE WHEN new.is_changed THEN coalesce(forecast.engine_numbers, ARRAY[
        forecast.mean, forecast.q10, forecast.q25, forecast.q50, forecast.q75, forecast.q90, forecast.q95]) END
FROM unnest(%s::bigint[], %s::boolean[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
            %s::numeric[], %s::numeric[]) AS new (id, is_changed, mean, q10, q25, q50, q75, q90, q95)
WHERE forecast.id = new.id"""


def lock() -> None:
    """Let nobody else of this restaurant change final numbers, or what they rest on, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('forecasting.final ' || current_schema(), 0))")


def adjust(run: Run, days: Collection[dt.date]) -> int:
    """Bring the run's numbers of `days` to what events and overrides make of them now; the forecasts that changed.

    Of dishes on the menu. A closed day keeps its nothing. Call it under `lock`, in a transaction.
    """
    if not days:
        return 0
    first, last = min(days), max(days)
    events = _by_day(calendar.effects(first, last, until=run.cutoff_on or first))
    overrides = _by_day(map(effect_of, Override.objects.in_force().filter(date__range=(first, last))))
    closed = run.closed_days(first, last)
    rows: dict[dt.date, list[Forecast]] = defaultdict(list)
    for row in Forecast.objects.adjustable(run, days, touched={*events, *overrides}):
        rows[row.date].append(row)
    changed = []
    for day in sorted(rows):
        given = ([], []) if day in closed else (events[day], overrides[day])
        changed += _differing(rows[day], *given)
    return _write(changed)


def effect_of(override: Override) -> Effect:
    """An override as its effect: units are the total of what it is about."""
    kind = "set" if override.effect == Override.Effect.UNITS else "percent"
    about = (override.scope, override.category, override.menu_item_id)
    return Effect(override.date, *about, kind, override.amount, override.author)  # type: ignore[arg-type]


def engine_numbers(row: Forecast) -> Numbers:
    """What the engine said, whether something has changed it or not."""
    return tuple(row.engine_numbers or (getattr(row, name) for name in NUMBERS))


def final_numbers(
    rows: Collection[Forecast], events: Iterable[Effect], overrides: Iterable[Effect]
) -> Mapping[UUID, Numbers]:
    """By dish, what these effects make of one day's engine numbers; the dishes come with the rows."""
    engine = {row.menu_item_id: engine_numbers(row) for row in rows}
    categories = {row.menu_item_id: row.menu_item.category for row in rows}
    return adjusting.apply(engine, categories, events=events, overrides=overrides)


def _differing(
    rows: Collection[Forecast], events: Iterable[Effect], overrides: Iterable[Effect]
) -> list[tuple[Any, ...]]:
    """Id, whether it differs from the engine's, and the numbers, of the forecasts of a day that are to be written."""
    found = []
    final = final_numbers(rows, events, overrides)
    for row in rows:
        numbers = final[row.menu_item_id]
        if numbers != tuple(getattr(row, name) for name in NUMBERS):
            found.append((row.pk, numbers != engine_numbers(row), *numbers))
    return found


def _by_day(effects: Iterable[Effect]) -> defaultdict[dt.date, list[Effect]]:
    found = defaultdict(list)
    for effect in effects:
        found[effect.date].append(effect)
    return found


def _write(rows: list[tuple[Any, ...]]) -> int:
    """All of them in one statement."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(WRITE, [list(column) for column in zip(*rows, strict=True)])
    return len(rows)
