"""The menu, for programs: what is sold, at what price, and what it is made of."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from menu import sold_out
from menu.models import MenuItem, RecipeLine, SoldOut
from tenants.access import EVERYBODY, HidesMoney
from tenants.actors import asking
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


class OffTheMenu(APIException):
    """A dish that is off the menu cannot run out."""

    status_code = 409
    problem_code = "conflict"


class SoldOutSerializer(serializers.ModelSerializer[SoldOut]):
    """A dish ran out on a business date: its sales of that day are the least that was asked for."""

    menu_item = serializers.UUIDField(source="menu_item_id", help_text="Id of the menu item.")
    name = serializers.CharField(source="menu_item.name", help_text="Name of the menu item.")
    by = serializers.UUIDField(source="by_id", allow_null=True, help_text="Who said or confirmed it; null for nobody.")

    class Meta:
        model = SoldOut
        fields = ["id", "menu_item", "name", "business_date", "from_at", "until_at", "source", "by", "dismissed_at"]
        extra_kwargs: ClassVar = {"dismissed_at": {"help_text": "When somebody said that it had not run out."}}
        read_only_fields = fields


class NewSoldOutSerializer(serializers.Serializer[SoldOut]):
    """Which dish has run out."""

    menu_item = serializers.PrimaryKeyRelatedField(
        queryset=MenuItem.objects.all(), pk_field=serializers.UUIDField(), help_text="Id of the menu item."
    )


class SoldOutFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    menu_item = filters.UUIDFilter(field_name="menu_item_id", label="Id of the menu item.")
    date_from = filters.DateFilter(field_name="business_date", lookup_expr="gte", label="First business date.")
    date_to = filters.DateFilter(field_name="business_date", lookup_expr="lte", label="Last one, itself included.")
    source = filters.ChoiceFilter(choices=SoldOut.Source.choices, label="How it came to be known.")
    open = filters.BooleanFilter(field_name="until_at", lookup_expr="isnull", label="Whether it has no end yet.")
    dismissed = filters.BooleanFilter(
        field_name="dismissed_at", lookup_expr="isnull", exclude=True, label="Whether somebody said that it was none."
    )


@extend_schema(tags=["menu"])
class SoldOutViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[SoldOut]):
    """Dishes that ran out (86), the newest first. Everybody may say so, and that a dish is back."""

    scope = "menu"
    write_roles = EVERYBODY
    queryset = SoldOut.objects.select_related("menu_item").order_by("-business_date", "-from_at", "-id")
    serializer_class = SoldOutSerializer
    filterset_class = SoldOutFilter

    @extend_schema(
        request=NewSoldOutSerializer,
        responses={201: SoldOutSerializer, 409: OpenApiResponse(description="The dish is off the menu.")},
    )
    def create(self, request: Request) -> Response:
        """A dish has run out now, for the rest of the business date. One that is out already stays as it is."""
        asked = NewSoldOutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        item, restaurant = asked.validated_data["menu_item"], current_restaurant()
        try:
            row = sold_out.mark(item, restaurant=restaurant, by=asking(request), at=timezone.now())
        except sold_out.NotOnTheMenu as problem:
            raise OffTheMenu(str(problem)) from problem
        address = request.build_absolute_uri(reverse("api:sold-out-detail", args=[row.pk]))
        return Response(self.get_serializer(row).data, status=201, headers={"Location": address})

    @extend_schema(request=None, description="The dish is to be had again. Nothing changes where it is not out.")
    @action(detail=True, methods=["post"], filterset_class=None)
    def back(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        if row.until_at is None and row.dismissed_at is None:
            sold_out.back(row.menu_item, restaurant=current_restaurant(), by=asking(request), at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, description="It had not run out: the day counts as any other.")
    @action(detail=True, methods=["post"], filterset_class=None)
    def dismiss(self, request: Request, pk: str) -> Response:
        row = sold_out.dismiss(self.get_object().pk, by=asking(request), at=timezone.now())
        return Response(self.get_serializer(row).data)
