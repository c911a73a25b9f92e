"""The pages for people and roles, as an owner uses them."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from conftest import signed_in
from tenants import invitations, pins
from tenants.context import public_context
from tenants.models import Invitation, Membership, Restaurant, User

pytestmark = pytest.mark.django_db

Member = Callable[..., User]
PEOPLE = "/settings/people/"


@pytest.fixture
def owner(restaurant: Restaurant, member: Member) -> User:
    return member(restaurant, "owner")


@pytest.fixture
def office(owner: User, restaurant: Restaurant) -> Client:
    """The portal, with the owner signed in."""
    return signed_in(owner, restaurant)


@pytest.fixture
def cook(restaurant: Restaurant, member: Member) -> Membership:
    user = member(restaurant, "kitchen")
    with public_context():
        return Membership.objects.get(user=user)


def text(answer: object) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())  # type: ignore[attr-defined]


def test_who_works_here_and_who_is_invited(
    office: Client, cook: Membership, other_restaurant: Restaurant, member: Member
) -> None:
    stranger = member(other_restaurant, "owner")
    page = text(office.get(PEOPLE))
    assert "2 members of Bistro" in page
    assert ("Kitchen kitchen@bistro.example" in page, stranger.email in page) == (True, False)


def test_an_invitation_from_the_page_to_the_mailbox(
    office: Client, restaurant: Restaurant, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        office.post(f"{PEOPLE}invite/", {"email": "new@example.com", "role": "manager"})
    [link] = re.findall(r"http://\S+", str(mail.outbox[0].body))
    secret = link.removeprefix("http://flux.localhost/invitation/?secret=")
    assert invitations.look(secret, at=timezone.now()).email == "new@example.com"
    assert "new@example.com" in text(office.get(PEOPLE))


def test_an_email_that_did_not_leave_is_said(office: Client) -> None:
    """No commit happens within a test, so none leaves."""
    page = text(office.post(f"{PEOPLE}invite/", {"email": "new@example.com", "role": "manager"}, follow=True))
    assert "The e-mail to new@example.com could not be sent." in page
    assert "new@example.com not sent" in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"email": "no address", "role": "manager"}, "Enter a valid email address."),
        ({"email": "new@example.com", "role": "king"}, "Select a valid choice."),
        ({"email": "KITCHEN@bistro.example", "role": "manager"}, "is a member of Bistro already."),
    ],
)
def test_an_invitation_that_cannot_be_says_why(
    office: Client, cook: Membership, given: dict[str, str], said: str
) -> None:
    answer = office.post(f"{PEOPLE}invite/", given)
    assert (answer.status_code, said in text(answer)) == (422, True)
    with public_context():
        assert Invitation.objects.count() == 0


def test_an_invitation_is_revoked(office: Client) -> None:
    office.post(f"{PEOPLE}invite/", {"email": "new@example.com", "role": "manager"})
    with public_context():
        invitation = Invitation.objects.get()
    for said in ("The invitation to new@example.com is revoked.", "accepted or revoked meanwhile"):
        assert said in text(office.post(f"{PEOPLE}invitations/{invitation.pk}/revoke/", follow=True))


def test_a_role_is_changed_and_a_member_removed(office: Client, cook: Membership, restaurant: Restaurant) -> None:
    kitchen = signed_in(cook.user, restaurant)
    assert kitchen.get("/sales/upload/").status_code == 403
    office.post(f"{PEOPLE}{cook.pk}/role/", {"role": "manager"})
    assert kitchen.get("/sales/upload/").status_code == 200
    page = office.post(f"{PEOPLE}{cook.pk}/remove/", follow=True)
    assert "Kitchen is no longer a member of Bistro." in text(page)
    assert kitchen.get("/").status_code == 302
    assert office.get(f"{PEOPLE}{cook.pk}/").status_code == 404


def test_the_only_owner_stays(office: Client, owner: User) -> None:
    with public_context():
        own = Membership.objects.get(user=owner)
    only = "owner@bistro.example is the only owner of Bistro: name another one first."
    for path, given in (
        (f"{PEOPLE}{own.pk}/role/", {"role": "kitchen"}),
        (f"{PEOPLE}{own.pk}/remove/", {}),
        ("/me/leave/", {"leave": "yes"}),
    ):
        assert only in text(office.post(path, given, follow=True))
    assert office.get(PEOPLE).status_code == 200


def test_a_member_leaves(kitchen_portal: Client) -> None:
    assert kitchen_portal.post("/me/leave/")["Location"] == "/me/"  # a form that says nothing does nothing
    assert kitchen_portal.post("/me/leave/", {"leave": "yes"})["Location"] == "http://flux.localhost/?choose"
    assert kitchen_portal.get("/").status_code == 302


def test_a_member_chooses_a_pin(kitchen_portal: Client, restaurant: Restaurant) -> None:
    for pin, status in (("1111", 422), ("2580", 302)):
        assert kitchen_portal.post("/me/pin/", {"pin": pin}).status_code == status
    assert len(pins.holders(restaurant)) == 1
    kitchen_portal.post("/me/pin/", {"remove": "yes"})
    assert pins.holders(restaurant) == []


def test_an_owner_gives_a_pin(office: Client, cook: Membership, restaurant: Restaurant) -> None:
    assert "The PIN is set." in text(office.post(f"{PEOPLE}{cook.pk}/pin/", {"pin": "2580"}, follow=True))
    assert [holder.pk for holder in pins.holders(restaurant)] == [cook.pk]


def test_another_restaurants_people_are_not_there(office: Client, other_restaurant: Restaurant, member: Member) -> None:
    user = member(other_restaurant, "kitchen")
    with public_context():
        theirs = Membership.objects.get(user=user)
        invited = Invitation.objects.create(
            restaurant=other_restaurant,
            email="new@example.com",
            role="kitchen",
            secret_hash="x",
            expires_at=timezone.now() + timezone.timedelta(days=1),
        )
    paths = [f"{PEOPLE}{theirs.pk}/{step}" for step in ("role/", "pin/", "remove/")]
    paths += [f"{PEOPLE}invitations/{invited.pk}/{step}/" for step in ("resend", "revoke")]
    for path in paths:
        assert (path, office.post(path, {"role": "owner", "pin": "2580"}).status_code) == (path, 404)
    assert "new@example.com" not in text(office.get(PEOPLE))


def test_somebody_is_last_seen_now(office: Client, owner: User) -> None:
    office.get("/")
    session = office.session
    session["seen"] = 0
    session.save()
    office.get("/")
    with public_context():
        seen = Membership.objects.get(user=owner).last_seen_at
    assert seen is not None
    assert (timezone.now() - seen).total_seconds() < 60
    assert "just now" in text(office.get(PEOPLE))


@pytest.mark.parametrize("more", [0, 2])
def test_the_list_costs_as_many_queries_for_few_as_for_many(
    office: Client, restaurant: Restaurant, member: Member, django_assert_num_queries: Callable[..., object], more: int
) -> None:
    for n in range(more):
        member(restaurant, "kitchen", f"{n}@example.com")
    with django_assert_num_queries(6):  # person, role; members, support, invitations, second steps
        office.get(PEOPLE)
