"""The platform's pages for people: their account, opening a restaurant, joining one."""

from allauth.account.utils import perform_login
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from tenants import invitations, naming, opening, people, places, provisioning, upkeep
from tenants.middleware import restaurant_url
from tenants.models import Invitation, Restaurant, User
from tenants.platform_forms import ChangeName, JoinByInvitation, OpenRestaurant


@never_cache
@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Who one is here, and the ways to sign in."""
    user: User = request.user  # type: ignore[assignment]
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    context = {
        "has_app": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "sessions": len(UserSession.objects.purge_and_list(user)),
    }
    return render(request, "account/account.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def change_name(request: HttpRequest) -> HttpResponse:
    """The name that others see."""
    user: User = request.user  # type: ignore[assignment]
    form = ChangeName(request.POST or None, instance=user)
    if form.is_valid():
        form.save()
        messages.success(request, "Your name is changed.")
        return redirect("account")
    return render(request, "account/name.html", {"form": form})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def open_restaurant(request: HttpRequest) -> HttpResponse:
    """A new restaurant; its owner lands in it."""
    if not settings.SIGN_UP_OPEN:
        raise PermissionDenied
    user: User = request.user  # type: ignore[assignment]
    guessed = places.country_of_language(request.headers.get("Accept-Language", ""))
    form = OpenRestaurant(user, request.POST or None, initial={"country": guessed})
    if form.is_valid():
        try:
            opened = opening.open_once(form.restaurant(), owner=user)
        except opening.TooMany:
            form.add_error(None, "You have opened many restaurants today. Write to the people who run this platform.")
        except ValidationError as error:
            form.refuse(error)
        except provisioning.NoSpare:
            upkeep.ask_for_spares()
            return render(request, "tenants/being_prepared.html", {"form": form}, status=202)
        else:
            return HttpResponseRedirect(_way_in(request, opened))
    return render(request, "tenants/open_restaurant.html", {"form": form})


@never_cache
@login_required
@require_safe
def suggest_address(request: HttpRequest) -> HttpResponse:
    """The address that a name would get: a fragment, asked for while the name is typed."""
    try:
        name = naming.tidy(request.GET.get("name", "")[:200])
    except ValidationError:
        return HttpResponse("")
    return render(request, "tenants/suggested_address.html", {"host": naming.host_of(naming.suggest(name))})


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """Accept an invitation: with a click for who is signed in as the one invited; a new person sets a password."""
    secret = request.GET.get("secret", "")
    try:
        found = invitations.look(secret, at=timezone.now())
        if request.user.is_authenticated:
            return _accept_as_known(request, found, secret)
        if people.find(found.email) is not None:
            return render(request, "tenants/invitation_sign_in.html", {"invitation": found})
        return _accept_as_new(request, found, secret)
    except invitations.InvitationError as refused:
        status = 404 if isinstance(refused, invitations.InvitationUnknown) else 410
        return render(request, "tenants/invitation_refused.html", {"reason": str(refused)}, status=status)


def _accept_as_known(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    if found.email.lower() != user.email.lower():
        return render(request, "tenants/invitation_of_another.html", {"invitation": found}, status=403)
    if request.method == "POST":
        invitations.accept(secret, user=user, at=timezone.now())
        return HttpResponseRedirect(_way_in(request, found.restaurant))
    return render(request, "tenants/invitation.html", {"invitation": found})


def _accept_as_new(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    form = JoinByInvitation(request.POST or None)
    if form.is_valid():
        try:
            member = invitations.accept_as_new(secret, at=timezone.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_error("password", [problem for problems in error.message_dict.values() for problem in problems])
        else:
            return perform_login(request, member.user, redirect_url=_way_in(request, found.restaurant))
    return render(request, "tenants/invitation.html", {"invitation": found, "form": form})


def _way_in(request: HttpRequest, restaurant: Restaurant) -> str:
    return restaurant_url(request, restaurant, reverse("auth:sign_in", urlconf=settings.ROOT_URLCONF))
