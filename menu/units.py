"""Units of measure, converted exactly or refused.

Every factor is an exact number and every result an exact `Fraction`; a caller rounds once, at the end, with `rounded`.
Mass and volume meet through an ingredient's density, pieces and mass through its piece weight. Where the fact is
missing the answer is `NoConversion`, which carries the question that would resolve it: nothing is taken as 1:1.

Spoons, cups, fluid ounces, pints, quarts and gallons are United States customary liquid measures (1 gal = 231 cubic
inches = 3785.411784 ml); ounce and pound are avoirdupois.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

Dimension = Literal["mass", "volume", "count"]
Quantity = Decimal | Fraction | int

BASE_UNITS: Mapping[Dimension, str] = MappingProxyType({"mass": "g", "volume": "ml", "count": "each"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit and how many grams, millilitres or pieces one of it is."""

    symbol: str
    dimension: Dimension
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Substance:
    """What conversion needs to know about an ingredient; the two facts are None until somebody has entered them."""

    name: str
    grams_per_ml: Decimal | None = None
    grams_per_each: Decimal | None = None


class UnknownUnit(ValueError):
    """A unit that no table of ours has."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"“{name}” is not a unit that Flux knows. Known units: {', '.join(UNITS)}.")


class NoConversion(ValueError):
    """Two units of different kinds with no known fact of the ingredient that joins them."""

    def __init__(self, substance: Substance, unit: str, to: str, question: str) -> None:
        self.ingredient, self.unit, self.to, self.question = substance.name, unit, to, question
        super().__init__(f"{substance.name}: no way from {unit} to {to}. {question}")


_GALLON = Fraction("3785.411784")
_POUND = Fraction("453.59237")

_TABLE: tuple[tuple[str, Dimension, Fraction], ...] = (
    ("mg", "mass", Fraction(1, 1000)),
    ("g", "mass", Fraction(1)),
    ("kg", "mass", Fraction(1000)),
    ("oz", "mass", _POUND / 16),
    ("lb", "mass", _POUND),
    ("ml", "volume", Fraction(1)),
    ("cl", "volume", Fraction(10)),
    ("l", "volume", Fraction(1000)),
    ("tsp", "volume", _GALLON / 768),
    ("tbsp", "volume", _GALLON / 256),
    ("fl oz", "volume", _GALLON / 128),
    ("cup", "volume", _GALLON / 16),
    ("pt", "volume", _GALLON / 8),
    ("qt", "volume", _GALLON / 4),
    ("gal", "volume", _GALLON),
    ("each", "count", Fraction(1)),
    ("dozen", "count", Fraction(12)),
)
UNITS: Mapping[str, Unit] = MappingProxyType(
    {symbol: Unit(symbol, dimension, factor) for symbol, dimension, factor in _TABLE}
)

_OTHER_NAMES = {
    "mg": "milligram milligrams",
    "g": "gr gram grams gramme grammes",
    "kg": "kgs kilo kilos kilogram kilograms",
    "oz": "ounce ounces",
    "lb": "lbs pound pounds",
    "ml": "millilitre millilitres milliliter milliliters",
    "cl": "centilitre centilitres centiliter centiliters",
    "l": "lt ltr litre litres liter liters",
    "tsp": "teaspoon teaspoons",
    "tbsp": "tablespoon tablespoons",
    "cup": "cups",
    "pt": "pint pints",
    "qt": "quart quarts",
    "gal": "gallon gallons",
    "each": "ea piece pieces pc pcs unit units count ct",
    "dozen": "doz dz",
}
_NAMES = {other: symbol for symbol, others in _OTHER_NAMES.items() for other in others.split()} | {
    symbol: symbol for symbol in UNITS
}
_NAMES |= {"floz": "fl oz", "fluid ounce": "fl oz", "fluid ounces": "fl oz"}


def parse(name: str) -> Unit:
    """The unit that people mean by `name`: any case, a final full stop allowed. Raises UnknownUnit."""
    plain = " ".join(name.lower().replace(".", " ").split())
    if plain not in _NAMES:
        raise UnknownUnit(name)
    return UNITS[_NAMES[plain]]


def convert(quantity: Quantity, unit: str, to: str, of: Substance) -> Fraction:
    """`quantity` of `unit` expressed in `to`, exactly. Raises UnknownUnit or NoConversion."""
    source, target = parse(unit), parse(to)
    amount = Fraction(quantity) * source.factor
    if source.dimension != target.dimension:
        _require_facts(source, target, of)
        amount = amount * _grams_per_base(source.dimension, of) / _grams_per_base(target.dimension, of)
    return amount / target.factor


def rounded(quantity: Quantity, places: int) -> Decimal:
    """The one rounding, at the end: half to even at `places` decimals."""
    with localcontext(prec=60):
        return Decimal(round(Fraction(quantity) * 10**places)).scaleb(-places)


def _grams_per_base(dimension: Dimension, of: Substance) -> Fraction:
    if dimension == "mass":
        return Fraction(1)
    return Fraction((of.grams_per_ml if dimension == "volume" else of.grams_per_each) or 0)


def _require_facts(source: Unit, target: Unit, of: Substance) -> None:
    dimensions = {source.dimension, target.dimension}
    questions = []
    if "volume" in dimensions and not of.grams_per_ml:
        questions.append(f"How many grams does 1 ml of {of.name} weigh?")
    if "count" in dimensions and not of.grams_per_each:
        questions.append(f"How many grams does one {of.name} weigh?")
    if questions:
        raise NoConversion(of, source.symbol, target.symbol, " ".join(questions))
