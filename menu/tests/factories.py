from decimal import Decimal

import factory

from menu.models import Ingredient, MenuItem, RecipeLine


class MenuItemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = MenuItem

    name = factory.Sequence(lambda n: f"Dish {n}")
    category = "Mains"
    price = Decimal("12.50")


class IngredientFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Ingredient

    name = factory.Sequence(lambda n: f"Ingredient {n}")
    base_unit = "g"


class RecipeLineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = RecipeLine

    menu_item = factory.SubFactory(MenuItemFactory)
    ingredient = factory.SubFactory(IngredientFactory)
    quantity = Decimal(100)
    unit = "g"
