"""Forecasts, for programs: what is expected, an integrator's own forecasts, and runs in the background."""

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.cache import cache
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from forecasting import forecast
from forecasting.api import dayparts
from forecasting.api.dayparts import DayAskedSerializer, DaySplitSerializer
from forecasting.models import Forecast, Run
from forecasting.tasks import run_forecast
from menu.models import MenuItem
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.tasks import enqueue

LIST_SECONDS = 3600
MAX_DAYS_AHEAD = 366
CURRENT = "current"


class NothingToForecast(APIException):
    """The state of the restaurant does not allow a run yet."""

    status_code = 409
    problem_code = "conflict"


class MenuItemNameSerializer(serializers.ModelSerializer[MenuItem]):
    """Which menu item."""

    class Meta:
        model = MenuItem
        fields = ["id", "name", "category"]


class QuantilesSerializer(serializers.Serializer[Forecast]):
    """Units that sales stay at or below with the probability in the name: q90 in nine of ten cases."""

    q10 = serializers.DecimalField(max_digits=12, decimal_places=3)
    q25 = serializers.DecimalField(max_digits=12, decimal_places=3)
    q50 = serializers.DecimalField(max_digits=12, decimal_places=3)
    q75 = serializers.DecimalField(max_digits=12, decimal_places=3)
    q90 = serializers.DecimalField(max_digits=12, decimal_places=3)
    q95 = serializers.DecimalField(max_digits=12, decimal_places=3)


class ForecastSerializer(serializers.ModelSerializer[Forecast]):
    """The forecast of one menu item and business date, in units sold."""

    menu_item = MenuItemNameSerializer()
    predicted_quantity = serializers.DecimalField(
        source="mean", max_digits=12, decimal_places=3, help_text="Expected units (the mean)."
    )
    engine_quantity = serializers.DecimalField(
        source="engine_mean",
        max_digits=12,
        decimal_places=3,
        help_text="Expected units before events of the calendar and overrides.",
    )
    quantiles = serializers.SerializerMethodField(help_text="Null in an integrator's forecast.")
    run = serializers.UUIDField(source="run_id", help_text="The run that it belongs to.")

    class Meta:
        model = Forecast
        fields = [
            "id", "menu_item", "date", "predicted_quantity", "engine_quantity", "confidence", "quantiles", "run",
        ]  # fmt: skip

    @extend_schema_field(QuantilesSerializer(allow_null=True))
    def get_quantiles(self, row: Forecast) -> dict[str, Any] | None:
        return None if row.q10 is None else QuantilesSerializer(row).data


class RoundedField(serializers.DecimalField):
    """A number that is rounded to the places that are kept: programs compute with more."""

    def validate_precision(self, value: Decimal) -> Decimal:
        try:
            return super().validate_precision(self.quantize(value))
        except InvalidOperation:
            self.fail("max_digits", max_digits=self.max_digits)


class NewForecastSerializer(serializers.Serializer[Forecast]):
    """An integrator's own forecast."""

    menu_item = serializers.PrimaryKeyRelatedField(
        queryset=MenuItem.objects.all(), pk_field=serializers.UUIDField(), help_text="Id of the menu item."
    )
    date = serializers.DateField(help_text="Business date, today or later.")
    predicted_quantity = RoundedField(
        max_digits=12, decimal_places=3, help_text="Expected units, more than 0; rounded to thousandths."
    )
    confidence = RoundedField(
        max_digits=5,
        decimal_places=4,
        min_value=0,
        max_value=1,
        help_text="Probability that actual sales fall within ±20 % (at least ±2 units) of it: 0 to 1.",
    )
    feeds_orders = serializers.BooleanField(
        default=False, help_text="Whether order suggestions take it in place of Flux's own for that item and date."
    )

    def to_internal_value(self, data: Any) -> Any:
        """Refuse members that do not exist: a misspelt one would silently mean its default."""
        unknown = (
            {name: ["There is no such member."] for name in set(data) - set(self.fields)}
            if isinstance(data, dict)
            else {}
        )
        if unknown:
            raise serializers.ValidationError(unknown, code="unknown")
        return super().to_internal_value(data)

    def validate_predicted_quantity(self, value: Any) -> Any:
        if value <= 0:
            raise serializers.ValidationError("This must be more than 0.", code="min_value")
        return value

    def validate_date(self, value: Any) -> Any:
        today = current_restaurant().business_date(timezone.now())
        if not 0 <= (value - today).days <= MAX_DAYS_AHEAD:
            raise serializers.ValidationError(
                f"This must be a business date from today ({today}) to {MAX_DAYS_AHEAD} days ahead.",
                code="out_of_range",
            )
        return value


class RunField(forms.UUIDField):
    """An id, or the word for the run that pages show."""

    def to_python(self, value: Any) -> Any:
        return CURRENT if value == CURRENT else super().to_python(value)


@extend_schema_field(OpenApiTypes.STR)
class RunFilter(filters.UUIDFilter):
    """Forecasts of one run."""

    field_class = RunField

    def filter(self, qs: QuerySet[Forecast], value: Any) -> QuerySet[Forecast]:
        if value != CURRENT:
            return super().filter(qs, value)
        run = Run.objects.current()
        return qs.filter(run=run) if run else qs.none()


class ForecastFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    menu_item = filters.UUIDFilter(field_name="menu_item_id", label="Id of the menu item.")
    category = filters.CharFilter(field_name="menu_item__category", label="Category of the menu item, exactly.")
    date = filters.DateFilter(label="Business date.")
    date_from = filters.DateFilter(field_name="date", lookup_expr="gte", label="First business date.")
    date_to = filters.DateFilter(field_name="date", lookup_expr="lte", label="Last business date, itself included.")
    run = RunFilter(
        field_name="run_id", label="Id of the run, or `current`: the one that pages show and orders rest on."
    )
    origin = filters.ChoiceFilter(field_name="run__origin", choices=Run.Origin.choices, label="Who made it.")


@extend_schema(tags=["forecasts"])
class ForecastViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Forecast]):
    """Forecasts by menu item and business date, the newest run's first."""

    scope = "forecasts"
    queryset = Forecast.objects.select_related("menu_item").order_by(
        "-run__created_at", "-run_id", "date", "menu_item__name", "id"
    )
    serializer_class = ForecastSerializer
    filterset_class = ForecastFilter

    def get_queryset(self) -> QuerySet[Forecast]:
        """Of a dish that is off the menu, only what was said of days that are over."""
        today = current_restaurant().business_date(timezone.now())
        return super().get_queryset().still_meant(today)  # type: ignore[attr-defined]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of forecasts. It is kept for an hour, or until the next forecast is written."""
        address = hashlib.sha256(request.build_absolute_uri().encode()).hexdigest()
        key = f"forecasts:{forecast.list_version()}:{address}"
        page = cache.get(key)
        if page is None:
            page = super().list(request, *args, **kwargs).data
            cache.set(key, page, LIST_SECONDS)
        return Response(page)

    @extend_schema(parameters=[DayAskedSerializer], responses=DaySplitSerializer)
    @action(detail=False, pagination_class=None, filterset_class=None)
    def dayparts(self, request: Request) -> Response:
        """A day's forecast of every item on the menu, spread over the parts of the day."""
        asked = DayAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        restaurant = current_restaurant()
        day = asked.validated_data.get("date") or restaurant.business_date(timezone.now())
        found = dayparts.read(restaurant, day)
        return Response(DaySplitSerializer(found).data)

    @extend_schema(request=NewForecastSerializer, responses={201: ForecastSerializer})
    def create(self, request: Request) -> Response:
        """Record an integrator's own forecast of a menu item and date.

        It is kept beside Flux's and feeds no order unless `feeds_orders` says so.
        """
        asked = NewForecastSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values, now = asked.validated_data, timezone.now()
        kept = forecast.record(
            values["menu_item"],
            date=values["date"],
            predicted_quantity=values["predicted_quantity"],
            confidence=values["confidence"],
            today=current_restaurant().business_date(now),
            now=now,
            by=asking(request),
            feeds_orders=values["feeds_orders"],
        )
        address = request.build_absolute_uri(reverse("api:forecast-detail", args=[kept.pk]))
        return Response(self.get_serializer(kept).data, status=201, headers={"Location": address})


class ForecastRunSerializer(serializers.ModelSerializer[Run]):
    """A run: how far it is, and how its method did on the restaurant's own last weeks."""

    url = serializers.SerializerMethodField(help_text="Its address.")
    forecasts = serializers.SerializerMethodField(help_text="Address of its forecasts.")
    progress = serializers.FloatField(help_text="Share of the steps that are done, 0 to 1.")

    class Meta:
        model = Run
        fields = [
            "id", "url", "origin", "status", "progress", "cutoff_on", "horizon_days", "model_version", "feeds_orders",
            "timings", "report", "error", "created_at", "started_at", "finished_at", "forecasts",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, row: Run) -> str:
        return self._absolute(reverse("api:forecast-run-detail", args=[row.pk]))

    def get_forecasts(self, row: Run) -> str:
        return self._absolute(f"{reverse('api:forecast-list')}?run={row.pk}")

    def _absolute(self, path: str) -> str:
        return str(self.context["request"].build_absolute_uri(path))


class ForecastRunFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    status = filters.ChoiceFilter(choices=Run.Status.choices, label="Its state.")
    origin = filters.ChoiceFilter(choices=Run.Origin.choices, label="Who made it.")


@extend_schema(tags=["forecasts"])
class ForecastRunViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Run]):
    """Runs, newest first. Each forecasts the whole menu for the next 35 days."""

    scope = "forecasts"
    queryset = Run.objects.order_by("-created_at", "-id")
    serializer_class = ForecastRunSerializer
    filterset_class = ForecastRunFilter

    @extend_schema(
        request=None,
        responses={201: ForecastRunSerializer, 409: OpenApiResponse(description="There are no sales yet.")},
    )
    def create(self, request: Request) -> Response:
        """Start a run in the background. Its address is in the header `Location`; one that waits already is given."""
        restaurant = current_restaurant()
        try:
            started = forecast.start(restaurant, now=timezone.now(), requested_by_id=asking(request).pk)
        except forecast.NoSales as problem:
            raise NothingToForecast(str(problem)) from problem
        enqueue(run_forecast, restaurant, run_id=started.pk)
        answer = self.get_serializer(started).data
        return Response(answer, status=201, headers={"Location": answer["url"]})
