"""Sales in a restaurant's support admin."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from pos.models import Connection, DailySales, DaySource, Order, SalesFile
from tenants.sites import restaurant_site


@admin.register(Connection, site=restaurant_site)
class ConnectionAdmin(ModelAdmin):
    list_display = ["name", "provider", "prices_include_tax", "tax_rate", "created_at"]


@admin.register(SalesFile, site=restaurant_site)
class SalesFileAdmin(ModelAdmin):
    list_display = ["name", "connection", "status", "size_bytes", "uploaded_at", "imported_at"]
    list_filter = ["status"]
    exclude = ["content", "rejects"]


@admin.register(Order, site=restaurant_site)
class OrderAdmin(ModelAdmin):
    list_display = ["external_id", "connection", "business_date", "opened_at"]
    search_fields = ["external_id"]
    date_hierarchy = "business_date"
    show_full_result_count = False


@admin.register(DaySource, site=restaurant_site)
class DaySourceAdmin(ModelAdmin):
    list_display = ["business_date", "connection", "chosen_at"]
    date_hierarchy = "business_date"


@admin.register(DailySales, site=restaurant_site)
class DailySalesAdmin(ModelAdmin):
    list_display = ["business_date", "menu_item", "quantity", "net_sales"]
    list_select_related = ["menu_item"]
    date_hierarchy = "business_date"
    show_full_result_count = False
