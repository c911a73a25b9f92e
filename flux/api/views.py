"""The API's own pages: where things are, and what the kinds of problems mean."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import resolve, reverse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from flux.api import problems


@extend_schema(exclude=True)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def index(request: Request) -> Response:
    """The addresses of the API, for whoever starts with nothing but the host."""
    from flux.api.urls import router  # it routes to this view

    lists = {name: f"api:{basename}-list" for name, _viewset, basename in router.registry}
    pages = {
        "login": "token:login",
        "refresh": "token:refresh",
        "revoke": "token:revoke",
        "schema": "api:schema",
        "docs": "api:docs",
    }
    return Response(
        {name: request.build_absolute_uri(reverse(address)) for name, address in {**lists, **pages}.items()}
    )


@extend_schema(exclude=True)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def problem_kinds(request: Request) -> Response:
    """Every kind of problem."""
    return Response([described(kind) for kind in problems.PROBLEMS.values()])


@extend_schema(exclude=True)
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
def problem_kind(request: Request, code: str) -> HttpResponse:
    """One kind of problem: what its `type` leads to."""
    kind = problems.PROBLEMS.get(code)
    return Response(described(kind)) if kind else problems.answer(404)


def described(kind: problems.Problem) -> dict[str, Any]:
    return {"type": kind.type, **asdict(kind)}


@csrf_exempt
def unknown(request: HttpRequest) -> HttpResponse:
    """Any other address under /api/. It answers itself: Django would send GETs on to the same address with a slash,
    and crash on other methods under DEBUG.
    """
    with_slash = f"{request.path_info}/"
    if not request.path_info.endswith("/") and resolve(with_slash).func is not unknown:
        return problems.answer(404, f"There is nothing here; did you mean {with_slash} (with a slash at its end)?")
    return problems.answer(404)


docs = SpectacularSwaggerSplitView.as_view(template_name="flux/swagger.html", url_name="api:schema")
schema = SpectacularAPIView.as_view()
