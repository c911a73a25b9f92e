"""The menu, for programs: what is sold, at what price, and what it is made of."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from menu.models import MenuItem, RecipeLine
from tenants.access import HidesMoney
from tenants.context import current_restaurant


class MenuItemSerializer(HidesMoney, serializers.ModelSerializer[MenuItem]):
    """A menu item."""

    currency = serializers.SerializerMethodField(help_text="Of the price: the restaurant's own (ISO 4217).")

    class Meta:
        model = MenuItem
        fields = ["id", "name", "category", "price", "currency", "is_active", "created_at"]
        money_fields: ClassVar = ["price"]

    def get_currency(self, _item: MenuItem) -> str:
        return current_restaurant().currency


class RecipeLineSerializer(serializers.ModelSerializer[RecipeLine]):
    """An amount of an ingredient in one portion."""

    ingredient = serializers.CharField(source="ingredient.name")
    ingredient_id = serializers.UUIDField()

    class Meta:
        model = RecipeLine
        fields = ["ingredient_id", "ingredient", "quantity", "unit", "yield_share"]


class MenuItemWithRecipeSerializer(MenuItemSerializer):
    """A menu item with the recipe of one portion."""

    recipe = RecipeLineSerializer(many=True, source="recipe_lines")

    class Meta(MenuItemSerializer.Meta):
        fields = [*MenuItemSerializer.Meta.fields, "recipe"]


class MenuItemFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    name = filters.CharFilter(lookup_expr="icontains", label="Part of the name, in any case.")
    category = filters.CharFilter(lookup_expr="iexact", label="The whole category, in any case.")
    is_active = filters.BooleanFilter(label="Whether it is on the menu.")


@extend_schema(tags=["menu"])
class MenuItemViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[MenuItem]):
    """Menu items by name. They appear by themselves with the first sale; one item comes with its recipe."""

    scope = "menu"
    queryset = MenuItem.objects.order_by("name", "id")
    filterset_class = MenuItemFilter

    def get_queryset(self) -> QuerySet[MenuItem]:
        items = super().get_queryset()
        return items.prefetch_related("recipe_lines__ingredient") if self.action == "retrieve" else items

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return MenuItemWithRecipeSerializer if self.action == "retrieve" else MenuItemSerializer
