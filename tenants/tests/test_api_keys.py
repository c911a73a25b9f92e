"""Integrators' keys: what they open, what they never open, and how they end."""

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.db import IntegrityError, ProgrammingError, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tenants import api_keys
from tenants.access import SCOPES
from tenants.context import public_context, restaurant_context
from tenants.models import ApiKey, Membership, Restaurant, User
from tenants.office.models import AuditEntry
from tenants.throttles import WrongKeys

BISTRO, TRATTORIA = "bistro.flux.localhost", "trattoria.flux.localhost"
MENU, ORDERS = "/api/v1/menu-items/", "/api/v1/purchase-orders/"


@pytest.fixture
def owner(restaurant: Restaurant, member: Callable[..., User]) -> User:
    return member(restaurant, Membership.Role.OWNER)


@pytest.fixture
def make(restaurant: Restaurant, owner: User) -> Callable[..., api_keys.Made]:
    """A key of the bistro that reads the menu, or as said."""

    def made(place: Restaurant = restaurant, **facts: Any) -> api_keys.Made:
        facts = {"name": "Till", "scopes": ["menu:read"], "days": 30, "by": owner, "at": timezone.now()} | facts
        return api_keys.make(place, **facts)

    return made


@pytest.fixture(autouse=True)
def address() -> str:
    """An address of its own, so that the wrong keys of one test do not count for another."""
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


@pytest.fixture
def ask(address: str) -> Callable[..., HttpResponse]:
    def asked(secret: str, path: str = MENU, *, host: str = BISTRO, method: str = "get") -> HttpResponse:
        client = Client(REMOTE_ADDR=address, headers={"host": host, "authorization": f"Bearer {secret}"})
        answer: HttpResponse = getattr(client, method)(path)
        return answer

    return asked


def problem(answer: HttpResponse) -> str:
    assert answer["Content-Type"] == "application/problem+json"
    return str(answer.json()["type"]).removeprefix("/api/problems/")


def test_a_key_opens_what_its_scopes_say(make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse]) -> None:
    secret = make().secret
    assert ask(secret).status_code == 200
    refused = ask(secret, ORDERS)
    assert (refused.status_code, problem(refused)) == (403, "not-allowed")
    assert refused.json()["detail"] == "This key may not do this: it lacks the scope orders:read."


def test_reading_is_not_writing(make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse]) -> None:
    reader, writer = make(scopes=["orders:read"]).secret, make(scopes=["orders:write"]).secret
    step = f"{ORDERS}0193d4a5-0000-7000-8000-000000000000/approve/"
    assert [ask(reader, step, method="post").status_code, ask(reader, ORDERS).status_code] == [403, 200]
    assert [ask(writer, step, method="post").status_code, ask(writer, ORDERS).status_code] == [404, 403]


def test_a_key_costs_one_query(
    make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse], django_assert_num_queries: Any
) -> None:
    secret = make().secret
    ask(secret)  # notes the first use
    with django_assert_num_queries(2):  # the key, and the count of an empty menu
        ask(secret)


def test_only_a_fingerprint_is_kept(make: Callable[..., api_keys.Made]) -> None:
    made = make()
    with public_context():
        row = ApiKey.objects.values().get(pk=made.key.pk)
    assert made.secret.startswith(f"{row['prefix']}_")
    assert made.secret.removeprefix(row["prefix"] + "_") not in str(row)
    assert api_keys.SHAPE.fullmatch(made.secret)


def test_everything_that_opens_nothing_gets_one_answer(
    make: Callable[..., api_keys.Made],
    ask: Callable[..., HttpResponse],
    restaurant: Restaurant,
    other_restaurant: Restaurant,
    owner: User,
) -> None:
    now = timezone.now()
    foreign = make(other_restaurant).secret
    expired = make(at=now - dt.timedelta(days=31)).secret
    revoked = make()
    api_keys.revoke(revoked.key.pk, restaurant, by=owner, at=now)
    answers = [
        ask(secret)
        for secret in (
            foreign,
            expired,
            revoked.secret,
            "flux_aaaaaaaa_" + "a" * 40,
            "flux_",
            foreign.upper().replace("FLUX", "flux"),
            foreign + "a",
        )
    ]
    assert {(answer.status_code, answer.content, answer["WWW-Authenticate"]) for answer in answers} == {
        (401, answers[0].content, 'Bearer realm="api"')
    }
    assert ask(foreign, host=TRATTORIA).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer a b",
        "Bearer flux_\x00",
        "Bearer flux_é",
        "Bearer " + "flux_" + "a" * 100_000,
        "Bearer " + "a." * 50_000,
        "Basic Zmx1eDpmbHV4",
        "flux_aaaaaaaa_" + "a" * 40,
        "Bearer null",
        "Bearer ..",
        "\x00",
        ",",
    ],
)
def test_a_malformed_header_is_not_signed_in(restaurant: Restaurant, address: str, header: str) -> None:
    answer = Client(REMOTE_ADDR=address, headers={"host": BISTRO, "authorization": header}).get(MENU)
    assert (answer.status_code, problem(answer)) == (401, "not-signed-in")


def test_the_word_bearer_counts_in_any_case(make: Callable[..., api_keys.Made], address: str) -> None:
    client = Client(REMOTE_ADDR=address, headers={"host": BISTRO, "authorization": f"bearer   {make().secret} "})
    assert client.get(MENU).status_code == 200


def test_a_host_without_a_restaurant_tells_nothing_of_a_key(
    make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse]
) -> None:
    secret = make().secret
    for host in ("nobody.flux.localhost", "flux.localhost"):
        right, wrong = ask(secret, host=host), ask("flux_x", host=host)
        assert (right.status_code, right.content) == (404, wrong.content)


def test_a_key_opens_no_page_of_the_portal(
    make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse]
) -> None:
    secret = make(scopes=sorted(SCOPES)).secret
    for path in ("/", "/orders/", "/admin/"):
        assert (path, ask(secret, path).status_code) == (path, 302)


def test_a_suspended_restaurants_keys_open_nothing(
    make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse], restaurant: Restaurant
) -> None:
    from tenants import hosts

    secret = make().secret
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(status=Restaurant.Status.SUSPENDED)
    hosts.forget_hosts()
    try:
        assert problem(ask(secret)) == "restaurant-suspended"
    finally:
        hosts.forget_hosts()


def test_use_is_noted_once_a_minute(make: Callable[..., api_keys.Made], restaurant: Restaurant) -> None:
    made = make()
    began = timezone.now()

    def used(seconds: int) -> dt.datetime | None:
        at = began + dt.timedelta(seconds=seconds)
        found = api_keys.find(made.secret, restaurant, at=at)
        assert found
        api_keys.note_use(found, at=at)
        with public_context():
            return ApiKey.objects.get(pk=made.key.pk).last_used_at

    assert [used(0), used(59), used(60)] == [began, began, began + dt.timedelta(seconds=60)]


def test_wrong_keys_are_limited_by_address_and_right_ones_are_not(
    make: Callable[..., api_keys.Made], ask: Callable[..., HttpResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WrongKeys, "rate", "2/hour", raising=False)
    secret = make().secret
    assert [ask(secret).status_code for _ in range(3)] == [200] * 3
    assert [ask("flux_wrong", host=host).status_code for host in (BISTRO, TRATTORIA, BISTRO)] == [401, 401, 429]
    waiting = ask(secret)
    assert (waiting.status_code, problem(waiting)) == (429, "too-many-requests")
    elsewhere = Client(REMOTE_ADDR="10.250.1.1", headers={"host": BISTRO, "authorization": f"Bearer {secret}"})
    caches["platform"].clear()
    assert elsewhere.get(MENU).status_code == 200


def test_rotation_lets_both_keys_work_for_a_while(
    make: Callable[..., api_keys.Made], restaurant: Restaurant, owner: User
) -> None:
    began = timezone.now()
    old = make(at=began, scopes=["menu:read", "orders:read"])
    at = began + dt.timedelta(days=10)
    new = api_keys.rotate(old.key.pk, restaurant, overlap_days=7, by=owner, at=at)
    assert (new.key.name, new.key.scopes) == ("Till", ["menu:read", "orders:read"])
    assert new.key.expires_at == at + dt.timedelta(days=30)

    def working(days: float) -> list[bool]:
        moment = at + dt.timedelta(days=days)
        return [api_keys.find(made.secret, restaurant, at=moment) is not None for made in (old, new)]

    assert [working(0), working(6.99), working(7), working(30)] == [
        [True, True],
        [True, True],
        [False, True],
        [False, False],
    ]
    with pytest.raises(api_keys.KeyProblem, match="has a new key already"):
        api_keys.rotate(old.key.pk, restaurant, overlap_days=7, by=owner, at=at)
    with pytest.raises(api_keys.KeyProblem, match="does not work any more"):
        api_keys.rotate(old.key.pk, restaurant, overlap_days=7, by=owner, at=at + dt.timedelta(days=7))


def test_an_overlap_never_lengthens_a_life(
    make: Callable[..., api_keys.Made], restaurant: Restaurant, owner: User
) -> None:
    began = timezone.now()
    old = make(at=began)
    api_keys.rotate(old.key.pk, restaurant, overlap_days=30, by=owner, at=began + dt.timedelta(days=29))
    with public_context():
        assert ApiKey.objects.get(pk=old.key.pk).expires_at == began + dt.timedelta(days=30)


def test_a_key_says_in_a_word_how_it_is(
    make: Callable[..., api_keys.Made], restaurant: Restaurant, owner: User
) -> None:
    began = timezone.now()
    key = make(at=began).key
    days = {days: key.state(began + dt.timedelta(days=days)) for days in (0, 16, 17, 30)}
    assert days == {0: "working", 16: "working", 17: "ends_soon", 30: "ended"}
    api_keys.rotate(key.pk, restaurant, overlap_days=30, by=owner, at=began)
    with public_context():
        assert ApiKey.objects.get(pk=key.pk).state(began) == "replaced"
    assert api_keys.revoke(key.pk, restaurant, by=owner, at=began).state(began) == "revoked"


def test_a_form_that_comes_twice_makes_one_key(make: Callable[..., api_keys.Made], restaurant: Restaurant) -> None:
    made = make()
    with pytest.raises(api_keys.AlreadyMade):
        make(key_id=made.key.pk)
    assert len(api_keys.of(restaurant)) == 1


def test_a_restaurant_has_only_so_many_keys(
    make: Callable[..., api_keys.Made], other_restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "MOST_KEYS", 2)
    now = timezone.now()
    make(at=now - dt.timedelta(days=31))  # one that has ended does not count
    make(), make()
    with pytest.raises(api_keys.KeyProblem, match="2 keys work already"):
        make()
    make(other_restaurant)


def test_an_owner_reaches_no_key_of_another_restaurant(
    make: Callable[..., api_keys.Made], other_restaurant: Restaurant, owner: User
) -> None:
    made = make()
    with pytest.raises(api_keys.NoSuchKey):
        api_keys.revoke(made.key.pk, other_restaurant, by=owner, at=timezone.now())
    with pytest.raises(api_keys.NoSuchKey):
        api_keys.rotate(made.key.pk, other_restaurant, overlap_days=0, by=owner, at=timezone.now())
    assert api_keys.of(other_restaurant) == []


def test_every_change_of_a_key_is_in_the_audit_trail(
    make: Callable[..., api_keys.Made], restaurant: Restaurant, owner: User
) -> None:
    made = make()
    new = api_keys.rotate(made.key.pk, restaurant, overlap_days=1, by=owner, at=timezone.now())
    api_keys.revoke(new.key.pk, restaurant, by=owner, at=timezone.now())
    api_keys.revoke(new.key.pk, restaurant, by=owner, at=timezone.now())
    entries = AuditEntry.objects.order_by("pk")
    assert [(entry.verb, entry.user_id, entry.subject_key) for entry in entries] == [
        ("key.made", owner.pk, str(made.key.pk)),
        ("key.made", owner.pk, str(new.key.pk)),
        ("key.rotated", owner.pk, str(made.key.pk)),
        ("key.revoked", owner.pk, str(new.key.pk)),
    ]
    assert not any(made.secret in str(entry.__dict__) or new.secret in str(entry.__dict__) for entry in entries)


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"sha256": "x"}, {"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}]
)
def test_the_database_refuses_a_key_that_makes_no_sense(restaurant: Restaurant, wrong: dict[str, Any]) -> None:
    facts = {"name": "x", "prefix": "flux_x", "sha256": "0" * 64, "scopes": ["menu:read"]}
    facts |= {"expires_at": timezone.now() + dt.timedelta(days=1), "restaurant": restaurant}
    with public_context():
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiKey.objects.create(**facts | wrong)
        ApiKey.objects.create(**facts)


def test_a_restaurants_own_role_sees_its_keys_and_makes_none(
    make: Callable[..., api_keys.Made], restaurant: Restaurant, other_restaurant: Restaurant
) -> None:
    mine, _foreign = make().key, make(other_restaurant).key
    with restaurant_context(restaurant):
        assert [key.pk for key in ApiKey.objects.all()] == [mine.pk]
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            ApiKey.objects.filter(pk=mine.pk).update(scopes=["orders:write"])
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            ApiKey.objects.filter(pk=mine.pk).delete()
