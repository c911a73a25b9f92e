"""From the host to the restaurant, and from the person to a role in it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.core.cache import caches
from django.db import connection, transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotFound,
    HttpResponsePermanentRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.utils import timezone

from tenants import sessions
from tenants.context import chosen, public_context
from tenants.db import roles
from tenants.db.transactions import one_session
from tenants.hosts import restaurant_of_host
from tenants.models import Restaurant

FOR_PROGRAMS = ("/api/", "/auth/login", "/auth/refresh", "/auth/revoke")
Handler = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger(__name__)


class HealthMiddleware:
    """`/healthz` and `/readyz` answer before any host is looked at: probes come by address."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return HttpResponse("ok", content_type="text/plain")
        if request.path == "/readyz":
            return self.ready()
        return self.get_response(request)

    def ready(self) -> HttpResponse:
        """200 while database and cache answer, else 503; which of them does not is for the log and the probe."""
        answers = {"database": self.answers(self.ask_database), "cache": self.answers(self.ask_cache)}
        ready = all(answers.values())
        words = {name: "ok" if ok else "no answer" for name, ok in answers.items()}
        if answers["database"]:
            words["hardened"] = "yes" if self.is_hardened() else "no"
        return JsonResponse({"status": "ready" if ready else "not ready", **words}, status=200 if ready else 503)

    @staticmethod
    def is_hardened() -> bool:
        """Whether `harden_database` has been run, which some managed servers do not allow."""
        with public_context(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(roles.IS_HARDENED)
            return bool(cursor.fetchone()[0])

    @staticmethod
    def answers(ask: Callable[[], object]) -> bool:
        """Whether `ask` gets an answer; why not goes to the log, because a probe may be anybody."""
        try:
            ask()
        except Exception:
            log.exception("not_ready", asked=ask.__name__)
            return False
        return True

    @staticmethod
    def ask_database() -> None:
        with public_context(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    @staticmethod
    def ask_cache() -> None:
        caches["platform"].get("readyz")


class RestaurantMiddleware:
    """Runs the request for the restaurant of its host, or for the platform on the platform's own host."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host = host_of(request)
        request.restaurant = None  # type: ignore[attr-defined]
        if host == settings.FLUX_DOMAIN:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF  # type: ignore[attr-defined]
            with public_context(), one_session():
                return self.get_response(request)
        restaurant = restaurant_of_host(host)
        if restaurant is None:
            return nobody_here()
        if restaurant.status == Restaurant.Status.CLOSED:
            with public_context():
                if request.path.startswith(settings.STATIC_URL):
                    return self.get_response(request)  # the page below has a style sheet
                return render(request, "closed.html", {"until": restaurant.reopens_until}, status=410)
        if host != restaurant.host and leads_on(request):
            return lead_on(restaurant_url(request, restaurant, request.get_full_path()))
        request.restaurant = restaurant  # type: ignore[attr-defined]
        with WorkingFor(restaurant):
            response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = stream_for(restaurant, response.streaming_content)  # type: ignore[arg-type]
        return response


def host_of(request: HttpRequest) -> str:
    """The host that was asked for, without its port.

    Nothing is checked, as `get_host` would: what is no host leads to no restaurant, and Django looks at it again later.
    """
    asked: str = request.META.get("HTTP_HOST", "")
    return asked.partition(":")[0].rstrip(".").lower()


class WorkingFor:
    """The restaurant's rows and its wall clock, for the length of a block. A class, since each request pays for it."""

    __slots__ = ("before", "restaurant", "session")

    def __init__(self, restaurant: Restaurant) -> None:
        self.restaurant = restaurant

    def __enter__(self) -> None:
        self.before = chosen.set(self.restaurant)
        timezone.activate(self.restaurant.zone)
        self.session = one_session()
        self.session.__enter__()

    def __exit__(self, *error: Any) -> None:
        try:
            self.session.__exit__(*error)
        finally:
            timezone.deactivate()
            chosen.reset(self.before)


def leads_on(request: HttpRequest) -> bool:
    """Whether a request to an earlier host is sent on to the present one.

    What is sent with POST is taken where it arrives: nothing that somebody has typed is lost. Programs are served there
    too: most drop their token when they are sent to another host.
    """
    return request.method in {"GET", "HEAD"} and not request.path.startswith(FOR_PROGRAMS)


def lead_on(url: str) -> HttpResponse:
    """For good, but not to be kept: a browser that did would go in circles once the restaurant goes back."""
    return HttpResponsePermanentRedirect(url, headers={"Cache-Control": "no-cache"})


def stream_for(restaurant: Restaurant, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """`chunks`, each made for `restaurant`: the server asks for them after the request's own context has ended."""
    rest, end = iter(chunks), object()
    while True:
        with WorkingFor(restaurant):
            chunk = next(rest, end)
        if chunk is end:
            return
        yield chunk  # type: ignore[misc]


def nobody_here() -> HttpResponse:
    """The answer at a host that leads to no restaurant."""
    return HttpResponseNotFound("No restaurant lives at this address.", content_type="text/plain")


class MembershipMiddleware:
    """Gives the request its role in the restaurant; turns away a session of somebody who is no member (any more)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.role = None  # type: ignore[attr-defined]
        restaurant: Restaurant | None = request.restaurant  # type: ignore[attr-defined]
        if restaurant is None:
            return self.get_response(request)
        if restaurant.status == Restaurant.Status.SUSPENDED:
            return render(request, "suspended.html", status=403)
        # Without a cookie there is no need to look into the session, which would make the answer vary by cookie.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            member = sessions.resume(request, restaurant)
            if member is None:
                logout(request)
            else:
                sessions.note_seen(request, member)
                request.user, request.role = member.user, member.role  # type: ignore[attr-defined]
        return self.get_response(request)


def template_context(request: HttpRequest) -> dict[str, Any]:
    """What every template may use: the restaurant, the role in it, the platform's address, whether it is open."""
    return {
        "sign_up_open": settings.SIGN_UP_OPEN,
        "restaurant": getattr(request, "restaurant", None),
        "role": getattr(request, "role", None),
        "support_until": getattr(request, "support_until", None),
        "platform_url": platform_url(request),
        "idle_seconds": sessions.IDLE_SECONDS,
    }


def platform_url(request: HttpRequest, path: str = "/") -> str:
    """An address on the platform's host, on the port that the request came by."""
    return f"{request.scheme}://{settings.FLUX_DOMAIN}{_port(request)}{path}"


def restaurant_url(request: HttpRequest, restaurant: Restaurant, path: str = "/") -> str:
    """An address on the restaurant's host, likewise."""
    return f"{request.scheme}://{restaurant.host}{_port(request)}{path}"


def _port(request: HttpRequest) -> str:
    host, _, port = request.get_host().rpartition(":")
    return f":{port}" if host else ""
