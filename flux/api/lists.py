"""Lists: `limit` and `offset` within bounds, and filters that refuse what they do not understand."""

from typing import Any

from django.core.validators import EMPTY_VALUES
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.utils import translate_validation
from rest_framework.exceptions import ErrorDetail, ValidationError
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
    """django-filter's backend, for which all that it would ignore is an error: a typo must not list everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        names = set(filterset.filters) if filterset is not None else set()
        refuse(unknown(request, names | {Pagination.limit_query_param, Pagination.offset_query_param}))
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise translate_validation(filterset.errors)
        refuse(unread(request, names, filterset.form.cleaned_data))
        found: QuerySet[Any] = filterset.qs
        return found


def refuse(problems: dict[str, list[ErrorDetail]]) -> None:
    """Raise them as one error, if there are any."""
    if problems:
        raise ValidationError(problems)


def unknown(request: Request, known: set[str]) -> dict[str, list[ErrorDetail]]:
    """What is wrong with the names of the query's parameters: nobody knows them, or they come twice."""
    there_are = f"There is no such parameter; there are {', '.join(sorted(known))}."
    problems = {name: [ErrorDetail(there_are, "unknown")] for name in sorted(set(request.query_params) - known)}
    twice = [name for name in known if len(request.query_params.getlist(name)) > 1]
    return problems | {name: [ErrorDetail("It is given twice.", "repeated")] for name in sorted(twice)}


def unread(request: Request, names: set[str], values: dict[str, Any]) -> dict[str, list[ErrorDetail]]:
    """The parameters that are given but mean nothing, such as an empty one or `is_active=perhaps`."""
    given = sorted(names & set(request.query_params))
    return {name: [ErrorDetail("Not a valid value.", "invalid")] for name in given if values[name] in EMPTY_VALUES}


def _whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 10 and least <= int(given) <= most):
        raise ValidationError({name: [f"A whole number from {least} to {most}, please."]}, code="out_of_bounds")
    return int(given)
