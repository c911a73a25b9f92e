"""The calendar, for programs: events and what they do, holidays as the house keeps them, and facts of days."""

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from forecasting import calendar, events, facts
from forecasting.events import EventRefused
from forecasting.facts import Fact, FactsRefused
from forecasting.models import CalendarEvent, DailyFact, Holiday, Scope
from menu.models import MenuItem
from tenants.actors import asking
from tenants.context import current_restaurant

MOST_FACTS = 5000
MOST_HOLIDAY_DAYS = 3 * 366


class Strict(serializers.Serializer[Any]):
    """Refuses members that do not exist: a misspelt one would silently mean its default."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError({name: ["There is no such member."] for name in unknown}, code="unknown")
        return super().to_internal_value(data)


class CalendarEventSerializer(serializers.ModelSerializer[CalendarEvent]):
    """An event, a promotion or a catering order, and what it does to demand on each of its days."""

    menu_item = serializers.UUIDField(source="menu_item_id", allow_null=True, help_text="Where the scope is `item`.")
    like = serializers.UUIDField(
        source="like_id", allow_null=True, help_text="The event that it is to be like; null for all of its name."
    )

    class Meta:
        model = CalendarEvent
        fields = [
            "id", "kind", "name", "starts_on", "ends_on", "scope", "category", "menu_item", "effect", "amount", "like",
            "note", "created_at",
        ]  # fmt: skip
        read_only_fields: ClassVar = fields


class PastDaySerializer(serializers.Serializer[Any]):
    """Units sold on a past day, and the mean of the same weekdays around it."""

    date = serializers.DateField()
    sold = serializers.FloatField()
    usual = serializers.FloatField()


class UpliftSerializer(serializers.Serializer[Any]):
    """What past days of an event did to sales, in percent more or less than usual."""

    measured_percent = serializers.FloatField(source="measured", allow_null=True, help_text="As it was; null: unknown.")
    counted_percent = serializers.FloatField(source="percent", help_text="What is counted on: few days count for less.")
    days = PastDaySerializer(many=True)


class MeasuredEventSerializer(CalendarEventSerializer):
    """An event with what its look-alikes did, where it is to be like them."""

    like_last_time = serializers.SerializerMethodField(help_text="Null where the effect is a number.")

    class Meta(CalendarEventSerializer.Meta):
        fields = [*CalendarEventSerializer.Meta.fields, "like_last_time"]
        read_only_fields: ClassVar = fields

    @extend_schema_field(UpliftSerializer(allow_null=True))
    def get_like_last_time(self, event: CalendarEvent) -> dict[str, Any] | None:
        if event.effect != CalendarEvent.Effect.LIKE:
            return None
        yesterday = current_restaurant().business_date(timezone.now()) - dt.timedelta(days=1)
        return dict(UpliftSerializer(calendar.like_last_time(event, until=yesterday)).data)


class EventGivenSerializer(Strict):
    """What a program says of an event."""

    kind = serializers.ChoiceField(choices=CalendarEvent.Kind.choices, default=CalendarEvent.Kind.EVENT)
    name = serializers.CharField(max_length=120, help_text="The same each time it happens: it finds its look-alikes.")
    starts_on = serializers.DateField(help_text="First business date.")
    ends_on = serializers.DateField(help_text="Last business date, itself included.")
    scope = serializers.ChoiceField(choices=Scope.choices, default=Scope.ALL)
    category = serializers.CharField(max_length=80, default="", allow_blank=True, help_text="Where the scope is one.")
    menu_item = serializers.PrimaryKeyRelatedField(
        queryset=MenuItem.objects.all(), pk_field=serializers.UUIDField(), default=None, allow_null=True
    )
    effect = serializers.ChoiceField(choices=CalendarEvent.Effect.choices, default=CalendarEvent.Effect.PERCENT)
    amount = serializers.DecimalField(
        max_digits=10,
        decimal_places=2,
        default=None,
        allow_null=True,
        help_text="Percent, or units a day over all dishes that it is about, more or (below 0) less; null for `like`.",
    )
    like = serializers.PrimaryKeyRelatedField(
        queryset=CalendarEvent.objects.all(), pk_field=serializers.UUIDField(), default=None, allow_null=True
    )
    note = serializers.CharField(max_length=200, default="", allow_blank=True)


class CalendarEventFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    date_from = filters.DateFilter(field_name="ends_on", lookup_expr="gte", label="Ends on or after it.")
    date_to = filters.DateFilter(field_name="starts_on", lookup_expr="lte", label="Begins on or before it.")
    kind = filters.ChoiceFilter(choices=CalendarEvent.Kind.choices)
    scope = filters.ChoiceFilter(choices=Scope.choices, label="What it is about.")
    menu_item = filters.UUIDFilter(field_name="menu_item_id", label="Id of the dish that it is about.")


@extend_schema(tags=["calendar"])
class CalendarEventViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[CalendarEvent]):
    """Events by their first day. A change moves the current forecast at once; the days of past events teach nothing."""

    scope = "calendar"
    queryset = CalendarEvent.objects.order_by("starts_on", "id")
    serializer_class = CalendarEventSerializer
    filterset_class = CalendarEventFilter

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return MeasuredEventSerializer if self.action == "retrieve" else CalendarEventSerializer

    @extend_schema(request=EventGivenSerializer, responses={201: CalendarEventSerializer})
    def create(self, request: Request) -> Response:
        """Put an event into the calendar."""
        asked = EventGivenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        event = CalendarEvent(**asked.validated_data)
        self._save(request, event)
        address = request.build_absolute_uri(f"{request.path}{event.pk}/")
        return Response(CalendarEventSerializer(event).data, status=201, headers={"Location": address})

    @extend_schema(request=EventGivenSerializer(partial=True), responses=CalendarEventSerializer)
    def partial_update(self, request: Request, pk: str | None = None) -> Response:
        """Change what is given of an event, and leave the rest."""
        event = self.get_object()
        asked = EventGivenSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        for name, value in asked.validated_data.items():
            setattr(event, name, value)
        self._save(request, event)
        return Response(CalendarEventSerializer(event).data)

    @extend_schema(responses={204: OpenApiResponse(description="It is out of the calendar.")})
    def destroy(self, request: Request, pk: str | None = None) -> Response:
        """Take an event out of the calendar."""
        events.remove(self.get_object(), by=asking(request), at=timezone.now())
        return Response(status=204)

    def _save(self, request: Request, event: CalendarEvent) -> None:
        now = timezone.now()
        try:
            events.save(event, today=current_restaurant().business_date(now), by=asking(request), at=now)
        except EventRefused as refused:
            raise serializers.ValidationError({name: [why] for name, why in refused.faults.items()}) from refused


class HolidaySerializer(serializers.Serializer[Any]):
    """A day without work or school, as this house keeps it."""

    date = serializers.DateField()
    kind = serializers.ChoiceField(choices=Holiday.Kind.choices)
    name = serializers.CharField()


class RangeSerializer(Strict):
    """The days that are asked for."""

    date_from = serializers.DateField(help_text="First day; the beginning of this year unless it is given.")
    date_to = serializers.DateField(help_text="Last day, itself included; the end of this year unless it is given.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not 0 <= (given["date_to"] - given["date_from"]).days < MOST_HOLIDAY_DAYS:
            raise serializers.ValidationError({"date_to": ["This must be at most three years after `date_from`."]})
        return given


@extend_schema(tags=["calendar"])
class HolidayViewSet(ViewSet):
    """Public holidays of the country as the house has changed them, and its school holidays, a row a day."""

    scope = "calendar"

    @extend_schema(
        parameters=[OpenApiParameter("date_from", dt.date), OpenApiParameter("date_to", dt.date)],
        responses=HolidaySerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """The holidays of this year, or of the days that are asked for, by day."""
        year = current_restaurant().business_date(timezone.now()).year
        whole = {"date_from": f"{year}-01-01", "date_to": f"{year}-12-31"}
        asked = RangeSerializer(data=whole | request.query_params.dict())
        asked.is_valid(raise_exception=True)
        first, last = asked.validated_data["date_from"], asked.validated_data["date_to"]
        public = calendar.holidays(current_restaurant(), range(first.year, last.year + 1))
        found = [(day, "public", name) for day, name in public.items() if first <= day <= last]
        found += [(day, "school", name) for day, name in calendar.school_holidays(first, last).items()]
        rows = [{"date": day, "kind": kind, "name": name} for day, kind, name in sorted(found)]
        return Response(HolidaySerializer(rows, many=True).data)


class DailyFactSerializer(serializers.ModelSerializer[DailyFact]):
    """A number known about a business date, and since when it has been known."""

    known_at = serializers.DateTimeField(source="updated_at")

    class Meta:
        model = DailyFact
        fields = ["date", "kind", "value", "source", "known_at"]
        read_only_fields: ClassVar = fields


class FactGivenSerializer(Strict):
    """A fact as a program gives it."""

    date = serializers.DateField(help_text="Business date.")
    kind = serializers.CharField(max_length=40, help_text="Small letters, digits and hyphens, such as `bookings`.")
    value = serializers.DecimalField(max_digits=12, decimal_places=3)
    known_at = serializers.DateTimeField(
        required=False, help_text="Since when it has been known; now unless it is given. The newest word counts."
    )


class FactsGivenSerializer(Strict):
    """Facts of many days."""

    facts = FactGivenSerializer(many=True, allow_empty=False, max_length=MOST_FACTS)  # type: ignore[call-arg]


class KeptSerializer(serializers.Serializer[Any]):
    """What became of them."""

    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField(help_text="Left as they were: known already, or older than what is known.")
    late = serializers.IntegerField(help_text="New or changed, but known only after their day: they teach nothing.")


class DailyFactFilter(filters.FilterSet):
    """What a list may be narrowed to."""

    date_from = filters.DateFilter(field_name="date", lookup_expr="gte", label="First business date.")
    date_to = filters.DateFilter(field_name="date", lookup_expr="lte", label="Last business date, itself included.")
    kind = filters.CharFilter(label="Such as bookings.")


@extend_schema(tags=["calendar"])
class DailyFactViewSet(ListModelMixin, GenericViewSet[DailyFact]):
    """Numbers known about days, such as the weather or the guests booked: the forecast learns from them."""

    scope = "calendar"
    queryset = DailyFact.objects.order_by("date", "kind")
    serializer_class = DailyFactSerializer
    filterset_class = DailyFactFilter

    @extend_schema(request=FactsGivenSerializer, responses=KeptSerializer)
    def create(self, request: Request) -> Response:
        """Keep facts, new ones and changed ones, all or none; the same again changes nothing."""
        asked = FactsGivenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        restaurant, now = current_restaurant(), timezone.now()
        given = [
            Fact(row["date"], row["kind"], row["value"].quantize(Decimal("0.001")), row.get("known_at", now))
            for row in asked.validated_data["facts"]
        ]
        wrong = [_wrong(fact, now) for fact in given]
        if any(wrong):
            raise serializers.ValidationError({"facts": wrong})
        try:
            kept = facts.keep(given, DailyFact.Source.API, restaurant=restaurant, by=asking(request), at=now)
        except FactsRefused as refused:
            raise serializers.ValidationError({"facts": [str(refused)]}) from refused
        return Response(KeptSerializer(kept).data)


def _wrong(fact: Fact, now: dt.datetime) -> dict[str, list[str]]:
    found = facts.problems(fact, restaurant=current_restaurant(), at=now)
    return {"known_at" if name == "known" else name: [why] for name, why in found}
