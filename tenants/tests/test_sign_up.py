"""A person signs up: name, e-mail address, password, and the code that proves the address."""

import datetime as dt
import re
from typing import Any

import pytest
from allauth.account.internal.flows import manage_email
from allauth.account.models import EmailAddress
from django.core import mail
from django.http import HttpResponse
from django.utils import timezone

from conftest import PASSWORD
from tenants import people
from tenants.keys import uuid7
from tenants.models import Membership, Restaurant, User
from tenants.tasks import forget_unproven_people
from tenants.tests.browser import BISTRO, PLATFORM, Browser

SIGN_UP, LOGIN, CODE = (f"{PLATFORM}/accounts/{page}/" for page in ("signup", "login", "email/code"))
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password1": PASSWORD}


@pytest.fixture
def visitor(platform: None, settings: Any) -> Browser:
    # One mail in ten seconds is fewer than the tests send, and what they get wrong is not to be counted together.
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "", "login_failed": ""}
    return Browser()


def text(response: HttpResponse) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def code_in_mail() -> str:
    """The code in the mail that was sent last."""
    code: str = re.search(r"^[A-Z0-9]{3,}-?[A-Z0-9]+$", mail.outbox[-1].body, re.M)[0]  # type: ignore[index]
    return code


def test_a_person_signs_up_and_proves_the_address(visitor: Browser) -> None:
    asked = visitor.post(SIGN_UP, **ADA)
    assert "We have sent a code to ada@example.com." in text(asked)
    assert mail.outbox[-1].to == ["ada@example.com"]
    arrived = visitor.post(CODE, code=code_in_mail())
    assert arrived.url == f"{PLATFORM}/restaurants/open/"
    assert "ada@example.com is verified." in text(arrived)
    ada = User.objects.get()
    assert (ada.email, ada.name, ada.is_staff) == ("ada@example.com", "Ada Lovelace", False)
    assert list(EmailAddress.objects.values_list("user", "email", "verified", "primary")) == [
        (ada.pk, "ada@example.com", True, True)
    ]


def test_without_the_code_nobody_gets_in_and_another_one_is_sent(visitor: Browser) -> None:
    visitor.post(SIGN_UP, **ADA)
    later = Browser()
    page = later.post(LOGIN, login=ADA["email"], password=PASSWORD)
    assert page.url == CODE
    assert mail.outbox[-1].body != mail.outbox[0].body
    assert later.get(f"{PLATFORM}/restaurants/open/").url == CODE


def test_mails_with_codes_are_sent_one_in_ten_seconds(visitor: Browser, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    email = f"{uuid7()}@example.com"
    visitor.post(SIGN_UP, **{**ADA, "email": email})
    assert Browser().post(SIGN_UP, **{**ADA, "email": email}).status_code == 429
    assert [letter.to for letter in mail.outbox] == [[email]]


def test_a_wrong_code_is_refused_and_the_third_ends_it(visitor: Browser) -> None:
    visitor.post(SIGN_UP, **ADA)
    right = code_in_mail()
    assert "Incorrect code." in text(visitor.post(CODE, code="WRONG-1"))
    assert "Incorrect code." in text(visitor.post(CODE, code="WRONG-2"))
    assert "Too many failed login attempts." in text(visitor.post(CODE, code="WRONG-3"))
    assert visitor.post(CODE, code=right).url == LOGIN
    assert not EmailAddress.objects.get().verified


def test_a_mistyped_address_is_put_right_before_the_code(visitor: Browser) -> None:
    visitor.post(SIGN_UP, **{**ADA, "email": "ade@example.com"})
    visitor.post(CODE, action="change", email="ada@example.com")
    assert mail.outbox[-1].to == ["ada@example.com"]
    assert visitor.post(CODE, code=code_in_mail()).url == f"{PLATFORM}/restaurants/open/"
    assert User.objects.get().email == "ada@example.com"


def test_an_address_that_is_known_is_told_by_mail_and_not_on_the_page(visitor: Browser) -> None:
    people.join("ada@example.com", "another-horse-battery", name="Ada")
    page = visitor.post(SIGN_UP, **{**ADA, "email": "ADA@Example.com"})
    assert "We have sent a code to ada@example.com." in text(page)
    assert [letter.subject for letter in mail.outbox] == ["You have an account for Flux already"]
    assert User.objects.get().name == "Ada"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"password1": "short"}, "This password is too short."),
        ({"password1": "ada@example.com"}, "The password is too similar to the e-mail."),
        ({"email": "ada"}, "Enter a valid email address."),
        ({"email": "ada@example.com\nBcc: all@example.com"}, "Enter a valid email address."),
        ({"name": ""}, "This field is required."),
        ({"name": "Ada\nBcc: all@example.com"}, "This holds characters that cannot be seen."),
        ({"name": "\u202ecivoL adA"}, "This holds characters that cannot be seen."),
        ({"name": "A" * 121}, "Ensure this value has at most 120 characters"),
        ({"name": "…"}, "A name needs at least one letter or digit."),
        ({"name": "A\x00da"}, "This holds characters that cannot be seen."),
        ({"name": "\u0958" * 120}, "Ensure this value has at most 120 characters (it has 240)."),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_kept(visitor: Browser, wrong: dict[str, str], message: str) -> None:
    page = visitor.post(SIGN_UP, **{**ADA, **wrong})
    assert message in text(page)
    assert ("Ada Lovelace" in page.content.decode()) == ("name" not in wrong)
    assert not User.objects.exists()


def test_a_sign_up_that_fails_half_way_leaves_nothing(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
        with pytest.raises(ConnectionRefusedError):
            visitor.post(SIGN_UP, **ADA)
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()
    assert "We have sent a code to ada@example.com." in text(Browser().post(SIGN_UP, **ADA))


def test_who_was_brought_in_by_others_is_verified_by_that(visitor: Browser, bistro: Restaurant) -> None:
    ada = people.join("Ada@Example.com", PASSWORD)
    Membership.objects.create(user=ada, restaurant=bistro, role="manager")
    visitor.sign_in(ada)
    assert visitor.is_in(BISTRO)
    assert mail.outbox == []


def test_a_new_address_counts_once_its_code_is_entered(visitor: Browser, settings: Any) -> None:
    ada = people.join("ada@example.com", PASSWORD)
    visitor.sign_in(ada)
    page = visitor.post(f"{PLATFORM}/accounts/email/", email="ada@new.example", action_add="1")
    assert "Is it you?" in text(page)
    page = visitor.post(page.url.partition("?")[0], password=PASSWORD, next="/accounts/email/")
    assert "We have sent a code to ada@new.example." in text(page)
    assert User.objects.get().email == "ada@example.com"
    visitor.post(CODE, code=code_in_mail())
    assert User.objects.get().email == "ada@new.example"
    assert list(EmailAddress.objects.values_list("email", "verified")) == [("ada@new.example", True)]
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (
        ["ada@example.com"],
        "Your e-mail address for Flux was changed",
    )
    assert "Sign in" in text(Browser().sign_in(ada))  # the old address opens nothing


def test_an_address_that_staff_change_closes_the_old_one(visitor: Browser) -> None:
    ada = people.join("ada@example.com", PASSWORD)
    ada.email = "ada@new.example"
    ada.save()
    ada.vouch_for_email()
    assert visitor.post(LOGIN, login="ada@example.com", password=PASSWORD).url == LOGIN
    assert visitor.post(LOGIN, login="ada@new.example", password=PASSWORD).url == f"{PLATFORM}/"


def test_a_person_signs_out_of_the_other_browsers(visitor: Browser, bistro: Restaurant) -> None:
    ada, tablet = people.join("ada@example.com", PASSWORD), Browser()
    Membership.objects.create(user=ada, restaurant=bistro, role="manager")
    for browser in (visitor, tablet):
        browser.sign_in(ada)
        assert browser.is_in(BISTRO)
    assert "2 browsers" in text(visitor.get(f"{PLATFORM}/accounts/"))
    page = visitor.post(f"{PLATFORM}/accounts/sessions/")
    assert "You are signed out everywhere but here." in text(page)
    assert visitor.is_in(BISTRO)
    assert not tablet.is_in(BISTRO)


def test_a_name_is_changed(visitor: Browser) -> None:
    visitor.sign_in(people.join("ada@example.com", PASSWORD))
    page = visitor.post(f"{PLATFORM}/accounts/name/", name="  Ada   Lovelace ")
    assert "Your name is changed." in text(page)
    assert User.objects.get().name == "Ada Lovelace"


def test_who_never_proves_the_address_is_forgotten_and_nobody_else(visitor: Browser) -> None:
    visitor.post(SIGN_UP, **ADA)
    for email in ("brought@in.example", "proved@example.com"):
        people.join(email, PASSWORD)
    Browser().post(SIGN_UP, **{**ADA, "email": "new@example.com"})
    User.objects.exclude(email="new@example.com").update(joined_at=timezone.now() - dt.timedelta(days=8))
    forget_unproven_people()
    assert sorted(User.objects.values_list("email", flat=True)) == [
        "brought@in.example",
        "new@example.com",
        "proved@example.com",
    ]


def test_of_two_sign_ups_at_once_the_second_is_no_crash(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form has found the address free, and then it is taken."""
    people.join(ADA["email"], "another-horse-battery")
    monkeypatch.setattr(manage_email, "email_already_exists", lambda email, **_: (email, False))
    assert visitor.post(SIGN_UP, **ADA).url == LOGIN
    assert User.objects.count() == 1
