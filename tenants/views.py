"""Sign-in on a restaurant's host, the way there from the platform, and the choice of a restaurant."""

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants import handover, sessions, tablets
from tenants.access import open_to_strangers
from tenants.accounts import is_local
from tenants.middleware import platform_url, restaurant_url
from tenants.models import Membership, Restaurant
from tenants.naming import host_of

STATE_SECONDS = 600
log = structlog.get_logger(__name__)


@never_cache
@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Platform: the restaurants of the person signed in; somebody with just one is led straight on to it.

    `?choose` shows the list to everybody, staff always see it: there is more than one way on for them.
    """
    memberships = list(Membership.objects.open_for(request.user))  # type: ignore[arg-type]
    if len(memberships) == 1 and "choose" not in request.GET and not request.user.is_staff:
        return HttpResponseRedirect(_sign_in_url(request, memberships[0].restaurant))
    entries = [{"membership": found, "url": _sign_in_url(request, found.restaurant)} for found in memberships]
    return render(request, "tenants/home.html", {"entries": entries})


@never_cache
@login_required
@require_safe
def hand_over(request: HttpRequest, slug: str) -> HttpResponse:
    """Platform: send the person signed in on to the restaurant's host with a token."""
    restaurant = Restaurant.objects.of(request.user).filter(domains__domain=host_of(slug)).first()  # type: ignore[arg-type]
    if restaurant is None:
        return render(request, "tenants/no_member.html", status=403)
    state = request.GET.get("state", "")
    if not handover.is_state(state):
        return HttpResponseRedirect(_sign_in_url(request, restaurant))
    token = handover.issue(
        request.user,  # type: ignore[arg-type]
        restaurant,
        state=state,
        platform_session=request.session.session_key or "",
    )
    query = urlencode({"token": token, "next": _local(request.GET.get("next", "/"))})
    path = reverse("auth:enter", urlconf=settings.ROOT_URLCONF)
    return HttpResponseRedirect(restaurant_url(request, restaurant, f"{path}?{query}"))


@never_cache
@open_to_strangers
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Restaurant: ask the platform who this is; a shared tablet asks by itself."""
    target = _local(request.GET.get("next", "/"))
    if request.role is not None:  # type: ignore[attr-defined]
        return redirect(target)
    if request.GET.get("with") != "email" and tablets.enrolled(request):
        return redirect(f"{reverse('tablet:names')}?{urlencode({'next': target})}")
    state = request.COOKIES.get(settings.HAND_OVER_COOKIE_NAME, "")
    if not handover.is_state(state):
        state = handover.new_state()  # else two tabs that sign in at once would spoil each other's way
    path = reverse("hand_over", args=[request.restaurant.slug], urlconf=settings.PUBLIC_SCHEMA_URLCONF)  # type: ignore[attr-defined]
    response = HttpResponseRedirect(platform_url(request, f"{path}?{urlencode({'state': state, 'next': target})}"))
    response.set_cookie(
        settings.HAND_OVER_COOKIE_NAME,
        state,
        max_age=STATE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


@never_cache
@open_to_strangers
@require_safe
def enter(request: HttpRequest) -> HttpResponse:
    """Restaurant: the way back from the platform; signs the person in on this host."""
    try:
        entry = handover.redeem(
            request.GET.get("token", ""),
            request.restaurant,  # type: ignore[attr-defined]
            state=request.COOKIES.get(settings.HAND_OVER_COOKIE_NAME, ""),
        )
    except handover.HandOverRefused as refused:
        log.warning("hand_over_refused", reason=str(refused))
        return render(request, "tenants/enter_refused.html", status=403)
    sessions.begin(request, entry.member, platform_session=entry.platform_session)
    response = redirect(_local(request.GET.get("next", "/")))
    response.delete_cookie(settings.HAND_OVER_COOKIE_NAME, samesite="Lax")
    response["Referrer-Policy"] = "no-referrer"
    return response


@open_to_strangers
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Restaurant: sign out here, on the platform and in every other restaurant, in this browser."""
    sessions.end(request)
    return HttpResponseRedirect(platform_url(request))


def _local(path: str) -> str:
    """`path` where it is one of this host, else the front page."""
    return path if is_local(path) else "/"


def _sign_in_url(request: HttpRequest, restaurant: Restaurant) -> str:
    return restaurant_url(request, restaurant, reverse("auth:sign_in", urlconf=settings.ROOT_URLCONF))
