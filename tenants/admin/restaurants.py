"""Restaurants, their hosts and schemas, and what was erased."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from tenants import actors, erasing, people, provisioning, restaurants, support, upkeep
from tenants.admin.looking import LookOnly
from tenants.admin.work import FORECAST_COLOURS, last_forecast
from tenants.hosts import forget_hosts
from tenants.management.asking import in_words
from tenants.models import Domain, Erasure, Membership, Restaurant, Schema, User
from tenants.sites import platform_site

# What hosts, dates and amounts depend on is changed in the restaurant's own Settings, with all that follows from it.
OWN_SETTINGS = ("slug", "timezone", "closeout_hour", "currency")
STATUS_COLOURS = {"trial": "info", "active": "success", "suspended": "warning", "closed": "danger"}


class DomainInline(LookOnly, TabularInline):
    model = Domain
    fields = ["domain", "is_primary"]
    extra = 0
    tab = True


class FirstOwnerForm(forms.ModelForm):
    """Who owns a restaurant that is being opened; staff would let themselves in."""

    def clean_user(self) -> User:
        user: User = self.cleaned_data["user"]
        if user.is_staff:
            raise ValidationError("Staff come in by support access, not as members.")
        return user


class FirstOwnerInline(TabularInline):
    model = Membership
    fk_name = "restaurant"
    form = FirstOwnerForm
    fields = ["user", "role"]
    verbose_name_plural = "first people"
    extra = 0
    tab = True
    autocomplete_fields = ["user"]


class MembershipInline(LookOnly, TabularInline):
    model = Membership
    fields = ["user", "role", "created_at", "ends_at", "reason"]
    extra = 0
    tab = True


class AccessForm(BaseDialogForm):
    """Why and for how long somebody of the staff has to look inside."""

    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="The owners read this in an e-mail."
    )
    hours = forms.IntegerField(
        min_value=1, max_value=support.MOST_HOURS, initial=2, widget=UnfoldAdminIntegerFieldWidget
    )


class EraseForm(BaseDialogForm):
    """Nobody erases a restaurant by a slip: its slug has to be typed."""

    slug = forms.CharField(label="Its slug, to be sure", max_length=40, widget=UnfoldAdminTextInputWidget)


@admin.register(Restaurant, site=platform_site)
class RestaurantAdmin(ModelAdmin):
    """Making one opens it: with its schema and its host. One is closed by its status, never deleted by a click."""

    list_display = ["name", "slug", "shown_status", "members", "forecast", "timezone", "currency", "created_at"]
    list_select_related = ["health"]
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
    actions_detail = ["ask_for_access", "erase"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Restaurant]:
        work_here = Q(memberships__ends_at=None)
        return super().get_queryset(request).annotate(n_members=Count("memberships", filter=work_here))

    def has_access_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who of the staff may ask for support access."""
        return request.user.has_perm("tenants.add_membership")

    @action(
        description="Support access",
        url_path="support-access",
        icon="support_agent",
        permissions=["access"],
        dialog={
            "title": "Support access to this restaurant",
            "description": "You come in as a manager. The owners are told, see it, and can end it at any time.",
            "form_class": AccessForm,
            "form_submit_text": "Let me in",
        },
    )
    def ask_for_access(self, request: HttpRequest, form: AccessForm, object_id: str) -> HttpResponse:
        """Let the staff member who asks in, for a while, and lead back to the restaurant's page here."""
        restaurant = self._found(request, object_id)
        try:
            given = support.begin(
                restaurant,
                staff=request.user,  # type: ignore[arg-type]
                reason=form.cleaned_data["reason"],
                hours=form.cleaned_data["hours"],
                by=request.user,  # type: ignore[arg-type]
                at=timezone.now(),
            )
        except support.SupportRefused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.log_change(request, restaurant, f"Support access until {given.ends_at:%Y-%m-%d %H:%M}: {given.reason}")
            self.message_user(request, f"You have access to {restaurant.name} until {given.ends_at:%H:%M} UTC.")
        page = reverse("admin:tenants_restaurant_change", args=[restaurant.pk])
        return HttpResponse(headers={"HX-Redirect": page}) if request.headers.get("HX-Request") else redirect(page)

    def _found(self, request: HttpRequest, object_id: str) -> Restaurant:
        restaurant = self.get_object(request, object_id)
        if restaurant is None:
            raise Http404
        return restaurant

    def has_erase_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Who of the staff may erase this restaurant; nobody, before it is closed."""
        restaurant = self.get_object(request, object_id)  # None also for what is no key at all
        is_closed = restaurant is not None and restaurant.status == Restaurant.Status.CLOSED
        return request.user.has_perm("tenants.add_erasure") and is_closed

    @action(
        description="Erase",
        url_path="erase",
        icon="delete_forever",
        permissions=["erase"],
        dialog={
            "title": "Erase this restaurant completely",
            "description": "Every row that it has goes, and there is no way back but an export made before. People keep"
            " their accounts. What stays is the restaurant's id, when it was erased, and that it was you.",
            "form_class": EraseForm,
            "form_submit_text": "Erase for good",
        },
    )
    def erase(self, request: HttpRequest, form: EraseForm, object_id: str) -> HttpResponse:
        """Have the restaurant erased in the background; without its slug nothing happens."""
        restaurant = self._found(request, object_id)
        page = reverse("admin:tenants_restaurant_change", args=[restaurant.pk])
        if form.cleaned_data["slug"] != restaurant.slug:
            self.message_user(request, f"Nothing was erased: the slug is “{restaurant.slug}”.", messages.ERROR)
        else:
            try:
                erasing.request(restaurant, by=str(request.user.get_username()), at=timezone.now())
            except erasing.NotClosed as refused:
                self.message_user(request, str(refused), messages.ERROR)
            except erasing.BeingErased as refused:
                self.message_user(request, str(refused), messages.WARNING)
                page = reverse("admin:tenants_erasure_changelist")
            else:
                transaction.on_commit(lambda: upkeep.erase.delay(restaurant_id=object_id), robust=True)
                self.message_user(request, f"{restaurant.name} is being erased.")
                page = reverse("admin:tenants_erasure_changelist")
        return HttpResponse(headers={"HX-Redirect": page}) if request.headers.get("HX-Request") else redirect(page)

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def shown_status(self, restaurant: Restaurant) -> tuple[str, str]:
        return restaurant.status, restaurant.get_status_display()

    @admin.display(description="members", ordering="n_members")
    def members(self, restaurant: Restaurant) -> int:
        return restaurant.n_members  # type: ignore[attr-defined]

    @display(description="last forecast", ordering="health__last_forecast_at", label=FORECAST_COLOURS)
    def forecast(self, restaurant: Restaurant) -> tuple[str, str]:
        return last_forecast(restaurant, getattr(restaurant, "health", None))

    def get_fieldsets(self, request: HttpRequest, obj: Restaurant | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:2]

    def get_readonly_fields(self, request: HttpRequest, obj: Restaurant | None = None) -> list[str]:
        return [*self.readonly_fields, *OWN_SETTINGS] if obj else self.readonly_fields

    def get_inlines(self, request: HttpRequest, obj: Restaurant | None) -> list[type[TabularInline]]:
        return self.inlines if obj else [FirstOwnerInline]

    def save_model(self, request: HttpRequest, obj: Restaurant, form: Any, change: bool) -> None:
        """Open a new one, or change what the form changes by the verbs, which write it in the audit trail."""
        if not change:
            provisioning.open_restaurant(obj)
            transaction.on_commit(forget_hosts)
            return
        who, at, wanted = actors.staff(request.user), timezone.now(), form.cleaned_data  # type: ignore[arg-type]
        if "status" in form.changed_data:
            restaurants.set_status(obj, wanted["status"], by=who, at=at)
        if "name" in form.changed_data:
            restaurants.rename(obj, wanted["name"], by=who, at=at)
        if {"country", "subdivision"} & set(form.changed_data):
            place = {"country": wanted["country"], "subdivision": wanted["subdivision"]}
            restaurants.set_place(obj, **place, by=who, at=at)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The first people get their roles by the verb."""
        who = actors.staff(request.user)  # type: ignore[arg-type]
        for member in formset.save(commit=False):
            people.appoint(member.user, form.instance, member.role, by=who, at=timezone.now())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """As usual; what a verb refuses is told on the page, and nothing of the form is kept."""
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except restaurants.REFUSALS as refused:
            self.message_user(request, restaurants.refusal(refused), messages.ERROR)
            return HttpResponseRedirect(request.path)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """As usual; what somebody else took between check and save is told, not shown as a crash."""
        try:
            return super().add_view(request, form_url, extra_context)
        except ValidationError as error:
            self.message_user(request, in_words(error), messages.ERROR)
            return HttpResponseRedirect(request.path)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Domain, site=platform_site)
class DomainAdmin(LookOnly, ModelAdmin):
    """The addresses that lead to restaurants. An owner moves a restaurant; staff free an address that it had before."""

    list_display = ["domain", "tenant", "is_primary"]
    list_filter = ["is_primary"]
    list_select_related = ["tenant"]
    search_fields = ["domain", "tenant__name"]

    def has_delete_permission(self, request: HttpRequest, obj: Domain | None = None) -> bool:
        """A restaurant keeps its main host."""
        return not (obj and obj.is_primary) and request.user.has_perm("tenants.delete_domain")

    def delete_model(self, request: HttpRequest, obj: Domain) -> None:
        who = actors.staff(request.user)  # type: ignore[arg-type]
        restaurants.give_up_address(obj.tenant, obj.domain, by=who, at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Domain]) -> None:
        for domain in queryset.select_related("tenant"):
            self.delete_model(request, domain)


@admin.register(Schema, site=platform_site)
class SchemaAdmin(LookOnly, ModelAdmin):
    """Where each restaurant's rows are; those without a restaurant wait for one."""

    list_display = ["name", "restaurant", "version", "created_at", "taken_at"]
    list_filter = [("restaurant", admin.EmptyFieldListFilter)]
    list_select_related = ["restaurant"]
    search_fields = ["name", "restaurant__name", "restaurant__slug"]
    ordering = ["-created_at"]
    list_per_page = 50


@admin.register(Erasure, site=platform_site)
class ErasureAdmin(LookOnly, ModelAdmin):
    """What is left of restaurants that were erased, and those that are being erased."""

    list_display = ["restaurant_id", "by", "asked_at", "erased_at"]
    search_fields = ["restaurant_id", "by"]
    list_per_page = 50
