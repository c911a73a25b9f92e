from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menu import units
from menu.units import NoConversion, Substance, UnknownUnit

OIL = Substance("Olive oil", grams_per_ml=Decimal("0.92"))
LEMON = Substance("Lemon", grams_per_each=Decimal(120))
HONEY = Substance("Honey", grams_per_ml=Decimal("1.42"), grams_per_each=Decimal(340))

symbols = st.sampled_from(sorted(units.UNITS))
amounts = st.decimals(min_value=0, max_value=10**6, places=4)
portions = st.integers(min_value=0, max_value=5000)


@pytest.mark.parametrize(
    ("quantity", "unit", "to", "expected"),
    [
        ("150", "g", "kg", "0.150"),
        ("1", "lb", "g", "453.59237"),
        ("16", "oz", "lb", "1"),
        ("250", "mg", "g", "0.25"),
        ("75", "cl", "l", "0.75"),
        ("1", "tsp", "ml", "4.92892159375"),
        ("1", "tbsp", "tsp", "3"),
        ("1", "cup", "fl oz", "8"),
        ("1", "gal", "qt", "4"),
        ("2", "pt", "qt", "1"),
        ("2", "dozen", "each", "24"),
    ],
)
def test_units_of_one_kind_convert_exactly(quantity, unit, to, expected):
    assert units.convert(Decimal(quantity), unit, to, of=Substance("Anything")) == Fraction(expected)


def test_density_joins_volume_and_mass():
    assert units.convert(Decimal("2"), "l", "g", of=OIL) == 1840
    assert units.convert(Decimal("1.84"), "kg", "ml", of=OIL) == 2000


def test_piece_weight_joins_pieces_and_mass():
    assert units.convert(Decimal("2.4"), "kg", "each", of=LEMON) == 20
    assert units.convert(1, "dozen", "kg", of=LEMON) == Fraction("1.44")


def test_pieces_and_volume_meet_through_both_facts():
    assert units.convert(2, "each", "ml", of=HONEY) == Fraction(680) / Fraction("1.42")


@pytest.mark.parametrize(
    ("substance", "unit", "to", "question"),
    [
        (LEMON, "cup", "g", "How many grams does 1 ml of Lemon weigh?"),
        (OIL, "each", "g", "How many grams does one Olive oil weigh?"),
        (LEMON, "each", "ml", "How many grams does 1 ml of Lemon weigh?"),
        (
            Substance("Basil"),
            "each",
            "ml",
            "How many grams does 1 ml of Basil weigh? How many grams does one Basil weigh?",
        ),
    ],
)
def test_a_missing_fact_is_asked_for_and_never_guessed(substance, unit, to, question):
    with pytest.raises(NoConversion) as refused:
        units.convert(1, unit, to, of=substance)
    assert (refused.value.ingredient, refused.value.unit, refused.value.to) == (substance.name, unit, to)
    assert refused.value.question == question
    assert str(refused.value) == f"{substance.name}: no way from {unit} to {to}. {question}"


@pytest.mark.parametrize(
    ("written", "symbol"),
    [("KG", "kg"), ("Litres", "l"), ("fl. oz.", "fl oz"), ("Tbsp.", "tbsp"), (" pcs ", "each"), ("lbs", "lb")],
)
def test_units_are_read_as_people_write_them(written, symbol):
    assert units.parse(written).symbol == symbol


def test_an_unknown_unit_is_named():
    with pytest.raises(UnknownUnit) as refused:
        units.parse("handful")
    assert refused.value.name == "handful"


@given(quantity=amounts, first=symbols, second=symbols, third=symbols)
def test_every_route_leads_to_the_same_amount(quantity, first, second, third):
    detour = units.convert(units.convert(quantity, first, second, of=HONEY), second, third, of=HONEY)
    assert detour == units.convert(quantity, first, third, of=HONEY)


@given(quantity=amounts, unit=symbols, to=symbols)
def test_there_and_back_again_is_the_same_amount(quantity, unit, to):
    assert units.convert(units.convert(quantity, unit, to, of=HONEY), to, unit, of=HONEY) == Fraction(quantity)


@given(quantity=amounts, unit=symbols, to=symbols, count=portions)
def test_n_portions_are_n_times_one(quantity, unit, to, count):
    one = units.convert(quantity, unit, to, of=HONEY)
    assert units.convert(Fraction(quantity) * count, unit, to, of=HONEY) == one * count


@given(quantity=st.fractions(min_value=0, max_value=10**9), places=st.integers(min_value=0, max_value=6))
def test_rounding_is_half_to_even_and_within_half_a_step(quantity, places):
    rounded = units.rounded(quantity, places)
    assert abs(Fraction(rounded) - quantity) <= Fraction(1, 2 * 10**places)
    assert -rounded.as_tuple().exponent == places


def test_rounding_happens_once_at_the_end():
    third = units.convert(1, "each", "kg", of=Substance("Egg", grams_per_each=Decimal("33.3333"))) / 3
    assert units.rounded(third * 3 * 1000, 3) == Decimal("33.333")
    assert [units.rounded(Fraction(n, 2), 0) for n in (1, 3, 5)] == [0, 2, 2]
