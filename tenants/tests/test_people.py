"""Changing who works in a restaurant."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from conftest import role_of, signed_in
from tenants import people
from tenants.context import public_context
from tenants.models import Membership, Restaurant, User
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.django_db

NOW = timezone.now()
Member = Callable[..., User]


@pytest.fixture
def owner(restaurant: Restaurant, member: Member) -> User:
    return member(restaurant, "owner")


def membership(user: User, restaurant: Restaurant) -> Membership:
    with public_context():
        return Membership.objects.get(user=user, restaurant=restaurant)


def test_a_member_gets_another_role(restaurant: Restaurant, owner: User, member: Member) -> None:
    cook = member(restaurant, "kitchen")
    people.change_role(membership(cook, restaurant).pk, restaurant, "manager", by=owner, at=NOW)
    assert role_of(cook, restaurant) == "manager"
    [entry] = AuditEntry.objects.all()
    assert (entry.verb, entry.user_id, entry.subject_key) == ("person.role_changed", owner.pk, str(cook.pk))
    assert (entry.before, entry.after) == ({"role": "kitchen"}, {"role": "manager"})


def test_a_removed_member_is_out_at_the_next_click(restaurant: Restaurant, owner: User, member: Member) -> None:
    cook = member(restaurant, "kitchen")
    portal = signed_in(cook, restaurant)
    assert portal.get("/").status_code == 200
    people.remove(membership(cook, restaurant).pk, restaurant, by=owner, at=NOW)
    assert portal.get("/")["Location"] == "/auth/sign-in/?next=%2F"
    assert AuditEntry.objects.get().verb == "person.removed"


def test_who_removes_themselves_has_left(restaurant: Restaurant, owner: User, member: Member) -> None:
    cook = member(restaurant, "kitchen")
    people.remove(membership(cook, restaurant).pk, restaurant, by=cook, at=NOW)
    assert (role_of(cook, restaurant), AuditEntry.objects.get().verb) == (None, "person.left")


def test_the_only_owner_stays_one(restaurant: Restaurant, owner: User, member: Member) -> None:
    own = membership(owner, restaurant).pk
    for role in ("manager", "kitchen"):
        with pytest.raises(people.LastOwner):
            people.change_role(own, restaurant, role, by=owner, at=NOW)
    with pytest.raises(people.LastOwner):
        people.remove(own, restaurant, by=owner, at=NOW)
    member(restaurant, "owner", email="second@example.com")
    people.remove(own, restaurant, by=owner, at=NOW)


def test_an_owner_who_cannot_sign_in_is_not_enough(restaurant: Restaurant, owner: User, member: Member) -> None:
    gone = member(restaurant, "owner", email="gone@example.com")
    with public_context():
        User.objects.filter(pk=gone.pk).update(is_active=False)
    with pytest.raises(people.LastOwner):
        people.remove(membership(owner, restaurant).pk, restaurant, by=owner, at=NOW)
    people.remove(membership(gone, restaurant).pk, restaurant, by=owner, at=NOW)


def test_members_of_another_restaurant_are_out_of_reach(
    restaurant: Restaurant, other_restaurant: Restaurant, owner: User, member: Member
) -> None:
    with public_context():
        theirs = membership(member(other_restaurant, "kitchen"), other_restaurant)
        assert theirs.user
    with pytest.raises(people.NoMember):
        people.change_role(theirs.pk, restaurant, "owner", by=owner, at=NOW)
    with pytest.raises(people.NoMember):
        people.remove(theirs.pk, restaurant, by=owner, at=NOW)
    assert role_of(theirs.user, other_restaurant) == "kitchen"
