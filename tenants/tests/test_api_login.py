"""Signing in at the API: the OAuth2 password form, refresh tokens, and everybody who is turned away."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from rest_framework_simplejwt.tokens import AccessToken

from conftest import PASSWORD, signed_in
from tenants import middleware, tokens
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
    assert {(answer.status_code, answer["Content-Type"], answer.content) for answer in answers} == {
        (
            400,
            "application/problem+json",
            json.dumps(
                {
                    "type": "/api/problems/invalid-grant",
                    "title": "Sign-in refused",
                    "status": 400,
                    "detail": "E-mail and password do not open this restaurant.",
                    "error": "invalid_grant",
                    "error_description": "E-mail and password do not open this restaurant.",
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
    middleware.forget_hosts()
    try:
        answers = [log_in(visitor, user.email), log_in(visitor, user.email, "wrong"), index_of_members(token)]
    finally:
        middleware.forget_hosts()
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
