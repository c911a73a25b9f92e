"""The restaurant's recipes, read once and turned into what a portion uses of each ingredient."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from menu import explosion
from menu.models import Ingredient, RecipeLine
from menu.units import NoConversion, Substance, UnknownUnit


@dataclass(frozen=True, slots=True)
class Refused:
    """A recipe line that cannot be turned into its ingredient's base unit, and the question that would help."""

    menu_item_id: UUID
    menu_item: str
    ingredient_id: UUID
    ingredient: str
    problem: str
    question: str


@dataclass(frozen=True, slots=True)
class Book:
    """All recipes: base units of each ingredient per portion; which are complete; which lines were refused."""

    recipes: Mapping[UUID, Mapping[UUID, Fraction]]
    complete: frozenset[UUID]
    refused: tuple[Refused, ...]

    @property
    def doubtful_ingredients(self) -> frozenset[UUID]:
        """Ingredients of which some dish uses an amount that is not known."""
        return frozenset(line.ingredient_id for line in self.refused)


def substance(ingredient: Ingredient) -> Substance:
    """What unit conversion needs to know of an ingredient."""
    return Substance(ingredient.name, ingredient.grams_per_ml, ingredient.grams_per_each)


def book() -> Book:
    """Every recipe of the restaurant, in one query. A line that does not convert makes its dish incomplete."""
    recipes: dict[UUID, dict[UUID, Fraction]] = {}
    refused = []
    for line in RecipeLine.objects.select_related("ingredient", "menu_item"):
        recipe = recipes.setdefault(line.menu_item_id, {})
        try:
            recipe[line.ingredient_id] = explosion.per_portion(
                line.quantity, line.unit, line.yield_share, line.ingredient.base_unit, of=substance(line.ingredient)
            )
        except NoConversion as missing:
            refused.append(_refused(line, str(missing), missing.question))
        except UnknownUnit as unknown:
            refused.append(_refused(line, str(unknown), "Which unit is meant?"))
    incomplete = {line.menu_item_id for line in refused}
    return Book(recipes, frozenset(recipes.keys() - incomplete), tuple(refused))


def _refused(line: RecipeLine, problem: str, question: str) -> Refused:
    return Refused(
        menu_item_id=line.menu_item_id,
        menu_item=line.menu_item.name,
        ingredient_id=line.ingredient_id,
        ingredient=line.ingredient.name,
        problem=problem,
        question=question,
    )
