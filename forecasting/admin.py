"""Runs and forecasts in a restaurant's support admin: to look at, since they are made by computing."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from forecasting.models import Forecast, Run
from tenants.sites import restaurant_site


class LookOnly(ModelAdmin):
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Run, site=restaurant_site)
class RunAdmin(LookOnly):
    list_display = ["created_at", "origin", "status", "cutoff_on", "model_version", "feeds_orders", "finished_at"]
    list_filter = ["origin", "status"]
    date_hierarchy = "created_at"


@admin.register(Forecast, site=restaurant_site)
class ForecastAdmin(LookOnly):
    list_display = ["date", "menu_item", "mean", "q10", "q90", "confidence", "run"]
    list_select_related = ["menu_item", "run"]
    search_fields = ["menu_item__name"]
    date_hierarchy = "date"
    ordering = ["-run_id", "date"]
    show_full_result_count = False
