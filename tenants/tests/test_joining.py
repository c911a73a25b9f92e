"""Accepting an invitation on the platform's host: the page behind the link in the e-mail."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.test import RequestFactory
from django.utils import timezone

from conftest import PASSWORD
from tenants import accounts, invitations, people
from tenants.models import Invitation, Membership, Restaurant, User
from tenants.tests.browser import BISTRO, PLATFORM, Browser, role
from tenants.tests.test_sign_up import text

COOK = "cook@example.com"
FORM = {"name": "Bo Cook", "password": PASSWORD}


@pytest.fixture
def visitor(platform: None) -> Browser:
    return Browser()


@pytest.fixture
def owner(bistro: Restaurant, member: Callable[..., User]) -> User:
    return member(bistro, "owner")


@pytest.fixture
def link(bistro: Restaurant, owner: User) -> str:
    """The address in the e-mail that invites the cook."""
    return invite(bistro, owner)


def invite(restaurant: Restaurant, owner: User, email: str = COOK) -> str:
    found = []

    def link_to(secret: str) -> str:
        request = RequestFactory().get("/", headers={"host": "bistro.flux.localhost"})
        found.append(accounts.invitation_link(request, secret))
        return found[0]

    invitations.invite(restaurant, email, "kitchen", by=owner, at=timezone.now(), link_to=link_to)
    return found[0]


def send(visitor: Browser, link: str, **fields: str) -> object:
    """Send the form of the page behind the link."""
    visitor.step(link)
    client = visitor.client(PLATFORM)
    answer = client.post(
        link.removeprefix(PLATFORM), {**fields, "csrfmiddlewaretoken": visitor.cookie(PLATFORM, "csrf")}
    )
    return visitor.follow(answer, link)


def test_a_new_person_sets_a_password_and_is_in(visitor: Browser, link: str, settings: Any) -> None:
    settings.SIGN_UP_OPEN = False  # an invitation is a way in of its own
    page = visitor.get(link)
    assert "Join Bistro Owner invites you as a member of the kitchen. " in text(page).replace(" .", " . ")
    arrived = send(visitor, link, **FORM)
    assert (arrived.url, role(arrived)) == (f"{BISTRO}/", "kitchen")
    cook = User.objects.get(email=COOK)
    assert cook.name == "Bo Cook"
    assert EmailAddress.objects.get(user=cook).verified
    assert cook.check_password(PASSWORD)


def test_a_name_that_is_too_long_once_it_is_composed_is_told(visitor: Browser, link: str) -> None:
    page = send(visitor, link, **{**FORM, "name": "\u0958" * 120})
    assert "Ensure this value has at most 120 characters (it has 240)." in text(page)
    assert not User.objects.filter(email=COOK).exists()


def test_somebody_signed_in_joins_with_a_click(visitor: Browser, link: str) -> None:
    cook = people.join("Cook@example.com", PASSWORD)
    visitor.sign_in(cook)
    assert "You are signed in as cook@example.com ." in text(visitor.get(link))
    assert not Membership.objects.filter(user=cook).exists()
    arrived = send(visitor, link)
    assert (arrived.url, role(arrived)) == (f"{BISTRO}/", "kitchen")


def test_somebody_known_signs_in_first_and_comes_back(visitor: Browser, link: str) -> None:
    people.join(COOK, PASSWORD)
    page = visitor.get(link)
    assert "You have an account as cook@example.com ." in text(page)
    target = link.removeprefix(PLATFORM)
    assert f"/accounts/login/?next={quote(target)}" in page.content.decode()
    assert visitor.post(f"{PLATFORM}/accounts/login/", login=COOK, password=PASSWORD, next=target).url == link
    assert role(send(visitor, link)) == "kitchen"


def test_an_invitation_of_somebody_else_is_not_accepted(visitor: Browser, link: str) -> None:
    eve = people.join("eve@example.com", PASSWORD)
    visitor.sign_in(eve)
    page = send(visitor, link)
    assert page.status_code == 403
    assert "It was sent to cook@example.com, and you are signed in as eve@example.com." in text(page)
    assert not Membership.objects.filter(user=eve).exists()


def test_a_link_works_once(visitor: Browser, link: str) -> None:
    send(visitor, link, **FORM)
    again = Browser().get(link)
    assert again.status_code == 410
    assert "This invitation has been accepted already." in text(again)


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"revoked_at": timezone.now()}, 410, "This invitation has been revoked."),
        ({"expires_at": timezone.now() - dt.timedelta(minutes=1)}, 410, "This invitation has expired."),
        ({"secret_hash": "another"}, 404, "This invitation is not known."),
    ],
)
def test_a_link_that_is_dead_says_why(
    visitor: Browser, link: str, change: dict[str, object], status: int, words: str
) -> None:
    Invitation.objects.update(created_at=timezone.now() - dt.timedelta(days=9))
    Invitation.objects.update(**change)
    for page in (visitor.get(link), send(visitor, link, **FORM)):
        assert page.status_code == status
        assert words in text(page)
    assert not User.objects.filter(email=COOK).exists()


@pytest.mark.parametrize("secret", ["", "x", "a\x00b", "\u202e", "x" * 5000, "'; DROP TABLE tenants_user; --"])
def test_a_made_up_secret_is_not_known(visitor: Browser, bistro: Restaurant, secret: str) -> None:
    page = visitor.step(f"{PLATFORM}/invitation/", secret=secret)
    assert page.status_code == 404
    assert "This invitation is not known." in text(page)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"password": "short"}, "This password is too short."),
        ({"password": "cook@example.com"}, "The password is too similar to the e-mail."),
        ({"name": ""}, "This field is required."),
        ({"name": "Bo\u202eCook"}, "This holds characters that cannot be seen."),
    ],
)
def test_a_bad_form_is_said_and_uses_nothing_up(
    visitor: Browser, link: str, wrong: dict[str, str], message: str
) -> None:
    assert message in text(send(visitor, link, **{**FORM, **wrong}))
    assert not User.objects.filter(email=COOK).exists()
    assert role(send(visitor, link, **FORM)) == "kitchen"


def test_the_link_keeps_its_secret_out_of_the_log(
    visitor: Browser, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.get(link)
    assert "/invitation/" in caplog.text
    assert link.partition("secret=")[2] not in caplog.text
