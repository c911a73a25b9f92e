"""From dishes to ingredients: what a forecast or a day of sales needs of each ingredient.

Plain values in, plain values out. A portion uses `quantity / yield` of an ingredient as purchased. Usage is exact
(`Fraction`, in the ingredient's base unit); the moments of a forecast are floats.
"""

import datetime
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from menu import units
from menu.units import Substance

Item = TypeVar("Item", bound=Hashable)
Ingredient = TypeVar("Ingredient", bound=Hashable)


class ImpossibleYield(ValueError):
    """A usable share that is not above 0 and at most 1."""

    def __init__(self, share: Decimal) -> None:
        super().__init__(f"A yield of {share} is not a usable share: it must be above 0 and at most 1.")


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance of a demand: of one item in portions, of one ingredient in its base unit."""

    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Driver(Generic[Item]):
    """One dish's part in the need for an ingredient: portions expected and base units that they use."""

    item: Item
    portions: float
    quantity: float


def per_portion(
    quantity: Decimal | Fraction, unit: str, yield_share: Decimal, base_unit: str, of: Substance
) -> Fraction:
    """What one portion uses of an ingredient as purchased, in its base unit. Raises NoConversion, ImpossibleYield."""
    if not 0 < yield_share <= 1:
        raise ImpossibleYield(yield_share)
    return units.convert(quantity, unit, base_unit, of=of) / Fraction(yield_share)


def usage(
    sold: Mapping[Item, Decimal | int], recipes: Mapping[Item, Mapping[Ingredient, Fraction]]
) -> dict[Ingredient, Fraction]:
    """Exact theoretical usage per ingredient of what was sold; items without a recipe use nothing that is known."""
    used: dict[Ingredient, Fraction] = defaultdict(Fraction)
    for item, portions in sold.items():
        for ingredient, amount in recipes.get(item, {}).items():
            used[ingredient] += Fraction(portions) * amount
    return dict(used)


def explode(
    forecast: Mapping[tuple[Item, datetime.date], Moments],
    recipes: Mapping[Item, Mapping[Ingredient, Fraction]],
    shock_share: float,
) -> dict[tuple[Ingredient, datetime.date], Moments]:
    """Mean and variance of each ingredient's need on each day.

    Dishes of one day rise and fall together: `shock_share` is the standard deviation of the venue's common day factor
    (0.1: a day is typically 10 % better or worse as a whole). It is part of each dish's variance already; between
    dishes it adds up in full, while their own noise adds up in squares.
    """
    parts: dict[tuple[Ingredient, datetime.date], list[tuple[float, Moments]]] = defaultdict(list)
    amounts = {item: [(key, float(amount)) for key, amount in recipe.items()] for item, recipe in recipes.items()}
    for (item, day), demand in forecast.items():
        for ingredient, amount in amounts.get(item, ()):
            parts[ingredient, day].append((amount, demand))
    return {key: _combined(dishes, shock_share) for key, dishes in parts.items()}


def _combined(dishes: list[tuple[float, Moments]], shock_share: float) -> Moments:
    """Σ u·m, and Σ u²·(v − s²) + (Σ u·s)² with s the common part of a dish's deviation, never more than all of it."""
    common = [amount * min(shock_share * d.mean, math.sqrt(d.variance)) for amount, d in dishes]
    own = (amount**2 * d.variance - shared**2 for (amount, d), shared in zip(dishes, common, strict=True))
    return Moments(
        mean=math.fsum(amount * d.mean for amount, d in dishes),
        variance=max(0.0, math.fsum(own)) + math.fsum(common) ** 2,
    )


def drivers(
    forecast: Mapping[tuple[Item, datetime.date], Moments],
    recipes: Mapping[Item, Mapping[Ingredient, Fraction]],
    ingredient: Ingredient,
    days: Iterable[datetime.date],
) -> list[Driver[Item]]:
    """The dishes that need `ingredient` on `days`, the greatest need first."""
    wanted = frozenset(days)
    portions: dict[Item, list[float]] = defaultdict(list)
    for (item, day), demand in forecast.items():
        if day in wanted and recipes.get(item, {}).get(ingredient):
            portions[item].append(demand.mean)
    found = [
        Driver(item, math.fsum(means), math.fsum(means) * float(recipes[item][ingredient]))
        for item, means in portions.items()
    ]
    return sorted(found, key=lambda driver: (-driver.quantity, str(driver.item)))


def covered_share(quantities: Mapping[Item, float], complete: Iterable[Item]) -> float:
    """Share (0…1) of the quantities that belongs to items with a complete recipe; 0 when there is nothing at all."""
    with_recipe = frozenset(complete)
    everything = math.fsum(quantities.values())
    if everything <= 0:
        return 0.0
    return math.fsum(quantity for item, quantity in quantities.items() if item in with_recipe) / everything
