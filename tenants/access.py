"""Who may open or change what: the one place that decides."""

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.serializers import Field, Serializer

from tenants import actors
from tenants.context import public_context
from tenants.models import ApiKey, Membership, Restaurant

OWNER, MANAGER, KITCHEN = Membership.Role.OWNER, Membership.Role.MANAGER, Membership.Role.KITCHEN
OWNERS = frozenset({OWNER})
MANAGERS = frozenset({OWNER, MANAGER})
EVERYBODY = frozenset({OWNER, MANAGER, KITCHEN})
NO_KEYS_HERE = "No key opens this address: sign in as a person."

# What an integrator's key may be allowed to do, in an owner's words. A view of the API names its part as `scope`.
SCOPES: dict[str, str] = {
    "calendar:read": "Read events, holidays and facts of days",
    "calendar:write": "Put events into the calendar and take them out, and bring in facts of days",
    "forecasts:read": "Read forecasts and how forecast runs went",
    "forecasts:write": "Record forecasts of its own and start forecast runs",
    "menu:read": "Read what is on the menu, with prices and recipes",
    "menu:write": "Say that a dish has run out or is back, and what a new dish sells like",
    "orders:read": "Read purchase orders, with prices",
    "orders:write": "Approve, send, receive and cancel purchase orders",
}

View = Callable[..., HttpResponseBase]


def allow(roles: frozenset[str] = EVERYBODY, *, by_pin: bool = True) -> Callable[[View], View]:
    """Let members with one of `roles` in; send strangers to sign in; tell the others that they may not.

    An htmx request of a stranger gets 401, so that no sign-in page lands inside a page. Without `by_pin` the view is
    closed to a shared tablet's session: there, nobody's own account is at hand.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            role = request.role  # type: ignore[attr-defined]
            if role is None:
                if request.headers.get("HX-Request"):
                    return HttpResponse(status=401, headers={"HX-Refresh": "true"})
                here = request.get_full_path() if request.method == "GET" else "/"
                return HttpResponseRedirect(f"{reverse('auth:sign_in')}?{urlencode({'next': here})}")
            if role not in roles or (signed_in_by_pin(request) and not by_pin):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.allowed_roles = roles  # type: ignore[attr-defined]
        return checked

    return decorate


def open_to_strangers(view: View) -> View:
    """Mark a view that people reach before they are signed in; whatever is not marked needs `allow`."""
    view.open_to_strangers = True  # type: ignore[attr-defined]
    return view


def sees_money(request: HttpRequest | Request) -> bool:
    """Whether prices, costs and totals may be in the answer: the kitchen works without them.

    Pages ask it as `sees_money`, serializers through `HidesMoney`; a test looks for money in all that the kitchen gets.
    A key sees what its scopes let it read: it is an owner's.
    """
    return getattr(request, "role", None) in MANAGERS or isinstance(getattr(request, "auth", None), ApiKey)


def signed_in_by_pin(request: HttpRequest) -> bool:
    """Whether this is a shared tablet's session: the kitchen's work and nothing else."""
    return getattr(request, "via", None) == actors.PIN


def template_context(request: HttpRequest) -> dict[str, bool]:
    """For every template."""
    return {"sees_money": sees_money(request), "by_pin": signed_in_by_pin(request)}


def may(request: HttpRequest, roles: frozenset[str]) -> bool:
    """Whether the person asking has one of `roles` here."""
    return getattr(request, "role", None) in roles


def scope_of(view: Any, method: str) -> str | None:
    """The scope that a key needs for this method of an API view; None where no key is let in."""
    part = getattr(view, "scope", None)
    return f"{part}:{'read' if method in SAFE_METHODS else 'write'}" if part else None


@public_context()
def may_still(
    asked_by: UUID | None, restaurant: Restaurant, roles: frozenset[str] = MANAGERS, *, at: dt.datetime
) -> bool:
    """Whether what somebody asked for may be done at `at`, when its turn has come.

    `asked_by` is a person, who needs one of `roles` then, or an integrator's key, which has to work then; None is Flux
    itself. The page or endpoint has decided once; this is for what happened between.
    """
    if asked_by is None:
        return True
    members = Membership.objects.current(at).filter(restaurant=restaurant, user__is_active=True)
    if members.filter(user_id=asked_by, role__in=roles).exists():
        return True
    return ApiKey.objects.working(at).filter(pk=asked_by, restaurant=restaurant).exists()


class IsMember(BasePermission):
    """API: members read; owners and managers write (a view may widen `write_roles`). Keys do what their scopes say.

    Only a bearer token counts: the portal's session, which a browser would send along with anybody's form, does not.
    """

    message = "Your role in this restaurant does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.successful_authenticator is None:
            return False
        if isinstance(request.auth, ApiKey):
            wanted = scope_of(view, request.method or "")
            self.message = f"This key may not do this: it lacks the scope {wanted}." if wanted else NO_KEYS_HERE
            return wanted in request.auth.scopes
        role = getattr(request, "role", None)
        if request.method in SAFE_METHODS:
            return role in EVERYBODY
        return role in getattr(view, "write_roles", MANAGERS)


class HidesMoney(Serializer[Any]):
    """A serializer whose `Meta.money_fields` are null where the person asking sees no money; its schema says so."""

    def get_fields(self) -> dict[str, Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for name in self.Meta.money_fields:  # type: ignore[attr-defined]
            field = fields[name]
            field.allow_null = True
            field.help_text = " ".join(
                [str(field.help_text or ""), "Null for the kitchen, which sees no money."]
            ).strip()
        return fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not sees_money(self.context["request"]):
            shown |= dict.fromkeys(self.Meta.money_fields)  # type: ignore[attr-defined]
        return shown
