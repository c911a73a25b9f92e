"""People, who works where, invitations and keys."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants import support
from tenants.admin.looking import LookOnly
from tenants.models import ApiKey, Invitation, Membership, User
from tenants.sites import platform_site


class MembershipOfPersonInline(LookOnly, TabularInline):
    model = Membership
    fk_name = "user"
    fields = ["restaurant", "role", "created_at", "ends_at", "reason"]
    extra = 0
    tab = True


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
