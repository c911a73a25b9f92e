"""Sessions of a browser: one on the platform's host, and one on each restaurant's host that leans on it.

A restaurant's session names the platform session it was made from and is void without it, so signing out once,
anywhere, ends them all. Sessions live in the cache, each under its own host's schema; to ask whether one lives is one
look-up there.

A session begun with a PIN leans on the tablet instead: it is the kitchen's, whatever the person's role, lives only
while the tablet is enrolled and the PIN the same, and ends when nobody touches the tablet for ten minutes.
"""

import datetime as dt
import time
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from tenants import actors, tablets
from tenants.context import public_context
from tenants.models import Membership, Restaurant, Tablet, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PLATFORM = "platform_session"
BY_PIN = "by_pin"
SEEN = "seen"
IDLE_SECONDS = 600  # without a touch, until a tablet's session ends
NOTED_SECONDS = 900  # between two notes of when a member was last seen


def platform_session_lives(key: Any) -> bool:
    """Whether `key` is that of a platform session which has not ended."""
    with public_context():
        return bool(key) and _store().exists(key)


def begin(request: HttpRequest, user: User, *, platform_session: str) -> None:
    """Sign `user` in on a restaurant's host, under a new session key, for as long as `platform_session` lives."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    request.session[PLATFORM] = platform_session


def begin_by_pin(request: HttpRequest, member: Membership, tablet: Tablet) -> None:
    """Sign `member` in on `tablet`, for the kitchen's work."""
    request.session.flush()
    login(request, member.user, backend=BACKEND)
    request.session[BY_PIN] = {"tablet": str(tablet.pk), "pin": _fingerprint(member.pin), "touched": time.time()}
    request.session.set_expiry(2 * IDLE_SECONDS)


def role_in(request: HttpRequest, restaurant: Restaurant) -> str | None:
    """The role that the session of somebody signed in gives them now; None where it is void."""
    by_pin = request.session.get(BY_PIN)
    if by_pin is not None:
        return _role_by_pin(request, restaurant, by_pin)
    if is_void(request):
        return None
    current = Membership.objects.current().filter(user_id=_user_id(request), restaurant=restaurant)
    role, support_until = current.values_list("role", "ends_at").first() or (None, None)
    if support_until is not None:
        request.via, request.support_until = actors.SUPPORT, support_until  # type: ignore[attr-defined]
    return role


def note_seen(request: HttpRequest, restaurant: Restaurant) -> None:
    """Write down that the member has been here, at most once in a quarter of an hour."""
    now = time.time()
    if now - request.session.get(SEEN, 0) < NOTED_SECONDS:
        return
    request.session[SEEN] = now
    with public_context():
        member = Membership.objects.filter(user_id=_user_id(request), restaurant=restaurant)
        member.update(last_seen_at=dt.datetime.fromtimestamp(now, dt.UTC))


def _role_by_pin(request: HttpRequest, restaurant: Restaurant, by_pin: dict[str, Any]) -> str | None:
    idle = time.time() - by_pin["touched"]
    if idle > IDLE_SECONDS or str(tablets.marked(request)) != by_pin["tablet"]:
        return None
    with public_context():
        current = Membership.objects.current().filter(user_id=_user_id(request), restaurant=restaurant)
        on_tablet = current.filter(restaurant__tablets__pk=by_pin["tablet"], restaurant__tablets__revoked_at=None)
        pin = on_tablet.values_list("pin", flat=True).first()
    if not pin or _fingerprint(pin) != by_pin["pin"]:
        return None
    if _is_a_touch(request) and idle > 1:
        request.session[BY_PIN] = by_pin | {"touched": time.time()}
    request.via = actors.PIN  # type: ignore[attr-defined]
    return Membership.Role.KITCHEN


def _user_id(request: HttpRequest) -> UUID:
    """Of somebody signed in."""
    return request.user.pk  # type: ignore[return-value]


def _is_a_touch(request: HttpRequest) -> bool:
    """Whether a person did this: what a page asks for again by itself keeps nobody signed in."""
    return request.method == "POST" or "HX-Request" not in request.headers


def _fingerprint(pin: str) -> str:
    """Changes with the PIN, and says nothing of it: the session store is no place for its hash."""
    return salted_hmac("flux.pin", pin).hexdigest()


def is_void(request: HttpRequest) -> bool:
    """Whether the restaurant's session has lost the platform session it leans on."""
    return not platform_session_lives(request.session.get(PLATFORM))


def end(request: HttpRequest) -> None:
    """Sign out of this restaurant, of the platform and so of every other restaurant in this browser."""
    key = request.session.get(PLATFORM)
    logout(request)
    if key:
        with public_context():
            _store().delete(key)


def _store() -> SessionBase:
    return import_module(settings.SESSION_ENGINE).SessionStore()
