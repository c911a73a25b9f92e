"""Overrides over the API. They stand here and not in `forecasting`, since orders follow them."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from flux import tasks
from forecasting import overrides
from forecasting.api.forecasts import RoundedField
from forecasting.models import Override, Scope
from menu.models import MenuItem
from tenants.actors import asking
from tenants.context import current_restaurant


class OverrideStands(APIException):
    """There is one already, or it cannot be undone any more."""

    status_code = 409
    problem_code = "conflict"


class OverrideSerializer(serializers.ModelSerializer[Override]):
    """What a person expects of a business date in place of the forecast, and how that fared."""

    menu_item = serializers.UUIDField(source="menu_item_id", allow_null=True, help_text="Id, where it is about one.")
    verdict = serializers.CharField(help_text="helped, hurt or even, once the day is over; else empty.")

    class Meta:
        model = Override
        fields = [
            "id", "date", "scope", "category", "menu_item", "effect", "amount", "reason", "author", "created_at",
            "undone_at", "units_before", "units_after", "units_sold", "verdict",
        ]  # fmt: skip
        read_only_fields = fields


class NewOverrideSerializer(serializers.Serializer[Override]):
    """What is expected instead."""

    date = serializers.DateField(help_text="A business date from today on, within the forecast.")
    scope = serializers.ChoiceField(Scope.choices, default=Scope.ALL, help_text="What it is about.")
    category = serializers.CharField(max_length=80, default="", help_text="With the scope `category`.")
    menu_item = serializers.PrimaryKeyRelatedField(
        queryset=MenuItem.objects.all(),
        pk_field=serializers.UUIDField(),
        default=None,
        help_text="With `item`: its id.",
    )
    effect = serializers.ChoiceField(Override.Effect.choices, help_text="What the amount is.")
    amount = RoundedField(
        max_digits=12, decimal_places=3, help_text="Percent more or less (-100 to 1000), or units expected in all."
    )
    reason = serializers.CharField(max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A category or an item exactly where the scope asks for one."""
        for name, scope in (("category", Scope.CATEGORY), ("menu_item", Scope.ITEM)):
            if bool(attrs[name]) != (attrs["scope"] == scope):
                told = f"This goes with the scope {scope}, and with no other."
                raise serializers.ValidationError({name: [told]}, code="scope")
        return attrs


class OverrideFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    date_from = filters.DateFilter(field_name="date", lookup_expr="gte", label="First business date.")
    date_to = filters.DateFilter(field_name="date", lookup_expr="lte", label="Last business date, itself included.")
    menu_item = filters.UUIDFilter(field_name="menu_item_id", label="Id of the menu item.")
    scope = filters.ChoiceFilter(choices=Scope.choices, label="What it is about.")
    verdict = filters.ChoiceFilter(choices=Override.Verdict.choices, label="How it fared.")
    undone = filters.BooleanFilter(
        field_name="undone_at", lookup_expr="isnull", exclude=True, label="Whether it was undone."
    )


@extend_schema(tags=["forecasts"])
class OverrideViewSet(ListModelMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet[Override]):
    """Overrides, the newest day first. Forecasts follow at once, and draft orders soon after."""

    scope = "forecasts"
    queryset = Override.objects.select_related("menu_item").order_by("-date", "-created_at", "-id")
    serializer_class = OverrideSerializer
    filterset_class = OverrideFilter

    @extend_schema(
        request=NewOverrideSerializer,
        responses={201: OverrideSerializer, 409: OpenApiResponse(description="There is one of that day already.")},
    )
    def create(self, request: Request) -> Response:
        """Expect something else of a day than the forecast does."""
        asked = NewOverrideSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values, restaurant = dict(asked.validated_data), current_restaurant()
        item = values.pop("menu_item")
        try:
            made = overrides.make(restaurant, **values, item=item, by=asking(request), now=timezone.now())
        except overrides.MadeAlready as problem:
            raise OverrideStands(str(problem)) from problem
        except overrides.Refused as problem:
            field = "menu_item" if problem.about == "item" else problem.about
            raise serializers.ValidationError({field: [str(problem)]}) from problem
        tasks.ask_for_suggestions(restaurant)
        address = request.build_absolute_uri(reverse("api:override-detail", args=[made.pk]))
        made.refresh_from_db()
        return Response(self.get_serializer(made).data, status=201, headers={"Location": address})

    @extend_schema(
        responses={204: None, 409: OpenApiResponse(description="The day is over, or it was undone already.")}
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Undo it: the forecast speaks again. The override stays in the list, with the time at which it was undone."""
        restaurant = current_restaurant()
        try:
            overrides.undo(restaurant, self.get_object().pk, by=asking(request), now=timezone.now())
        except overrides.Refused as problem:
            raise OverrideStands(str(problem)) from problem
        tasks.ask_for_suggestions(restaurant)
        return Response(status=204)
