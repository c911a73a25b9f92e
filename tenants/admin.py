"""Staff admin for restaurants, hosts, people, and how restaurants' background work does (on the platform's host).

Nothing here lets staff into a restaurant by a side door: memberships are looked at and not written (but for the first
owner of a new restaurant), the password and the address of somebody who works in one are theirs, and keys and
invitations show no secret. Who has to look inside asks for support access, which the owners see.
"""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, BaseDialogForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from tenants import actors, erasing, health, people, provisioning, restaurants, support, upkeep
from tenants.hosts import forget_hosts
from tenants.management.asking import in_words
from tenants.models import ApiKey, Domain, Erasure, FailedTask, Health, Invitation, Membership, Restaurant, Schema, User
from tenants.sites import platform_site

LATE_AFTER = timedelta(days=2)
FORECAST_COLOURS = {"on time": "success", "late": "warning"}
# What hosts, dates and amounts depend on is changed in the restaurant's own Settings, with all that follows from it.
OWN_SETTINGS = ("slug", "timezone", "closeout_hour", "currency")
STATUS_COLOURS = {"trial": "info", "active": "success", "suspended": "warning", "closed": "danger"}


def last_forecast(restaurant: Restaurant, health: Health | None) -> tuple[str, str]:
    """When the last forecast was made, and whether it is late: one is due every early morning once there are sales."""
    made_at = health.last_forecast_at if health else None
    if made_at is None:
        return "none", "–"
    late = timezone.now() - made_at > LATE_AFTER and restaurant.is_open_to_people
    return "late" if late else "on time", f"{made_at:%Y-%m-%d %H:%M}"


class LookOnly:
    """Rows that only the verbs may write; shown whole but for what is `exclude`d."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return list(self.get_fields(request, obj))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {"id", *(self.exclude or ())}  # type: ignore[attr-defined]
        every = [field.name for field in self.model._meta.fields if field.name not in hidden]  # type: ignore[attr-defined]
        return self.fields or every  # type: ignore[attr-defined]

    def has_verb_permission(self, request: HttpRequest) -> bool:
        """Who of the staff may have a verb write them: whoever could change them, were that done by hand."""
        model = self.model._meta  # type: ignore[attr-defined]
        return request.user.has_perm(f"{model.app_label}.{get_permission_codename('change', model)}")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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


class MembershipOfPersonInline(LookOnly, TabularInline):
    model = Membership
    fk_name = "user"
    fields = ["restaurant", "role", "created_at", "ends_at", "reason"]
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
        fixed = list(self.readonly_fields)
        if obj is not None and _works_somewhere(obj):
            fixed.append("email")  # with it comes the link that sets a new password; they change it themselves
        return fixed if request.user.is_superuser else [*fixed, "is_staff", "is_superuser", "user_permissions"]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Whoever sets the password of somebody who works in a restaurant could go in under their name."""
        if (person := self.get_object(request, id)) is not None and _works_somewhere(person):
            raise PermissionDenied("Their password is theirs: send them to “Forgotten your password?”.")
        return super().user_change_password(request, id, form_url)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _works_somewhere(user: User) -> bool:
    return user.memberships.filter(ends_at=None).exists()


@admin.register(Membership, site=platform_site)
class MembershipAdmin(LookOnly, ModelAdmin):
    """Who works where: owners decide that on their own pages. And support access, which staff may end here."""

    list_display = ["user", "restaurant", "role", "created_at", "ends_at", "reason"]
    list_filter = ["role", ("ends_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user", "restaurant"]
    search_fields = ["user__email", "user__name", "restaurant__name", "restaurant__slug"]
    exclude = ["pin"]
    actions = ["end_access"]

    @admin.action(description="End support access now", permissions=["verb"])
    def end_access(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        given = Membership.objects.support().current().filter(pk__in=queryset).select_related("restaurant")
        for membership in given:
            support.end(membership.pk, membership.restaurant, by=request.user, at=timezone.now())  # type: ignore[arg-type]
        self.message_user(request, f"{len(given)} ended.")


@admin.register(Invitation, site=platform_site)
class InvitationAdmin(LookOnly, ModelAdmin):
    """Who has been invited where; the secret is in the e-mail alone."""

    list_display = [
        "email",
        "restaurant",
        "role",
        "invited_by",
        "created_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    ]
    list_filter = ["role", ("accepted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["restaurant", "invited_by"]
    search_fields = ["email", "restaurant__name", "restaurant__slug"]
    exclude = ["secret_hash"]


@admin.register(ApiKey, site=platform_site)
class ApiKeyAdmin(LookOnly, ModelAdmin):
    """Integrators' keys, without their fingerprints; owners make and end them on their own pages."""

    list_display = ["name", "prefix", "restaurant", "scopes", "last_used_at", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["restaurant"]
    search_fields = ["name", "prefix", "restaurant__name", "restaurant__slug"]
    exclude = ["sha256"]


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
