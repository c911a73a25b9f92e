"""JWT for the API: a token belongs to one person in one restaurant and opens nothing else."""

import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib.auth import authenticate
from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from tenants.models import Membership, Restaurant, User

CLAIM = "restaurant"
FAMILY = "family"


class TokenRefused(Exception):
    """A refresh token that is forged, expired, used, of another restaurant, or of somebody who may not enter."""


@dataclass(frozen=True)
class Pair:
    """What a sign-in gives: a short-lived access token, and a refresh token that works once."""

    access: AccessToken
    refresh: RefreshToken


def issue(user: User, restaurant: Restaurant) -> AccessToken:
    """An access token for `user` in `restaurant`."""
    token = AccessToken.for_user(user)
    token[CLAIM] = str(restaurant.pk)
    return token


def issue_pair(user: User, restaurant: Restaurant, *, family: str | None = None) -> Pair:
    """Both tokens; `family` is that of the refresh token they replace, or a new one after a sign-in."""
    refresh = RefreshToken.for_user(user)
    refresh[CLAIM] = str(restaurant.pk)
    refresh[FAMILY] = family or uuid.uuid4().hex
    lifetime = refresh.lifetime.total_seconds()
    caches["platform"].set_many({_unused(refresh): 1, _alive(refresh): 1}, lifetime)
    return Pair(issue(user, restaurant), refresh)


def renew(raw: str, restaurant: Restaurant) -> Pair:
    """Exchange a refresh token for a new pair; raises `TokenRefused`.

    A token that comes a second time was copied by somebody: then every token that descends from the same sign-in is
    refused, since nobody can tell whose is the copy (RFC 9700, 4.14.2).
    """
    try:
        token = RefreshToken(raw)  # type: ignore[arg-type]
    except TokenError as error:
        raise TokenRefused("forged or expired") from error
    if token.get(CLAIM) != str(restaurant.pk):
        raise TokenRefused("another restaurant")
    if not caches["platform"].delete(_unused(token)):
        caches["platform"].delete(_alive(token))
        raise TokenRefused("used before")
    if caches["platform"].get(_alive(token)) is None:
        raise TokenRefused("its family has ended")
    try:
        user: User = JWTAuthentication().get_user(token)  # type: ignore[assignment]
    except AuthenticationFailed as error:
        raise TokenRefused("the person has gone or has a new password") from error
    if Membership.role_of(user.pk, restaurant) is None:
        raise TokenRefused("no membership")
    return issue_pair(user, restaurant, family=token[FAMILY])


def _unused(token: RefreshToken) -> str:
    return f"refresh:{token['jti']}"


def _alive(token: RefreshToken) -> str:
    return f"refresh-family:{token[FAMILY]}"


def check_password(request: HttpRequest, email: str, password: str, restaurant: Restaurant) -> User | None:
    """The member whom e-mail and password name, or None; the same answer for every reason."""
    user = authenticate(request, email=email, password=password)
    if not isinstance(user, User) or Membership.role_of(user.pk, restaurant) is None:
        return None
    return user


class RestaurantJWTAuthentication(JWTAuthentication):
    """Bearer tokens; one of another restaurant is refused, and so is one whose membership has ended."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user, token = found
        restaurant: Restaurant | None = request._request.restaurant  # type: ignore[attr-defined]
        if restaurant is None or token.get(CLAIM) != str(restaurant.pk):
            raise AuthenticationFailed("This token belongs to another restaurant.")
        role = Membership.role_of(user.pk, restaurant)
        if role is None:
            raise AuthenticationFailed("You are not a member of this restaurant.")
        structlog.contextvars.bind_contextvars(user_id=str(user.pk))
        request._request.role = role  # type: ignore[attr-defined]
        request.role = role  # type: ignore[attr-defined]
        return user, token
