"""Recipes and ingredients in the portal."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from menu.models import Ingredient, MenuItem, RecipeLine


@pytest.fixture
def soup(restaurant: object) -> MenuItem:
    return MenuItem.objects.create(name="Tomato soup", price=Decimal("7.50"))


@pytest.fixture
def tomato(restaurant: object) -> Ingredient:
    return Ingredient.objects.create(name="Tomato", base_unit="g")


def add(portal: Client, soup: MenuItem, **line: object) -> object:
    fields = {"quantity": "250", "unit": "g", "yield_percent": "80", **line}
    return portal.post(reverse("menu:recipe_line_add", args=[soup.pk]), fields, follow=True)


def test_a_line_is_added_and_shown_as_purchased(portal: Client, soup: MenuItem, tomato: Ingredient) -> None:
    page = add(portal, soup, ingredient=tomato.pk).content.decode()
    line = soup.recipe_lines.get()
    assert (line.quantity, line.unit, line.yield_share) == (250, "g", Decimal("0.8"))
    assert "312.5\N{NO-BREAK SPACE}g" in page


def test_units_that_do_not_convert_are_refused_with_the_question(
    portal: Client, soup: MenuItem, tomato: Ingredient
) -> None:
    response = add(portal, soup, ingredient=tomato.pk, quantity="2", unit="each")
    assert response.status_code == 422
    assert "Tomato is counted in g. How many grams does one Tomato weigh?" in response.content.decode()
    assert not soup.recipe_lines.exists()


def test_an_ingredient_is_in_a_recipe_once(portal: Client, soup: MenuItem, tomato: Ingredient) -> None:
    add(portal, soup, ingredient=tomato.pk)
    response = add(portal, soup, ingredient=tomato.pk, quantity="10")
    assert "This ingredient is already in the recipe." in response.content.decode()
    assert soup.recipe_lines.count() == 1


def test_a_line_is_changed_and_removed(portal: Client, soup: MenuItem, tomato: Ingredient) -> None:
    line = RecipeLine.objects.create(menu_item=soup, ingredient=tomato, quantity=200, unit="g")
    change = reverse("menu:recipe_line", args=[line.pk])
    assert portal.get(change).status_code == 200
    portal.post(change, {"ingredient": tomato.pk, "quantity": "0.2", "unit": "kg", "yield_percent": "100"})
    line.refresh_from_db()
    assert (line.quantity, line.unit) == (Decimal("0.2"), "kg")
    portal.post(reverse("menu:recipe_line_remove", args=[line.pk]))
    assert not soup.recipe_lines.exists()


def test_a_line_that_stopped_converting_asks_on_the_dishs_page(
    portal: Client, soup: MenuItem, tomato: Ingredient
) -> None:
    RecipeLine.objects.create(menu_item=soup, ingredient=tomato, quantity=2, unit="each")
    page = portal.get(reverse("menu:item", args=[soup.pk])).content.decode()
    assert "How many grams does one Tomato weigh?" in page
    assert reverse("menu:ingredient", args=[tomato.pk]) in page


def test_an_ingredient_is_made_and_keeps_its_base_unit(portal: Client) -> None:
    portal.post(reverse("menu:ingredient_add"), {"name": "Olive oil", "base_unit": "ml"})
    oil = Ingredient.objects.get()
    portal.post(
        reverse("menu:ingredient", args=[oil.pk]), {"name": "Olive oil", "base_unit": "g", "grams_per_ml": "0.91"}
    )
    oil.refresh_from_db()
    assert (oil.base_unit, oil.grams_per_ml) == ("ml", Decimal("0.91"))


def test_a_name_is_taken_once_whatever_its_case(portal: Client, tomato: Ingredient) -> None:
    response = portal.post(reverse("menu:ingredient_add"), {"name": "tomato", "base_unit": "g"})
    assert "There is already an ingredient of this name." in response.content.decode()


def test_ingredients_are_listed_by_name_with_the_dishes_that_use_them(soup: MenuItem, tomato: Ingredient) -> None:
    Ingredient.objects.create(name="basil", base_unit="g")
    RecipeLine.objects.create(menu_item=soup, ingredient=tomato, quantity=1, unit="g")
    found = Ingredient.objects.with_dish_count()
    assert [(ingredient.name, ingredient.dishes) for ingredient in found] == [("basil", 0), ("Tomato", 1)]


def test_the_kitchen_reads_and_does_not_change(kitchen_portal: Client, soup: MenuItem, tomato: Ingredient) -> None:
    page = kitchen_portal.get(reverse("menu:item", args=[soup.pk]))
    assert page.status_code == 200
    assert "Add to the recipe" not in page.content.decode()
    assert kitchen_portal.get(reverse("menu:ingredients")).status_code == 200
    assert add(kitchen_portal, soup, ingredient=tomato.pk).status_code == 403
    assert kitchen_portal.get(reverse("pages:dish_edit", args=[soup.pk])).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_ask_as_much_for_three_rows_as_for_one(
    portal: Client, soup: MenuItem, rows: int, django_assert_num_queries: object
) -> None:
    for number in range(rows):
        ingredient = Ingredient.objects.create(name=f"Herb {number}", base_unit="g")
        RecipeLine.objects.create(menu_item=soup, ingredient=ingredient, quantity=1, unit="g")
    portal.get("/menu/ingredients/")  # the session and the host are remembered from here on
    with django_assert_num_queries(3):
        portal.get(reverse("menu:ingredients"))
    with django_assert_num_queries(7):
        portal.get(reverse("menu:item", args=[soup.pk]))
