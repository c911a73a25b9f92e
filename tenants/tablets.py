"""The kitchen's shared tablets: enrolled by an owner or manager, known by a signed mark in their browser.

The mark is a cookie of the restaurant's own host. It names the tablet's row and the restaurant, opens nothing by itself
and is worth nothing once the row is revoked.
"""

import datetime as dt
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant, Tablet, User
from tenants.office import audit

SALT = "flux.tablet"
MARK_SECONDS = 400 * 24 * 3600  # browsers keep no cookie for longer


class NoSuchTablet(Exception):
    """The restaurant has no such tablet, or it has been revoked."""


@public_context()
def enrol(restaurant: Restaurant, name: str, *, by: User, at: dt.datetime) -> Tablet:
    """A new tablet; the browser becomes it by `mark`."""
    with transaction.atomic():
        tablet = Tablet.objects.create(restaurant=restaurant, name=name, enrolled_by=by, created_at=at)
        _record("tablet.enrolled", tablet, by=by, at=at)
    return tablet


@public_context()
def revoke(tablet_id: UUID, restaurant: Restaurant, *, by: User, at: dt.datetime) -> Tablet:
    """Let no PIN work on the tablet any more, and end the PIN sessions on it. Raises NoSuchTablet."""
    with transaction.atomic():
        tablet: Tablet | None = restaurant.tablets.enrolled().select_for_update().filter(pk=tablet_id).first()
        if tablet is None:
            raise NoSuchTablet
        tablet.restaurant, tablet.revoked_at = restaurant, at
        tablet.save(update_fields=["revoked_at"])
        _record("tablet.revoked", tablet, by=by, at=at)
    return tablet


def mark(response: HttpResponse, tablet: Tablet) -> None:
    """Make the browser that gets `response` the tablet; an older mark begins anew."""
    facts = {"tablet": str(tablet.pk), "restaurant": str(tablet.restaurant_id)}
    response.set_cookie(
        settings.TABLET_COOKIE_NAME,
        signing.dumps(facts, salt=SALT),
        max_age=MARK_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def marked(request: HttpRequest) -> UUID | None:
    """The key of the tablet that the browser says it is, on this restaurant's host; it may have been revoked."""
    raw = request.COOKIES.get(settings.TABLET_COOKIE_NAME, "")
    try:
        facts: dict[str, Any] = signing.loads(raw, salt=SALT, max_age=MARK_SECONDS)
    except signing.BadSignature:
        return None
    return UUID(facts["tablet"]) if facts["restaurant"] == str(request.restaurant.pk) else None  # type: ignore[attr-defined]


def enrolled(request: HttpRequest) -> Tablet | None:
    """The enrolled tablet that asks, or None."""
    key = marked(request)
    if key is None:
        return None
    with public_context():
        found: Tablet | None = request.restaurant.tablets.enrolled().filter(pk=key).first()  # type: ignore[attr-defined]
    return found


def _record(verb: str, tablet: Tablet, *, by: User, at: dt.datetime) -> None:
    with restaurant_context(tablet.restaurant):
        audit.record(verb, audit.Subject("tablet", str(tablet.pk), tablet.name), by=by, at=at)
