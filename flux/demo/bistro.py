"""What the demo restaurant is: `bistro.toml` read into plain values. No Django, no clock, no randomness.

Quantities are `Decimal` with their unit as written; nothing is converted here: that is the menu's work, and the demo
shall show it.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("bistro.toml")
RECIPE_LINE = re.compile(
    r"(?P<quantity>[\d.]+) (?P<unit>\w+) (?P<ingredient>[^()]+?)(?: \((?P<usable>\d+) % usable\))?"
)
PACK = re.compile(r"(?P<count>\d+) x (?P<size>[\d.]+) (?P<unit>\w+)")


class FactsError(ValueError):
    """`bistro.toml` names something that it does not define, or a line does not read as it should."""


@dataclass(frozen=True, slots=True)
class Daypart:
    """A part of the business day in wall-clock hours (24.8 is 00:48 of the next calendar day)."""

    name: str
    starts: float
    ends: float
    courses: tuple[str, ...]
    weekdays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """One line of a recipe: `quantity` `unit` of an ingredient, of which `usable` (0…1] reaches the plate."""

    ingredient: str
    quantity: Decimal
    unit: str
    usable: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item with its price (VAT included), its demand and its recipe.

    `lines_a_day` is the mean number of order lines on an ordinary day, `season` in -1…1 (winter…summer), `growth` the
    change in a year; `starts_before` and `ends_before` are days before the restaurant joined.
    """

    name: str
    category: str
    price: Decimal
    lines_a_day: float
    dayparts: dict[str, float]
    season: float
    growth: float
    starts_before: int | None
    ends_before: int | None
    recipe: tuple[Portion, ...]

    @property
    def is_retired(self) -> bool:
        return self.ends_before is not None


@dataclass(frozen=True, slots=True)
class Ingredient:
    name: str
    base_unit: str
    grams_per_ml: Decimal | None
    grams_per_each: Decimal | None
    shelf_life_days: int | None
    stock_days: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What a supplier sells of an ingredient: packs of `count` × `size` `unit` at `price` per pack, without VAT."""

    ingredient: str
    name: str
    code: str
    count: int
    size: Decimal
    unit: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Supplier:
    """`deliveries` are weekdays (Monday = 0); `cutoff` is local time, `lead_time_days` before the delivery."""

    name: str
    email: str
    deliveries: tuple[int, ...]
    lead_time_days: int
    cutoff: time
    minimum_order: Decimal
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in; the role `staff` is the platform's, the others are the restaurant's."""

    role: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Bistro:
    name: str
    slug: str
    timezone: str
    country: str
    subdivision: str
    currency: str
    closeout_hour: int
    vat: Decimal
    till: str
    password: str
    people: tuple[Person, ...]
    dayparts: tuple[Daypart, ...]
    items: tuple[Item, ...]
    ingredients: tuple[Ingredient, ...]
    suppliers: tuple[Supplier, ...]

    def person(self, role: str) -> Person:
        """Who has this role."""
        return next(person for person in self.people if person.role == role)


@cache
def read() -> Bistro:
    """The demo restaurant. Raises `FactsError` where a recipe or an offer names an unknown ingredient."""
    facts: dict[str, Any] = tomllib.loads(FACTS.read_text("utf-8"))
    bistro = Bistro(
        **{key: value for key, value in facts.items() if not isinstance(value, list)} | {"vat": Decimal(facts["vat"])},
        people=tuple(Person(**person) for person in facts["people"]),
        dayparts=tuple(
            Daypart(**part | {"courses": tuple(part["courses"]), "weekdays": tuple(part["weekdays"])})
            for part in facts["dayparts"]
        ),
        items=tuple(_item(item) for item in facts["items"]),
        ingredients=tuple(_ingredient(ingredient) for ingredient in facts["ingredients"]),
        suppliers=tuple(_supplier(supplier) for supplier in facts["suppliers"]),
    )
    _check_names(bistro)
    return bistro


def _item(item: dict[str, Any]) -> Item:
    return Item(
        name=item["name"],
        category=item["category"],
        price=Decimal(item["price"]),
        lines_a_day=item["lines_a_day"],
        dayparts=item["dayparts"],
        season=item.get("season", 0.0),
        growth=item.get("growth", 0.0),
        starts_before=item.get("starts_before"),
        ends_before=item.get("ends_before"),
        recipe=tuple(_portion(line) for line in item["recipe"]),
    )


def _portion(line: str) -> Portion:
    match = RECIPE_LINE.fullmatch(line)
    if not match:
        raise FactsError(f"Recipe line {line!r} does not read as QUANTITY UNIT INGREDIENT.")
    return Portion(
        match["ingredient"], Decimal(match["quantity"]), match["unit"], Decimal(match["usable"] or 100) / 100
    )


def _ingredient(ingredient: dict[str, Any]) -> Ingredient:
    return Ingredient(
        name=ingredient["name"],
        base_unit=ingredient["base_unit"],
        grams_per_ml=_decimal(ingredient.get("grams_per_ml")),
        grams_per_each=_decimal(ingredient.get("grams_per_each")),
        shelf_life_days=ingredient.get("shelf_life_days"),
        stock_days=ingredient["stock_days"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _supplier(supplier: dict[str, Any]) -> Supplier:
    return Supplier(
        name=supplier["name"],
        email=supplier["email"],
        deliveries=tuple(supplier["deliveries"]),
        lead_time_days=supplier["lead_time_days"],
        cutoff=time.fromisoformat(supplier["cutoff"]),
        minimum_order=Decimal(supplier["minimum_order"]),
        offers=tuple(_offer(offer) for offer in supplier["items"]),
    )


def _offer(offer: dict[str, str]) -> Offer:
    match = PACK.fullmatch(offer["pack"])
    if not match:
        raise FactsError(f"Pack {offer['pack']!r} does not read as COUNT x SIZE UNIT.")
    return Offer(
        ingredient=offer["ingredient"],
        name=offer["name"],
        code=offer["code"],
        count=int(match["count"]),
        size=Decimal(match["size"]),
        unit=match["unit"],
        price=Decimal(offer["price"]),
    )


def _check_names(bistro: Bistro) -> None:
    known = {ingredient.name for ingredient in bistro.ingredients}
    named = {portion.ingredient for item in bistro.items for portion in item.recipe}
    named |= {offer.ingredient for supplier in bistro.suppliers for offer in supplier.offers}
    if named - known:
        raise FactsError(f"Not among the ingredients: {', '.join(sorted(named - known))}.")
