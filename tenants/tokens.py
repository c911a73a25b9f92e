"""JWT for the API: a token belongs to one sign-in of one person in one restaurant and opens nothing else.

A sign-in is a *family* of tokens: the pair that it gave and whatever they are renewed to. It lives in the platform's
cache and can be ended at once; a lost cache means signing in again, never a token that outlives its end.

What a token stands for is looked at with every request: the membership it was made for (a new one of the same person is
another), the account, the password, and the person's `token_epoch`.
"""

import hmac
import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib.auth import authenticate
from django.core.cache import caches
from django.db.models import F
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from tenants import api_keys, second_factor
from tenants.context import public_context
from tenants.keys import uuid7
from tenants.models import Membership, Restaurant, User
from tenants.parsing import bearer

CLAIM = "restaurant"
MEMBERSHIP = "membership"
EPOCH = "epoch"
FAMILY = "family"


class TokenRefused(Exception):
    """A token that is forged, expired, used, ended, of another restaurant, or of somebody who may not enter."""


@dataclass(frozen=True)
class Pair:
    """What a sign-in gives: a short-lived access token, and a refresh token that works once."""

    access: AccessToken
    refresh: RefreshToken


def issue(user: User, restaurant: Restaurant) -> AccessToken:
    """An access token for `user` in `restaurant`, of a sign-in of its own."""
    return issue_pair(Membership.objects.current().get(user=user, restaurant=restaurant)).access


def issue_pair(membership: Membership, *, family: str | None = None) -> Pair:
    """Both tokens; `family` is that of the refresh token they replace, or a new one after a sign-in."""
    family = family or uuid.uuid4().hex
    access, refresh = _token(AccessToken, membership, family), _token(RefreshToken, membership, family)
    lifetime = refresh.lifetime.total_seconds()
    caches["platform"].set_many({_unused(refresh): 1, _alive(family): 1}, lifetime)
    return Pair(access, refresh)


def renew(raw: str, restaurant: Restaurant) -> Pair:
    """Exchange a refresh token for a new pair; raises `TokenRefused`.

    A token that comes a second time was copied by somebody: then every token of the same sign-in ends, since nobody can
    tell whose is the copy (RFC 9700, 4.14.2).
    """
    token = _read(raw, RefreshToken)
    if token.get(CLAIM) != str(restaurant.pk):
        raise TokenRefused("another restaurant")
    if not caches["platform"].delete(_unused(token)):
        end(token)
        raise TokenRefused("used before")
    return issue_pair(membership_behind(token, restaurant), family=token[FAMILY])


def revoke(raw: str, restaurant: Restaurant) -> bool:
    """End the sign-in that this token, of either kind, comes from; whether there was one to end in `restaurant`."""
    for kind in (RefreshToken, AccessToken):
        try:
            token = _read(raw, kind)
        except TokenRefused:
            continue
        return token.get(CLAIM) == str(restaurant.pk) and end(token)
    return False


def end(token: Token) -> bool:
    """End the token's whole family at once, refresh and access tokens alike; False where it had ended before."""
    return bool(caches["platform"].delete(_alive(token[FAMILY])))


def end_all(user: User) -> None:
    """End every token of `user` in every restaurant: when a second factor is added, taken away or renewed.

    A new password and the end of a membership do so by themselves: tokens carry a mark of both.
    """
    with public_context():
        User.objects.filter(pk=user.pk).update(token_epoch=F("token_epoch") + 1)


def membership_behind(token: Token, restaurant: Restaurant) -> Membership:
    """The membership, with its person, for which `token` is good here and now; raises `TokenRefused`. One query."""
    if token.get(CLAIM) != str(restaurant.pk):
        raise TokenRefused("another restaurant")
    if not {MEMBERSHIP, EPOCH, FAMILY} <= token.payload.keys():
        raise TokenRefused("made by an older Flux")
    if caches["platform"].get(_alive(token[FAMILY])) is None:
        raise TokenRefused("its sign-in has ended")
    current = Membership.objects.current().filter(restaurant=restaurant).select_related("user")
    found = current.filter(pk=token[MEMBERSHIP], user_id=token[api_settings.USER_ID_CLAIM]).first()
    if found is None:
        raise TokenRefused("no membership")
    if not found.user.is_active:
        raise TokenRefused("switched off")
    if not hmac.compare_digest(token[api_settings.REVOKE_TOKEN_CLAIM], get_md5_hash_password(found.user.password)):
        raise TokenRefused("a new password")
    if token[EPOCH] != found.user.token_epoch:
        raise TokenRefused("another second factor")
    return found


@public_context()
def check_password(
    request: HttpRequest, email: str, password: str, restaurant: Restaurant, *, otp: str = ""
) -> Membership | None:
    """The membership that e-mail, password and, where it is on, the second step name; None alike for every reason.

    All three are looked at whatever came of the first: neither the answer nor the time it takes tells which was wrong.
    A one-time code is used up only where everything is right, so that nobody burns another's codes.
    """
    right = authenticate(request, email=email, password=password)
    named = User.objects.filter(email__iexact=email).first()
    user = right if isinstance(right, User) else named
    factor = second_factor.of(user.pk if user else None)
    code = factor.matching(otp)
    current = Membership.objects.current().filter(user_id=user.pk if user else uuid7(), restaurant=restaurant)
    membership: Membership | None = current.select_related("user").first()
    if right is None or membership is None:
        return None
    if factor.is_on and (code is None or not second_factor.use_up(code, otp)):
        return None
    return membership


def _token(kind: type[Any], membership: Membership, family: str) -> Any:
    token = kind.for_user(membership.user)
    token[CLAIM] = str(membership.restaurant_id)
    token[MEMBERSHIP] = str(membership.pk)
    token[EPOCH] = membership.user.token_epoch
    token[FAMILY] = family
    return token


def _read(raw: str, kind: type[Any]) -> Any:
    try:
        return kind(raw)
    except TokenError as error:
        raise TokenRefused("forged or expired") from error


def _unused(token: RefreshToken) -> str:
    return f"refresh:{token['jti']}"


def _alive(family: str) -> str:
    return f"refresh-family:{family}"


class RestaurantJWTAuthentication(JWTAuthentication):
    """Bearer tokens of people; one of another restaurant is refused, and so is one whose sign-in has ended."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        raw = bearer(request)
        if raw is None or raw.startswith(api_keys.MARK):
            return None
        token = self.get_validated_token(raw.encode())
        restaurant: Restaurant | None = request._request.restaurant  # type: ignore[attr-defined]
        if restaurant is None or token.get(CLAIM) != str(restaurant.pk):
            raise AuthenticationFailed("This token belongs to another restaurant.")
        try:
            membership = membership_behind(token, restaurant)
        except TokenRefused as refused:
            raise AuthenticationFailed("This token has ended. Sign in again.") from refused
        structlog.contextvars.bind_contextvars(user_id=str(membership.user_id))
        request._request.role = membership.role  # type: ignore[attr-defined]
        request.role = membership.role  # type: ignore[attr-defined]
        return membership.user, token
