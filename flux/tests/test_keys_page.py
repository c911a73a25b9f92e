"""The owners' pages of integrators' keys."""

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conftest import signed_in
from tenants import api_keys
from tenants.context import public_context
from tenants.models import ApiKey, Membership, Restaurant, User

SECRET = re.compile(r"flux_[a-z2-7]{8}_[a-z2-7]{40}")
NEW = {
    "form_id": "0193d4a5-0000-7000-8000-000000000001",
    "name": "Till <export>",
    "scopes": ["orders:read", "menu:read"],
    "days": "90",
}


@pytest.fixture
def owner(restaurant: Restaurant, member: Callable[..., User]) -> User:
    return member(restaurant, Membership.Role.OWNER)


@pytest.fixture
def portal(restaurant: Restaurant, owner: User) -> Client:
    return signed_in(owner, restaurant)


def page(answer: HttpResponse) -> str:
    return answer.content.decode()


def opens(secret: str) -> int:
    client = Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {secret}"})
    return client.get("/api/v1/menu-items/").status_code


def made(portal: Client) -> tuple[ApiKey, str]:
    """A key made on the page, and its secret."""
    answer = portal.post("/settings/keys/make/", NEW)
    [secret] = set(SECRET.findall(page(answer)))
    with public_context():
        return ApiKey.objects.get(pk=NEW["form_id"]), secret


def test_a_key_is_shown_once_and_works(portal: Client, owner: User) -> None:
    answer = portal.post("/settings/keys/make/", NEW)
    [secret] = set(SECRET.findall(page(answer)))
    assert "no-store" in answer["Cache-Control"]
    assert opens(secret) == 200
    with public_context():
        key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.created_by_id) == ("Till <export>", ["menu:read", "orders:read"], owner.pk)
    assert (key.expires_at - key.created_at).days == 90
    for path in ("/settings/keys/", f"/settings/keys/{key.pk}/"):
        shown = page(portal.get(path))
        assert (SECRET.search(shown), key.prefix in shown, "Till &lt;export&gt;" in shown) == (None, True, True)


def test_sending_the_form_again_makes_no_second_key(portal: Client) -> None:
    made(portal)
    again = portal.post("/settings/keys/make/", NEW, follow=True)
    assert "This form was sent before" in page(again)
    with public_context():
        assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"scopes": []}, {"scopes": ["everything:write"]}, {"days": "100000"}, {"form_id": "x"}]
)
def test_a_wrong_form_makes_no_key(portal: Client, wrong: dict[str, object]) -> None:
    assert portal.post("/settings/keys/make/", NEW | wrong).status_code == 422
    with public_context():
        assert ApiKey.objects.count() == 0


def test_a_successor_is_shown_once_and_both_work(portal: Client) -> None:
    key, old = made(portal)
    form = {"form_id": "0193d4a5-0000-7000-8000-000000000002", "overlap_days": "7"}
    answer = portal.post(f"/settings/keys/{key.pk}/rotate/", form)
    [new] = set(SECRET.findall(page(answer)))
    assert (opens(old), opens(new), f"<code>{key.prefix}</code>, works until" in page(answer)) == (200, 200, True)
    again = portal.post(f"/settings/keys/{key.pk}/rotate/", form, follow=True)
    assert "This form was sent before" in page(again)
    shown = page(portal.get(f"/settings/keys/{key.pk}/"))
    assert ("replaced" in shown, "A new key in its place" in shown) == (True, False)


def test_a_revoked_key_opens_nothing(portal: Client) -> None:
    key, secret = made(portal)
    answer = portal.post(f"/settings/keys/{key.pk}/revoke/", follow=True)
    assert "“Till &lt;export&gt;” has been revoked." in page(answer)
    assert "Keys that have ended" in page(answer)
    assert opens(secret) == 401
    assert "Revoke</button>" not in page(portal.get(f"/settings/keys/{key.pk}/"))


def test_the_key_of_another_restaurant_is_not_there(portal: Client, other_restaurant: Restaurant, owner: User) -> None:
    foreign = api_keys.make(
        other_restaurant, name="Foreign", scopes=["menu:read"], days=30, by=owner, at=timezone.now()
    ).key
    at = f"/settings/keys/{foreign.pk}/"
    form = {"form_id": NEW["form_id"], "overlap_days": "0"}
    answers = [portal.get(at), portal.post(f"{at}rotate/", form), portal.post(f"{at}revoke/")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "Foreign" not in page(portal.get("/settings/keys/"))
    with public_context():
        assert (ApiKey.objects.count(), ApiKey.objects.get().revoked_at) == (1, None)


def test_only_owners_are_led_to_the_keys(restaurant: Restaurant, portal: Client, member: Callable[..., User]) -> None:
    manager = signed_in(member(restaurant), restaurant)
    assert [">Keys<" in page(client.get("/settings/")) for client in (portal, manager)] == [True, False]
