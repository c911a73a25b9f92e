"""Staff admin for restaurants, hosts and people (on the platform's host)."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants import provisioning
from tenants.hosts import forget_hosts
from tenants.management.asking import in_words
from tenants.models import Domain, Membership, Restaurant, User
from tenants.sites import platform_site

STATUS_COLOURS = {"trial": "info", "active": "success", "suspended": "warning", "closed": "danger"}


class DomainInline(TabularInline):
    model = Domain
    extra = 0
    tab = True
    can_delete = False  # in the list of domains, where a main one is kept


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    tab = True
    autocomplete_fields = ["user"]
    readonly_fields = ["created_at"]


class MembershipOfPersonInline(TabularInline):
    model = Membership
    fk_name = "user"
    extra = 0
    tab = True
    autocomplete_fields = ["restaurant"]
    readonly_fields = ["created_at"]


@admin.register(Restaurant, site=platform_site)
class RestaurantAdmin(ModelAdmin):
    """Making one opens it: with its schema and its host. One is closed by its status, never deleted by a click."""

    list_display = ["name", "slug", "shown_status", "members", "timezone", "currency", "created_at"]
    list_filter = ["status", "country"]
    search_fields = ["name", "slug"]
    list_per_page = 50
    fieldsets = [
        (None, {"fields": ["name", "slug", "status"]}),
        ("Time and money", {"fields": ["timezone", "closeout_hour", "currency", "country", "subdivision"]}),
        ("Database", {"fields": ["schema_name", "created_at"]}),
    ]
    readonly_fields = ["schema_name", "created_at"]
    inlines = [DomainInline, MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Restaurant]:
        return super().get_queryset(request).annotate(n_members=Count("memberships"))

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def shown_status(self, restaurant: Restaurant) -> tuple[str, str]:
        return restaurant.status, restaurant.get_status_display()

    @admin.display(description="members", ordering="n_members")
    def members(self, restaurant: Restaurant) -> int:
        return restaurant.n_members  # type: ignore[attr-defined]

    def get_fieldsets(self, request: HttpRequest, obj: Restaurant | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:2]

    def get_readonly_fields(self, request: HttpRequest, obj: Restaurant | None = None) -> list[str]:
        return [*self.readonly_fields, "slug"] if obj else self.readonly_fields  # its host is made from the slug

    def get_inlines(self, request: HttpRequest, obj: Restaurant | None) -> list[type[TabularInline]]:
        return self.inlines if obj else [MembershipInline]

    def save_model(self, request: HttpRequest, obj: Restaurant, form: Any, change: bool) -> None:
        if change:
            obj.save()
        else:
            provisioning.open_restaurant(obj)
        transaction.on_commit(forget_hosts)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        transaction.on_commit(forget_hosts)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """As usual; what somebody else took between check and save is told, not shown as a crash."""
        try:
            return super().add_view(request, form_url, extra_context)
        except ValidationError as error:
            self.message_user(request, in_words(error), messages.ERROR)
            return HttpResponseRedirect(request.path)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User, site=platform_site)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """People. Somebody who leaves is switched off, so that what they did keeps its author.

    Only superusers decide who is staff, and only they change other superusers: else staff could promote themselves.
    """

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "name", "is_active", "is_staff", "last_login", "joined_at"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    list_per_page = 50
    filter_horizontal = ["user_permissions"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password", "is_active"]}),
        ("Platform staff", {"fields": ["is_staff", "is_superuser", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "joined_at"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "password1", "password2"]})]
    readonly_fields = ["last_login", "joined_at"]
    inlines = [MembershipOfPersonInline]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """An address that staff enter is verified by that, and the one before it opens nothing any more."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            obj.vouch_for_email()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        if request.user.is_superuser:
            return self.readonly_fields
        return [*self.readonly_fields, "is_staff", "is_superuser", "user_permissions"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership, site=platform_site)
class MembershipAdmin(ModelAdmin):
    list_display = ["user", "restaurant", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "restaurant"]
    search_fields = ["user__email", "user__name", "restaurant__name", "restaurant__slug"]
    autocomplete_fields = ["user", "restaurant"]
    readonly_fields = ["created_at"]


@admin.register(Domain, site=platform_site)
class DomainAdmin(ModelAdmin):
    list_display = ["domain", "tenant", "is_primary"]
    list_filter = ["is_primary"]
    list_select_related = ["tenant"]
    search_fields = ["domain", "tenant__name"]
    autocomplete_fields = ["tenant"]

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(forget_hosts)

    def has_delete_permission(self, request: HttpRequest, obj: Domain | None = None) -> bool:
        """A restaurant keeps its main host."""
        return not (obj and obj.is_primary) and super().has_delete_permission(request, obj)
