"""The recipe of one dish as a page shows it."""

from dataclasses import dataclass
from decimal import Decimal

from menu import explosion, recipes
from menu.models import MenuItem, RecipeLine
from menu.units import NoConversion, UnknownUnit, rounded


@dataclass(frozen=True, slots=True)
class Shown:
    """A recipe line as a page shows it: what a portion takes of what is bought, or what must be asked first."""

    line: RecipeLine
    per_portion: Decimal | None
    question: str = ""


def lines_of(dish: MenuItem) -> list[Shown]:
    """The recipe of one dish, in one query; amounts per portion in the ingredient's base unit, as purchased."""
    return [_shown(line) for line in dish.recipe_lines.select_related("ingredient")]


def _shown(line: RecipeLine) -> Shown:
    ingredient = line.ingredient
    try:
        exact = explosion.per_portion(
            line.quantity, line.unit, line.yield_share, ingredient.base_unit, of=recipes.substance(ingredient)
        )
    except NoConversion as missing:
        return Shown(line, None, missing.question)
    except UnknownUnit as unknown:
        return Shown(line, None, str(unknown))
    return Shown(line, rounded(exact, 4))
