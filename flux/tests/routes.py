"""Every address of a restaurant's host, found by walking the resolver, so that no test can forget one."""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, UUIDConverter
from django.urls.resolvers import RegexPattern, RoutePattern

PARAMETER = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)")
APPS = {"menu", "pos", "forecasting", "procurement"}  # whose pages are about rows of their own, dishes and jobs
NOWHERE = {"uuid": "00000000-0000-7000-8000-000000000000", "int": "987654321", "text": "nowhere"}


@dataclass(frozen=True)
class Route:
    """One pattern: its qualified name, and its parameters with what they take: `uuid`, `int` or `text`."""

    name: str
    route: str
    params: tuple[tuple[str, str], ...]
    view: Any

    @property
    def is_admin(self) -> bool:
        return self.route.startswith("admin/")

    @property
    def is_api(self) -> bool:
        return self.route.startswith(("api/", "auth/log", "auth/refresh", "auth/revoke"))

    def address(self, values: Iterable[str] | None = None) -> str:
        """The path with `values` for its parameters, or with such as lead nowhere."""
        given = iter([NOWHERE[kind] for _, kind in self.params] if values is None else values)
        return "/" + PARAMETER.sub(lambda _: quote(next(given), safe=""), self.route).rstrip("$")

    @property
    def names_rows(self) -> bool:
        """Whether a parameter is the key of a row."""
        return any(is_key(name) for name, _ in self.params)

    def addresses(self, keys: Iterable[tuple[type[models.Model], Any]]) -> Iterator[str]:
        """The paths with every choice of `keys` for its parameters, each where its kind fits."""
        keys = list(keys)
        choices = [
            [str(key) for model, key in keys if self.takes(kind, model, key)] if is_key(name) else [example(name, kind)]
            for name, kind in self.params
        ]
        yield from (self.address(values) for values in itertools.product(*choices))

    def takes(self, kind: str, model: type[models.Model], key: Any) -> bool:
        """Whether a parameter may mean this row; pages of the admin name their model."""
        if self.is_admin:
            return self.name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_")
        app = self.name.partition(":")[0]
        if app in APPS and model._meta.app_label not in {app, "menu", "office"}:
            return False
        return kind == "text" or (kind == "int") == isinstance(key, int)


def is_key(name: str) -> bool:
    return name == "pk" or name.endswith("_id")


def example(name: str, kind: str) -> str:
    """A value for a parameter that is no key."""
    today = dt.date.today()  # noqa: DTZ011 any day of this month will do
    return {"year": str(today.year), "number": str(today.month), "day": today.isoformat()}.get(name, NOWHERE[kind])


def all_routes(urlconf: str = "flux.urls") -> list[Route]:
    """Every pattern of a restaurant's host, or of another one; one without a name is called by its route."""
    return list(_walk(get_resolver(urlconf).url_patterns, Route("", "", (), None)))


def _walk(patterns: Iterable[URLPattern | URLResolver], above: Route) -> Iterator[Route]:
    for pattern in patterns:
        here = above.route + str(pattern.pattern).lstrip("^")
        params = (*above.params, *_params(pattern.pattern))
        if isinstance(pattern, URLResolver):
            inner = f"{above.name}{pattern.namespace}:" if pattern.namespace else above.name
            yield from _walk(pattern.url_patterns, Route(inner, here, params, None))
        else:
            name = above.name + pattern.name if pattern.name else here
            yield Route(name, here, params, pattern.callback)


def _params(pattern: RegexPattern | RoutePattern) -> Iterator[tuple[str, str]]:
    if isinstance(pattern, RegexPattern):
        return ((name, "text") for name in pattern.regex.groupindex)
    kinds = {UUIDConverter: "uuid", IntConverter: "int"}
    return ((name, kinds.get(type(converter), "text")) for name, converter in pattern.converters.items())
