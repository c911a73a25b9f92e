"""Which restaurant the running code works for.

One `ContextVar` is the only truth; the database connection, the cache keys and the log lines read it. A thread or an
asyncio task therefore cannot swap restaurants with another one. Where nothing has been chosen, a query raises: what
belongs to the whole platform is asked for in a `public_context`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tenants.models import Restaurant

PUBLIC = "public"
ALLAUTH = ("allauth:", "allauth.")


class Tenant(Protocol):
    """Whatever names a schema: a `Restaurant`, or the `Platform`."""

    schema_name: str


class Platform:
    """What belongs to no restaurant: the `public` schema."""

    schema_name = PUBLIC


class NoRestaurant(RuntimeError):
    """Code that needs a restaurant ran without one."""


chosen: ContextVar[Tenant | None] = ContextVar("chosen_restaurant", default=None)


def tenant() -> Tenant:
    """What was chosen, the platform included; raises `NoRestaurant` where nothing was."""
    found = chosen.get()
    if found is None:
        raise NoRestaurant("No restaurant has been chosen: use restaurant_context(), or public_context().")
    return found


def schema_name() -> str:
    """The schema in which queries run now; raises `NoRestaurant`."""
    return tenant().schema_name


def current_restaurant() -> "Restaurant":
    """The restaurant that the running code works for; raises `NoRestaurant` outside of one."""
    found = tenant()
    if found.schema_name == PUBLIC:
        raise NoRestaurant("This needs a restaurant, and runs for the platform: use restaurant_context().")
    return found  # type: ignore[return-value]


@contextmanager
def restaurant_context(restaurant: "Restaurant") -> Iterator["Restaurant"]:
    """Run the block for `restaurant`; what was chosen before is chosen again afterwards."""
    token = chosen.set(restaurant)
    try:
        yield restaurant
    finally:
        chosen.reset(token)


@contextmanager
def public_context() -> Iterator[None]:
    """Run the block in `public`: restaurants, people and memberships, and nothing else."""
    token = chosen.set(Platform())
    try:
        yield
    finally:
        chosen.reset(token)


def cache_key(key: str, key_prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: every key carries its restaurant, so that one cache serves all and none sees another's.

    django-allauth always takes the default cache. What it keeps there (attempts to sign in, codes that have been used)
    is about people, who are the same on every host: its keys carry no restaurant, so nobody gets new attempts by
    going to another host.
    """
    owner = PUBLIC if key.startswith(ALLAUTH) else schema_name()
    return f"{key_prefix}:{owner}:{version}:{key}"


def bind_log_context(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """structlog processor: names the restaurant on every line."""
    slug = getattr(chosen.get(), "slug", None)
    if slug:
        event.setdefault("restaurant", slug)
    return event
