"""Sessions of a browser: one on the platform's host, and one on each restaurant's host that leans on it.

A restaurant's session names the platform session it was made from and is void without it, so signing out once,
anywhere, ends them all. Sessions live in the cache, each under its own host's schema; to ask whether one lives is one
look-up there.

It also names the membership it was begun for: somebody who is let in anew, after the end of the last membership, signs
in anew.

A session begun with a PIN leans on the tablet instead: it is the kitchen's, whatever the person's role, lives only
while the tablet is enrolled and the PIN the same, and ends when nobody touches the tablet for ten minutes.
"""

import datetime as dt
import time
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, login, logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from tenants import actors, tablets
from tenants.context import public_context
from tenants.models import Membership, Restaurant, Tablet, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PLATFORM = "platform_session"
MEMBERSHIP = "membership"
BY_PIN = "by_pin"
SEEN = "seen"
IDLE_SECONDS = 600  # without a touch, until a tablet's session ends
NOTED_SECONDS = 900  # between two notes of when a member was last seen


def platform_session_lives(key: Any) -> bool:
    """Whether `key` is that of a platform session which has not ended."""
    with public_context():
        return bool(key) and _store().exists(key)


def begin(request: HttpRequest, member: Membership, *, platform_session: str) -> None:
    """Sign `member` in on their restaurant's host, under a new session key, for as long as `platform_session` lives."""
    request.session.flush()
    login(request, member.user, backend=BACKEND)
    lean(request.session, member, platform_session=platform_session)


def lean(session: SessionBase, member: Membership, *, platform_session: str) -> None:
    """Write into a session of the member's person what it rests on: the membership, and the platform session."""
    session[MEMBERSHIP] = str(member.pk)
    session[PLATFORM] = platform_session


def begin_by_pin(request: HttpRequest, member: Membership, tablet: Tablet) -> None:
    """Sign `member` in on `tablet`, for the kitchen's work."""
    request.session.flush()
    login(request, member.user, backend=BACKEND)
    request.session[MEMBERSHIP] = str(member.pk)
    request.session[BY_PIN] = {"tablet": str(tablet.pk), "pin": _fingerprint(member.pin), "touched": time.time()}
    request.session.set_expiry(2 * IDLE_SECONDS)


def resume(request: HttpRequest, restaurant: Restaurant) -> Membership | None:
    """The membership behind the session, with its person, by one query; None where it does not count (any more).

    What Django checks when it loads the person of a session is checked here: the account is active, and the password
    the one with which the session began. On a tablet the role is the kitchen's.
    """
    by_pin = request.session.get(BY_PIN)
    if by_pin is None and is_void(request):
        return None
    if by_pin is not None and not _is_at_its_tablet(request, by_pin):
        return None
    named = {"pk": request.session.get(MEMBERSHIP), "user_id": request.session[SESSION_KEY]}
    here = Membership.objects.current().filter(restaurant=restaurant, **named)
    if by_pin is not None:
        here = here.filter(restaurant__tablets__pk=by_pin["tablet"], restaurant__tablets__revoked_at=None)
    found: Membership | None = here.select_related("user").first()
    if found is None or not found.user.is_active or not _has_its_password(request, found.user):
        return None
    if by_pin is not None:
        if not found.pin or _fingerprint(found.pin) != by_pin["pin"]:
            return None
        found.role = Membership.Role.KITCHEN
        request.via = actors.PIN  # type: ignore[attr-defined]
        if _is_a_touch(request) and time.time() - by_pin["touched"] > 1:
            request.session[BY_PIN] = by_pin | {"touched": time.time()}
    elif found.is_support:
        request.via, request.support_until = actors.SUPPORT, found.ends_at  # type: ignore[attr-defined]
    return found


def is_void(request: HttpRequest) -> bool:
    """Whether the restaurant's session has lost the platform session it leans on."""
    return not platform_session_lives(request.session.get(PLATFORM))


def note_seen(request: HttpRequest, member: Membership) -> None:
    """Write down that the member has been here, at most once in a quarter of an hour."""
    now = time.time()
    if now - request.session.get(SEEN, 0) < NOTED_SECONDS:
        return
    request.session[SEEN] = now
    Membership.objects.filter(pk=member.pk).update(last_seen_at=dt.datetime.fromtimestamp(now, dt.UTC))


def end(request: HttpRequest) -> None:
    """Sign out of this restaurant, of the platform and so of every other restaurant in this browser."""
    key = request.session.get(PLATFORM)
    logout(request)
    if key:
        with public_context():
            _store().delete(key)


def _is_at_its_tablet(request: HttpRequest, by_pin: dict[str, Any]) -> bool:
    """Whether the session is on the tablet where it began, and somebody has touched that lately."""
    idle = time.time() - by_pin["touched"]
    return idle <= IDLE_SECONDS and str(tablets.marked(request)) == by_pin["tablet"]


def _has_its_password(request: HttpRequest, user: User) -> bool:
    known: str = request.session.get(HASH_SESSION_KEY, "")
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(known, hashed) for hashed in valid)


def _is_a_touch(request: HttpRequest) -> bool:
    """Whether a person did this: what a page asks for again by itself keeps nobody signed in."""
    return request.method == "POST" or "HX-Request" not in request.headers


def _fingerprint(pin: str) -> str:
    """Changes with the PIN, and says nothing of it: the session store is no place for its hash."""
    return salted_hmac("flux.pin", pin).hexdigest()


def _store() -> SessionBase:
    return import_module(settings.SESSION_ENGINE).SessionStore()
