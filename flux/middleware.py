"""Middleware of the project as a whole."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django_structlog.middlewares import RequestMiddleware

from flux.api import problems
from tenants.middleware import FOR_PROGRAMS
from tenants.models import Restaurant

Handler = Callable[[HttpRequest], HttpResponse]


class ApiMiddleware:
    """Outermost: programs get problem details, whoever turned them away: a middleware, the router or a crash.

    `/api/` and the addresses that give and take tokens are for programs; the other pages under `/auth/` are for people.
    """

    PREFIXES = FOR_PROGRAMS

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(self.PREFIXES):
            response = self.get_response(request)
            lost = response.status_code == 404 and request.path.startswith("/auth/")
            return problems.answer(404) if lost else response
        if self.is_too_large(request):
            return problems.answer(413)
        response = self.get_response(request)
        if response.status_code >= 400 and response["Content-Type"] != problems.MEDIA_TYPE:
            response = self.translated(request, response)
        response.headers.setdefault("Cache-Control", "private, no-store")
        patch_vary_headers(response, ["Authorization"])
        return response

    @staticmethod
    def is_too_large(request: HttpRequest) -> bool:
        """DRF's parsers read a body whole, past Django's own limit."""
        declared = request.META.get("CONTENT_LENGTH") or "0"
        return not declared.isdecimal() or int(declared) > settings.API_MAX_BODY_BYTES

    @staticmethod
    def translated(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The problem that a page of Django's means."""
        restaurant: Restaurant | None = getattr(request, "restaurant", None)
        if restaurant is None and response.status_code == 404:
            return problems.answer(
                404, "The API lives on a restaurant's own host, and no restaurant lives on this one."
            )
        if restaurant is not None and restaurant.status == Restaurant.Status.SUSPENDED:
            return problems.answer(403, code="restaurant-suspended")
        return problems.answer(response.status_code)


class RequestLogMiddleware(RequestMiddleware):
    """One line per request, when it is done. The query is left out: it may hold a token, or a name."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


class AdminCSPMiddleware:
    """The staff admin's scripts need `unsafe-eval` and inline styles; nothing outside of it may have them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = {  # type: ignore[attr-defined]
                "script-src": ["'self'", "'unsafe-eval'"],
                "style-src": ["'self'", "'unsafe-inline'"],
            }
        return response
