"""Invitations: what the database holds about them, and what they let people do."""

import datetime as dt
import smtplib
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction
from django.utils import timezone

from conftest import PASSWORD, role_of
from tenants import invitations, people
from tenants.context import public_context
from tenants.invitations import (
    AlreadyInvited,
    AlreadyMember,
    InvitationExpired,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
    InvitedSomebodyElse,
    NoOpenInvitation,
    TooManyInvitations,
)
from tenants.models import Invitation, Membership, Restaurant, User
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + dt.timedelta(days=7)


def stored(restaurant: Restaurant, **facts: Any) -> Invitation:
    with public_context(), transaction.atomic():
        return Invitation.objects.create(
            **{
                "restaurant": restaurant,
                "email": "cook@example.com",
                "role": "kitchen",
                "secret_hash": str(Invitation.objects.count()),
                "created_at": NOW,
                "expires_at": LATER,
                **facts,
            }
        )


def test_one_open_invitation_per_restaurant_and_address(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    first = stored(restaurant)
    stored(other_restaurant)
    with pytest.raises(IntegrityError, match="tenants_invitation_one_open"):
        stored(restaurant, email="Cook@Example.com")
    with public_context():
        Invitation.objects.filter(pk=first.pk).update(revoked_at=NOW)
    stored(restaurant, email="Cook@Example.com")


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"accepted_at": NOW, "revoked_at": NOW}, "accepted_or_revoked"),
        ({"role": "king"}, "known_role"),
        ({"expires_at": NOW}, "expires_after_it_was_made"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(restaurant: Restaurant, facts: dict[str, Any], rule: str) -> None:
    with pytest.raises(IntegrityError, match=f"tenants_invitation_{rule}"):
        stored(restaurant, **facts)


def test_nobody_has_accepted_at_no_time(restaurant: Restaurant) -> None:
    with public_context():
        cook = User.objects.create_user("cook@example.com", PASSWORD)
    with pytest.raises(IntegrityError, match="tenants_invitation_accepted_by_somebody_at_a_time"):
        stored(restaurant, accepted_by=cook)


# --- The verbs -------------------------------------------------------------------------------------------------------

LINK = "http://flux.localhost/invitation/"
COOK = "cook@example.com"
Committing = Callable[..., Any]


@pytest.fixture
def owner(restaurant: Restaurant, member: Callable[..., User]) -> User:
    return member(restaurant, "owner")


@pytest.fixture
def cook(db: None) -> User:
    """Somebody with an account and no restaurant."""
    with public_context():
        return User.objects.create_user(COOK, PASSWORD)


@pytest.fixture
def sent(django_capture_on_commit_callbacks: Committing, owner: User) -> Callable[..., str]:
    """Call a verb with what all of them take; returns the secret out of the e-mail that it sent."""

    def send(verb: Callable[..., Invitation], *args: Any, at: dt.datetime = NOW) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            verb(*args, by=owner, at=at, link_to=LINK.__add__)
        return secret_in(mail.outbox[-1].body)

    return send


def secret_in(text: str) -> str:
    [line] = [line for line in str(text).splitlines() if line.startswith(LINK)]
    return line.removeprefix(LINK)


def test_an_invitation_makes_a_member_once(
    restaurant: Restaurant, other_restaurant: Restaurant, cook: User, sent: Callable[..., str]
) -> None:
    secret = sent(invitations.invite, restaurant, " Cook@Example.com ", "kitchen")
    message = mail.outbox[0]
    assert (message.to, message.subject) == ([COOK], "Join Bistro on Flux")
    assert "Owner invites you to work with Bistro on Flux, as a member of the kitchen." in message.body
    assert invitations.look(secret, at=NOW).restaurant == restaurant
    assert invitations.accept(secret, user=cook, at=NOW).role == "kitchen"
    assert (role_of(cook, restaurant), role_of(cook, other_restaurant)) == ("kitchen", None)
    with pytest.raises(InvitationUsed):
        invitations.accept(secret, user=cook, at=NOW)
    with pytest.raises(InvitationUsed):
        invitations.look(secret, at=NOW)


def test_the_secret_is_in_the_email_and_nowhere_else(restaurant: Restaurant, sent: Callable[..., str]) -> None:
    secret = sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        row = Invitation.objects.values().get()
    assert len(secret) == 43
    assert secret not in str(row)
    assert row["emailed_at"] is not None
    with pytest.raises(InvitationUnknown):
        invitations.look(row["secret_hash"], at=NOW)


def test_no_email_leaves_when_the_invitation_is_not_kept(restaurant: Restaurant, owner: User) -> None:
    def invite_and_fail() -> None:
        with transaction.atomic():
            invitations.invite(restaurant, COOK, "kitchen", by=owner, at=NOW, link_to=LINK.__add__)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        invite_and_fail()
    assert mail.outbox == []


def test_a_mail_server_that_refuses_is_seen_on_the_row(
    restaurant: Restaurant, sent: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "send_messages", refuse)
        with pytest.raises(IndexError):  # nothing in the outbox
            sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        [row] = Invitation.objects.all()
    assert row.emailed_at is None
    assert invitations.look(sent(invitations.resend, row.pk, restaurant), at=NOW) == row


def test_an_invitation_expires_and_gives_way_to_a_new_one(
    restaurant: Restaurant, cook: User, sent: Callable[..., str]
) -> None:
    secret = sent(invitations.invite, restaurant, COOK, "kitchen")
    with pytest.raises(AlreadyInvited):
        sent(invitations.invite, restaurant, "COOK@example.com", "manager", at=LATER - dt.timedelta(seconds=1))
    with pytest.raises(InvitationExpired):
        invitations.accept(secret, user=cook, at=LATER)
    fresh = sent(invitations.invite, restaurant, COOK, "manager", at=LATER)
    with pytest.raises(InvitationRevoked):
        invitations.accept(secret, user=cook, at=LATER)
    assert invitations.accept(fresh, user=cook, at=LATER).role == "manager"


def test_sent_again_only_the_newest_link_works(restaurant: Restaurant, cook: User, sent: Callable[..., str]) -> None:
    old = sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        invitation = Invitation.objects.get()
    new = sent(invitations.resend, invitation.pk, restaurant, at=LATER)
    with pytest.raises(InvitationUnknown):
        invitations.accept(old, user=cook, at=LATER)
    assert invitations.accept(new, user=cook, at=LATER).role == "kitchen"
    with pytest.raises(NoOpenInvitation):
        sent(invitations.resend, invitation.pk, restaurant)


def test_a_revoked_invitation_is_refused(
    restaurant: Restaurant, owner: User, cook: User, sent: Callable[..., str]
) -> None:
    secret = sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        invitation = Invitation.objects.get()
    invitations.revoke(invitation.pk, restaurant, by=owner, at=NOW)
    with pytest.raises(InvitationRevoked):
        invitations.accept(secret, user=cook, at=NOW)
    with pytest.raises(NoOpenInvitation):
        invitations.revoke(invitation.pk, restaurant, by=owner, at=NOW)


def test_another_restaurants_invitation_is_out_of_reach(
    restaurant: Restaurant, other_restaurant: Restaurant, owner: User, sent: Callable[..., str]
) -> None:
    secret = sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        invitation = Invitation.objects.get()
    with pytest.raises(NoOpenInvitation):
        invitations.revoke(invitation.pk, other_restaurant, by=owner, at=NOW)
    with pytest.raises(NoOpenInvitation):
        sent(invitations.resend, invitation.pk, other_restaurant)
    assert invitations.look(secret, at=NOW) == invitation


def test_nobody_fills_strangers_mailboxes(
    restaurant: Restaurant, sent: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations.throttles.Invitations, "rate", "2/day")
    sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        invitation = Invitation.objects.get()
    sent(invitations.resend, invitation.pk, restaurant)
    for verb, about in (
        (invitations.resend, (invitation.pk, restaurant)),
        (invitations.invite, (restaurant, "b@c.de", "kitchen")),
    ):
        with pytest.raises(TooManyInvitations):
            sent(verb, *about)
    assert len(mail.outbox) == 2
    with public_context():
        assert Invitation.objects.count() == 1


def test_it_is_for_whoever_has_the_mailbox(
    restaurant: Restaurant, owner: User, cook: User, sent: Callable[..., str]
) -> None:
    secret = sent(invitations.invite, restaurant, "chef@example.com", "manager")
    with pytest.raises(InvitedSomebodyElse, match=r"for chef@example\.com, .* as cook@example\.com"):
        invitations.accept(secret, user=cook, at=NOW)
    assert role_of(cook, restaurant) is None


def test_members_are_not_invited_and_keep_their_role(
    restaurant: Restaurant, owner: User, cook: User, sent: Callable[..., str]
) -> None:
    secret = sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        people.give_role(cook, restaurant, "manager")
    assert invitations.accept(secret, user=cook, at=NOW).role == "manager"
    with pytest.raises(AlreadyMember):
        sent(invitations.invite, restaurant, COOK, "kitchen")


def test_support_that_is_invited_comes_to_stay(restaurant: Restaurant, cook: User, sent: Callable[..., str]) -> None:
    with public_context():
        Membership.objects.create(user=cook, restaurant=restaurant, role="manager", ends_at=LATER, reason="Stock")
    joined = invitations.accept(sent(invitations.invite, restaurant, COOK, "kitchen"), user=cook, at=NOW)
    assert (joined.role, joined.is_support) == ("kitchen", False)


@pytest.mark.parametrize("secret", ["", "nonsense", "\0", "x" * 5000])
def test_what_is_no_secret_is_unknown(restaurant: Restaurant, secret: str) -> None:
    with pytest.raises(InvitationUnknown):
        invitations.look(secret, at=NOW)


def test_nobody_joins_a_closed_restaurant(restaurant: Restaurant, cook: User, sent: Callable[..., str]) -> None:
    secret = sent(invitations.invite, restaurant, COOK, "kitchen")
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(status="closed")
    with pytest.raises(InvitationUnknown):
        invitations.accept(secret, user=cook, at=NOW)


def test_what_was_done_is_in_the_audit_trail(
    restaurant: Restaurant, owner: User, cook: User, sent: Callable[..., str]
) -> None:
    invitations.accept(sent(invitations.invite, restaurant, COOK, "kitchen"), user=cook, at=NOW)
    entries = AuditEntry.objects.order_by("pk").values_list("verb", "user_id", "subject_label", "after")
    assert list(entries) == [
        ("person.invited", owner.pk, COOK, {"role": "kitchen"}),
        ("person.joined", cook.pk, COOK, {"role": "kitchen"}),
    ]
