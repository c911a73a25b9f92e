"""Carrying a sign-in from the platform's host to a restaurant's host, whose cookies are its own.

A signed token that works once, for 60 seconds, for one person, in one restaurant, in the browser that asked for it: the
restaurant's host first gives the browser a `state`, and only that browser can use the token made for it.
"""

import hmac
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.core.cache import caches

from tenants.models import Membership, Restaurant, User

SALT = "flux.handover"


class HandOverRefused(Exception):
    """The token is forged, too old, used, of another browser or restaurant, or its person may not enter."""


@dataclass(frozen=True)
class Entry:
    """Who enters, and the platform session that vouches for them."""

    user: User
    platform_session: str


def new_state() -> str:
    """A secret that ties the hand-over to one browser."""
    return secrets.token_urlsafe(24)


def issue(user: User, restaurant: Restaurant, *, state: str, platform_session: str) -> str:
    """A token for `user` to enter `restaurant` once."""
    nonce = secrets.token_urlsafe(16)
    caches["platform"].set(f"handover:{nonce}", platform_session, settings.HAND_OVER_SECONDS)
    return signing.dumps(
        {"user": str(user.pk), "restaurant": str(restaurant.pk), "state": state, "nonce": nonce}, salt=SALT
    )


def redeem(token: str, restaurant: Restaurant, *, state: str) -> Entry:
    """Use up `token`; raises `HandOverRefused`."""
    try:
        facts = signing.loads(token, salt=SALT, max_age=settings.HAND_OVER_SECONDS)
    except signing.BadSignature as error:
        raise HandOverRefused("signature") from error
    if facts["restaurant"] != str(restaurant.pk) or not state or not hmac.compare_digest(facts["state"], state):
        raise HandOverRefused("another restaurant or browser")
    key = f"handover:{facts['nonce']}"
    platform_session = caches["platform"].get(key)
    if platform_session is None or not caches["platform"].delete(key):
        raise HandOverRefused("used or expired")
    user = User.objects.filter(pk=facts["user"], is_active=True).first()
    if user is None or Membership.role_of(user.pk, restaurant) is None:
        raise HandOverRefused("no membership")
    return Entry(user, platform_session)
