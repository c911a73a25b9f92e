"""What a manager expects of a day, in place of the forecast: made, undone, and applied to the current run at once."""

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from forecasting import final, forecast
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
    one say so, until it is undone.
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
        return f"{about(override)}: {override.amount:,f} units".replace(".000", "")
    return f"{about(override)} {_plain(override.amount)} %"


def about(override: Override) -> str:
    """What it speaks of."""
    if override.scope == Scope.ITEM:
        return str(override.menu_item)
    return override.category if override.scope == Scope.CATEGORY else "all dishes"


def day_in_words(day: dt.date) -> str:
    """Such as “Sat 28 Nov”."""
    return f"{day:%a} {day.day} {day:%b}"


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
        raise Refused(f"{day_in_words(day)} is over: what was expected of it stays as it was.")


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
