"""The two staff admins: the platform's on its own host, and a restaurant's on the restaurant's."""

from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite


class PlatformSite(UnfoldAdminSite):
    """Restaurants, hosts and people; for platform staff."""

    site_title = site_header = "Flux platform"
    index_title = "Restaurants and people"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The platform's own sign-in page, with its rate limits."""
        target = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return redirect(f"{reverse('account_login')}?{urlencode({'next': target})}")


class RestaurantSite(UnfoldAdminSite):
    """One restaurant's rows; for platform staff who are members of it (support)."""

    site_title = site_header = "Flux support"

    def has_permission(self, request: HttpRequest) -> bool:
        return getattr(request, "role", None) is not None and super().has_permission(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("auth:sign_in")


platform_site = PlatformSite(name="admin")
restaurant_site = RestaurantSite(name="admin")
