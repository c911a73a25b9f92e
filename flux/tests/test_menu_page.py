"""The list of dishes with their sales and the state of their recipes."""

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client

from flux.pages.menu import menu_page
from menu.models import Ingredient, MenuItem, RecipeLine
from pos.models import DailySales

DAY = dt.date(2026, 11, 21)


def dish(name: str, units: int = 0, net: str | None = None, unit: str = "") -> MenuItem:
    """A dish with sales on DAY, and a recipe in `unit` of something counted in grams."""
    made = MenuItem.objects.create(name=name)
    if units:
        DailySales.objects.create(menu_item=made, business_date=DAY, quantity=units, net_sales=net and Decimal(net))
    if unit:
        flour = Ingredient.objects.get_or_create(name="Flour", base_unit="g")[0]
        RecipeLine.objects.create(menu_item=made, ingredient=flour, quantity=1, unit=unit)
    return made


def test_best_seller_first_with_its_share_and_the_state_of_its_recipe(restaurant: object) -> None:
    dish("Bread", 30, "60", unit="g")
    dish("Cake", 10, "120", unit="each")
    dish("Tea", 10, "20")
    dish("Soup")
    page = menu_page()
    assert page.measure == "net sales"
    assert [(row.dish.name, row.share, row.recipe) for row in page.rows] == [
        ("Cake", 0.6, "incomplete"),
        ("Bread", 0.3, "complete"),
        ("Tea", 0.1, "no_recipe"),
        ("Soup", 0, "no_recipe"),
    ]
    assert (page.recipe_share, page.with_recipe, page.without_recipe) == (0.3, 1, 3)


def test_without_prices_the_share_is_of_units(restaurant: object) -> None:
    dish("Bread", 30)
    dish("Cake", 10)
    page = menu_page()
    assert (page.measure, [row.share for row in page.rows]) == ("units", [0.75, 0.25])


def test_a_search_keeps_what_was_asked(restaurant: object) -> None:
    dish("Bread", 30, unit="g")
    dish("Rye bread", 10)
    page = menu_page(query="bread", only_open=True)
    assert [row.dish.name for row in page.shown] == ["Rye bread"]
    assert page.kept == "q=bread&recipe=open&"


def test_a_new_restaurant_is_told_where_dishes_come_from(portal: Client) -> None:
    assert "Dishes come from your sales" in portal.get("/menu/").content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_as_much_for_three_dishes_as_for_one(
    portal: Client, rows: int, django_assert_num_queries: object
) -> None:
    for number in range(rows):
        dish(f"Dish {number}", 5, "10", unit="g")
    portal.get("/menu/")
    with django_assert_num_queries(6):
        portal.get("/menu/")
