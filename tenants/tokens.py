"""JWT for the API: a token belongs to one person in one restaurant and opens nothing else."""

from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken, Token

from tenants.models import Membership, Restaurant, User

CLAIM = "restaurant"


def issue(user: User, restaurant: Restaurant) -> AccessToken:
    """An access token for `user` in `restaurant`."""
    token = AccessToken.for_user(user)
    token[CLAIM] = str(restaurant.pk)
    return token


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
        restaurant: Restaurant | None = request._request.restaurant
        if restaurant is None or token.get(CLAIM) != str(restaurant.pk):
            raise AuthenticationFailed("This token belongs to another restaurant.")
        role = Membership.role_of(user.pk, restaurant)
        if role is None:
            raise AuthenticationFailed("You are not a member of this restaurant.")
        request._request.role = role
        request.role = role
        return user, token
