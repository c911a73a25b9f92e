"""Lists: `limit` and `offset` within bounds, and filters that refuse what they do not understand."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request


class Pagination(LimitOffsetPagination):
    """`limit` (1 to 1000, 100 by default) and `offset`; a value out of bounds is an error and not another page."""

    default_limit = 100
    max_limit = 1000
    max_offset = 10_000_000

    def get_limit(self, request: Request) -> int:
        return _whole_number(request, self.limit_query_param, self.default_limit, 1, self.max_limit)

    def get_offset(self, request: Request) -> int:
        return _whole_number(request, self.offset_query_param, 0, 0, self.max_offset)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The same bounds, told to readers of the schema."""
        return [
            {
                "name": self.limit_query_param,
                "in": "query",
                "required": False,
                "description": "Rows in one answer.",
                "schema": {"type": "integer", "minimum": 1, "maximum": self.max_limit, "default": self.default_limit},
            },
            {
                "name": self.offset_query_param,
                "in": "query",
                "required": False,
                "description": "Rows to skip.",
                "schema": {"type": "integer", "minimum": 0, "maximum": self.max_offset, "default": 0},
            },
        ]


class StrictFilters(DjangoFilterBackend):
    """django-filter's backend, for which a parameter that nobody knows is an error: a typo must not list everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        names = set(filterset.filters) if filterset is not None else set()
        refuse_unknown(request, names)
        return super().filter_queryset(request, queryset, view)


def refuse_unknown(request: Request, names: set[str]) -> None:
    """Raise `ValidationError` for each query parameter that is neither in `names` nor about the page."""
    known = names | {Pagination.limit_query_param, Pagination.offset_query_param}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        message = f"There is no such parameter; there are {', '.join(sorted(known))}."
        raise ValidationError({name: [message] for name in unknown}, code="unknown")


def _whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 10 and least <= int(given) <= most):
        raise ValidationError({name: [f"A whole number from {least} to {most}, please."]}, code="out_of_bounds")
    return int(given)
