"""Sign-in for programs, on a restaurant's own host: the OAuth2 password form (RFC 6749, 4.3 and 6), or JSON.

Refusals are problem details that also carry OAuth2's own `error` and `error_description`, for clients that know only
those. A wrong password, an unknown address, a switched-off account, a missing membership and a missing, wrong or used
one-time code get one and the same answer, after the same work: it names `otp` to everybody, so that who needs one
learns of it, and nobody learns whether the password was right or two-step sign-in is on.
"""

from typing import Any, ClassVar

import structlog
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    parser_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import tokens
from tenants.models import Restaurant
from tenants.parsing import SafeJSONParser
from tenants.throttles import PerAccount, PerAddress

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
log = structlog.get_logger(__name__)


class GrantRefused(APIException):
    """What was sent does not open this restaurant; the reason is not told."""

    status_code = 400
    problem_code = "invalid-grant"

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.problem_members = {"error": "invalid_grant", "error_description": said}


class UnsupportedGrantType(APIException):
    """Another `grant_type` than the address takes."""

    status_code = 400
    problem_code = "unsupported-grant-type"

    def __init__(self, grant_type: str) -> None:
        said = f"This address takes grant_type={grant_type}."
        super().__init__(said)
        self.problem_members = {"error": "unsupported_grant_type", "error_description": said}


class InvalidRequest(ValidationError):
    """Values are missing or cannot be read."""

    problem_members: ClassVar[dict[str, str]] = {
        "error": "invalid_request",
        "error_description": "Some values are wrong.",
    }


class PasswordGrantSerializer(serializers.Serializer[Any]):
    """What `/auth/login` takes. Other members of the OAuth2 form (scope, client_id, client_secret) are ignored."""

    grant_type = serializers.CharField(default="password", max_length=40, help_text="`password`")
    username = serializers.CharField(max_length=254, help_text="The person's e-mail address.")
    password = serializers.CharField(max_length=1024, trim_whitespace=False)
    otp = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        help_text="Where two-step sign-in is on: the code of the authenticator app, or a recovery code. Works once.",
    )


class RefreshGrantSerializer(serializers.Serializer[Any]):
    """What `/auth/refresh` takes."""

    grant_type = serializers.CharField(default="refresh_token", max_length=40, help_text="`refresh_token`")
    refresh_token = serializers.CharField(max_length=4096)


class RevocationSerializer(serializers.Serializer[Any]):
    """What `/auth/revoke` takes. Other members of RFC 7009 (client_id, client_secret) are ignored."""

    token = serializers.CharField(max_length=4096, help_text="An access token or a refresh token.")
    token_type_hint = serializers.CharField(
        max_length=40, required=False, help_text="Not needed: the token says itself which kind it is."
    )


class TokenSerializer(serializers.Serializer[Any]):
    """Tokens for one person in one restaurant."""

    access_token = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    token_type = serializers.CharField(help_text="`bearer`")
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good for.")
    refresh_token = serializers.CharField(help_text="Works once, at `/auth/refresh`, for a new pair.")


@extend_schema(
    operation_id="login",
    tags=["auth"],
    request={"application/x-www-form-urlencoded": PasswordGrantSerializer, "application/json": PasswordGrantSerializer},
    responses={200: TokenSerializer},
)
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@parser_classes([FormParser, SafeJSONParser])
@throttle_classes([PerAddress])
def login(request: Request) -> Response:
    """Sign in with e-mail and password; the tokens open this restaurant only."""
    given = _checked(PasswordGrantSerializer(data=request.data), grant_type="password")
    attempts = PerAccount()
    if not attempts.take(given["username"].lower()):
        raise Throttled(wait=attempts.wait())
    restaurant = _restaurant(request)
    membership = tokens.check_password(
        request._request, given["username"], given["password"], restaurant, otp="".join(given["otp"].split())
    )
    if membership is None:
        log.info("api_sign_in_refused")
        raise GrantRefused("E-mail, password and, where two-step sign-in is on, otp do not open this restaurant.")
    attempts.give_back()
    log.info("api_sign_in", user_id=str(membership.user_id))
    return _answer(tokens.issue_pair(membership))


@extend_schema(
    operation_id="refresh",
    tags=["auth"],
    request={"application/x-www-form-urlencoded": RefreshGrantSerializer, "application/json": RefreshGrantSerializer},
    responses={200: TokenSerializer},
)
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@parser_classes([FormParser, SafeJSONParser])
@throttle_classes([PerAddress])
def refresh(request: Request) -> Response:
    """Exchange a refresh token for a new pair. It works once; a second use ends every token of that sign-in."""
    given = _checked(RefreshGrantSerializer(data=request.data), grant_type="refresh_token")
    try:
        pair = tokens.renew(given["refresh_token"], _restaurant(request))
    except tokens.TokenRefused as refused:
        log.info("api_refresh_refused", reason=str(refused))
        raise GrantRefused("The refresh token is used, expired, or of another restaurant.") from refused
    return _answer(pair)


@extend_schema(
    operation_id="revoke",
    tags=["auth"],
    request={"application/x-www-form-urlencoded": RevocationSerializer, "application/json": RevocationSerializer},
    responses={200: OpenApiResponse(description="The token opens nothing (any more). There is no body.")},
)
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@parser_classes([FormParser, SafeJSONParser])
@throttle_classes([PerAddress])
def revoke(request: Request) -> Response:
    """End a sign-in by its access or refresh token: both kinds end at once (RFC 7009). An unknown one is no error."""
    form = RevocationSerializer(data=request.data)
    if not form.is_valid():
        raise InvalidRequest(form.errors)
    ended = tokens.revoke(form.validated_data["token"], _restaurant(request))
    log.info("api_sign_out", ended=ended)
    return Response(status=200, headers=NO_STORE)


def _checked(form: serializers.Serializer[Any], *, grant_type: str) -> dict[str, Any]:
    """The form's values; raises `InvalidRequest` or `UnsupportedGrantType`."""
    if not form.is_valid():
        raise InvalidRequest(form.errors)
    if form.validated_data["grant_type"] != grant_type:
        raise UnsupportedGrantType(grant_type)
    return dict(form.validated_data)


def _restaurant(request: Request) -> Restaurant:
    return request._request.restaurant  # type: ignore[attr-defined]


def _answer(pair: tokens.Pair) -> Response:
    return Response(
        {
            "access_token": str(pair.access),
            "token_type": "bearer",
            "expires_in": int(pair.access.lifetime.total_seconds()),
            "refresh_token": str(pair.refresh),
        },
        headers=NO_STORE,
    )
