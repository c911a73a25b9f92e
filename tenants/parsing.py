"""What a program sends, read so that nothing it sends can crash the reader."""

import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
MOST_TOKEN = 4096  # characters; ours have fewer than 1,000


class SafeJSONParser(JSONParser):
    """DRF's, for which a body of a hundred thousand opening brackets is malformed like any other."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error


def bearer(request: Request) -> str | None:
    """What follows `Bearer` in the request's Authorization header, or None without one; raises where it is no token.

    The word counts in any case (RFC 9110, 11.1). What a token may consist of is RFC 6750's b64token.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    given = given.strip()
    if len(given) > MOST_TOKEN or not TOKEN.fullmatch(given):
        raise AuthenticationFailed("What follows “Bearer” is no token.")
    return given
