"""Who may open what on the platform's host. The table names every address; one that is missing fails the suite."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from conftest import PASSWORD
from flux.tests.routes import Route, all_routes
from tenants import people

pytestmark = pytest.mark.usefixtures("platform")

PLATFORM = "flux.urls_public"
OPEN = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_email_verification_sent",  # sends away whoever is not in the middle of a sign-up
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",  # sends away whoever is not in the middle of a sign-in
    "mfa_login_webauthn",
    "invitation",
}
SIGNED_IN = {
    "home",
    "hand_over",
    "open_restaurant",
    "suggest_address",
    "account",
    "account_change_name",
    "account_email",
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_list_webauthn",
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_deactivate_totp",
    "usersessions_list",
}
# How one signs in changes here: whoever is signed in is asked once more.
ASKED_AGAIN = {
    "mfa_activate_totp",
    "mfa_generate_recovery_codes",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
}


def routes(names: set[str]) -> list[Route]:
    return [route for route in all_routes(PLATFORM) if route.name in names]


@pytest.fixture
def stranger() -> Client:
    return Client(headers={"host": "flux.localhost"})


@pytest.fixture
def somebody(stranger: Client) -> Client:
    """Signed in, a member of no restaurant, and no staff."""
    stranger.force_login(people.join("ada@example.com", PASSWORD))
    return stranger


def test_the_table_names_every_address() -> None:
    """A new address? Say in the tables above who may open it."""
    found = [route.name for route in all_routes(PLATFORM) if not route.is_admin]
    assert sorted(found) == sorted(OPEN | SIGNED_IN | ASKED_AGAIN)


@pytest.mark.parametrize("method", ["get", "post"])
def test_strangers_are_sent_to_sign_in(stranger: Client, method: str) -> None:
    for route in routes(SIGNED_IN | ASKED_AGAIN):
        answer = getattr(stranger, method)(route.address())
        assert (route.name, answer.status_code) == (route.name, 302)
        assert answer["Location"].startswith("/accounts/login/?next=")


def test_what_is_open_does_not_crash_and_what_is_signed_in_asks_for_no_sign_in(somebody: Client) -> None:
    for route in routes(OPEN | SIGNED_IN):
        answer = somebody.get(route.address())
        assert (route.name, answer.status_code in {200, 302, 403, 404}) == (route.name, True)
        if route.name in SIGNED_IN:
            assert not answer.get("Location", "").startswith("/accounts/login/")


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_changes_how_they_sign_in_is_asked_once_more(somebody: Client, method: str) -> None:
    for route in routes(ASKED_AGAIN):
        answer = getattr(somebody, method)(route.address())
        assert (route.name, answer.status_code) == (route.name, 302)
        assert answer["Location"].startswith("/accounts/reauthenticate/?next=")


def test_the_staff_admin_is_for_staff(stranger: Client, somebody: Client) -> None:
    admin = [route for route in all_routes(PLATFORM) if route.is_admin and route.name != "admin:login"]
    assert len(admin) > 20
    for route in admin:
        answer = Client(headers={"host": "flux.localhost"}).get(route.address())
        assert (route.name, answer.status_code, answer["Location"][:7]) == (route.name, 302, "/admin/")
    for route in admin:
        if route.name.endswith(("_changelist", ":index", "_add")):
            assert (route.name, somebody.get(route.address(), follow=True).status_code) == (route.name, 403)


FIELDS = "login password name email key country timezone slug code credential action next oldpassword password1 token"
EXPECTED = {200, 202, 400, 302, 403, 404, 405, 410}
ODD = ["\x00", "'; DROP SCHEMA public CASCADE; --", "\u202ex\U0001f600", "x" * 20_000, "[{}]"]


@pytest.mark.parametrize("odd", ODD)
def test_no_form_crashes_on_what_nobody_types(somebody: Client, odd: str, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = False  # they would answer before the forms do
    somebody.post("/accounts/reauthenticate/", {"password": PASSWORD})
    stranger = Client(headers={"host": "flux.localhost"})
    fields = dict.fromkeys([*FIELDS.split(), "action_add", "passwordless"], odd)
    for route in routes(OPEN | SIGNED_IN | ASKED_AGAIN):
        if route.name != "account_logout":
            for client in (somebody, stranger):
                answer = client.post(f"{route.address()}?{urlencode({'secret': odd, 'next': odd})}", fields)
                assert answer.status_code in EXPECTED, (route.name, answer.status_code)
                assert not answer.get("Location", "/").startswith("//")
