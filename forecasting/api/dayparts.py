"""One day by its parts, for programs: what `forecasting.dayparts` says, as serializers."""

import datetime as dt
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from forecasting import dayparts
from forecasting.models import Forecast, Run
from tenants.models import Restaurant

THOUSANDTHS = Decimal("0.001")


class DayAskedSerializer(serializers.Serializer[Any]):
    """Which day."""

    date = serializers.DateField(required=False, help_text="Business date; today’s where none is given.")


class DaypartSerializer(serializers.Serializer[Any]):
    """A part of the business day; it lasts until the next one begins."""

    name = serializers.CharField()
    begins_at = serializers.TimeField(format="%H:%M", help_text="By the clock on the wall.")


class DaypartItemSerializer(serializers.Serializer[Any]):
    """A menu item's day."""

    menu_item = serializers.UUIDField(help_text="Id of the menu item.")
    name = serializers.CharField()
    category = serializers.CharField()
    predicted_quantity = serializers.DecimalField(max_digits=12, decimal_places=3, help_text="Units of the whole day.")
    quantities = serializers.ListField(
        child=serializers.DecimalField(max_digits=12, decimal_places=3),
        help_text="Units of each part, in the order of `dayparts`; their sum is `predicted_quantity` exactly. "
        "Empty where `is_known` is false.",
    )


class DaySplitSerializer(serializers.Serializer[Any]):
    """A day's forecast, spread over the parts of the day."""

    date = serializers.DateField()
    run = serializers.UUIDField(allow_null=True, help_text="The run that it rests on; null before the first.")
    is_known = serializers.BooleanField(
        help_text="Whether the day can be spread: parts are set, and recent orders carry times of day."
    )
    dayparts = DaypartSerializer(many=True)
    items = DaypartItemSerializer(many=True)


def read(restaurant: Restaurant, day: dt.date) -> dict[str, Any]:
    """What the current run says of `day`, for DaySplitSerializer."""
    run = Run.objects.current()
    if run is None:
        return {"date": day, "run": None, "is_known": False, "dayparts": [], "items": []}
    split = dayparts.read(restaurant, run)
    names = ("menu_item_id", "menu_item__name", "menu_item__category", "mean")
    rows = Forecast.objects.on_the_menu(run, day, day).order_by("menu_item__name", "menu_item_id").values_list(*names)
    items = []
    for item, name, category, mean in rows:
        parts = split.of(item, category, day, int(mean * 1000)) if split.is_known else []
        quantities = [part * THOUSANDTHS for part in parts]
        fields = {"menu_item": item, "name": name, "category": category, "predicted_quantity": mean}
        items.append({**fields, "quantities": quantities})
    return {"date": day, "run": run.pk, "is_known": split.is_known, "dayparts": split.parts, "items": items}
