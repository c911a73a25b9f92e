"""What is known about days: events of the house, holidays, and facts such as weather or bookings."""

import datetime as dt

from django.db import models
from django.utils import timezone

from menu.models import MenuItem
from tenants.keys import uuid7


class Scope(models.TextChoices):
    """What an event or an override is about."""

    ALL = "all", "all dishes"
    CATEGORY = "category", "a category"
    ITEM = "item", "one dish"


def scope_names_its_target(name: str) -> models.CheckConstraint:
    """A category where the scope is one, a dish where it is one, and nothing else."""
    condition = (
        models.Q(scope=Scope.ALL, category="", menu_item=None)
        | models.Q(scope=Scope.CATEGORY, menu_item=None) & ~models.Q(category="")
        | models.Q(scope=Scope.ITEM, category="", menu_item__isnull=False)
    )
    return models.CheckConstraint(name=name, condition=condition)


class CalendarEventQuerySet(models.QuerySet["CalendarEvent"]):
    """Named reads."""

    def between(self, first: dt.date, last: dt.date) -> "CalendarEventQuerySet":
        """Those that touch a day of the range, both ends included."""
        return self.filter(starts_on__lte=last, ends_on__gte=first)


class CalendarEvent(models.Model):
    """A planned departure from ordinary demand: an event, a promotion, a catering order."""

    class Kind(models.TextChoices):
        EVENT = "event"
        PROMOTION = "promotion"
        CATERING = "catering"

    class Effect(models.TextChoices):
        PERCENT = "percent", "percent more or less"
        UNITS = "units", "units more or less"
        LIKE = "like", "like last time"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.EVENT)
    name = models.CharField(max_length=120)
    starts_on = models.DateField()
    ends_on = models.DateField()
    scope = models.CharField(max_length=12, choices=Scope, default=Scope.ALL)
    category = models.CharField(max_length=80, blank=True)
    menu_item = models.ForeignKey(MenuItem, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    effect = models.CharField(max_length=8, choices=Effect, default=Effect.PERCENT)
    amount = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Percent, or units a day over all that it is about, more (above 0) or less (below 0).",
    )
    like = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False,
        help_text="The past event whose measured effect it is expected to have; empty for all of its kind and name.",
    )  # fmt: skip
    note = models.CharField(max_length=200, blank=True)
    created_by_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CalendarEventQuerySet.as_manager()

    class Meta:
        ordering = ["starts_on", "name"]
        indexes = [models.Index(fields=["ends_on"], name="forecasting_event_by_end")]
        constraints = [
            models.CheckConstraint(name="forecasting_calendarevent_named", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="forecasting_calendarevent_ends_after_start",
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message="The last day lies before the first.",
            ),
            scope_names_its_target("forecasting_calendarevent_scope"),
            models.CheckConstraint(
                name="forecasting_calendarevent_effect",
                condition=(
                    models.Q(effect="percent", amount__gte=-100, amount__lte=1000)
                    | models.Q(effect="units", amount__isnull=False)
                    | models.Q(effect="like", amount=None)
                ),
                violation_error_message="Percent lies between −100 and 1,000; “like last time” has no amount.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.starts_on}"


class Holiday(models.Model):
    """A school holiday, or a change to the country’s public holidays: one added, or one that is none here."""

    class Kind(models.TextChoices):
        PUBLIC = "public", "public holiday"
        SCHOOL = "school", "school holiday"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=120)
    starts_on = models.DateField()
    ends_on = models.DateField()
    is_off = models.BooleanField(
        "no holiday here", default=False, help_text="A public holiday of the country that is none for this house."
    )

    class Meta:
        ordering = ["starts_on", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "starts_on"], name="forecasting_holiday_once"),
            models.CheckConstraint(name="forecasting_holiday_named", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="forecasting_holiday_ends_after_start", condition=models.Q(ends_on__gte=models.F("starts_on"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.starts_on}"


class DailyFact(models.Model):
    """A number known about a day, past or coming, such as its highest temperature or the guests booked."""

    class Source(models.TextChoices):
        CSV = "csv", "a file"
        API = "api", "the API"
        PROVIDER = "provider", "a provider"

    id = models.BigAutoField(primary_key=True)
    date = models.DateField()
    kind = models.SlugField(max_length=40, db_index=False, help_text="Such as temperature-max, rain-mm or bookings.")
    value = models.DecimalField(max_digits=12, decimal_places=3)
    source = models.CharField(max_length=10, choices=Source)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["date", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "date"], name="forecasting_dailyfact_once"),
            models.CheckConstraint(name="forecasting_dailyfact_kind", condition=~models.Q(kind="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.date}: {self.value}"


class WeatherPlace(models.Model):
    """Where the restaurant is, for its weather, and how the last fetch went; one row at most."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    latitude = models.DecimalField(max_digits=7, decimal_places=4, help_text="Degrees, above 0 in the north.")
    longitude = models.DecimalField(max_digits=7, decimal_places=4, help_text="Degrees, above 0 in the east.")
    tried_at = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True, help_text="Why the last try failed.")

    class Meta:
        constraints = [
            models.CheckConstraint(name="forecasting_weatherplace_only_one", condition=models.Q(id=1)),
            models.CheckConstraint(
                name="forecasting_weatherplace_on_earth",
                condition=models.Q(latitude__gte=-90, latitude__lte=90, longitude__gte=-180, longitude__lte=180),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.latitude}, {self.longitude}"
