"""Signing in at the API: the OAuth2 password form, refresh tokens, and everybody who is turned away."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.signals import authenticator_added
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.db import connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework_simplejwt.tokens import AccessToken

from conftest import PASSWORD, signed_in
from tenants import hosts, tokens
from tenants.context import public_context
from tenants.models import Membership, Restaurant, User
from tenants.throttles import PerAccount, PerAddress

FORM = "application/x-www-form-urlencoded"
BISTRO, TRATTORIA = "bistro.flux.localhost", "trattoria.flux.localhost"


@pytest.fixture
def visitor() -> Client:
    """A program at an address of its own, so that the attempts of one test do not count for another."""
    return Client(REMOTE_ADDR=f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}")


@pytest.fixture
def user(restaurant: Restaurant, member: Callable[..., User]) -> User:
    """A manager of the bistro whose e-mail nobody has tried yet."""
    return member(restaurant, email=f"{random.getrandbits(40):x}@bistro.example")


def log_in(visitor: Client, email: str, password: str = PASSWORD, host: str = BISTRO, **more: str) -> HttpResponse:
    form = {"grant_type": "password", "username": email, "password": password, **more}
    return visitor.post("/auth/login", json.dumps(form), "application/json", headers={"host": host})


def refresh(visitor: Client, token: str, host: str = BISTRO) -> HttpResponse:
    return visitor.post(
        "/auth/refresh", json.dumps({"refresh_token": token}), "application/json", headers={"host": host}
    )


def index_of_members(access_token: str, host: str = BISTRO) -> HttpResponse:
    """A page of the API that only members see."""
    return Client(headers={"host": host, "authorization": f"Bearer {access_token}"}).get("/api/v1/menu-items/")


def test_the_oauth2_form_gives_a_token_that_opens_the_api(visitor: Client, user: User) -> None:
    response = visitor.post(
        "/auth/login",
        f"grant_type=password&username={user.email.upper()}&password={PASSWORD}&scope=&client_id=",
        FORM,
        headers={"host": BISTRO},
    )
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    answer = response.json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 1800)
    assert index_of_members(answer["access_token"]).status_code == 200


def test_json_does_as_well_and_the_grant_type_may_be_left_out(visitor: Client, user: User) -> None:
    body = json.dumps({"username": user.email, "password": PASSWORD})
    response = visitor.post("/auth/login", body, "application/json", headers={"host": BISTRO})
    assert sorted(response.json()) == ["access_token", "expires_in", "refresh_token", "token_type"]


def test_everybody_who_may_not_enter_gets_the_same_answer(
    visitor: Client, restaurant: Restaurant, other_restaurant: Restaurant, user: User, member: Callable[..., User]
) -> None:
    elsewhere = member(other_restaurant, email=f"{random.getrandbits(40):x}@trattoria.example")
    gone = member(restaurant, email=f"{random.getrandbits(40):x}@bistro.example")
    with public_context():
        User.objects.filter(pk=gone.pk).update(is_active=False)
    answers = [
        log_in(visitor, "nobody@bistro.example"),
        log_in(visitor, user.email, "wrong"),
        log_in(visitor, elsewhere.email),
        log_in(visitor, gone.email),
    ]
    said = "E-mail, password and, where two-step sign-in is on, otp do not open this restaurant."
    assert {(answer.status_code, answer["Content-Type"], answer.content) for answer in answers} == {
        (
            400,
            "application/problem+json",
            json.dumps(
                {
                    "type": "/api/problems/invalid-grant",
                    "title": "Sign-in refused",
                    "status": 400,
                    "detail": said,
                    "error": "invalid_grant",
                    "error_description": said,
                },
                separators=(",", ":"),
            ).encode(),
        )
    }


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"])
def test_an_unknown_address_takes_as_long_as_a_wrong_password(visitor: Client, user: User) -> None:
    """With a slow hash, an answer given without hashing would be told apart by its time."""
    with public_context():
        user.set_password(PASSWORD)
        user.save()

    def seconds(email: str) -> float:
        def once() -> float:
            began = time.perf_counter()
            log_in(visitor, email, "wrong")
            return time.perf_counter() - began

        return min(once() for _ in range(3))

    known, unknown = seconds(user.email), seconds("nobody@bistro.example")
    assert 0.5 < known / unknown < 2


def test_a_token_of_one_restaurant_opens_no_other(visitor: Client, user: User, other_restaurant: Restaurant) -> None:
    with public_context():
        Membership.objects.create(user=user, restaurant=other_restaurant, role="owner")
    answer = log_in(visitor, user.email).json()
    assert index_of_members(answer["access_token"], TRATTORIA).status_code == 401
    assert refresh(visitor, answer["refresh_token"], TRATTORIA).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("end", ["membership", "account", "password"])
def test_a_token_ends_with_what_it_stands_for(visitor: Client, user: User, end: str) -> None:
    answer = log_in(visitor, user.email).json()
    with public_context():
        if end == "membership":
            Membership.objects.filter(user=user).delete()
        elif end == "account":
            User.objects.filter(pk=user.pk).update(is_active=False)
        else:
            user.set_password("another-good-password")
            user.save()
    assert index_of_members(answer["access_token"]).status_code == 401
    assert refresh(visitor, answer["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_works_once(visitor: Client, user: User) -> None:
    first = log_in(visitor, user.email).json()
    second = refresh(visitor, first["refresh_token"]).json()
    assert index_of_members(second["access_token"]).status_code == 200
    assert refresh(visitor, first["refresh_token"]).json()["error"] == "invalid_grant"
    # Somebody holds a copy, so the one that was good until now ends as well.
    assert refresh(visitor, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(visitor: Client, user: User) -> None:
    answer = log_in(visitor, user.email).json()
    assert refresh(visitor, answer["access_token"]).json()["error"] == "invalid_grant"
    assert index_of_members(answer["refresh_token"]).status_code == 401


def revoke(visitor: Client, token: str, host: str = BISTRO) -> HttpResponse:
    return visitor.post("/auth/revoke", f"token={token}&token_type_hint=access_token", FORM, headers={"host": host})


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_sign_in_is_ended_by_either_of_its_tokens(visitor: Client, user: User, kind: str) -> None:
    other = log_in(visitor, user.email).json()
    first = log_in(visitor, user.email).json()
    second = refresh(visitor, first["refresh_token"]).json()
    answer = revoke(visitor, second[kind])
    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (200, b"", "no-store")
    assert [index_of_members(found["access_token"]).status_code for found in (first, second)] == [401, 401]
    assert refresh(visitor, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert index_of_members(other["access_token"]).status_code == 200
    assert revoke(visitor, second[kind]).status_code == 200


def test_what_is_no_token_here_is_revoked_without_a_word(
    visitor: Client, user: User, other_restaurant: Restaurant
) -> None:
    answer = log_in(visitor, user.email).json()
    for token in ("x", "x.y.z", answer["access_token"] + "x"):
        assert revoke(visitor, token).status_code == 200
    assert revoke(visitor, answer["access_token"], TRATTORIA).status_code == 200
    assert index_of_members(answer["access_token"]).status_code == 200
    assert visitor.post("/auth/revoke", "", FORM, headers={"host": BISTRO}).json()["error"] == "invalid_request"


def test_a_refresh_token_that_was_copied_ends_the_access_tokens_too(visitor: Client, user: User) -> None:
    first = log_in(visitor, user.email).json()
    second = refresh(visitor, first["refresh_token"]).json()
    refresh(visitor, first["refresh_token"])
    assert index_of_members(second["access_token"]).status_code == 401


def test_a_new_membership_does_not_wake_the_tokens_of_the_old_one(
    visitor: Client, restaurant: Restaurant, user: User
) -> None:
    answer = log_in(visitor, user.email).json()
    with public_context():
        Membership.objects.filter(user=user).delete()
        Membership.objects.create(user=user, restaurant=restaurant, role="owner")
    assert index_of_members(answer["access_token"]).status_code == 401
    assert refresh(visitor, answer["refresh_token"]).json()["error"] == "invalid_grant"


def test_all_tokens_of_a_person_end_at_once(visitor: Client, user: User) -> None:
    answers = [log_in(visitor, user.email).json() for _ in range(2)]
    tokens.end_all(user)
    assert [index_of_members(answer["access_token"]).status_code for answer in answers] == [401, 401]
    assert [refresh(visitor, answer["refresh_token"]).status_code for answer in answers] == [400, 400]
    assert index_of_members(log_in(visitor, user.email).json()["access_token"]).status_code == 200


def test_a_token_without_its_claims_opens_nothing(restaurant: Restaurant, user: User) -> None:
    """Signed by us, but made before tokens named their sign-in."""
    old = AccessToken.for_user(user)
    old["restaurant"] = str(restaurant.pk)
    assert index_of_members(str(old)).status_code == 401


@pytest.fixture
def secret(user: User) -> str:
    """The secret in the user's authenticator app."""
    with public_context():
        made = generate_totp_secret()
        TOTP.activate(user, made)
        return made


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def wrong_code(secret: str) -> str:
    return f"{(int(code(secret)) + 1) % 1_000_000:06}"


def test_who_has_a_second_step_signs_in_with_a_code_and_each_code_works_once(
    visitor: Client, user: User, secret: str, other_restaurant: Restaurant
) -> None:
    with public_context():
        Membership.objects.create(user=user, restaurant=other_restaurant, role="kitchen")
    now = code(secret)
    assert log_in(visitor, user.email, otp=f" {now[:3]} {now[3:]} ").status_code == 200
    assert [log_in(visitor, user.email, host=host, otp=now).status_code for host in (BISTRO, TRATTORIA)] == [400, 400]


def test_a_code_seen_on_the_platforms_page_does_not_work_at_the_api(visitor: Client, user: User, secret: str) -> None:
    now = code(secret)
    with public_context():
        assert Authenticator.objects.get(user=user).wrap().validate_code(now)
    assert log_in(visitor, user.email, otp=now).status_code == 400


def test_a_second_step_that_is_missing_or_wrong_looks_like_a_wrong_password(
    visitor: Client, user: User, secret: str
) -> None:
    answers = [
        log_in(visitor, user.email),
        log_in(visitor, user.email, otp=""),
        log_in(visitor, user.email, otp=wrong_code(secret)),
        log_in(visitor, user.email, otp="' OR 1=1 --"),
        log_in(visitor, user.email, "wrong", otp=code(secret)),
        log_in(visitor, "nobody@bistro.example", otp=code(secret)),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert "otp" in answers[0].json()["detail"]


def test_a_right_password_asks_the_database_no_more_than_a_wrong_one(visitor: Client, user: User, secret: str) -> None:
    """Else the time of an answer would tell which of the two it was."""

    def queries(email: str, password: str, otp: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert log_in(visitor, email, password, otp=otp).status_code == 400
        return len(seen)

    asked = [
        queries(user.email, PASSWORD, ""),
        queries(user.email, PASSWORD, wrong_code(secret)),
        queries(user.email, "wrong", ""),
        queries(user.email, "wrong", code(secret)),
    ]
    assert len(set(asked)) == 1, asked


def test_a_wrong_password_uses_up_no_code(visitor: Client, user: User, secret: str) -> None:
    now = code(secret)
    assert [log_in(visitor, user.email, word, otp=now).status_code for word in ("wrong", PASSWORD)] == [400, 200]


def test_a_recovery_code_works_once(visitor: Client, user: User, secret: str) -> None:
    with public_context():
        codes = RecoveryCodes.activate(user).get_unused_codes()
    assert [log_in(visitor, user.email, "wrong", otp=codes[0]).status_code] == [400]
    assert [log_in(visitor, user.email, otp=codes[n]).status_code for n in (0, 0, 1)] == [200, 400, 200]


def test_a_passkey_is_no_way_round(visitor: Client, user: User) -> None:
    with public_context():
        Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={})
        codes = RecoveryCodes.activate(user).get_unused_codes()
    assert [log_in(visitor, user.email, otp=otp).status_code for otp in ("", "123456", codes[0])] == [400, 400, 200]


def test_who_has_no_second_step_needs_no_code(visitor: Client, user: User) -> None:
    with public_context():
        RecoveryCodes.activate(user)  # alone they ask nothing of anybody
    assert [log_in(visitor, user.email, otp=otp).status_code for otp in ("", "000000")] == [200, 200]


def test_codes_cannot_be_guessed_on_and_on(
    monkeypatch: pytest.MonkeyPatch, visitor: Client, user: User, secret: str
) -> None:
    monkeypatch.setattr(PerAccount, "rate", "2/hour", raising=False)
    answers = [log_in(visitor, user.email, otp=otp) for otp in (wrong_code(secret), wrong_code(secret), code(secret))]
    assert [answer.status_code for answer in answers] == [400, 400, 429]


def test_a_changed_second_step_ends_every_token(user: User, visitor: Client) -> None:
    before = log_in(visitor, user.email).json()
    with public_context():
        authenticator_added.send(Authenticator, user=user)
    assert index_of_members(before["access_token"]).status_code == 401
    assert refresh(visitor, before["refresh_token"]).status_code == 400


def test_a_session_of_the_portal_does_not_open_the_api(restaurant: Restaurant, user: User) -> None:
    """Nor may it: a browser sends its cookie along with the form of a stranger's page."""
    portal = signed_in(user, restaurant)
    assert portal.get("/api/v1/menu-items/").status_code == 401
    assert portal.post("/api/v1/menu-items/", "{}", "application/json").status_code == 401


def test_a_suspended_restaurant_refuses_its_people_and_its_tokens(
    visitor: Client, restaurant: Restaurant, user: User
) -> None:
    token = log_in(visitor, user.email).json()["access_token"]
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(status=Restaurant.Status.SUSPENDED)
    hosts.forget_hosts()
    try:
        answers = [log_in(visitor, user.email), log_in(visitor, user.email, "wrong"), index_of_members(token)]
    finally:
        hosts.forget_hosts()
    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [
        (403, "/api/problems/restaurant-suspended")
    ] * 3


def test_the_platform_has_no_api(visitor: Client, user: User) -> None:
    response = log_in(visitor, user.email, host="flux.localhost")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["detail"] == "The API lives on a restaurant's own host, and no restaurant lives on this one."


@pytest.mark.parametrize(
    ("body", "kind", "oauth"),
    [
        ({"username": "a@b.example"}, "invalid-values", "invalid_request"),
        ([], "invalid-values", "invalid_request"),
        (
            {"grant_type": "client_credentials", "username": "a", "password": "b"},
            "unsupported-grant-type",
            "unsupported_grant_type",
        ),
    ],
)
def test_a_request_that_is_no_sign_in(
    visitor: Client, restaurant: Restaurant, body: Any, kind: str, oauth: str
) -> None:
    response = visitor.post("/auth/login", json.dumps(body), "application/json", headers={"host": BISTRO})
    answer = response.json()
    assert (response.status_code, answer["type"], answer["error"]) == (400, f"/api/problems/{kind}", oauth)


def test_an_address_that_tries_too_often_waits_whatever_the_host(
    monkeypatch: pytest.MonkeyPatch, visitor: Client, user: User, other_restaurant: Restaurant
) -> None:
    monkeypatch.setattr(PerAddress, "rate", "3/hour", raising=False)
    hosts = [BISTRO, TRATTORIA, BISTRO, TRATTORIA]
    answers = [log_in(visitor, f"{host}@nobody.example", host=host) for host in hosts]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[-1].json()["type"] == "/api/problems/too-many-requests"
    assert 0 < int(answers[-1]["Retry-After"]) <= 3600
    # A header that anybody can write does not make it another address.
    claimed = log_in(visitor, user.email, host=BISTRO)
    assert claimed.status_code == 429
    form = json.dumps({"username": user.email, "password": PASSWORD})
    headers = {"host": BISTRO, "x-forwarded-for": "10.1.1.1"}
    assert visitor.post("/auth/login", form, "application/json", headers=headers).status_code == 429


def test_an_account_that_is_guessed_at_waits_wherever_the_guesses_come_from(
    monkeypatch: pytest.MonkeyPatch, user: User, other_restaurant: Restaurant
) -> None:
    monkeypatch.setattr(PerAccount, "rate", "2/hour", raising=False)
    hosts = [BISTRO, TRATTORIA, BISTRO]
    programs = [Client(REMOTE_ADDR=f"10.9.{random.randrange(256)}.{n}") for n in range(3)]
    answers = [log_in(program, user.email, "guess", host) for program, host in zip(programs, hosts, strict=True)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert log_in(programs[0], user.email.upper()).status_code == 429


def test_signing_in_rightly_uses_up_no_attempts_of_the_account(
    monkeypatch: pytest.MonkeyPatch, visitor: Client, user: User
) -> None:
    monkeypatch.setattr(PerAccount, "rate", "2/hour", raising=False)
    assert [log_in(visitor, user.email).status_code for _ in range(4)] == [200] * 4
