"""Runs and forecasts in a restaurant's support admin."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from forecasting.models import Forecast, Run
from tenants.sites import restaurant_site


@admin.register(Run, site=restaurant_site)
class RunAdmin(ModelAdmin):
    list_display = ["created_at", "origin", "status", "cutoff_on", "model_version", "feeds_orders", "finished_at"]
    list_filter = ["origin", "status"]
    date_hierarchy = "created_at"


@admin.register(Forecast, site=restaurant_site)
class ForecastAdmin(ModelAdmin):
    list_display = ["date", "menu_item", "mean", "q10", "q90", "confidence", "run"]
    list_select_related = ["menu_item", "run"]
    search_fields = ["menu_item__name"]
    date_hierarchy = "date"
    ordering = ["-run_id", "date"]
    show_full_result_count = False
