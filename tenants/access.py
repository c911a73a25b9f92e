"""Who may open or change what: the one place that decides."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.models import Membership

OWNER, MANAGER, KITCHEN = Membership.Role.OWNER, Membership.Role.MANAGER, Membership.Role.KITCHEN
MANAGERS = frozenset({OWNER, MANAGER})
EVERYBODY = frozenset({OWNER, MANAGER, KITCHEN})

View = Callable[..., HttpResponse]


def allow(roles: frozenset[str] = EVERYBODY) -> Callable[[View], View]:
    """Let members with one of `roles` in; send strangers to sign in; tell the others that they may not.

    An htmx request of a stranger gets 401, so that no sign-in page lands inside a page.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            role = request.role  # type: ignore[attr-defined]
            if role is None:
                if request.headers.get("HX-Request"):
                    return HttpResponse(status=401, headers={"HX-Refresh": "true"})
                here = request.get_full_path() if request.method == "GET" else "/"
                return HttpResponseRedirect(f"{reverse('auth:sign_in')}?{urlencode({'next': here})}")
            if role not in roles:
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.allowed_roles = roles  # type: ignore[attr-defined]
        return checked

    return decorate


def open_to_strangers(view: View) -> View:
    """Mark a view that people reach before they are signed in; whatever is not marked needs `allow`."""
    view.open_to_strangers = True  # type: ignore[attr-defined]
    return view


def may(request: HttpRequest, roles: frozenset[str]) -> bool:
    """Whether the person asking has one of `roles` here."""
    return getattr(request, "role", None) in roles


class IsMember(BasePermission):
    """API: members read; owners and managers write (a view may widen `write_roles`).

    Only a bearer token counts: the portal's session, which a browser would send along with anybody's form, does not.
    """

    message = "Your role in this restaurant does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.successful_authenticator is None:
            return False
        role = getattr(request, "role", None)
        if request.method in SAFE_METHODS:
            return role in EVERYBODY
        return role in getattr(view, "write_roles", MANAGERS)
