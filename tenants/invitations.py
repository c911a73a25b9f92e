"""Inviting people by e-mail: a secret that works once, for a week, for whoever has the mailbox it was sent to.

The secret is in the e-mail and nowhere else; the row keeps its hash. Rows of `public`: every verb works there, whatever
restaurant the caller works for.
"""

import datetime as dt
import hashlib
import secrets
import smtplib
from collections.abc import Callable
from uuid import UUID

import structlog
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone

from tenants import people, throttles
from tenants.context import public_context, restaurant_context
from tenants.models import Invitation, Membership, Restaurant, User
from tenants.office import audit

VALID_DAYS = 7
Link = Callable[[str], str]  # from a secret to the address of the page that accepts it
log = structlog.get_logger(__name__)


class InvitationError(Exception):
    """What was asked for cannot be done; the message is for people."""


class AlreadyMember(InvitationError):
    def __init__(self, email: str, restaurant: Restaurant) -> None:
        super().__init__(f"{email} is a member of {restaurant.name} already.")


class AlreadyInvited(InvitationError):
    def __init__(self, email: str) -> None:
        super().__init__(f"{email} has an open invitation: send it again, or revoke it first.")


class TooManyInvitations(InvitationError):
    def __init__(self) -> None:
        super().__init__("You have sent many invitations today. Send the next ones tomorrow.")


class NoOpenInvitation(InvitationError):
    def __init__(self) -> None:
        super().__init__("This invitation has been accepted or revoked meanwhile.")


class InvitationUnknown(InvitationError):
    def __init__(self) -> None:
        super().__init__("This invitation is not known. Perhaps a newer e-mail has taken its place.")


class InvitationUsed(InvitationError):
    def __init__(self) -> None:
        super().__init__("This invitation has been accepted already.")


class InvitationRevoked(InvitationError):
    def __init__(self) -> None:
        super().__init__("This invitation has been revoked.")


class InvitationExpired(InvitationError):
    def __init__(self) -> None:
        super().__init__("This invitation has expired. Ask for a new one.")


class InvitedSomebodyElse(InvitationError):
    def __init__(self, invitation: Invitation, user: User) -> None:
        super().__init__(f"This invitation is for {invitation.email}, and you are signed in as {user.email}.")


@public_context()
def invite(restaurant: Restaurant, email: str, role: str, *, by: User, at: dt.datetime, link_to: Link) -> Invitation:
    """Invite whoever has the mailbox `email`; the e-mail leaves on commit.

    Raises AlreadyMember, AlreadyInvited, TooManyInvitations. An invitation to the same address that has expired gives
    way to the new one.
    """
    email = email.strip().lower()
    with transaction.atomic():
        if Membership.objects.of_staff_of(restaurant).filter(user__email__iexact=email).exists():
            raise AlreadyMember(email, restaurant)
        restaurant.invitations.open().to(email).filter(expires_at__lte=at).update(revoked_at=at)
        secret = _new_secret()
        try:
            with transaction.atomic():
                invitation = Invitation.objects.create(
                    restaurant=restaurant,
                    email=email,
                    role=role,
                    invited_by=by,
                    secret_hash=_hash(secret),
                    created_at=at,
                    expires_at=at + dt.timedelta(days=VALID_DAYS),
                )
        except IntegrityError as error:
            raise AlreadyInvited(email) from error
        _count_email(by)
        _send_on_commit(invitation, link_to(secret))
        _record("person.invited", invitation, by=by, at=at, after={"role": role})
    return invitation


@public_context()
def resend(invitation_id: UUID, restaurant: Restaurant, *, by: User, at: dt.datetime, link_to: Link) -> Invitation:
    """Send an open invitation anew, for another week; the link sent before is dead.

    Raises NoOpenInvitation, TooManyInvitations.
    """
    with transaction.atomic():
        invitation = _open(invitation_id, restaurant)
        _count_email(by)
        secret = _new_secret()
        invitation.secret_hash, invitation.invited_by, invitation.emailed_at = _hash(secret), by, None
        invitation.expires_at = at + dt.timedelta(days=VALID_DAYS)
        invitation.save(update_fields=["secret_hash", "invited_by", "emailed_at", "expires_at"])
        _send_on_commit(invitation, link_to(secret))
        _record("invitation.sent_again", invitation, by=by, at=at)
    return invitation


@public_context()
def revoke(invitation_id: UUID, restaurant: Restaurant, *, by: User, at: dt.datetime) -> Invitation:
    """Make the link of an open invitation useless. Raises NoOpenInvitation."""
    with transaction.atomic():
        invitation = _open(invitation_id, restaurant)
        invitation.revoked_at = at
        invitation.save(update_fields=["revoked_at"])
        _record("invitation.revoked", invitation, by=by, at=at)
    return invitation


@public_context()
def look(secret: str, *, at: dt.datetime) -> Invitation:
    """The invitation behind `secret` where it can be accepted, with its restaurant and whoever invites.

    Raises InvitationUnknown, InvitationUsed, InvitationRevoked, InvitationExpired.
    """
    found = Invitation.objects.select_related("restaurant", "invited_by").filter(secret_hash=_hash(secret)).first()
    return _acceptable(found, at)


@public_context()
def accept(secret: str, *, user: User, at: dt.datetime) -> Membership:
    """Make `user` a member; of two who accept at once one does, the other is told that it is used.

    Raises what `look` raises, and InvitedSomebodyElse where the e-mail is another one's: the link shows that its reader
    has that mailbox, not who else may have been sent it. Somebody who is a member already keeps their role.
    """
    with transaction.atomic():
        locked = Invitation.objects.select_for_update(of=("self",)).select_related("restaurant")
        invitation = _acceptable(locked.filter(secret_hash=_hash(secret)).first(), at)
        if invitation.email.lower() != user.email.lower():
            raise InvitedSomebodyElse(invitation, user)
        staff = Membership.objects.of_staff_of(invitation.restaurant).filter(user=user)
        membership = staff.first() or people.give_role(user, invitation.restaurant, invitation.role)
        invitation.accepted_at, invitation.accepted_by = at, user
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        _record("person.joined", invitation, by=user, at=at, after={"role": membership.role})
    return membership


@public_context()
def accept_as_new(secret: str, *, name: str, password: str, at: dt.datetime) -> Membership:
    """Make a person of whoever the e-mail reached, and a member; raises what `look` raises, and `ValidationError`.

    The address is verified by the link. Of two sends of one form at once, the second is told that it is used.
    """
    try:
        with transaction.atomic():
            user = people.join(look(secret, at=at).email, password, name=name)
            return accept(secret, user=user, at=at)
    except IntegrityError as error:
        raise InvitationUsed from error


def _open(invitation_id: UUID, restaurant: Restaurant) -> Invitation:
    found: Invitation | None = (
        restaurant.invitations.open().select_for_update(of=("self",)).filter(pk=invitation_id).first()
    )
    if found is None:
        raise NoOpenInvitation
    found.restaurant = restaurant
    return found


def _acceptable(invitation: Invitation | None, at: dt.datetime) -> Invitation:
    if invitation is None or invitation.restaurant.status == Restaurant.Status.CLOSED:
        raise InvitationUnknown
    if invitation.accepted_at:
        raise InvitationUsed
    if invitation.revoked_at:
        raise InvitationRevoked
    if invitation.expires_at <= at:
        raise InvitationExpired
    return invitation


def _record(verb: str, invitation: Invitation, *, by: User, at: dt.datetime, **values: audit.Values) -> None:
    with restaurant_context(invitation.restaurant):
        audit.record(verb, audit.Subject("invitation", str(invitation.pk), invitation.email), by=by, at=at, **values)


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _hash(secret: str) -> str:
    """The secret is 256 random bits: nobody guesses it, so a slow hash would only cost time."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _count_email(by: User) -> None:
    """Nobody fills strangers' mailboxes from here: anybody may open a restaurant, and choose its name."""
    if not throttles.Invitations().take(str(by.pk)):
        raise TooManyInvitations


def _send_on_commit(invitation: Invitation, link: str) -> None:
    mail = _message(invitation, link)
    transaction.on_commit(lambda: _send(mail, invitation.pk, invitation.secret_hash), robust=True)


def _send(mail: EmailMessage, invitation_id: UUID, secret_hash: str) -> None:
    """Hand the e-mail to the mail server; whether it took it is on the row, for the page to show."""
    try:
        mail.send()
    except (OSError, smtplib.SMTPException):
        log.exception("invitation_not_sent", invitation_id=str(invitation_id))
        return
    with public_context():
        sent = Invitation.objects.filter(pk=invitation_id, secret_hash=secret_hash)
        sent.update(emailed_at=timezone.now())


def _message(invitation: Invitation, link: str) -> EmailMessage:
    facts = {"invitation": invitation, "restaurant": invitation.restaurant, "by": invitation.invited_by, "link": link}
    return EmailMessage(
        subject=f"Join {_one_line(invitation.restaurant.name)} on Flux",
        body=render_to_string("emails/invitation.txt", facts),
        to=[invitation.email],
    )


def _one_line(text: str) -> str:
    """`text` for a subject, which no name may break out of."""
    return " ".join(text.split())
