"""What a manager changes about dishes, recipes and ingredients; each change goes into the audit trail."""

import datetime as dt

from django.db import transaction

from menu.models import Ingredient, MenuItem, RecipeLine
from tenants.actors import By
from tenants.office import audit

DISH = ("category", "price", "is_active")
INGREDIENT = ("name", "base_unit", "grams_per_ml", "grams_per_each", "shelf_life_days")


def save_dish(dish: MenuItem, *, by: By, at: dt.datetime) -> None:
    """Keep what a form says of a dish."""
    audit.save(dish, DISH, "menuitem", by=by, at=at)


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
