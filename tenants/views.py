"""Sign-in on a restaurant's host, the way there from the platform, and the choice of a restaurant."""

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants import handover
from tenants.middleware import platform_url, restaurant_url
from tenants.models import Restaurant

STATE_COOKIE = "handover"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def _local(path: str) -> str:
    """`path` where it is one of this host, else the front page: nobody is sent elsewhere by a link."""
    return path if url_has_allowed_host_and_scheme(path, allowed_hosts=None) and path.startswith("/") else "/"


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Platform: the restaurants of the person signed in."""
    restaurants = [
        {"restaurant": found, "url": restaurant_url(request, found, reverse("auth:sign_in", urlconf="flux.urls"))}
        for found in Restaurant.objects.of(request.user)  # type: ignore[arg-type]
    ]
    return render(request, "tenants/home.html", {"restaurants": restaurants})


@never_cache
@login_required
@require_safe
def hand_over(request: HttpRequest, slug: str) -> HttpResponse:
    """Platform: send the person signed in on to the restaurant's host with a token."""
    restaurant = get_object_or_404(Restaurant.objects.of(request.user), slug=slug)  # type: ignore[arg-type]
    token = handover.issue(
        request.user,  # type: ignore[arg-type]
        restaurant,
        state=request.GET.get("state", ""),
        platform_session=request.session.session_key or "",
    )
    query = urlencode({"token": token, "next": _local(request.GET.get("next", "/"))})
    return HttpResponseRedirect(
        restaurant_url(request, restaurant, reverse("auth:enter", urlconf="flux.urls") + "?" + query)
    )


@never_cache
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Restaurant: ask the platform who this is."""
    target = _local(request.GET.get("next", "/"))
    if request.role is not None:  # type: ignore[attr-defined]
        return redirect(target)
    state = handover.new_state()
    slug = request.restaurant.slug  # type: ignore[attr-defined]
    path = reverse("hand_over", args=[slug], urlconf="flux.urls_public")
    response = HttpResponseRedirect(platform_url(request, f"{path}?{urlencode({'state': state, 'next': target})}"))
    response.set_cookie(STATE_COOKIE, state, max_age=600, httponly=True, samesite="Lax", secure=request.is_secure())
    return response


@never_cache
@require_safe
def enter(request: HttpRequest) -> HttpResponse:
    """Restaurant: the way back from the platform; signs the person in on this host."""
    try:
        entry = handover.redeem(
            request.GET.get("token", ""),
            request.restaurant,  # type: ignore[attr-defined]
            state=request.COOKIES.get(STATE_COOKIE, ""),
        )
    except handover.HandOverRefused:
        return render(request, "tenants/enter_refused.html", status=403)
    login(request, entry.user, backend=BACKEND)
    request.session["platform_session"] = entry.platform_session
    response = redirect(_local(request.GET.get("next", "/")))
    response.delete_cookie(STATE_COOKIE)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Restaurant: end the session here and go back to the platform."""
    logout(request)
    return HttpResponseRedirect(platform_url(request))
