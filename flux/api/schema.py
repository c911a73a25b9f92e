"""What the OpenAPI document says of every operation: who may call it, and the problems it may answer."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from flux.api import problems
from tenants.access import SCOPES, scope_of


class ErrorSerializer(serializers.Serializer[Any]):
    """One wrong value."""

    field = serializers.CharField(
        help_text="Path of the value, such as `date` or `lines.0.packs`; empty for the whole body.", allow_blank=True
    )
    detail = serializers.CharField(help_text="What is wrong with it.")
    code = serializers.CharField(help_text="The same for machines, such as `required`.")


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(
        help_text="A stable URI reference of the kind of problem, such as `/api/problems/not-found`."
    )
    title = serializers.CharField(help_text="The kind in words; always the same for one type.")
    status = serializers.IntegerField(help_text="The status code.")
    detail = serializers.CharField(help_text="What happened this time.", allow_blank=True)
    errors = ErrorSerializer(  # type: ignore[assignment]
        many=True, required=False, help_text="Only of `invalid-values`: each wrong value."
    )


class Schema(AutoSchema):
    """drf-spectacular's, with the problems that an operation of its shape may answer."""

    def get_description(self) -> str:  # type: ignore[override]  # spectacular's has no arguments
        """With the scope that an integrator's key needs."""
        said, wanted = super().get_description(), scope_of(self.view, self.method)
        return f"{said}\n\nAn integrator's key needs the scope `{wanted}`.".strip() if wanted else str(said)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, means in self._problems():
            if status not in bodies:
                answer = self._get_response_for_code(ProblemSerializer, status, [problems.MEDIA_TYPE], direction)
                bodies[status] = answer | {"description": means}
        return bodies

    def _problems(self) -> list[tuple[str, str]]:
        """Status and description of each."""
        takes_body = self.method in {"POST", "PUT", "PATCH"}
        found = [("400", "Values that cannot be accepted")] if takes_body or self._is_list_view() else []
        if {} not in self.get_auth():
            found += [("401", "No valid bearer token of this restaurant"), ("403", "The role does not allow it")]
        if "{" in self.path:
            found.append(("404", "No such thing in this restaurant"))
        if takes_body:
            found.append(("415", "Another content type"))
        if self.view.get_throttles():
            found.append(("429", "Too many requests: see Retry-After"))
        return [*found, ("default", "Any other problem")]


class KeyScheme(OpenApiAuthenticationExtension):
    """Tells Swagger UI that an integrator's key may stand in the same header."""

    target_class = "tenants.api_keys.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        scopes = "; ".join(f"`{scope}`: {meaning}" for scope, meaning in SCOPES.items())
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "flux_…",
            "description": f"An integrator's key, made by an owner in the portal. Its scopes: {scopes}.",
        }

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]] | list[dict[str, Any]]:
        """None where no key is let in. The scope stands in the description: 3.0 has room for it with OAuth2 only."""
        return {self.name: []} if scope_of(auto_schema.view, auto_schema.method) else []


class BearerScheme(OpenApiAuthenticationExtension):
    """Tells Swagger UI where to sign in."""

    target_class = "tenants.tokens.RestaurantJWTAuthentication"
    name = "OAuth2PasswordBearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "oauth2",
            "description": "E-mail and password of a member of this restaurant; client id and secret stay empty.",
            "flows": {"password": {"tokenUrl": "/auth/login", "refreshUrl": "/auth/refresh", "scopes": {}}},
        }
