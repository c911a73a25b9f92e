"""What the audit trail says of dishes, recipes and ingredients."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from menu import recipe_file
from menu.models import RecipeLine
from menu.recipe_file import Defaults
from menu.tests.factories import IngredientFactory, MenuItemFactory, RecipeLineFactory
from tenants.actors import FLUX
from tenants.office.models import AuditEntry

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)

pytestmark = pytest.mark.usefixtures("restaurant")


def trail() -> list[tuple]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "subject_label", "before", "after"))


def test_a_menu_price_says_both(portal: Client, manager):
    soup = MenuItemFactory(name="Soup", price="8.50", category="Starters")
    form = {"category": "Starters", "price": "9", "is_active": "on"}
    for _ in range(2):
        portal.post(reverse("pages:dish_edit", args=[soup.pk]), form)
    assert trail() == [("price.changed", "Soup", {"price": "8.5"}, {"price": "9"})]
    assert AuditEntry.objects.get().user_id == manager.pk


def test_a_dish_that_leaves_the_menu(portal: Client):
    soup = MenuItemFactory(name="Soup", price="8.50", category="Starters")
    portal.post(reverse("pages:dish_edit", args=[soup.pk]), {"category": "Starters", "price": "8.50"})
    assert trail() == [("menuitem.changed", "Soup", {"is_active": True}, {"is_active": False})]


def test_an_ingredient_is_added_and_changed(portal: Client):
    form = {"name": "Flour", "base_unit": "g", "grams_per_ml": "0.5"}
    portal.post(reverse("menu:ingredient_add"), form)
    flour = AuditEntry.objects.get().subject_key
    portal.post(reverse("menu:ingredient", args=[flour]), form | {"grams_per_ml": "0.6"})
    assert trail() == [
        ("ingredient.added", "Flour", {}, {"name": "Flour", "base_unit": "g", "grams_per_ml": "0.5"}),
        ("ingredient.changed", "Flour", {"grams_per_ml": "0.5"}, {"grams_per_ml": "0.6"}),
    ]


def test_a_recipe_says_what_a_portion_took_and_takes(portal: Client):
    soup, tomato = MenuItemFactory(name="Soup"), IngredientFactory(name="Tomato")
    form = {"ingredient": tomato.pk, "quantity": "250", "unit": "g", "yield_percent": "80"}
    portal.post(reverse("menu:recipe_line_add", args=[soup.pk]), form)
    line = RecipeLine.objects.get()
    for _ in range(2):
        portal.post(reverse("menu:recipe_line", args=[line.pk]), form | {"quantity": "0.3", "unit": "kg"})
    portal.post(reverse("menu:recipe_line_remove", args=[line.pk]))
    first, then = "250 g, 80 % usable", "0.3 kg, 80 % usable"
    assert trail() == [
        ("recipe.changed", "Soup", {}, {"Tomato": first}),
        ("recipe.changed", "Soup", {"Tomato": first}, {"Tomato": then}),
        ("recipe.changed", "Soup", {"Tomato": then}, {}),
    ]


def recipes(dishes: int, quantity: int) -> bytes:
    lines = "".join(f"Dish {i},Salt,{quantity},g\n" for i in range(dishes))
    return f"item,ingredient,quantity,unit\n{lines}".encode()


@pytest.mark.parametrize("dishes", [1, 40])
def test_a_file_of_recipes_writes_its_entries_in_one_statement(dishes, django_assert_num_queries):
    for i in range(dishes):
        RecipeLineFactory(menu_item__name=f"Dish {i}", ingredient__name="Salt" if i == 0 else f"Spice {i}")
    load = {"columns": {}, "defaults": Defaults(), "by": FLUX, "at": NOW}
    recipe_file.load(recipes(dishes, 5), **load)
    assert {entry[0] for entry in trail()} == {"recipe.changed"}
    assert len(trail()) == dishes
    with django_assert_num_queries(8):
        recipe_file.load(recipes(dishes, 6), **load)
    assert trail()[-1][2:] == ({"Salt": "5 g"}, {"Salt": "6 g"})
    recipe_file.load(recipes(dishes, 6), **load)
    assert len(trail()) == 2 * dishes
