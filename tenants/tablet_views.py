"""Signing in on the kitchen's shared tablet: pick a name, type the PIN; switch to somebody else with one tap."""

from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import pins, sessions, tablets
from tenants.access import allow, open_to_strangers, signed_in_by_pin
from tenants.accounts import is_local
from tenants.models import Membership, Restaurant, Tablet

log = structlog.get_logger(__name__)


@never_cache
@open_to_strangers
@require_safe
def names(request: HttpRequest) -> HttpResponse:
    """Who is at the tablet?"""
    target = _target(request)
    if request.role is not None:  # type: ignore[attr-defined]
        return redirect(target)
    tablet = tablets.enrolled(request)
    if tablet is None:
        return _no_tablet(request, target)
    context = {"tablet": tablet, "holders": pins.holders(_restaurant(request)), "usual": _usual_sign_in(target)}
    return render(request, "tenants/tablet_names.html", context | _kept(target))


@never_cache
@open_to_strangers
@require_http_methods(["GET", "HEAD", "POST"])
def pin(request: HttpRequest, holder_id: UUID) -> HttpResponse:
    """The PIN of the person whose name was picked."""
    target, tablet = _target(request), tablets.enrolled(request)
    if tablet is None:
        return _no_tablet(request, target)
    tablet.restaurant = _restaurant(request)
    found = [member for member in pins.holders(tablet.restaurant) if member.pk == holder_id]
    if not found:
        raise Http404
    context: dict[str, Any] = {"holder": found[0], "tablet": tablet, "usual": _usual_sign_in(target)} | _kept(target)
    if request.method != "POST":
        return render(request, "tenants/tablet_pin.html", context)
    try:
        member = pins.check(request.POST.get("pin", ""), holder_id, tablet, at=timezone.now())
    except (pins.WrongPin, pins.PinLocked) as refused:
        log.info("pin_refused", tablet=str(tablet.pk), reason=type(refused).__name__)
        status = 429 if isinstance(refused, pins.PinLocked) else 422
        return render(request, "tenants/tablet_pin.html", context | {"refused": str(refused)}, status=status)
    return _enter(request, member, tablet, target)


@allow()
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Make room for the next person. Somebody who signed in with their e-mail address signs out as usual."""
    if not signed_in_by_pin(request):
        return redirect("pages:today")
    logout(request)
    return redirect("tablet:names")


@allow()
@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """The page says that somebody is at it: this request keeps the session alive, as every other one does."""
    return HttpResponse(status=204)


def _no_tablet(request: HttpRequest, target: str) -> HttpResponse:
    """On any other device no PIN works, and nobody's name is shown."""
    return render(request, "tenants/tablet_unknown.html", {"usual": _usual_sign_in(target)}, status=404)


def _enter(request: HttpRequest, member: Membership, tablet: Tablet, target: str) -> HttpResponse:
    sessions.begin_by_pin(request, member, tablet)
    log.info("pin_sign_in", tablet=str(tablet.pk), user_id=str(member.user_id))
    response = redirect(target)
    tablets.mark(response, tablet)
    return response


def _restaurant(request: HttpRequest) -> Restaurant:
    return request.restaurant  # type: ignore[attr-defined]


def _target(request: HttpRequest) -> str:
    """Where the person wanted to go, if it is a page of this host."""
    asked = request.GET.get("next", "/")
    return asked if is_local(asked) else "/"


def _kept(target: str) -> dict[str, str]:
    return {"query": "" if target == "/" else f"?{urlencode({'next': target})}"}


def _usual_sign_in(target: str) -> str:
    return f"{reverse('auth:sign_in')}?{urlencode({'next': target, 'with': 'email'})}"
