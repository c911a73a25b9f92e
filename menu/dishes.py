"""What a manager changes about dishes, recipes and ingredients; each change goes into the audit trail."""

import datetime as dt
from collections.abc import Iterator
from uuid import UUID

from django.db import transaction

from menu.models import Ingredient, MenuItem, RecipeLine
from tenants.actors import By
from tenants.models import Restaurant
from tenants.office import audit
from tenants.office.models import AuditEntry

DISH = ("category", "price", "is_active")
NEW_DISH = ("name", *DISH)
INGREDIENT = ("name", "base_unit", "grams_per_ml", "grams_per_each", "shelf_life_days")


def save_dish(dish: MenuItem, *, by: By, at: dt.datetime) -> None:
    """Keep what a form says of a dish, new or known."""
    audit.save(dish, NEW_DISH if dish._state.adding else DISH, "menuitem", by=by, at=at)


def off_the_menu(restaurant: Restaurant, first: dt.date, last: dt.date) -> frozenset[tuple[dt.date, UUID]]:
    """Business dates, both ends included, on which a dish was off the menu, each with its id; as the trail has it.

    From the date on which somebody took it off up to the one before somebody put it back.
    """
    changes = AuditEntry.objects.filter(subject_type="menuitem", after__has_key="is_active").order_by("pk")
    went: dict[UUID, dt.date] = {}
    found: set[tuple[dt.date, UUID]] = set()
    for key, at, after in changes.values_list("subject_key", "at", "after"):
        item, day = UUID(key), restaurant.business_date(at)
        if not after["is_active"]:
            went.setdefault(item, day)
        elif item in went:
            found.update(_days(item, went.pop(item), day, first, last))
    for item, since in went.items():
        found.update(_days(item, since, last + dt.timedelta(days=1), first, last))
    return frozenset(found)


def _days(item: UUID, since: dt.date, until: dt.date, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, UUID]]:
    """The dates from `since` up to the one before `until` that are between `first` and `last`."""
    begin, end = max(since, first), min(until, last + dt.timedelta(days=1))
    yield from ((begin + dt.timedelta(days=n), item) for n in range((end - begin).days))


def save_ingredient(ingredient: Ingredient, *, by: By, at: dt.datetime) -> None:
    """Keep what a form says of an ingredient, new or known."""
    audit.save(ingredient, INGREDIENT, "ingredient", by=by, at=at)


@transaction.atomic
def save_line(line: RecipeLine, *, by: By, at: dt.datetime) -> None:
    """Put an ingredient into a recipe, or change how much of it a portion takes."""
    before = {} if line._state.adding else _said(RecipeLine.objects.select_related("ingredient").get(pk=line.pk))
    if before != (after := _said(line)):
        line.save()
        audit.record("recipe.changed", line.menu_item, by=by, at=at, before=before, after=after)


@transaction.atomic
def remove_line(line: RecipeLine, *, by: By, at: dt.datetime) -> None:
    """Take an ingredient out of a recipe."""
    gone, _ = RecipeLine.objects.filter(pk=line.pk).delete()
    if gone:
        audit.record("recipe.changed", line.menu_item, by=by, at=at, before=_said(line))


def _said(line: RecipeLine) -> dict[str, str]:
    return {line.ingredient.name: line.amount}
