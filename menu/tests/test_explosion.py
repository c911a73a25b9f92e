import datetime
import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menu import explosion
from menu.explosion import Driver, ImpossibleYield, Moments
from menu.units import NoConversion, Substance

MONDAY = datetime.date(2026, 11, 23)
TUESDAY = datetime.date(2026, 11, 24)
RECIPES = {
    "margherita": {"dough": Fraction(250), "mozzarella": Fraction(120)},
    "calzone": {"dough": Fraction(300), "mozzarella": Fraction(80), "ham": Fraction(60)},
}
positive = st.floats(min_value=0.01, max_value=500, allow_nan=False)


def test_a_portion_uses_more_than_the_plate_shows_where_something_is_trimmed():
    tomato = Substance("Tomato", grams_per_each=Decimal(110))
    assert explosion.per_portion(Decimal("0.17"), "kg", Decimal("0.85"), "g", of=tomato) == 200
    assert explosion.per_portion(Decimal("1.7"), "each", Decimal("0.85"), "g", of=tomato) == 220


@pytest.mark.parametrize("share", ["0", "-0.1", "1.01"])
def test_an_impossible_yield_is_refused(share):
    with pytest.raises(ImpossibleYield):
        explosion.per_portion(Decimal(1), "g", Decimal(share), "g", of=Substance("Tomato"))


def test_a_recipe_line_without_a_conversion_is_refused():
    with pytest.raises(NoConversion):
        explosion.per_portion(Decimal(1), "cup", Decimal(1), "g", of=Substance("Rice"))


def test_usage_adds_up_over_dishes_and_leaves_unknown_dishes_out():
    assert explosion.usage({"margherita": 10, "calzone": 5, "espresso": 80}, RECIPES) == {
        "dough": 4000,
        "mozzarella": 1600,
        "ham": 300,
    }


@given(portions=st.integers(min_value=0, max_value=10_000), amount=st.fractions(min_value=0, max_value=10**4))
def test_n_portions_use_n_times_one(portions, amount):
    recipes = {"soup": {"stock": amount}}
    one = explosion.usage({"soup": 1}, recipes)["stock"]
    assert explosion.usage({"soup": portions}, recipes)["stock"] == portions * one


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(min_value=0, max_value=99)), st.integers(0, 99))
def test_two_days_of_sales_use_the_sum_of_both(sold, more):
    recipes = {item: {"salt": Fraction(1, 3), "flour": Fraction(7, 2)} for item in "abc"}
    again = {"a": more, "e": more}
    together = {item: sold.get(item, 0) + again.get(item, 0) for item in {*sold, *again}}
    apart = [explosion.usage(day, recipes) for day in (sold, again)]
    summed = {name: sum((day.get(name, Fraction(0)) for day in apart), Fraction(0)) for name in ("salt", "flour")}
    found = explosion.usage(together, recipes)
    assert {name: found.get(name, Fraction(0)) for name in summed} == summed


def test_a_forecast_becomes_need_per_ingredient_and_day():
    forecast = {
        ("margherita", MONDAY): Moments(10, 16),
        ("calzone", MONDAY): Moments(5, 9),
        ("calzone", TUESDAY): Moments(4, 4),
        ("espresso", MONDAY): Moments(80, 100),
    }
    assert explosion.explode(forecast, RECIPES, shock_share=0) == {
        ("dough", MONDAY): Moments(4000, 250**2 * 16 + 300**2 * 9),
        ("mozzarella", MONDAY): Moments(1600, 120**2 * 16 + 80**2 * 9),
        ("ham", MONDAY): Moments(300, 60**2 * 9),
        ("dough", TUESDAY): Moments(1200, 300**2 * 4),
        ("mozzarella", TUESDAY): Moments(320, 80**2 * 4),
        ("ham", TUESDAY): Moments(240, 60**2 * 4),
    }


def test_a_good_day_is_good_for_every_dish_at_once():
    """Simulated: common day factor, dishes otherwise independent; the closed form must match within 4 %."""
    rng = random.Random(7)
    means, uses, shock = [30.0, 12.0, 50.0], [1.0, 3.0, 0.5], 0.2
    draws = []
    for _ in range(20_000):
        factor = rng.gauss(1, shock)
        draws.append(sum(u * (m * factor + rng.gauss(0, math.sqrt(m))) for u, m in zip(uses, means, strict=True)))
    mean = sum(draws) / len(draws)
    variance = sum((draw - mean) ** 2 for draw in draws) / len(draws)

    forecast = {(n, MONDAY): Moments(m, m + (shock * m) ** 2) for n, m in enumerate(means)}
    recipes = {n: {"flour": Fraction(u)} for n, u in enumerate(uses)}
    need = explosion.explode(forecast, recipes, shock_share=shock)["flour", MONDAY]
    assert need.mean == pytest.approx(mean, rel=0.01)
    assert need.variance == pytest.approx(variance, rel=0.04)


@given(st.lists(st.tuples(positive, positive, positive), min_size=1, max_size=6), st.floats(0, 2))
def test_deviation_lies_between_all_independent_and_all_together(dishes, shock):
    forecast = {(n, MONDAY): Moments(mean, variance) for n, (mean, variance, _) in enumerate(dishes)}
    recipes = {n: {"salt": Fraction(amount)} for n, (_, _, amount) in enumerate(dishes)}
    deviation = math.sqrt(explosion.explode(forecast, recipes, shock)["salt", MONDAY].variance)
    deviations = [amount * math.sqrt(variance) for _, variance, amount in dishes]
    assert deviation >= math.hypot(*deviations) * (1 - 1e-9)
    assert deviation <= sum(deviations) * (1 + 1e-9)


def test_the_order_of_the_rows_changes_nothing():
    forecast = {(n, MONDAY): Moments(0.1 * n + 0.3, 0.7 * n + 0.1) for n in range(50)}
    recipes = {n: {"salt": Fraction(n + 1, 7)} for n in range(50)}
    backwards = dict(reversed(forecast.items()))
    assert explosion.explode(forecast, recipes, 0.1) == explosion.explode(backwards, recipes, 0.1)


def test_drivers_name_the_dishes_behind_a_need_greatest_first():
    forecast = {
        ("margherita", MONDAY): Moments(10, 16),
        ("calzone", MONDAY): Moments(5, 9),
        ("calzone", TUESDAY): Moments(20, 9),
        ("espresso", MONDAY): Moments(80, 100),
    }
    assert explosion.drivers(forecast, RECIPES, "mozzarella", [MONDAY]) == [
        Driver("margherita", 10, 1200),
        Driver("calzone", 5, 400),
    ]
    assert explosion.drivers(forecast, RECIPES, "mozzarella", [MONDAY, TUESDAY]) == [
        Driver("calzone", 25, 2000),
        Driver("margherita", 10, 1200),
    ]


def test_the_share_with_complete_recipes_is_by_portions():
    assert explosion.covered_share({"margherita": 30, "espresso": 10}, ["margherita"]) == 0.75
    assert explosion.covered_share({}, []) == 0
