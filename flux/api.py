"""The API's shape: its addresses, its pages, and one form of error for all of it (RFC 9457 problem details)."""

from typing import Any

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Pagination(LimitOffsetPagination):
    """`limit` and `offset`."""

    default_limit = 100
    max_limit = 1000


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to an error as `application/problem+json`."""
    response = exception_handler(exc, context)
    if response is None:
        return None
    response.data = {
        "type": "about:blank",
        "title": response.status_text,
        "status": response.status_code,
        "detail": response.data,
    }
    response.content_type = "application/problem+json"
    return response
