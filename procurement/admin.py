"""Suppliers, orders and stock in a restaurant's support admin; orders and the ledger to look at, not to change."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Supplier, SupplierItem
from tenants.sites import restaurant_site


class ReadOnly:
    """Rows that only the verbs may write."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SupplierItemInline(TabularInline):
    model = SupplierItem
    extra = 0
    autocomplete_fields = ["ingredient"]


@admin.register(Supplier, site=restaurant_site)
class SupplierAdmin(ModelAdmin):
    list_display = ["name", "email", "lead_time_days", "cutoff", "minimum_order", "is_active"]
    search_fields = ["name", "email"]
    inlines = [SupplierItemInline]


class LineInline(ReadOnly, TabularInline):
    model = PurchaseOrderLine
    fields = ["supplier_item", "packs", "suggested_packs", "is_edited", "price", "reason"]
    extra = 0


@admin.register(PurchaseOrder, site=restaurant_site)
class PurchaseOrderAdmin(ReadOnly, ModelAdmin):
    list_display = ["number", "supplier", "status", "deliver_on", "sending", "updated_at"]
    list_filter = ["status", "sending"]
    list_select_related = ["supplier"]
    search_fields = ["number", "supplier__name"]
    inlines = [LineInline]


@admin.register(StockMovement, site=restaurant_site)
class StockMovementAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "ingredient", "kind", "quantity", "note"]
    list_filter = ["kind"]
    list_select_related = ["ingredient"]
    search_fields = ["ingredient__name"]
