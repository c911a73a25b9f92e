"""A newcomer in Chromium: from the sign-up to the first page of a restaurant; the second step, and a passkey."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.core import mail
from django.utils import timezone
from playwright.sync_api import CDPSession, Page, expect

from conftest import PASSWORD, keep_spares
from flux.tests.browser.conftest import Place, Visitor, committed
from tenants import invitations, people, provisioning, template, upkeep
from tenants.models import Restaurant, Schema, User

HALF_MINUTE = 12345678  # that the codes of an authenticator app are of, however slow the machine
BOTH = pytest.mark.parametrize(("width", "scheme"), [("phone", "dark"), ("desktop", "light")])


@dataclass
class Newcomer:
    """Somebody whom nobody knows yet, and the platform that they come to."""

    email: str
    platform: str

    def join(self) -> None:
        """As if they had signed up before."""
        committed(lambda: people.join(self.email, PASSWORD, name="Ada"))

    def sign_in(self, page: Page) -> None:
        page.goto(f"{self.platform}/accounts/login/")
        page.get_by_label("Email").fill(self.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()


def forget(email: str) -> None:
    """Remove the person, and the restaurants that they opened."""
    for user in User.objects.filter(email=email):
        for restaurant in Restaurant.objects.of(user):
            provisioning.remove(restaurant)
        user.delete()
    keep_spares()


@pytest.fixture
def newcomer(db: None, port: int) -> Iterator[Newcomer]:
    made = Newcomer(f"{secrets.token_hex(4)}@example.com", f"http://{settings.FLUX_DOMAIN}:{port}")
    yield made
    committed(lambda: forget(made.email))


def sign_up(page: Page, newcomer: Newcomer, visitor: Visitor) -> None:
    page.goto(f"{newcomer.platform}/accounts/login/")
    visitor.look_round()
    page.get_by_role("link", name="Sign up").click()
    visitor.look_round()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Email").fill(newcomer.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    visitor.look_round()
    code = re.search(r"^[A-Z0-9]{3,}-?[A-Z0-9]+$", mail.outbox[-1].body, re.M)[0]  # type: ignore[index]
    page.get_by_label("Code from the mail").fill(code)
    page.get_by_role("button", name="Confirm").click()


@BOTH
def test_from_the_sign_up_to_the_first_page(
    newcomer: Newcomer, visit: Callable[..., Visitor], width: str, scheme: str
) -> None:
    visitor = visit(width, scheme, timezone="Asia/Calcutta")  # as Chromium calls it; ours is Asia/Kolkata
    page = visitor.page
    sign_up(page, newcomer, visitor)
    expect(page.get_by_role("heading", level=1)).to_have_text("Open your restaurant")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kolkata")
    expect(page.get_by_label("Country")).to_have_value("IN")
    name = f"Café {newcomer.email[:8]}"
    page.get_by_label("Name of the restaurant").fill(name)
    expect(page.get_by_text(f"Its address will be cafe-{newcomer.email[:8]}.flux.localhost")).to_be_visible()
    page.get_by_label("Country").select_option("US")
    expect(page.get_by_label("Time zone")).to_have_value("")
    page.get_by_role("button", name="Open it").click()
    expect(page.get_by_text("United States has several time zones.")).to_be_visible()
    visitor.look_round()
    page.get_by_label("Time zone").select_option("America/Denver")
    page.get_by_role("button", name="Open it").click()
    page.wait_for_url(f"http://cafe-{newcomer.email[:8]}.flux.localhost:*/")
    visitor.look_round()
    page.get_by_text(name).first.click()
    page.get_by_role("link", name="Your account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    visitor.look_round()


def test_where_no_schema_is_ready_the_page_goes_on_by_itself(
    newcomer: Newcomer, visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer.join()
    monkeypatch.setattr(upkeep, "ask_for_spares", lambda: None)
    committed(lambda: Schema.objects.filter(restaurant=None).update(version="older"))
    visitor = visit("phone", timezone="Europe/Rome")
    page = visitor.page
    newcomer.sign_in(page)
    page.get_by_role("link", name="Open a restaurant").click()
    page.get_by_label("Name of the restaurant").fill(f"Da {newcomer.email[:8]}")
    page.get_by_role("button", name="Open it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your restaurant is being prepared")
    visitor.look_round()
    committed(lambda: Schema.objects.filter(restaurant=None).update(version=template.version()))
    page.wait_for_url(f"http://da-{newcomer.email[:8]}.flux.localhost:*/")


@BOTH
def test_the_second_step(
    newcomer: Newcomer, visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch, width: str, scheme: str
) -> None:
    monkeypatch.setattr(totp, "yield_hotp_counters_from_time", lambda: iter([HALF_MINUTE]))
    newcomer.join()
    visitor = visit(width, scheme)
    page = visitor.page
    newcomer.sign_in(page)
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("link", name="Set up two-step sign-in").click()
    visitor.look_round()
    page.get_by_role("link", name="Set up an authenticator app").click()
    confirm(visitor)
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up an authenticator app")
    page.get_by_text("Cannot scan it?").click()
    secret = page.locator("code").inner_text()
    page.get_by_label("Code that the app shows").fill(totp.format_hotp_value(totp.hotp_value(secret, HALF_MINUTE)))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    visitor.look_round()
    recovery_code = page.locator("code").first.inner_text()
    for path in ("", "recovery-codes/generate/", "totp/deactivate/"):
        page.goto(f"{newcomer.platform}/accounts/two-step/{path}")
        visitor.look_round()
    page.goto(f"{newcomer.platform}/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    newcomer.sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
    visitor.look_round()
    page.get_by_label("Code from your authenticator app, or a recovery code").fill(recovery_code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your restaurants")


def confirm(visitor: Visitor) -> None:
    """Whoever changes how they sign in is asked for the password once more."""
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Is it you?")
    visitor.look_round()
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Go on").click()


@dataclass
class Device:
    """A device in Chromium that makes passkeys and confirms by itself, as a phone does with a finger on it."""

    session: CDPSession
    number: str

    def domains(self) -> list[str]:
        """The domains whose passkeys it holds."""
        held = self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.number})["credentials"]
        return [credential["rpId"] for credential in held]

    def forget(self) -> None:
        self.session.send("WebAuthn.clearCredentials", {"authenticatorId": self.number})


def device(page: Page) -> Device:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Device(session, added["authenticatorId"])


@BOTH
def test_a_passkey_is_added_and_signs_in_alone(
    newcomer: Newcomer, visit: Callable[..., Visitor], width: str, scheme: str
) -> None:
    newcomer.join()
    visitor = visit(width, scheme)
    page = visitor.page
    phone = device(page)
    newcomer.sign_in(page)
    page.goto(f"{newcomer.platform}/accounts/two-step/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm(visitor)
    visitor.look_round()
    page.get_by_label("What you call it").fill("My phone")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto(f"{newcomer.platform}/accounts/two-step/webauthn/")
    expect(page.get_by_text("signs in alone")).to_be_visible()
    visitor.look_round()
    for link in ("Rename My phone", "Remove My phone"):
        page.goto(f"{newcomer.platform}/accounts/two-step/webauthn/")
        page.get_by_role("link", name=link).click()
        visitor.look_round()
    page.goto(f"{newcomer.platform}/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your restaurants")
    expect(page.get_by_text(newcomer.email)).to_be_visible()
    page.goto(f"{newcomer.platform}/accounts/sessions/")
    expect(page.get_by_text("Chrome on Linux")).to_be_visible()
    visitor.look_round()
    the_passkey_is_the_second_step_too(page, newcomer, phone)
    assert visitor.complaints == []


def the_passkey_is_the_second_step_too(page: Page, newcomer: Newcomer, phone: Device) -> None:
    """After the password; and what a device without it comes to is told in the page."""
    assert phone.domains() == [settings.FLUX_DOMAIN]
    for _ in range(2):
        page.goto(f"{newcomer.platform}/accounts/logout/")
        page.get_by_role("button", name="Sign out").click()
        newcomer.sign_in(page)
        page.get_by_role("button", name="Use a passkey").click()
        if phone.domains():
            expect(page.get_by_role("heading", level=1)).to_have_text("Your restaurants")
            phone.forget()
    expect(page.get_by_text("The device did not confirm.")).to_be_visible()


@BOTH
def test_an_invitation_is_accepted(
    newcomer: Newcomer, place: Place, visit: Callable[..., Visitor], width: str, scheme: str
) -> None:
    committed(lambda: invite(place, newcomer))
    link = re.search(r"http://\S+/invitation/\S+", mail.outbox[-1].body)[0]  # type: ignore[index]
    visitor = visit(width, scheme)
    page = visitor.page
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Join {place.restaurant.name}")
    visitor.look_round()
    page.get_by_label("Your name").fill("Bo Cook")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(f"{place.url}/**")
    visitor.look_round()
    page.goto(link)
    expect(page.get_by_text("This invitation has been accepted already.")).to_be_visible()


def invite(place: Place, newcomer: Newcomer) -> None:
    def link_to(secret: str) -> str:
        return f"{newcomer.platform}/invitation/?secret={secret}"

    facts = {"by": place.manager, "at": timezone.now(), "link_to": link_to}
    invitations.invite(place.restaurant, newcomer.email, "kitchen", **facts)
