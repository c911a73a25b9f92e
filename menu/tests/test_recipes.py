import io
from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from menu import recipes
from menu.models import Ingredient, RecipeLine
from menu.tests.factories import IngredientFactory, MenuItemFactory, RecipeLineFactory

pytestmark = pytest.mark.usefixtures("restaurant")


def test_the_book_says_what_a_portion_uses_as_purchased():
    line = RecipeLineFactory(quantity=Decimal("0.17"), unit="kg", yield_share=Decimal("0.85"))
    book = recipes.book()
    assert book.recipes == {line.menu_item_id: {line.ingredient_id: Fraction(200)}}
    assert (book.complete, book.refused) == ({line.menu_item_id}, ())


@pytest.mark.parametrize(
    ("unit", "question"),
    [("cup", "How many grams does 1 ml of Rice weigh?"), ("handful", "Which unit is meant?")],
)
def test_a_line_that_does_not_convert_makes_its_dish_incomplete(unit, question):
    rice = IngredientFactory(name="Rice")
    dish = RecipeLineFactory().menu_item
    RecipeLineFactory(menu_item=dish, ingredient=rice, unit=unit)
    book = recipes.book()
    assert (book.complete, book.doubtful_ingredients) == (frozenset(), {rice.pk})
    assert [(line.menu_item, line.ingredient, line.question) for line in book.refused] == [
        (dish.name, "Rice", question)
    ]
    assert len(book.recipes[dish.pk]) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_the_book_takes_one_query(count, django_assert_num_queries):
    RecipeLineFactory.create_batch(count)
    with django_assert_num_queries(1):
        recipes.book()


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"quantity": 0}, "positive_quantity"),
        ({"yield_share": 0}, "yield_is_a_share"),
        ({"yield_share": Decimal("1.1")}, "yield_is_a_share"),
        ({"ingredient__grams_per_ml": 0}, "positive_measures"),
        ({"ingredient__base_unit": "kg"}, "known_base_unit"),
        ({"ingredient__name": ""}, "ingredient_named"),
        ({"menu_item__name": ""}, "menuitem_named"),
        ({"menu_item__price": -1}, "price_not_negative"),
    ],
)
def test_the_database_refuses_what_must_not_be(fields, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RecipeLineFactory(**fields)


def test_names_are_unique_whatever_their_case():
    for factory, constraint in ((MenuItemFactory, "menuitem_unique_name"), (IngredientFactory, "ingredient_unique")):
        factory(name="Soup")
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            factory(name="soup")
    line = RecipeLineFactory()
    with pytest.raises(IntegrityError, match="once_per_ingredient"), transaction.atomic():
        RecipeLineFactory(menu_item=line.menu_item, ingredient=line.ingredient)


# ---- import_recipes


@pytest.fixture
def load(tmp_path):
    """Run the command on a text; what it printed."""

    def run(text, *options):
        path, out = tmp_path / "recipes.csv", io.StringIO()
        path.write_text(text)
        call_command("import_recipes", str(path), "--restaurant", "bistro", *options, stdout=out)
        return out.getvalue().strip()

    return run


def lines():
    found = RecipeLine.objects.order_by("menu_item__name", "ingredient__name")
    return [(str(line.menu_item), str(line.ingredient), line.quantity, line.unit) for line in found]


SOUP = "item,ingredient,quantity,unit,yield\nsoup,Tomato,0.25,kg,0.8\nSoup,Salt,1,tsp,\n"


def test_recipes_come_from_a_file_and_twice_changes_nothing(load):
    MenuItemFactory(name="Soup")
    assert load(SOUP) == "1 dishes: 2 lines added, 0 changed, 0 removed; 2 new ingredients."
    assert lines() == [("Soup", "Salt", 1, "tsp"), ("Soup", "Tomato", Decimal("0.25"), "kg")]
    assert list(Ingredient.objects.values_list("name", "base_unit")) == [("Salt", "ml"), ("Tomato", "g")]
    assert load(SOUP) == "1 dishes: 0 lines added, 0 changed, 0 removed; 0 new ingredients."


def test_a_file_is_authoritative_for_its_dishes_only(load):
    soup, other = MenuItemFactory(name="Soup"), RecipeLineFactory(menu_item__name="Other")
    RecipeLineFactory(menu_item=soup, ingredient__name="Cream")
    RecipeLineFactory(menu_item=soup, ingredient__name="Tomato", quantity=10, unit="g")
    assert load(SOUP) == "1 dishes: 1 lines added, 1 changed, 1 removed; 1 new ingredients."
    assert [line[:2] for line in lines()] == [("Other", str(other.ingredient)), ("Soup", "Salt"), ("Soup", "Tomato")]


def test_columns_amounts_and_sizes_can_be_said_once_for_the_whole_file(load):
    for name in ("margherita_s", "margherita_l"):
        MenuItemFactory(name=name)
    text = "pizza,component\nmargherita,Mozzarella\n"
    sizes = ("--sizes", "_s=0.8", "_m=1", "_l=1.3")
    load(text, "--map", "item=pizza", "ingredient=component", "--quantity", "50", "--unit", "g", *sizes)
    assert lines() == [("margherita_l", "Mozzarella", 65, "g"), ("margherita_s", "Mozzarella", 40, "g")]


def test_every_fault_is_named_and_nothing_is_half_done(load):
    MenuItemFactory(name="Soup")
    text = (
        SOUP
        + "Soup,Salt,2,g,\nStew,Beef,some,kg,\nSoup,Basil,1,handful,\nSoup,Oil,0,ml,\nSoup,Ham,1,g,85\nStew,Ham,1,g,\n"
    )
    with pytest.raises(CommandError) as refused:
        load(text)
    assert str(refused.value).splitlines() == [
        "Nothing was changed; 6 faults:",
        "line 4, ingredient “Salt”: twice in Soup",
        "line 5, quantity “some”: this is not a number",
        "line 6, unit “handful”: this is not a known unit",
        "line 7, quantity “0”: this must be above 0",
        "line 8, yield “85”: this must be above 0 and at most 1",
        "line 9, item “Stew”: no menu item has this name",
    ]
    assert (lines(), Ingredient.objects.count()) == ([], 0)


def test_dishes_that_are_not_on_the_menu_can_be_left_out(load):
    MenuItemFactory(name="Soup")
    said = load(SOUP + "Stew,Beef,1,kg,\n", "--skip-unknown")
    assert said.splitlines()[1] == "Not on the menu: Stew"
    assert Ingredient.objects.count() == 2


@pytest.mark.parametrize("options", [["--map", "item"], ["--sizes", "_s=none"], ["--sizes", "_s=0"]])
def test_options_that_make_no_sense_are_refused(load, options):
    with pytest.raises(CommandError):
        load(SOUP, *options)


def test_an_unknown_restaurant_is_named(tmp_path):
    with pytest.raises(CommandError, match="There is no restaurant “nowhere”"):
        call_command("import_recipes", str(tmp_path), "--restaurant", "nowhere")
