"""Opening a restaurant of one's own on the platform's page."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from conftest import PASSWORD, as_owner
from tenants import opening, people, provisioning, template, upkeep
from tenants.context import public_context, restaurant_context
from tenants.keys import uuid7
from tenants.models import Domain, Membership, Restaurant, Schema, User
from tenants.office.models import AuditEntry
from tenants.tests.browser import BISTRO, PLATFORM, Browser, role
from tenants.tests.test_sign_up import text

OPEN = f"{PLATFORM}/restaurants/open/"
CAFE = {"name": "Café Flore", "country": "FR", "timezone": "", "slug": ""}


@pytest.fixture
def ada(bistro: Restaurant) -> User:
    return people.join("ada@example.com", PASSWORD)


@pytest.fixture
def visitor(ada: User) -> Browser:
    browser = Browser()
    browser.sign_in(ada)
    return browser


def key(visitor: Browser) -> str:
    """The hidden key of a fresh form."""
    page = visitor.get(OPEN).content.decode()
    return re.search(r'name="key" value="([^"]+)"', page)[1]  # type: ignore[index]


def test_a_name_and_a_country_are_enough_and_the_owner_lands_in_it(visitor: Browser, ada: User) -> None:
    arrived = visitor.post(OPEN, key=key(visitor), **CAFE)
    assert arrived.url == "http://cafe-flore.flux.localhost/"
    assert (arrived.status_code, role(arrived)) == (200, "owner")
    opened = Restaurant.objects.get(slug="cafe-flore")
    facts = (opened.name, opened.country, opened.timezone, opened.currency, opened.status)
    assert facts == ("Café Flore", "FR", "Europe/Paris", "EUR", "trial")
    with restaurant_context(opened):
        assert [(entry.verb, entry.user_id) for entry in AuditEntry.objects.all()] == [("restaurant.opened", ada.pk)]
    assert list(Membership.objects.values_list("user", "restaurant", "role")) == [(ada.pk, opened.pk, "owner")]


def test_a_form_that_is_sent_twice_opens_one_restaurant(visitor: Browser, ada: User) -> None:
    again = key(visitor)
    for _ in range(2):
        assert visitor.post(OPEN, key=again, **CAFE).url == "http://cafe-flore.flux.localhost/"
    assert Restaurant.objects.of(ada).count() == 1


def test_a_form_of_somebody_else_or_a_made_up_key_opens_nothing(visitor: Browser, ada: User) -> None:
    eve = Browser()
    eve.sign_in(people.join("eve@example.com", PASSWORD))
    for forged in (key(eve), "", "x", str(uuid7()), f"{uuid7()}:AAAA"):
        page = visitor.post(OPEN, key=forged, **CAFE)
        assert page.url == OPEN
    assert "This form belongs to somebody else" in text(page)
    assert not Restaurant.objects.of(ada).exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"slug": "bistro"}, "bistro.flux.localhost is taken. bistro-2 is free."),
        ({"slug": "admin"}, "“admin” is reserved."),
        ({"slug": "xn--caf-dma"}, "“xn--caf-dma” is reserved."),
        ({"slug": "a'; DROP SCHEMA public CASCADE; --"}, "Use a–z, 0–9 and hyphens."),
        ({"slug": "bıstro"}, "Use a–z, 0–9 and hyphens."),
        ({"slug": "-bistro"}, "Use a–z, 0–9 and hyphens."),
        ({"slug": "evil.example"}, "Use a–z, 0–9 and hyphens."),
        ({"slug": "a" * 41}, "Ensure this value has at most 40 characters"),
        ({"name": "x" * 121}, "Ensure this value has at most 120 characters"),
        ({"name": "\u202eorolF"}, "This holds characters that cannot be seen."),
        ({"name": "a\x00b"}, "This holds characters that cannot be seen."),
        ({"country": "ZZ"}, "Select a valid choice."),
        ({"country": "'; --"}, "Select a valid choice."),
        ({"country": "US"}, "United States has several time zones. Choose the one of the restaurant."),
        ({"timezone": "America/New_York"}, "This is no time zone of France."),
        ({"timezone": "Mars/Olympus"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_kept(
    visitor: Browser, ada: User, wrong: dict[str, str], message: str
) -> None:
    page = visitor.post(OPEN, key=key(visitor), **{**CAFE, **wrong})
    assert message in text(page)
    assert ('value="Café Flore"' in page.content.decode()) == ("name" not in wrong)
    assert not Restaurant.objects.of(ada).exists()


def test_a_slug_is_taken_in_small_letters_and_from_a_whole_host(visitor: Browser) -> None:
    arrived = visitor.post(OPEN, key=key(visitor), **{**CAFE, "slug": " Flore.flux.localhost "})
    assert arrived.url == "http://flore.flux.localhost/"


def test_the_old_host_of_another_restaurant_is_taken(visitor: Browser, bistro: Restaurant) -> None:
    Domain.objects.create(tenant=bistro, domain="flore.flux.localhost", is_primary=False)
    page = visitor.post(OPEN, key=key(visitor), **{**CAFE, "slug": "flore"})
    assert "flore.flux.localhost is taken. flore-2 is free." in text(page)


def test_the_address_is_shown_before(visitor: Browser) -> None:
    found = visitor.get(f"{OPEN}address/", name="Bistro")
    assert text(found) == "Its address will be bistro-2.flux.localhost"
    for name in ("", "\u202e", "…"):
        assert visitor.get(f"{OPEN}address/", name=name).content == b""


def test_the_country_is_guessed_from_the_browsers_language(visitor: Browser) -> None:
    page = visitor.client(PLATFORM).get("/restaurants/open/", headers={"accept-language": "de-AT,de;q=0.9"})
    assert '<option value="AT" selected>' in page.content.decode()


def test_nobody_opens_restaurants_by_the_dozen(visitor: Browser, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_IN_A_DAY", 1)
    visitor.post(OPEN, key=key(visitor), **CAFE)
    page = visitor.post(OPEN, key=key(visitor), **{**CAFE, "name": "Another"})
    assert "You have opened many restaurants today." in text(page)
    assert Restaurant.objects.of(ada).count() == 1


def test_where_sign_up_is_closed_only_staff_open_restaurants(visitor: Browser, settings: Any) -> None:
    settings.SIGN_UP_OPEN = False
    assert visitor.get(OPEN).status_code == 403
    assert visitor.post(OPEN, key="x", **CAFE).status_code == 403
    assert "Open a" not in text(visitor.get(f"{PLATFORM}/"))


def test_the_chooser_offers_to_open_one(visitor: Browser, ada: User) -> None:
    assert "Open a restaurant" in text(visitor.get(f"{PLATFORM}/"))
    people.give_role(ada, Restaurant.objects.get(slug="bistro"), "manager")
    assert "Open another restaurant" in text(visitor.get(f"{PLATFORM}/", choose="1"))
    assert visitor.get(f"{PLATFORM}/").url == f"{BISTRO}/"


def test_where_no_schema_is_ready_the_page_waits_and_keeps_all(
    visitor: Browser, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(upkeep, "ask_for_spares", lambda: asked.append("for spares"))
    ready = Schema.objects.filter(restaurant=None)
    ready.update(version="older")
    page = visitor.post(OPEN, key=key(visitor), **{**CAFE, "country": "US", "timezone": "America/Denver"})
    assert page.status_code == 202
    assert "Your restaurant is being prepared" in text(page)
    assert not Restaurant.objects.of(ada).exists()
    kept = dict(re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page.content.decode()))
    ready.update(version=template.version())
    arrived = visitor.post(OPEN, **{name: kept[name] for name in ("key", *CAFE)})
    assert arrived.url == "http://cafe-flore.flux.localhost/"
    assert Restaurant.objects.of(ada).get().timezone == "America/Denver"
    assert asked == ["for spares"]


@pytest.fixture
def owner(committed: list[Restaurant]) -> Iterator[User]:
    """A person who is really there, and whose restaurants are dropped afterwards."""
    made = people.join(f"{uuid7()}@example.com", PASSWORD)
    yield made
    with as_owner():
        for opened in Restaurant.objects.of(made):
            provisioning.remove(opened)
        made.delete()


def test_of_two_sends_at_once_one_opens_and_both_arrive(owner: User) -> None:
    one = uuid7()
    meet, found = threading.Barrier(2, timeout=10), []

    def send() -> None:
        meet.wait()
        facts = {"slug": f"cafe-{one.hex[-8:]}", "name": "Café", "timezone": "Europe/Paris"}
        with public_context():
            found.append(opening.open_once(Restaurant(id=one, currency="EUR", country="FR", **facts), owner=owner).pk)
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [one, one]
    assert Restaurant.objects.of(owner).count() == 1


def test_what_somebody_took_meanwhile_is_told(visitor: Browser, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(restaurant: Restaurant, *, owner: User) -> Restaurant:
        raise ValidationError({"slug": ["Restaurant with this Slug already exists."]})

    monkeypatch.setattr(provisioning, "open_restaurant", too_late)
    page = visitor.post(OPEN, key=key(visitor), **CAFE)
    assert "cafe-flore.flux.localhost is taken." in text(page)
