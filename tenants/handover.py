"""Carrying a sign-in from the platform's host to a restaurant's host, whose cookies are its own.

A signed token that works once, for 60 seconds, for one person, in one restaurant, in the browser that asked for it: the
restaurant's host first gives the browser a `state`, and only that browser can use the token made for it.
"""

import hmac
import re
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.core.cache import caches

from tenants import sessions
from tenants.models import Membership, Restaurant, User

SALT = "flux.handover"


class HandOverRefused(Exception):
    """The token is forged, too old, used, of another browser or restaurant, or its person may not enter."""


@dataclass(frozen=True)
class Entry:
    """Who enters, as a member with their person, and the platform session that vouches for them."""

    member: Membership
    platform_session: str


def new_state() -> str:
    """A secret that ties the hand-over to one browser."""
    return secrets.token_urlsafe(24)


def is_state(text: str) -> bool:
    """Whether `text` looks like what `new_state` makes."""
    return re.fullmatch(r"[A-Za-z0-9_-]{32}", text) is not None


def issue(user: User, restaurant: Restaurant, *, state: str, platform_session: str) -> str:
    """A token for `user` to enter `restaurant` once."""
    nonce = secrets.token_urlsafe(16)
    caches["platform"].set(_key(nonce), platform_session, settings.HAND_OVER_SECONDS)
    return signing.dumps(
        {"user": str(user.pk), "restaurant": str(restaurant.pk), "state": state, "nonce": nonce}, salt=SALT
    )


def redeem(token: str, restaurant: Restaurant, *, state: str) -> Entry:
    """Use up `token`; raises `HandOverRefused`."""
    try:
        facts = signing.loads(token, salt=SALT, max_age=settings.HAND_OVER_SECONDS)
    except signing.BadSignature as error:
        raise HandOverRefused("forged or expired") from error
    if facts["restaurant"] != str(restaurant.pk):
        raise HandOverRefused("of another restaurant")
    if not is_state(state) or not hmac.compare_digest(facts["state"], state):
        raise HandOverRefused("of another browser")
    platform_session = _use_up(facts["nonce"])
    if not sessions.platform_session_lives(platform_session):
        raise HandOverRefused("signed out meanwhile")
    current = Membership.objects.current().filter(restaurant=restaurant, user=facts["user"], user__is_active=True)
    member = current.select_related("user").first()
    if member is None:
        raise HandOverRefused("no member")
    return Entry(member, platform_session)


def _use_up(nonce: str) -> str:
    """The platform session behind `nonce`. Of two who ask at once, one deletes it, and only that one goes on."""
    platform_session: str | None = caches["platform"].get(_key(nonce))
    if platform_session is None or not caches["platform"].delete(_key(nonce)):
        raise HandOverRefused("used or expired")
    return platform_session


def _key(nonce: str) -> str:
    return f"handover:{nonce}"
