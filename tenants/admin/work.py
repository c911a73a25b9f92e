"""How restaurants' background work does."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tenants import health
from tenants.admin.looking import LookOnly
from tenants.models import FailedTask, Health, Restaurant
from tenants.sites import platform_site

LATE_AFTER = timedelta(days=2)
FORECAST_COLOURS = {"on time": "success", "late": "warning"}


def last_forecast(restaurant: Restaurant, health: Health | None) -> tuple[str, str]:
    """When the last forecast was made, and whether it is late: one is due every early morning once there are sales."""
    made_at = health.last_forecast_at if health else None
    if made_at is None:
        return "none", "–"
    late = timezone.now() - made_at > LATE_AFTER and restaurant.is_open_to_people
    return "late" if late else "on time", f"{made_at:%Y-%m-%d %H:%M}"


@admin.register(Health, site=platform_site)
class HealthAdmin(LookOnly, ModelAdmin):
    """How every restaurant's background work does, by what its tasks reported."""

    list_display = ["restaurant", "last_import_at", "forecast", "last_suggestion_at", "last_failure_at", "last_failure"]
    list_filter = ["restaurant__status"]
    list_select_related = ["restaurant"]
    search_fields = ["restaurant__name", "restaurant__slug", "last_failure"]
    ordering = [F("last_failure_at").desc(nulls_last=True), "restaurant__name"]

    @display(description="last forecast", ordering="last_forecast_at", label=FORECAST_COLOURS)
    def forecast(self, health: Health) -> tuple[str, str]:
        return last_forecast(health.restaurant, health)


@admin.register(FailedTask, site=platform_site)
class FailedTaskAdmin(LookOnly, ModelAdmin):
    """Every restaurant's errors that nobody foresaw; the log has their tracebacks."""

    list_display = ["at", "restaurant", "task", "error", "message", "ids", "acknowledged_by"]
    list_filter = [("acknowledged_at", admin.EmptyFieldListFilter), "task", "error"]
    list_select_related = ["restaurant", "acknowledged_by"]
    search_fields = ["restaurant__name", "restaurant__slug", "task", "error", "message"]
    date_hierarchy = "at"
    actions = ["acknowledge"]

    @admin.action(description="Acknowledge", permissions=["verb"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[FailedTask]) -> None:
        seen = health.acknowledge(queryset, by=request.user, at=timezone.now())
        self.message_user(request, f"{seen} acknowledged.")
