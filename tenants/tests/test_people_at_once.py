"""Two people who change who works here at the same moment: on connections of their own, committed."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from conftest import PASSWORD, as_owner
from tenants import invitations, people, pins, tablets
from tenants.context import restaurant_context
from tenants.models import Invitation, Membership, Restaurant, Tablet, User
from tenants.office.models import AuditEntry

NOW = timezone.now()
COOK = "cook@at-once.example"


def link_to(secret: str) -> str:
    return f"http://flux.localhost/{secret}"


@pytest.fixture
def bistro(committed: list[Restaurant]) -> Iterator[Restaurant]:
    yield committed[0]
    Invitation.objects.all().delete()
    Tablet.objects.all().delete()
    User.objects.filter(email__endswith="@at-once.example").delete()
    with restaurant_context(committed[0]), as_owner():
        AuditEntry.objects.all().delete()


@pytest.fixture
def owners(bistro: Restaurant) -> list[Membership]:
    """Two owners, who will both try to be the one that is left."""
    users = [people.join(f"{n}@at-once.example", PASSWORD) for n in range(2)]
    return [people.give_role(user, bistro, "owner") for user in users]


def at_once(*doings: Callable[[], Any]) -> list[str]:
    """What each of `doings` came to, all begun together."""
    meet, answers = threading.Barrier(len(doings), timeout=20), []

    def run(doing: Callable[[], Any]) -> None:
        meet.wait()
        try:
            doing()
            answers.append("done")
        except Exception as error:
            answers.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[doing]) for doing in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def test_many_guesses_at_once_are_no_more_than_some_after_each_other(bistro: Restaurant) -> None:
    user = people.join(COOK, PASSWORD)
    cook = people.give_role(user, bistro, "kitchen")
    pins.choose(cook.pk, bistro, "2580", by=user, at=NOW)
    tablet = tablets.enrol(bistro, "Pass", by=user, at=NOW)
    guess = [partial(pins.check, "9999", cook.pk, tablet, at=NOW)] * 6
    assert at_once(*guess, *guess) == ["PinLocked"] * 2 + ["WrongPin"] * 10


def test_of_two_who_accept_an_invitation_one_joins(bistro: Restaurant) -> None:
    user = people.join(COOK, PASSWORD)
    for n in range(5):
        Invitation.objects.create(
            restaurant=bistro,
            email=COOK,
            role="kitchen",
            secret_hash=invitations._hash(f"secret-{n}"),
            created_at=NOW,
            expires_at=NOW + dt.timedelta(days=1),
        )
        accept = [lambda n=n: invitations.accept(f"secret-{n}", user=user, at=NOW)] * 2
        assert at_once(*accept) == ["InvitationUsed", "done"]
        assert Membership.objects.filter(user=user).count() == 1
        Membership.objects.filter(user=user).delete()


def test_of_two_who_invite_somebody_one_does(bistro: Restaurant, owners: list[Membership]) -> None:
    invite = [
        lambda owner=owner: invitations.invite(bistro, COOK, "kitchen", by=owner.user, at=NOW, link_to=link_to)
        for owner in owners
    ]
    assert at_once(*invite) == ["AlreadyInvited", "done"]
    assert Invitation.objects.count() == 1


def test_of_two_owners_who_remove_each_other_one_is_left(bistro: Restaurant, owners: list[Membership]) -> None:
    ada, bo = owners
    for _ in range(5):
        answers = at_once(
            partial(people.remove, ada.pk, bistro, by=bo.user, at=NOW),
            partial(people.change_role, bo.pk, bistro, "kitchen", by=ada.user, at=NOW),
        )
        assert answers == ["LastOwner", "done"]
        assert Membership.objects.filter(restaurant=bistro, role="owner").count() == 1
        ada, bo = (people.give_role(owner.user, bistro, "owner") for owner in owners)


def test_of_two_owners_who_leave_one_stays(bistro: Restaurant, owners: list[Membership]) -> None:
    leave = [lambda owner=owner: people.remove(owner.pk, bistro, by=owner.user, at=NOW) for owner in owners]
    assert at_once(*leave) == ["LastOwner", "done"]
