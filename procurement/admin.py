"""Suppliers, orders and stock in a restaurant's support admin."""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Supplier, SupplierItem
from tenants.sites import restaurant_site


class SupplierItemInline(TabularInline):
    model = SupplierItem
    extra = 0
    autocomplete_fields = ["ingredient"]


@admin.register(Supplier, site=restaurant_site)
class SupplierAdmin(ModelAdmin):
    list_display = ["name", "email", "lead_time_days", "cutoff", "minimum_order", "is_active"]
    search_fields = ["name", "email"]
    inlines = [SupplierItemInline]


class LineInline(TabularInline):
    model = PurchaseOrderLine
    fields = ["supplier_item", "packs", "suggested_packs", "is_edited", "price", "reason"]
    extra = 0


@admin.register(PurchaseOrder, site=restaurant_site)
class PurchaseOrderAdmin(ModelAdmin):
    list_display = ["number", "supplier", "status", "deliver_on", "sending", "updated_at"]
    list_filter = ["status", "sending"]
    list_select_related = ["supplier"]
    search_fields = ["number", "supplier__name"]
    inlines = [LineInline]


@admin.register(StockMovement, site=restaurant_site)
class StockMovementAdmin(ModelAdmin):
    list_display = ["at", "ingredient", "kind", "quantity", "note"]
    list_filter = ["kind"]
    list_select_related = ["ingredient"]
    search_fields = ["ingredient__name"]
