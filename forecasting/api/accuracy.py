"""How good forecasts were, for programs: by week and by menu item."""

import datetime as dt
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from forecasting import scoreboard
from forecasting.models import Score
from tenants.access import HidesMoney
from tenants.context import current_restaurant

WEEKS = 8  # told where no date is asked for
BOUNDS = [MinValueValidator(dt.date(2000, 1, 1)), MaxValueValidator(dt.date(2100, 12, 31))]


class ErrorsSerializer(HidesMoney):
    """How far one way to expect was off."""

    wape = serializers.FloatField(allow_null=True, help_text="Units off, of all units sold; null where none was.")
    bias = serializers.FloatField(allow_null=True, help_text="Too much (above 0) or too little, of all units sold.")
    over_prepared = serializers.FloatField(source="over", help_text="Net sales of the units that were too many.")
    under_prepared = serializers.FloatField(source="under", help_text="Net sales of the units that were too few.")

    class Meta:
        money_fields: ClassVar = ["over_prepared", "under_prepared"]


class TallySerializer(serializers.Serializer[Any]):
    """What a set of days of items comes to; days on which an item ran out are left out."""

    units_sold = serializers.FloatField(source="sold")
    item_days = serializers.IntegerField(source="dish_days", help_text="Days of items that were scored.")
    item_days_compared = serializers.IntegerField(
        source="compared", help_text="Those with a same-weekday mean, on which the three are compared."
    )
    flux = ErrorsSerializer(help_text="Flux with the calendar, without overrides.")
    final = ErrorsSerializer(help_text="The same with people's overrides.")
    same_weekday = ErrorsSerializer(source="usual", help_text="The mean of the same weekday over four weeks.")
    coverage = serializers.FloatField(
        allow_null=True, help_text="Share of sales between q10 and q90, of items of which 5 or more were expected."
    )


class WeekSerializer(serializers.Serializer[Any]):
    """A week."""

    week_of = serializers.DateField(source="monday", help_text="Its Monday.")
    accuracy = TallySerializer(source="tally")


class ItemSerializer(serializers.Serializer[Any]):
    """A menu item."""

    menu_item = serializers.UUIDField(source="item_id", help_text="Id of the menu item.")
    name = serializers.CharField()
    accuracy = TallySerializer(source="tally")


@extend_schema_serializer(many=False)
class AccuracySerializer(serializers.Serializer[Any]):
    """What was expected before each day beside what was sold on it."""

    date_from = serializers.DateField(source="first")
    date_to = serializers.DateField(source="last")
    currency = serializers.SerializerMethodField(help_text="Of the money: the restaurant's own (ISO 4217).")
    total = TallySerializer(source="whole")
    weeks = WeekSerializer(many=True, help_text="The newest first.")
    items = ItemSerializer(many=True, help_text="First those for which Flux was nearest beside the same weekday.")

    def get_currency(self, _board: Any) -> str:
        return current_restaurant().currency


class AccuracyFilter(filters.FilterSet):
    """What it may be narrowed to."""

    menu_item = filters.UUIDFilter(field_name="menu_item_id", label="Id of the menu item.")
    date_from = filters.DateFilter(
        field_name="date",
        lookup_expr="gte",
        label="First business date; eight weeks back if it is not said.",
        validators=BOUNDS,
    )
    date_to = filters.DateFilter(
        field_name="date", lookup_expr="lte", label="Last business date, itself included.", validators=BOUNDS
    )


@extend_schema(tags=["forecasts"])
class AccuracyViewSet(GenericViewSet[Score]):
    """How good the forecasts were, by week and by item."""

    scope = "forecasts"
    queryset = Score.objects.all()
    serializer_class = AccuracySerializer
    filterset_class = AccuracyFilter
    pagination_class = None

    def list(self, request: Request) -> Response:
        """Flux, Flux with overrides, and the same-weekday mean, on the same days of the same items."""
        nothing = self.filter_queryset(self.get_queryset().none())  # refuses what it cannot read
        asked = AccuracyFilter(request.query_params, queryset=nothing).form
        asked.is_valid()
        said, yesterday = asked.cleaned_data, current_restaurant().business_date(timezone.now()) - dt.timedelta(days=1)
        last = said["date_to"] or yesterday
        first = said["date_from"] or last - dt.timedelta(weeks=WEEKS) + dt.timedelta(days=1)
        return Response(self.get_serializer(scoreboard.read(first, last, said["menu_item"])).data)
