"""From the host to the restaurant, and from the person to a role in it."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import DisallowedHost
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.shortcuts import render
from django.utils import timezone

from tenants.context import public_context, restaurant_context
from tenants.models import Domain, Membership, Restaurant

HOST_SECONDS = 30
Handler = Callable[[HttpRequest], HttpResponse]
_restaurants_by_host: dict[str, tuple[float, Restaurant | None]] = {}


def restaurant_of_host(host: str) -> Restaurant | None:
    """The restaurant that `host` (without port) leads to, from this process's memory for up to 30 s."""
    now = time.monotonic()
    remembered = _restaurants_by_host.get(host)
    if remembered and now - remembered[0] < HOST_SECONDS:
        return remembered[1]
    domain = Domain.objects.select_related("tenant").filter(domain=host).first()
    restaurant: Restaurant | None = domain.tenant if domain else None
    _restaurants_by_host[host] = (now, restaurant)
    return restaurant


def forget_hosts() -> None:
    """Drop what this process remembers of hosts, after a change."""
    _restaurants_by_host.clear()


class HealthMiddleware:
    """`/healthz` and `/readyz` answer before any host is looked at: probes come by address."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return HttpResponse("ok", content_type="text/plain")
        if request.path == "/readyz":
            return self.ready()
        return self.get_response(request)

    def ready(self) -> HttpResponse:
        """200 once the database answers."""
        with public_context(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return HttpResponse("ready", content_type="text/plain")


class RestaurantMiddleware:
    """Runs the request for the restaurant of its host, or for the platform on the platform's own host."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            host = request.get_host().rsplit(":", 1)[0].lower()
        except DisallowedHost:
            return HttpResponseNotFound("No restaurant lives at this address.", content_type="text/plain")
        request.restaurant = None  # type: ignore[attr-defined]
        if host == settings.FLUX_DOMAIN:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF  # type: ignore[attr-defined]
            with public_context():
                return self.get_response(request)
        with public_context():
            restaurant = restaurant_of_host(host)
        if restaurant is None or restaurant.status == Restaurant.Status.CLOSED:
            return HttpResponseNotFound("No restaurant lives at this address.", content_type="text/plain")
        request.restaurant = restaurant  # type: ignore[attr-defined]
        with restaurant_context(restaurant), timezone.override(restaurant.zone):
            return self.get_response(request)


class MembershipMiddleware:
    """Gives the request its role in the restaurant; turns away a session of somebody who is no member (any more)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.role = None  # type: ignore[attr-defined]
        restaurant: Restaurant | None = request.restaurant  # type: ignore[attr-defined]
        if restaurant is None:
            return self.get_response(request)
        if restaurant.status == Restaurant.Status.SUSPENDED:
            return render(request, "suspended.html", status=403)
        if request.user.is_authenticated:
            role = Membership.role_of(request.user.pk, restaurant)
            if role is None:
                logout(request)
            request.role = role  # type: ignore[attr-defined]
        return self.get_response(request)


def template_context(request: HttpRequest) -> dict[str, Any]:
    """What every template may use: the restaurant, the role in it, and the platform's address."""
    return {
        "restaurant": getattr(request, "restaurant", None),
        "role": getattr(request, "role", None),
        "platform_url": platform_url(request),
    }


def platform_url(request: HttpRequest, path: str = "/") -> str:
    """An address on the platform's host, on the port that the request came by."""
    return f"{request.scheme}://{settings.FLUX_DOMAIN}{_port(request)}{path}"


def restaurant_url(request: HttpRequest, restaurant: Restaurant, path: str = "/") -> str:
    """An address on the restaurant's host, likewise."""
    return f"{request.scheme}://{restaurant.slug}.{settings.FLUX_DOMAIN}{_port(request)}{path}"


def _port(request: HttpRequest) -> str:
    host, _, port = request.get_host().rpartition(":")
    return f":{port}" if host else ""
