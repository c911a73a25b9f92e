"""The two staff admins: the platform's on its own host, and a restaurant's on the restaurant's."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite

from tenants import sessions
from tenants.access import signed_in_by_pin
from tenants.middleware import platform_url

PASSWORD_PAGE = "/accounts/password/change/"  # noqa: S105 an address


class PlatformSite(UnfoldAdminSite):
    """Restaurants, hosts and people; for platform staff."""

    index_title = "Restaurants and people"

    def has_permission(self, request: HttpRequest) -> bool:
        return getattr(request, "restaurant", None) is None and super().has_permission(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The platform's own sign-in page, with its rate limits; somebody signed in already is no staff."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        target = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return redirect(f"{reverse('account_login')}?{urlencode({'next': target})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST":
            return redirect("account_logout")
        logout(request)
        return redirect("account_login")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect(PASSWORD_PAGE)


class OnlyToLookAt(ModelAdmin):
    """Rows of a restaurant as support sees them. Support changes them in the portal, as a manager does: through the
    verbs, which keep the rules and write the restaurant's audit trail. There is no history here either: Django's admin
    log is one table for all restaurants, where rows with the same number would share one.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404


class RestaurantSite(UnfoldAdminSite):
    """One restaurant's rows, to look at; for platform staff who are members of it (support)."""

    index_title = "This restaurant's rows"
    index_template = "tenants/support_index.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As usual, but whatever is registered here is only looked at."""
        read_only = type(admin_class.__name__, (OnlyToLookAt, admin_class), {"__module__": __name__})
        super().register(model_or_iterable, read_only, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        is_member = getattr(request, "role", None) is not None and not signed_in_by_pin(request)
        return is_member and super().has_permission(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"show_history": False}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To the platform's sign-in; a member who is signed in already is no staff."""
        if getattr(request, "role", None) is not None and not self.has_permission(request):
            raise PermissionDenied
        target = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return redirect(f"{reverse('auth:sign_in')}?{urlencode({'next': target})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST":
            raise Http404
        sessions.end(request)
        return redirect(platform_url(request))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect(platform_url(request, PASSWORD_PAGE))


platform_site = PlatformSite(name="admin")
restaurant_site = RestaurantSite(name="admin")


def title(request: HttpRequest) -> str:
    """What the head of the admin says: whose rows these are."""
    restaurant = getattr(request, "restaurant", None)
    return f"{restaurant.name} · support" if restaurant else "Flux staff"


def favicon(_request: HttpRequest) -> str:
    """The portal's own; browsers would ask for one that is not there."""
    return static("flux/favicon.svg")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: the models that the host's admin has, app by app, and the way out of it."""
    restaurant = getattr(request, "restaurant", None)
    site: UnfoldAdminSite = restaurant_site if restaurant else platform_site
    groups = [
        {
            "title": app["name"],
            "separator": True,
            "items": [
                {"title": model["name"], "icon": ICONS.get(model["object_name"], "table"), "link": model["admin_url"]}
                for model in app["models"]
                if model["admin_url"]
            ],
        }
        for app in site.get_app_list(request)
    ]
    out: dict[str, Any] = {"title": "Portal", "icon": "home", "link": "/"}
    if restaurant is None:
        out = {"title": "Your restaurants", "icon": "home", "link": "/?choose"}
    out["active"] = False  # every address begins with it
    return [{"items": [{"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}, out]}, *groups]


ICONS = {
    "Restaurant": "storefront",
    "User": "person",
    "Membership": "badge",
    "Domain": "language",
    "Invitation": "mail",
    "ApiKey": "key",
    "Health": "monitor_heart",
    "FailedTask": "error",
    "Schema": "database",
    "Erasure": "delete_forever",
}
