"""Staff admin for restaurants, hosts and people (on the platform's host)."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from tenants import provisioning
from tenants.models import Domain, Membership, Restaurant, User
from tenants.sites import platform_site


class DomainInline(TabularInline):
    model = Domain
    extra = 0


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Restaurant, site=platform_site)
class RestaurantAdmin(ModelAdmin):
    list_display = ["name", "slug", "status", "timezone", "currency", "created_at"]
    list_filter = ["status", "country"]
    search_fields = ["name", "slug"]
    readonly_fields = ["schema_name", "created_at"]
    inlines = [DomainInline, MembershipInline]

    def save_model(self, request: HttpRequest, obj: Restaurant, form: Any, change: bool) -> None:
        if change:
            obj.save()
        else:
            provisioning.open_restaurant(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a restaurant is closed, never deleted by a click


@admin.register(User, site=platform_site)
class UserAdmin(ModelAdmin):
    list_display = ["email", "name", "is_staff", "is_active", "joined_at"]
    search_fields = ["email", "name"]
    fields = ["email", "name", "is_active", "is_staff", "is_superuser", "last_login", "joined_at"]
    readonly_fields = ["last_login", "joined_at"]


@admin.register(Membership, site=platform_site)
class MembershipAdmin(ModelAdmin):
    list_display = ["user", "restaurant", "role", "created_at"]
    list_filter = ["role"]
    autocomplete_fields = ["user", "restaurant"]
