"""What a manager expects of a day, in place of the forecast: made, undone, and applied to the current run at once."""

import datetime as dt
from collections.abc import Collection, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from forecasting import final, forecast
from forecasting.arithmetic.adjusting import NARROW_TO_WIDE
from forecasting.models import Forecast, Override, Run, Scope
from menu.models import MenuItem
from tenants.actors import By, actor
from tenants.models import Restaurant
from tenants.office import audit

LEAST_PERCENT, MOST_PERCENT = Decimal(-100), Decimal(1000)
MOST_UNITS = Decimal(1_000_000)


class Refused(ValueError):
    """Why there can be no such override, in a manager's words; `about` names what has to be said differently."""

    def __init__(self, text: str, about: str = "date") -> None:
        super().__init__(text)
        self.about = about


class MadeAlready(Refused):
    """Somebody has overridden the same day and dishes."""


class UndoneAlready(Refused):
    """Somebody was quicker."""


def make(
    restaurant: Restaurant,
    *,
    date: dt.date,
    scope: str,
    effect: str,
    amount: Decimal,
    reason: str,
    by: By,
    now: dt.datetime,
    category: str = "",
    item: MenuItem | None = None,
) -> Override:
    """Expect something else of `date` than the forecast does: of all dishes, a category or a dish. Raises Refused.

    `amount` is percent more or less, or the units that all of them together will sell. The current run and every later
    one say so, until it is undone. What a wider total of that day has no room for is refused, and so is such a total.
    """
    wanted = Override(date=date, scope=scope, category=category, menu_item=item, effect=effect, amount=amount)
    wanted.reason, who = " ".join(reason.split()), actor(by)
    wanted.author_id, wanted.author, wanted.created_at = who.pk, who.name[:150], now
    with transaction.atomic():
        final.lock()
        run = _run_of(date, restaurant.business_date(now))
        _check(wanted, run)
        wanted.save()
        audit.record("override.made", subject(wanted), by=by, at=now, after={"reason": wanted.reason})
        readjust(run, [date])
        _keep_totals(wanted, run)
    return wanted


def undo(restaurant: Restaurant, override_id: UUID, *, by: By, now: dt.datetime) -> Override:
    """Let the forecast speak again. Raises Override.DoesNotExist, Refused for a day that is over or was undone."""
    with transaction.atomic():
        final.lock()
        found = Override.objects.select_for_update(of=("self",)).select_related("menu_item").get(pk=override_id)
        if found.undone_at:
            raise UndoneAlready("This override has been undone already.")
        _not_over(found.date, restaurant.business_date(now))
        found.undone_at, found.undone_by_id = now, actor(by).pk
        found.save(update_fields=["undone_at", "undone_by_id"])
        audit.record("override.undone", subject(found), by=by, at=now)
        readjust(Run.objects.current(), [found.date])
    return found


def readjust(run: Run | None, days: Collection[dt.date]) -> int:
    """Bring the final numbers of these days to the events and overrides of now; how many forecasts changed.

    For whoever changed an event or an override; it takes no new run.
    """
    if run is None:
        return 0
    with transaction.atomic():
        final.lock()
        changed = final.adjust(run, days)
        transaction.on_commit(forecast.drop_lists)
    return changed


def subject(override: Override) -> audit.Subject:
    """The override as the audit trail names it."""
    return audit.Subject("override", str(override.pk), f"{day_in_words(override.date)}: {in_words(override)}")


def in_words(override: Override) -> str:
    """Such as “all dishes +20 %” or “Soup: 40 units”."""
    if override.effect == Override.Effect.UNITS:
        return f"{about(override)}: {_units(override.amount)}"
    return f"{about(override)} {_plain(override.amount)} %"


def about(override: Override) -> str:
    """What it speaks of."""
    if override.scope == Scope.ITEM:
        return str(override.menu_item)
    return override.category if override.scope == Scope.CATEGORY else "all dishes"


def day_in_words(day: dt.date, today: dt.date | None = None) -> str:
    """Such as “Sat 28 Nov”, with the year where that is not the one of `today`."""
    year = f" {day.year}" if today and day.year != today.year else ""
    return f"{day:%a} {day.day} {day:%b}{year}"


def _units(amount: Decimal) -> str:
    text = f"{amount:,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " units"


def _plain(percent: Decimal) -> str:
    """With its sign, and no more decimals than it needs."""
    text = f"{percent:+f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def _run_of(day: dt.date, today: dt.date) -> Run:
    """The run that speaks of a day on which guests will come. Raises Refused."""
    _not_over(day, today)
    run = Run.objects.current()
    if run is None:
        raise Refused("There is no forecast yet, so there is nothing to override.")
    if not run.covers(day):
        raise Refused(
            f"The forecast reaches from {day_in_words(run.first_day(today))} to {day_in_words(run.last_day)}."
        )
    if day in run.closed_days(day, day):
        raise Refused(f"You are closed on {day_in_words(day)}: nothing is forecast for it.")
    return run


def _not_over(day: dt.date, today: dt.date) -> None:
    if day < today:
        raise Refused(f"{day_in_words(day, today)} is over: what was expected of it stays as it was.")


def _check(wanted: Override, run: Run) -> None:
    """Raises Refused for what the tables cannot hold, and for dishes of which the run does not speak."""
    if not wanted.reason:
        raise Refused("Say why: the reason is shown beside the number.", "reason")
    if wanted.effect == Override.Effect.PERCENT and not LEAST_PERCENT <= wanted.amount <= MOST_PERCENT:
        raise Refused("Percent lies between −100 (nothing) and 1,000.", "amount")
    if wanted.effect == Override.Effect.UNITS and not 0 <= wanted.amount <= MOST_UNITS:
        raise Refused("Units lie between 0 and 1,000,000.", "amount")
    meant = Forecast.objects.on_the_menu(run, wanted.date, wanted.date)
    if wanted.scope == Scope.ITEM and not meant.filter(menu_item=wanted.menu_item).exists():
        raise Refused(f"{wanted.menu_item} is not in the forecast of that day.", "item")
    if wanted.scope == Scope.CATEGORY and not meant.filter(menu_item__category=wanted.category).exists():
        raise Refused(f"No dish of the category “{wanted.category}” is in the forecast of that day.", "category")
    _not_twice(wanted)


def _not_twice(wanted: Override) -> None:
    key = {"date": wanted.date, "scope": wanted.scope, "category": wanted.category, "menu_item": wanted.menu_item}
    there = Override.objects.in_force().select_related("menu_item").filter(**key).first()
    if there is not None:
        raise MadeAlready(
            f"{there.author} has overridden {day_in_words(there.date)} already: {in_words(there)} ({there.reason}). "
            "Undo that first, then make yours."
        )


def _keep_totals(wanted: Override, run: Run) -> None:
    """Raises Refused where a total in units would not be the sum, or only by leaving nothing to the other dishes.

    Looked at are `wanted`, if it is a total, and the totals that it is a part of, once the numbers stand.
    """
    told = list(Override.objects.in_force().filter(date=wanted.date).select_related("menu_item"))
    if len(told) < 2:
        return
    rows = list(Forecast.objects.on_the_menu(run, wanted.date, wanted.date).select_related("menu_item"))
    for total in (each for each in told if each.effect == Override.Effect.UNITS):
        if wanted.pk == total.pk or _is_part(wanted, total):
            parts = [each for each in told if _is_part(each, total)]
            _keep_total(total, parts, _told_of(rows, [total]), is_new=wanted.pk == total.pk)


def _is_part(narrow: Override, wide: Override) -> bool:
    """Whether it speaks of some of the dishes of which the wider one does."""
    if NARROW_TO_WIDE.index(narrow.scope) >= NARROW_TO_WIDE.index(wide.scope):
        return False
    return wide.scope == Scope.ALL or (narrow.menu_item is not None and narrow.menu_item.category == wide.category)


def _told_of(rows: Sequence[Forecast], told: Sequence[Override]) -> list[Forecast]:
    """The forecasts of the dishes of which at least one of these overrides speaks."""
    effects = [final.effect_of(each) for each in told]
    return [row for row in rows if any(each.touches(row.menu_item_id, row.menu_item.category) for each in effects)]


def _keep_total(total: Override, parts: Sequence[Override], rows: Sequence[Forecast], *, is_new: bool) -> None:
    """`rows` are of all its dishes, `parts` the narrower overrides, `is_new` whether the total came after them."""
    named = _told_of(rows, parts)
    if not named:
        return
    taken = sum((row.mean for row in named), Decimal())
    rest = [row for row in rows if row not in named]
    is_rest_expected = any(final.engine_numbers(row)[0] for row in rest)
    if (total.amount > taken and rest) or (total.amount == taken and not (taken and is_rest_expected)):
        return
    raise Refused(_no_room(parts, taken, rest) if is_new else _too_much(total, taken, rest), "amount")


def _no_room(parts: Sequence[Override], taken: Decimal, rest: Sequence[Forecast]) -> str:
    """What to tell somebody whose total is used up by what was said of some of its dishes."""
    outermost = [each for each in parts if not any(_is_part(each, other) for other in parts)]
    names, units = " and ".join(sorted(map(about, outermost))), _units(taken)
    if not rest:
        return f"Every one of these dishes has been overridden that day, together {units}: undo one of them first."
    if len(outermost) > 1:
        return f"{names} alone are set to {units} that day: undo one of them first, or say more than {units}."
    return f"{names} alone is set to {units} that day: undo that first, or say more than {units}."


def _too_much(total: Override, taken: Decimal, rest: Sequence[Forecast]) -> str:
    """What to tell somebody whose override leaves a wider total no room."""
    said = f"{in_words(total)[:1].upper()}{in_words(total)[1:]} that day, says {total.author}"
    why = "nothing would be left for the other dishes" if rest else f"with yours they would be {_units(taken)}"
    return f"{said}, and {why}: undo that first, or say {'less' if rest else 'as much as it leaves'}."
