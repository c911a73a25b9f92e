"""Who asks for a change: a person, an integrator's key, or Flux itself in a job. Every verb gets one as `by=`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from tenants.models import User

PORTAL: Final = "portal"
API: Final = "api"
SUPPORT: Final = "support"
PIN: Final = "pin"
JOB: Final = "job"


@dataclass(frozen=True, slots=True)
class Actor:
    """`pk` is of the person or of the integrator's key, `email` a person's; Flux has neither. `via` is their door."""

    pk: UUID | None
    name: str
    via: str
    email: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def is_person(self) -> bool:
        """Whether somebody stands behind it, and no key and no job."""
        return bool(self.email)


By: TypeAlias = "Actor | User"
FLUX: Final = Actor(None, "Flux", JOB)


def actor(by: By) -> Actor:
    """`by` as an actor; somebody of whom no more is known than who it is came by the portal."""
    return by if isinstance(by, Actor) else Actor(by.pk, str(by), PORTAL, by.email)


def staff(user: "User") -> Actor:
    """Somebody of the platform's staff, who does something to a restaurant from outside of it."""
    return Actor(user.pk, str(user), SUPPORT, user.email)


def asking(request: Any) -> Actor:
    """Who asks for what `request` (Django's or the API's) is about.

    Whatever lets somebody in by another door than a session or a person's token says so on the request: `via` (a PIN,
    support access), or a whole `actor` (an integrator's key, which is no person).
    """
    known: Actor | None = getattr(request, "actor", None)
    if known is not None:
        return known
    by_token = getattr(request, "successful_authenticator", None) is not None
    via = API if by_token else getattr(request, "via", PORTAL)
    return Actor(request.user.pk, str(request.user), via, request.user.email)


def as_json(by: By) -> dict[str, Any]:
    """Who asks, for a job's row: what the job does is done in their name."""
    who = actor(by)
    return {"pk": who.pk and str(who.pk), "name": who.name, "via": who.via, "email": who.email}


def from_json(given: dict[str, Any] | None) -> Actor:
    """What `as_json` kept; Flux where nobody asked."""
    return Actor(given["pk"] and UUID(given["pk"]), given["name"], given["via"], given["email"]) if given else FLUX
