"""Recipes from a spreadsheet: one line per dish and ingredient.

A file is authoritative for the dishes in it: their recipes become what it says, and every other dish is left alone, so
that the same file twice changes nothing. One fault refuses the whole file, and all faults are named at once.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from django.db import transaction

from menu import tables, units
from menu.models import Ingredient, MenuItem, RecipeLine
from menu.tables import BadTable, Fault, Row
from menu.units import UnknownUnit
from tenants.actors import By
from tenants.office import audit

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "item": ("menu item", "dish", "product", "recipe", "name"),
        "ingredient": ("ingredient name", "component"),
        "quantity": ("qty", "amount"),
        "unit": ("uom", "measure"),
        "yield": ("yield share", "usable share"),
        "base_unit": ("counted in", "stock unit"),
        "grams_per_ml": ("density",),
        "grams_per_each": ("piece weight", "grams each"),
        "shelf_life_days": ("shelf life", "keeps days"),
    }
)
_STEP = Decimal("0.0001")  # what a recipe line keeps


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a file leaves unsaid: one amount for every line, and the endings by which sizes of a dish are named."""

    quantity: Decimal | None = None
    unit: str | None = None
    sizes: Mapping[str, Decimal] = field(default_factory=lambda: {"": Decimal(1)})
    skip_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did."""

    dishes: int
    lines_added: int
    lines_changed: int
    lines_removed: int
    ingredients_added: int
    unknown_dishes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    row: Row
    item: str
    ingredient: str
    quantity: Decimal
    unit: str
    yield_share: Decimal
    base_unit: str


@transaction.atomic
def load(content: bytes, *, columns: Mapping[str, str], defaults: Defaults, by: By, at: dt.datetime) -> Report:
    """Bring the recipes of the dishes in `content` to what it says. Raises BadTable, and then has changed nothing."""
    lines, faults = _read(content, columns, defaults)
    menu = {item.name.casefold(): item for item in MenuItem.objects.all()}
    wanted: dict[tuple[MenuItem, str], tuple[_Line, Decimal]] = {}
    unknown: dict[str, Fault] = {}
    for line in lines:
        dishes = _dishes(line.item, menu, defaults)
        if not dishes:
            unknown.setdefault(line.item, Fault(line.row.line, "item", line.item, "no menu item has this name"))
        for dish, portions in dishes:
            if (dish, line.ingredient.casefold()) in wanted:
                faults.append(Fault(line.row.line, "ingredient", line.ingredient, f"twice in {dish.name}"))
            wanted[dish, line.ingredient.casefold()] = (line, portions)
    faults += [] if defaults.skip_unknown else unknown.values()
    if faults:
        raise BadTable(sorted(faults, key=lambda fault: fault.line))
    return _apply(wanted, tuple(unknown), by, at)


def _read(content: bytes, columns: Mapping[str, str], defaults: Defaults) -> tuple[list[_Line], list[Fault]]:
    lines: list[_Line] = []
    faults: list[Fault] = []
    for row in tables.read(content, FIELDS, columns):
        try:
            lines.append(_line(row, defaults))
        except BadTable as bad:
            faults += bad.faults
    return lines, faults


def _line(row: Row, defaults: Defaults) -> _Line:
    quantity, share = row.amount("quantity", defaults.quantity), row.amount("yield", Decimal(1))
    unit = row.text("unit", defaults.unit)
    if quantity.quantize(_STEP) <= 0:
        raise BadTable([Fault(row.line, "quantity", str(quantity), "this must be above 0")])
    if not 0 < share.quantize(_STEP) <= 1:
        raise BadTable([Fault(row.line, "yield", str(share), "this must be above 0 and at most 1")])
    return _Line(
        row=row,
        item=row.text("item"),
        ingredient=row.text("ingredient"),
        quantity=quantity,
        unit=_unit(row, "unit", unit).symbol,
        yield_share=share,
        base_unit=units.BASE_UNITS[_unit(row, "base_unit", row.text("base_unit", unit)).dimension],
    )


def _unit(row: Row, field: str, name: str) -> units.Unit:
    try:
        return units.parse(name)
    except UnknownUnit as unknown:
        raise BadTable([Fault(row.line, field, name, "this is not a known unit")]) from unknown


def _dishes(name: str, menu: Mapping[str, MenuItem], defaults: Defaults) -> list[tuple[MenuItem, Decimal]]:
    """The dish of this name in each of its sizes, with the portions that a size is."""
    sized = ((menu.get(f"{name}{ending}".casefold()), portions) for ending, portions in defaults.sizes.items())
    return [(dish, portions) for dish, portions in sized if dish]


def _apply(
    wanted: Mapping[tuple[MenuItem, str], tuple[_Line, Decimal]], unknown: tuple[str, ...], by: By, at: dt.datetime
) -> Report:
    ingredients, added = _ingredients([line for line, _ in wanted.values()])
    dishes = {dish for dish, _ in wanted}
    lines = RecipeLine.objects.filter(menu_item__in=dishes).select_related("ingredient")
    there = {(line.menu_item_id, line.ingredient_id): line for line in lines}
    before = _recipes(there.values())
    new, changed = [], []
    for (dish, ingredient), (line, portions) in wanted.items():
        quantity, share = (line.quantity * portions).quantize(_STEP), line.yield_share.quantize(_STEP)
        facts = {"quantity": quantity, "unit": line.unit, "yield_share": share}
        old = there.pop((dish.pk, ingredients[ingredient].pk), None)
        if old is None:
            new.append(RecipeLine(menu_item=dish, ingredient=ingredients[ingredient], **facts))
        elif any(getattr(old, name) != value for name, value in facts.items()):
            for name, value in facts.items():
                setattr(old, name, value)
            changed.append(old)
    RecipeLine.objects.filter(pk__in=[line.pk for line in there.values()]).delete()
    RecipeLine.objects.bulk_create(new)
    RecipeLine.objects.bulk_update(changed, ["quantity", "unit", "yield_share"])
    after = _recipes(lines.all())
    audit.record_all(
        audit.entry("recipe.changed", dish, by=by, at=at, before=before.get(dish.pk, {}), after=after.get(dish.pk, {}))
        for dish in dishes
    )
    return Report(len(dishes), len(new), len(changed), len(there), added, unknown)


def _recipes(lines: Iterable[RecipeLine]) -> dict[UUID, dict[str, str]]:
    """Dish → ingredient → amount, as the audit trail says it."""
    found: dict[UUID, dict[str, str]] = {}
    for line in lines:
        found.setdefault(line.menu_item_id, {})[line.ingredient.name] = line.amount
    return found


def _ingredients(lines: list[_Line]) -> tuple[dict[str, Ingredient], int]:
    """The ingredients by name, made where they are new; known ones keep what the restaurant entered."""
    known = {ingredient.name.casefold(): ingredient for ingredient in Ingredient.objects.all()}
    new: dict[str, Ingredient] = {}
    for line in lines:
        key = line.ingredient.casefold()
        if key not in known and key not in new:
            days = line.row.optional_amount("shelf_life_days")
            new[key] = Ingredient(
                name=line.ingredient,
                base_unit=line.base_unit,
                grams_per_ml=line.row.optional_amount("grams_per_ml"),
                grams_per_each=line.row.optional_amount("grams_per_each"),
                shelf_life_days=None if days is None else int(days),
            )
    Ingredient.objects.bulk_create(new.values())
    return known | new, len(new)
