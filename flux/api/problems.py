"""Every error of the API has one form: RFC 9457 problem details, `application/problem+json`.

DRF's errors pass through `problem_details`; what Django, a middleware or a crash answers is given the same form by
`flux.middleware.ApiMiddleware`. An exception may bring its own problem: `problem_code`, one of `PROBLEMS`, and
`problem_members`, more members for the answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import Http404, JsonResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

MEDIA_TYPE = "application/problem+json"
TYPES_AT = "/api/problems/"  # a problem's `type` is this address and its code


@dataclass(frozen=True)
class Problem:
    """One kind of problem: its stable code, its status, its title, and what to do about it."""

    code: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The URI reference that names this kind; a page about it answers there."""
        return TYPES_AT + self.code


_KINDS = [
    Problem("invalid-values", 400, "Some values are wrong", "`errors` names each field and what is wrong with it."),
    Problem("malformed-request", 400, "The request cannot be read", "The body is not what its content type says."),
    Problem(
        "invalid-grant",
        400,
        "Sign-in refused",
        "E-mail, password and one-time code, or the refresh token, do not open this restaurant. Why is not told.",
    ),
    Problem(
        "unsupported-grant-type",
        400,
        "Unknown way to sign in",
        "/auth/login takes grant_type=password, /auth/refresh takes grant_type=refresh_token.",
    ),
    Problem(
        "not-signed-in",
        401,
        "Sign in first",
        "The bearer token or key is missing, has ended, or is of another restaurant. Get a token at /auth/login.",
    ),
    Problem("not-allowed", 403, "Not allowed", "The person's role, or the key's scopes, do not allow this."),
    Problem("restaurant-suspended", 403, "The restaurant is suspended", "The platform's staff can open it again."),
    Problem("not-found", 404, "Not found", "There is nothing at this address, or nothing of this restaurant."),
    Problem("method-not-allowed", 405, "Method not allowed", "The header `Allow` names the methods of this address."),
    Problem("not-acceptable", 406, "Only JSON is spoken here", "Ask for application/json, or leave out `Accept`."),
    Problem("conflict", 409, "Not in its present state", "What is asked for does not fit the state of the thing."),
    Problem(
        "restaurant-closed", 410, "The restaurant is closed", "The platform's staff can open it again for some weeks."
    ),
    Problem("too-large", 413, "The body is too large", "A request's body may hold 1 MiB."),
    Problem("unsupported-media-type", 415, "Unknown content type", "Send application/json."),
    Problem("too-many-requests", 429, "Too many requests", "Wait for as many seconds as `Retry-After` says."),
    Problem("internal-error", 500, "Something broke", "It is our fault and has been logged; try again later."),
    Problem("unavailable", 503, "Not available now", "Try again later."),
]
PROBLEMS = {kind.code: kind for kind in _KINDS}
# The first kind of a status is what an answer means that has nothing but its status; a bare 400 could not be read.
_BY_STATUS = {kind.status: kind for kind in reversed(_KINDS)} | {400: PROBLEMS["malformed-request"]}


def body(status: int, detail: str = "", *, code: str | None = None, **members: Any) -> dict[str, Any]:
    """The members of a problem: type, title, status, detail and `members`."""
    kind = PROBLEMS[code] if code else _BY_STATUS.get(status)
    return {
        "type": kind.type if kind else "about:blank",
        "title": kind.title if kind else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or (kind.meaning if kind else ""),
        **members,
    }


def answer(status: int, detail: str = "", *, code: str | None = None) -> JsonResponse:
    """A problem as Django's own kind of response, for what is not a view of DRF."""
    return JsonResponse(body(status, detail, code=code), status=status, content_type=MEDIA_TYPE)


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to an error as problem details; None, and so a crash that is logged, for what nobody expected."""
    response = exception_handler(exc, context)
    if response is None:
        return None
    code = getattr(exc, "problem_code", None)
    members = dict(getattr(exc, "problem_members", {}))
    if isinstance(exc, ValidationError):
        code = code or "invalid-values"
        members["errors"] = list(field_errors(exc.get_full_details()))
        detail = in_short(members["errors"])
    else:
        detail = detail_of(exc)
    response.data = body(response.status_code, detail, code=code, **members)
    response.content_type = MEDIA_TYPE
    return response


def detail_of(exc: Exception) -> str:
    """What the exception says; nothing where it names our own classes to a stranger."""
    if isinstance(exc, Http404) or not isinstance(exc, APIException):
        return ""
    said: Any = exc.detail
    if isinstance(said, dict):  # simplejwt wraps its reasons
        said = said.get("detail", "")
    return str(said)


def field_errors(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Each wrong value of DRF's nested details as field (a path such as `lines.0.packs`), detail and code."""
    if isinstance(details, dict) and {"message", "code"} != details.keys():
        for name, inner in details.items():
            own = "" if name == api_settings.NON_FIELD_ERRORS_KEY else str(name)
            yield from field_errors(inner, ".".join(part for part in (path, own) if part))
    elif isinstance(details, list):
        for position, inner in enumerate(details):
            is_item = isinstance(inner, dict) and {"message", "code"} != inner.keys()
            if inner:
                yield from field_errors(inner, f"{path}.{position}".lstrip(".") if is_item else path)
    else:
        yield {"field": path, "detail": str(details["message"]), "code": str(details["code"])}


def in_short(errors: list[dict[str, str]]) -> str:
    """One sentence of `errors`: the first one, and how many more there are."""
    if not errors:
        return ""
    first = errors[0]
    sentence = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    return sentence if len(errors) == 1 else f"{sentence} (and {len(errors) - 1} more)"
