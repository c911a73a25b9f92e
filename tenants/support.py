"""Support access: platform staff in a restaurant for a reason and a few hours, as a member whom the owners see.

Being staff opens no restaurant, not even for a superuser. Who has to look inside asks for access on the platform's
admin: that makes a membership with an end, tells the owners by e-mail, and stands in the restaurant's audit trail. It
has a manager's role: all but people, keys and closing the restaurant. An owner can end it at any time.
"""

import datetime as dt
import smtplib
from uuid import UUID

import structlog
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from tenants import actors
from tenants.actors import By
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office import audit

ROLE = Membership.Role.MANAGER
MOST_HOURS = 8

log = structlog.get_logger(__name__)


class SupportRefused(Exception):
    """Why there is no support access; the message is for people."""


@public_context()
def begin(restaurant: Restaurant, *, staff: User, reason: str, hours: int, by: User, at: dt.datetime) -> Membership:
    """Let `staff` in for `hours`, at most eight; raises `SupportRefused`. The owners' e-mail leaves on commit.

    Each time makes a membership of its own, so that no token of the last time works again.
    """
    reason = " ".join(reason.split())
    if not (staff.is_staff and staff.is_active):
        raise SupportRefused(f"{staff.email} is not platform staff.")
    if not reason:
        raise SupportRefused("Say why: the owners read it.")
    if not 1 <= hours <= MOST_HOURS:
        raise SupportRefused(f"Support access lasts 1 to {MOST_HOURS} hours.")
    with transaction.atomic():
        locked = Restaurant.objects.select_for_update().get(pk=restaurant.pk)  # of two at once, one waits
        if locked.status == Restaurant.Status.CLOSED:
            raise SupportRefused(f"{locked.name} is closed.")
        _make_room(staff, locked, at)
        membership = Membership.objects.create(
            user=staff,
            restaurant=locked,
            role=ROLE,
            ends_at=at + dt.timedelta(hours=hours),
            reason=reason[:200],
            granted_by=by,
            created_at=at,
        )
        until = {"reason": membership.reason, "ends_at": membership.ends_at}
        _record("support.began", membership, by=actors.staff(by), at=at, after=until)
        _tell_owners(membership)
    return membership


@public_context()
def end(membership_id: UUID, restaurant: Restaurant, *, by: By, at: dt.datetime) -> Membership:
    """End support access now, whoever wants it; one that has ended stays as it is. Raises `SupportRefused`."""
    with transaction.atomic():
        given = Membership.objects.support().filter(pk=membership_id, restaurant=restaurant)
        membership: Membership | None = given.select_for_update(of=("self",)).select_related("user").first()
        if membership is None:
            raise SupportRefused("There is no such support access.")
        membership.restaurant = restaurant
        if membership.ends_at and membership.ends_at > at:
            before, membership.ends_at = membership.ends_at, at
            membership.save(update_fields=["ends_at"])
            _record("support.ended", membership, by=by, at=at, before={"ends_at": before}, after={"ends_at": at})
    return membership


@public_context()
def current(restaurant: Restaurant, *, at: dt.datetime) -> list[Membership]:
    """Who of the staff is let in now."""
    given = Membership.objects.support().current(at).filter(restaurant=restaurant)
    return list(given.select_related("user", "granted_by"))


def _make_room(staff: User, restaurant: Restaurant, at: dt.datetime) -> None:
    """Drop the access that has ended; raises where the person is in already."""
    had = Membership.objects.filter(user=staff, restaurant=restaurant).select_for_update().first()
    if had is None:
        return
    if not had.is_support:
        raise SupportRefused(f"{staff.email} works at {restaurant.name} and needs no support access.")
    if had.ends_at and had.ends_at > at:
        raise SupportRefused(f"{staff.email} has support access already. End it first to ask for longer.")
    had.delete()


def _record(verb: str, membership: Membership, *, by: By, at: dt.datetime, **values: audit.Values) -> None:
    person = audit.Subject("person", str(membership.user_id), str(membership.user))
    with restaurant_context(membership.restaurant):
        audit.record(verb, person, by=by, at=at, **values)


def _tell_owners(membership: Membership) -> None:
    restaurant = membership.restaurant
    owners = Membership.objects.of_staff_of(restaurant).filter(role=Membership.Role.OWNER, user__is_active=True)
    facts = {"membership": membership, "restaurant": restaurant, "until": _until(membership)}
    mails = [
        EmailMessage(
            subject=f"Flux support has access to {' '.join(restaurant.name.split())}",
            body=render_to_string("emails/support_access.txt", facts),
            to=[owner.user.email],
        )
        for owner in owners
    ]
    transaction.on_commit(lambda: _send(mails), robust=True)


def _until(membership: Membership) -> str:
    """When it ends on the restaurant's clock."""
    assert membership.ends_at is not None  # noqa: S101 support access has an end
    ends = membership.ends_at.astimezone(membership.restaurant.zone)
    return f"{ends:%A} {ends.day} {ends:%B}, {ends:%H:%M} ({membership.restaurant.timezone})"


def _send(mails: list[EmailMessage]) -> None:
    """Hand each to the mail server; one that it does not take is logged, and the access stands in the audit trail."""
    for mail in mails:
        try:
            mail.send()
        except (OSError, smtplib.SMTPException):
            log.exception("owner_not_told_of_support", to=mail.to)
