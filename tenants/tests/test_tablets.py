"""The kitchen's shared tablet: enrolled, known by its mark, opened with a PIN, and locked when somebody guesses."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conftest import PASSWORD, signed_in
from tenants import pins, sessions, tablets
from tenants.context import public_context
from tenants.models import Membership, Restaurant, Tablet, User
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.django_db

NOW = timezone.now()
PIN = "2580"
HOSTS = {"bistro": "bistro.flux.localhost", "trattoria": "trattoria.flux.localhost"}
Member = Callable[..., User]


@pytest.fixture
def owner(restaurant: Restaurant, member: Member) -> User:
    return member(restaurant, "owner")


def membership(user: User, restaurant: Restaurant) -> Membership:
    with public_context():
        return Membership.objects.get(user=user, restaurant=restaurant)


def with_pin(user: User, restaurant: Restaurant, pin: str = PIN) -> Membership:
    found = membership(user, restaurant)
    pins.choose(found.pk, restaurant, pin, by=user, at=NOW)
    return found


@pytest.fixture
def cook(restaurant: Restaurant, member: Member) -> Membership:
    """Somebody of the kitchen with a PIN."""
    return with_pin(member(restaurant, "kitchen"), restaurant)


@pytest.fixture
def tablet(restaurant: Restaurant, owner: User) -> Client:
    """A browser that an owner has made a tablet."""
    client = signed_in(owner, restaurant)
    assert client.post("/settings/tablets/enrol/", {"name": "Pass"}).status_code == 302
    return client


def type_pin(client: Client, member: Membership, pin: str = PIN, query: str = "") -> HttpResponse:
    answer: HttpResponse = client.post(f"/tablet/{member.pk}/{query}", {"pin": pin})
    return answer


def role(client: Client) -> Any:
    return client.get("/").wsgi_request.role  # type: ignore[attr-defined]


# --- Enrolling -------------------------------------------------------------------------------------------------------


def test_whoever_makes_a_device_a_tablet_is_signed_out_of_it(tablet: Client, cook: Membership) -> None:
    assert role(tablet) is None
    page = tablet.get("/", follow=True)
    assert page.redirect_chain[-1][0] == "/tablet/?next=%2F"  # type: ignore[attr-defined]
    assert "Kitchen" in page.content.decode()
    assert AuditEntry.objects.filter(verb="tablet.enrolled").count() == 1


def test_the_mark_is_the_hosts_own_and_out_of_reach_of_scripts(tablet: Client) -> None:
    mark = tablet.cookies["tablet"]
    assert (mark["domain"], mark["httponly"], mark["samesite"], mark["path"]) == ("", True, "Lax", "/")


def test_only_those_with_a_pin_are_named(tablet: Client, cook: Membership, owner: User, manager: User) -> None:
    assert [member.user.email for member in pins.holders(cook.restaurant)] == ["kitchen@bistro.example"]
    with public_context():
        User.objects.filter(pk=cook.user_id).update(is_active=False)
    assert pins.holders(cook.restaurant) == []
    assert "Nobody has a PIN yet" in tablet.get("/tablet/").content.decode()


@pytest.mark.parametrize("mark", [None, "", "nonsense", "of-another"])
def test_nobody_is_named_and_no_pin_works_on_another_device(
    restaurant: Restaurant, other_restaurant: Restaurant, owner: User, cook: Membership, mark: str | None
) -> None:
    device = Client(headers={"host": HOSTS["bistro"]})
    if mark == "of-another":  # a mark made for another restaurant, as its own host would make it
        answer = HttpResponse()
        tablets.mark(answer, tablets.enrol(other_restaurant, "Pass", by=owner, at=NOW))
        mark = answer.cookies["tablet"].value
    if mark is not None:
        device.cookies["tablet"] = mark
    for answer in (device.get("/tablet/"), device.get(f"/tablet/{cook.pk}/"), type_pin(device, cook)):
        assert (answer.status_code, "Kitchen" in answer.content.decode()) == (404, False)
    assert role(device) is None
    assert device.get("/auth/sign-in/")["Location"].startswith("http://flux.localhost/open/bistro/")


def test_a_revoked_tablet_is_an_ordinary_device_at_the_next_click(
    tablet: Client, cook: Membership, restaurant: Restaurant, owner: User
) -> None:
    type_pin(tablet, cook)
    assert role(tablet) == "kitchen"
    with public_context():
        pk = Tablet.objects.get().pk
    assert signed_in(owner, restaurant).post(f"/settings/tablets/{pk}/revoke/").status_code == 302
    assert role(tablet) is None
    assert type_pin(tablet, cook).status_code == 404


def test_another_restaurants_tablet_is_out_of_reach(
    tablet: Client, other_restaurant: Restaurant, member: Member
) -> None:
    with public_context():
        pk = Tablet.objects.get().pk
    theirs = signed_in(member(other_restaurant, "owner"), other_restaurant)
    assert theirs.post(f"/settings/tablets/{pk}/revoke/").status_code == 404
    assert "No tablet yet" in theirs.get("/settings/tablets/").content.decode()


# --- The PIN ---------------------------------------------------------------------------------------------------------


def test_a_pin_opens_the_kitchens_pages(tablet: Client, cook: Membership) -> None:
    assert type_pin(tablet, cook, query="?next=/stock/")["Location"] == "/stock/"
    page = tablet.get("/stock/")
    assert "Switch person" in page.content.decode()
    assert "/me/" not in page.content.decode()
    with public_context():
        assert Tablet.objects.get().last_used_at is not None


def test_a_pin_makes_an_owner_a_member_of_the_kitchen(tablet: Client, owner: User, restaurant: Restaurant) -> None:
    with public_context():
        User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    type_pin(tablet, with_pin(owner, restaurant))
    assert role(tablet) == "kitchen"
    for path in ("/settings/people/", "/settings/tablets/", "/me/", "/sales/upload/", "/admin/"):
        assert (path, tablet.get(path, follow=True).status_code) == (path, 403)
    assert tablet.post("/me/pin/", {"pin": "1379"}).status_code == 403


def test_what_is_done_by_pin_is_written_down_as_such(tablet: Client, cook: Membership) -> None:
    type_pin(tablet, cook)
    request = tablet.get("/").wsgi_request
    assert (request.user, request.via) == (cook.user, "pin")  # type: ignore[attr-defined]


def test_nobody_is_led_elsewhere(tablet: Client, cook: Membership) -> None:
    assert type_pin(tablet, cook, query="?next=//evil.example/")["Location"] == "/"


def test_one_tap_makes_room_for_the_next_person(tablet: Client, cook: Membership) -> None:
    type_pin(tablet, cook)
    assert tablet.post("/tablet/switch/")["Location"] == "/tablet/"
    assert role(tablet) is None
    assert "Kitchen" in tablet.get("/tablet/").content.decode()


def test_a_session_ends_when_nobody_touches_the_tablet(
    tablet: Client, cook: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_800_000_000.0]
    monkeypatch.setattr(sessions.time, "time", lambda: clock[0])
    type_pin(tablet, cook)
    for seconds in (599, 599):  # a click each time
        clock[0] += seconds
        assert role(tablet) == "kitchen"
    for _ in range(3):  # a page that asks again by itself is no touch
        clock[0] += 190
        assert tablet.get("/jobs/", headers={"hx-request": "true"}).status_code == 200
    clock[0] += 31
    assert tablet.get("/")["Location"] == "/auth/sign-in/?next=%2F"


def test_a_page_on_which_somebody_works_stays_signed_in(
    tablet: Client, cook: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_800_000_000.0]
    monkeypatch.setattr(sessions.time, "time", lambda: clock[0])
    type_pin(tablet, cook)
    for _ in range(3):
        clock[0] += 590
        assert tablet.post("/tablet/stay/").status_code == 204


@pytest.mark.parametrize("change", ["new_pin", "no_pin", "removed", "new_mark"])
def test_a_session_ends_with_what_it_leans_on(
    tablet: Client, cook: Membership, restaurant: Restaurant, owner: User, change: str
) -> None:
    type_pin(tablet, cook)
    assert role(tablet) == "kitchen"
    if change == "new_pin":
        pins.choose(cook.pk, restaurant, "1379", by=owner, at=NOW)
    elif change == "no_pin":
        pins.take_away(cook.pk, restaurant, by=owner, at=NOW)
    elif change == "removed":
        with public_context():
            Membership.objects.filter(pk=cook.pk).delete()
    else:
        del tablet.cookies["tablet"]
    assert role(tablet) is None


def test_a_member_who_is_let_in_anew_types_the_pin_anew(
    tablet: Client, cook: Membership, restaurant: Restaurant
) -> None:
    type_pin(tablet, cook)
    with public_context():
        pin = Membership.objects.get(pk=cook.pk).pin
        Membership.objects.filter(pk=cook.pk).delete()
        again = Membership.objects.create(user=cook.user, restaurant=restaurant, role="kitchen", pin=pin)
    assert role(tablet) is None
    type_pin(tablet, again)
    assert role(tablet) == "kitchen"


def test_a_tablets_session_is_worth_nothing_on_another_host(
    tablet: Client, cook: Membership, other_restaurant: Restaurant
) -> None:
    type_pin(tablet, cook)
    there = Client(headers={"host": HOSTS["trattoria"]})
    there.cookies["flux"], there.cookies["tablet"] = tablet.cookies["flux"].value, tablet.cookies["tablet"].value
    assert role(there) is None
    assert there.get(f"/tablet/{cook.pk}/").status_code == 404


def test_a_pin_gives_no_token(tablet: Client, cook: Membership) -> None:
    type_pin(tablet, cook)
    assert tablet.get("/api/v1/forecasts/").status_code == 401
    for password, status in ((PIN, 400), (PASSWORD, 200)):
        given = urlencode({"username": cook.user.email, "password": password})
        answer = tablet.post("/auth/login", given, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == status


def test_pins_are_hashed(cook: Membership) -> None:
    with public_context():
        cook.refresh_from_db()
    assert (PIN in cook.pin, "$" in cook.pin) == (False, True)
    assert PIN not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("pin", ["", "123", "1234567", "12a4", "0000", "1234", "3210", "7890", "٤٥٨١", " 2580"])
def test_no_pin_or_everybodys_first_guess_is_refused(cook: Membership, restaurant: Restaurant, pin: str) -> None:
    with pytest.raises(pins.PinUnfit):
        pins.choose(cook.pk, restaurant, pin, by=cook.user, at=NOW)


# --- Guessing --------------------------------------------------------------------------------------------------------


def test_wrong_pins_are_counted_and_then_even_the_right_one_waits(tablet: Client, cook: Membership) -> None:
    for _ in range(10):
        assert type_pin(tablet, cook, "9999").status_code == 422
    locked = type_pin(tablet, cook)
    assert locked.status_code == 429
    assert "Too many wrong PINs. Try again in" in locked.content.decode()
    assert role(tablet) is None


def test_right_pins_use_nothing_up(tablet: Client, cook: Membership) -> None:
    for _ in range(11):
        assert type_pin(tablet, cook).status_code == 302
        tablet.post("/tablet/switch/")


def test_another_tablet_gives_no_new_attempts(
    tablet: Client, cook: Membership, restaurant: Restaurant, owner: User
) -> None:
    for _ in range(10):
        type_pin(tablet, cook, "9999")
    second = signed_in(owner, restaurant)
    second.post("/settings/tablets/enrol/", {"name": "Bar"})
    assert type_pin(second, cook).status_code == 429


def test_one_who_guesses_locks_nobody_else_out(
    tablet: Client, cook: Membership, restaurant: Restaurant, manager: User
) -> None:
    chef = with_pin(manager, restaurant, "1379")
    for _ in range(11):
        type_pin(tablet, cook, "9999")
    assert type_pin(tablet, chef, "1379").status_code == 302


def test_a_tablet_that_guesses_for_everybody_is_locked(
    tablet: Client, cook: Membership, restaurant: Restaurant, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins.PinsOnTablet, "rate", "12/hour")
    chefs = [with_pin(member(restaurant, "kitchen", f"{n}@example.com"), restaurant, "1379") for n in range(3)]
    for chef in chefs:
        for _ in range(4):
            assert type_pin(tablet, chef, "9999").status_code == 422
    assert type_pin(tablet, cook).status_code == 429
