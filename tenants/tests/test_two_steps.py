"""The second step of a sign-in: codes of an app, recovery codes, and what counts across hosts."""

import re
from collections.abc import Callable
from io import StringIO

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.core.management import CommandError, call_command

from conftest import PASSWORD
from tenants import people
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.tests.browser import BISTRO, PLATFORM, Browser
from tenants.tests.test_sign_up import text

TWO_STEP = f"{PLATFORM}/accounts/two-step/"
SECOND = f"{TWO_STEP}authenticate/"


HALF_MINUTE = 12345678  # that all codes are of: no test is slower than that


@pytest.fixture(autouse=True)
def _in_one_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totp, "yield_hotp_counters_from_time", lambda: iter([HALF_MINUTE]))


def code_of(secret: str) -> str:
    """What an authenticator app shows."""
    return totp.format_hotp_value(totp.hotp_value(secret, HALF_MINUTE))


@pytest.fixture
def visitor(platform: None) -> Browser:
    return Browser()


@pytest.fixture
def ada(bistro: Restaurant, member: Callable[..., User]) -> User:
    return member(bistro, "owner", email="ada@example.com")


@pytest.fixture
def secret(ada: User) -> str:
    """Of the app that Ada has set up."""
    made = totp.generate_totp_secret()
    totp.TOTP.activate(ada, made)
    return made


def test_a_person_sets_up_an_app_and_gets_recovery_codes(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    page = visitor.get(f"{TWO_STEP}totp/activate/")
    assert "Is it you?" in text(page)
    page = visitor.post(page.url.partition("?")[0], password=PASSWORD, next="/accounts/two-step/totp/activate/")
    assert "Scan the picture with the app" in text(page)
    page = visitor.post(f"{TWO_STEP}totp/activate/", code="000000")
    assert "Incorrect code." in text(page)
    [secret] = re.findall(r"<code>([A-Z2-7]+)</code>", page.content.decode())
    page = visitor.post(f"{TWO_STEP}totp/activate/", code=code_of(secret))
    assert "10 of 10 left" in text(page)
    kept = {found.type: found.data for found in Authenticator.objects.filter(user=ada)}
    assert set(kept) == {"totp", "recovery_codes"}
    assert secret not in str(kept)


def test_the_sign_in_asks_for_the_code_and_a_password_alone_opens_nothing(
    visitor: Browser, ada: User, secret: str
) -> None:
    page = visitor.sign_in(ada)
    assert page.url == SECOND
    assert not visitor.is_in(BISTRO)
    assert visitor.get(f"{PLATFORM}/").url.startswith(SECOND)
    assert "Incorrect code." in text(visitor.post(SECOND, code="000000"))
    visitor.post(SECOND, code=code_of(secret))
    assert visitor.is_in(BISTRO)


def test_a_code_works_once(visitor: Browser, ada: User, secret: str) -> None:
    used = code_of(secret)
    visitor.sign_in(ada)
    visitor.post(SECOND, code=used)
    other = Browser()
    other.sign_in(ada)
    assert "Incorrect code." in text(other.post(SECOND, code=used))


def test_a_recovery_code_works_once(visitor: Browser, ada: User, secret: str) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    code = RecoveryCodes.activate(ada).get_unused_codes()[0]
    visitor.sign_in(ada)
    visitor.post(SECOND, code=code)
    assert visitor.is_in(BISTRO)
    other = Browser()
    other.sign_in(ada)
    assert "Incorrect code." in text(other.post(SECOND, code=code))


def test_guessing_codes_is_stopped_whatever_the_host(
    visitor: Browser, ada: User, secret: str, bistro: Restaurant, other_restaurant: Restaurant
) -> None:
    """Attempts are counted for the person: what is counted while one restaurant is open counts for the platform."""
    visitor.sign_in(ada)
    answers = [text(visitor.post(SECOND, code="000000")) for _ in range(6)]
    assert "Too many failed login attempts." in answers[-1]
    assert "Too many failed login attempts." in text(visitor.post(SECOND, code=code_of(secret)))
    for context in (public_context(), restaurant_context(bistro), restaurant_context(other_restaurant)):
        with context:
            assert cache.make_key("allauth:rl:x") == "flux:public:1:allauth:rl:x"
            assert cache.make_key("allauth.mfa.totp.used?x") == "flux:public:1:allauth.mfa.totp.used?x"


def test_secrets_can_be_read_under_the_key_of_before_and_under_no_other(ada: User, settings: object) -> None:
    closed = get_adapter().encrypt("a secret")
    assert "secret" not in closed
    before = settings.SECRET_KEY  # type: ignore[attr-defined]
    settings.SECRET_KEY = "a new key that nobody knows"  # type: ignore[attr-defined]
    with pytest.raises(InvalidToken):
        get_adapter().decrypt(closed)
    settings.SECRET_KEY_FALLBACKS = [before]  # type: ignore[attr-defined]
    assert get_adapter().decrypt(closed) == "a secret"


def test_staff_reach_no_admin_without_the_second_step(visitor: Browser, ada: User, secret: str) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    assert visitor.get(f"{PLATFORM}/admin/").url.startswith(f"{PLATFORM}/accounts/login/")
    form = {"login": ada.email, "password": PASSWORD, "next": "/admin/"}
    assert visitor.post(f"{PLATFORM}/accounts/login/", **form).url.startswith(SECOND)
    assert visitor.step(f"{PLATFORM}/admin/").status_code == 302
    assert visitor.step(f"{BISTRO}/admin/").status_code == 302
    arrived = visitor.post(SECOND, code=code_of(secret), next="/admin/")
    assert arrived.url == f"{PLATFORM}/admin/"
    assert arrived.status_code == 200
    assert visitor.get(f"{BISTRO}/admin/").url == f"{BISTRO}/admin/"


def test_nobody_removes_a_second_step_of_somebody_else(visitor: Browser, ada: User, secret: str) -> None:
    eve = people.join("eve@example.com", PASSWORD)
    Membership.objects.create(user=eve, restaurant=Restaurant.objects.get(slug="bistro"), role="owner")
    key = Authenticator.objects.create(user=ada, type="webauthn", data={"name": "Key", "credential": {}})
    visitor.sign_in(eve)
    visitor.post(f"{PLATFORM}/accounts/reauthenticate/", password=PASSWORD)
    assert visitor.step(f"{TWO_STEP}webauthn/keys/{key.pk}/remove/").status_code == 404
    assert visitor.step(f"{TWO_STEP}totp/deactivate/").status_code == 404
    assert Authenticator.objects.filter(user=ada).count() == 2


def test_a_passkey_is_of_the_parent_domain(visitor: Browser, ada: User) -> None:
    """So that it signs in on the platform; and a forged answer is refused in words."""
    visitor.sign_in(ada)
    visitor.post(f"{PLATFORM}/accounts/reauthenticate/", password=PASSWORD)
    page = visitor.get(f"{TWO_STEP}webauthn/add/").content.decode()
    assert '"rp": {"name": "Flux", "id": "flux.localhost"}' in page
    for forged in ("{}", "[]", "null", "not json", '{"id": "x", "rawId": "x", "response": {}}'):
        answer = visitor.post(f"{TWO_STEP}webauthn/add/", name="Key", credential=forged)
        assert answer.status_code == 200
    stranger = Browser()
    for forged in ("{}", "[]", '{"response": {"userHandle": "AAAA"}}', '{"response": []}'):
        answer = stranger.post(f"{TWO_STEP}webauthn/login/", credential=forged)
        assert answer.url == f"{PLATFORM}/accounts/login/"
    assert not Authenticator.objects.exists()


def test_staff_can_let_somebody_in_who_has_lost_everything(visitor: Browser, ada: User, secret: str) -> None:
    out = StringIO()
    call_command("reset_two_step", "Ada@example.com", stdout=out)
    assert out.getvalue() == "ada@example.com signs in with the password alone now.\n"
    visitor.sign_in(ada)
    assert visitor.is_in(BISTRO)
    for email, refusal in (("ada@example.com", "password alone already"), ("eve@example.com", "Nobody has the e-mail")):
        with pytest.raises(CommandError, match=refusal):
            call_command("reset_two_step", email)


def test_who_is_asked_once_more_may_use_the_second_step(visitor: Browser, ada: User, secret: str) -> None:
    visitor.sign_in(ada)
    visitor.post(SECOND, code=code_of(secret))
    target = "/accounts/two-step/recovery-codes/generate/"
    page = visitor.get(f"{PLATFORM}{target}")
    assert "Is it you?" in text(page)
    assert "Leave it Use a code" in text(page)
    again = visitor.post(f"{TWO_STEP}reauthenticate/", code="000000", next=target)
    assert "Incorrect code." in text(again)
    assert "Use your password" in text(again)
