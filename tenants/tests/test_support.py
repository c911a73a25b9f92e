"""Support access: who gets in, for how long, who learns of it, and that its end holds everywhere."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client, TestCase
from django.utils import timezone

from conftest import PASSWORD, role_of, signed_in
from tenants import handover, people, support, tokens
from tenants.actors import FLUX
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office.models import AuditEntry

KEYS, PEOPLE = "/settings/keys/", "/settings/people/"


@pytest.fixture
def staff(db: None) -> User:
    with public_context():
        return User.objects.create_superuser("sam@flux.example", PASSWORD, name="Sam")


@pytest.fixture
def owner(restaurant: Restaurant, member: Callable[..., User]) -> User:
    return member(restaurant, Membership.Role.OWNER)


def begin(restaurant: Restaurant, staff: User, **facts: Any) -> Membership:
    facts = {"reason": "Imports fail", "hours": 2, "by": staff, "at": timezone.now()} | facts
    with TestCase.captureOnCommitCallbacks(execute=True):
        return support.begin(restaurant, staff=staff, **facts)


def expire(membership: Membership) -> None:
    with public_context():
        Membership.objects.filter(pk=membership.pk).update(ends_at=timezone.now())


def page(answer: HttpResponse) -> str:
    return answer.content.decode()


def log_in(user: User) -> int:
    """The status of a sign-in at the API."""
    form, visitor = {"username": user.email, "password": PASSWORD}, Client(REMOTE_ADDR="10.77.1.1")
    answer = visitor.post(
        "/auth/login", json.dumps(form), "application/json", headers={"host": "bistro.flux.localhost"}
    )
    return answer.status_code


def trail() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "actor", "via"))


def test_a_superuser_alone_opens_no_restaurant(restaurant: Restaurant, staff: User) -> None:
    browser = signed_in(staff, restaurant)
    for path in ("/", "/admin/"):
        assert browser.get(path).status_code == 302
    with public_context():
        assert list(Restaurant.objects.of(staff)) == []


def test_support_works_as_a_manager_but_for_people_and_keys(
    restaurant: Restaurant, other_restaurant: Restaurant, staff: User
) -> None:
    begin(restaurant, staff)
    browser = signed_in(staff, restaurant)
    assert "You are here as support, until" in page(browser.get("/"))
    assert [browser.get(path).status_code for path in ("/orders/", "/admin/", KEYS, PEOPLE)] == [200, 200, 403, 403]
    assert signed_in(staff, other_restaurant).get("/").status_code == 302


def test_what_support_changes_is_written_down_as_such(restaurant: Restaurant, staff: User) -> None:
    begin(restaurant, staff)
    signed_in(staff, restaurant).post("/settings/name/", {"name": "Bistro Ourcq"})
    assert trail() == [("support.began", "Sam", "support"), ("restaurant.renamed", "Sam", "support")]


def test_the_owners_are_told_why_and_until_when(
    restaurant: Restaurant, staff: User, owner: User, member: Callable[..., User]
) -> None:
    member(restaurant)
    begin(restaurant, staff, reason="Imports\nfail", at=dt.datetime(2026, 11, 23, 22, 30, tzinfo=dt.UTC), hours=2)
    [told] = mail.outbox
    assert (told.to, told.subject) == ([owner.email], "Flux support has access to Bistro")
    assert "Sam of Flux support has access to Bistro until Tuesday 24 November, 01:30 (Europe/Paris)." in told.body
    assert "Why: Imports fail" in told.body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reason": "  "}, "Say why"),
        ({"hours": 0}, "lasts 1 to 8 hours"),
        ({"hours": 9}, "lasts 1 to 8 hours"),
    ],
)
def test_access_needs_a_reason_and_an_end(
    restaurant: Restaurant, staff: User, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(support.SupportRefused, match=said):
        begin(restaurant, staff, **wrong)
    assert mail.outbox == []


def test_only_staff_who_do_not_work_there_get_it(
    restaurant: Restaurant, staff: User, owner: User, member: Callable[..., User]
) -> None:
    with pytest.raises(support.SupportRefused, match="is not platform staff"):
        begin(restaurant, owner)
    begin(restaurant, staff)
    with pytest.raises(support.SupportRefused, match="has support access already"):
        begin(restaurant, staff)
    with public_context():
        people.give_role(staff, restaurant, "kitchen")
    with pytest.raises(support.SupportRefused, match="works at Bistro"):
        begin(restaurant, staff)
    with public_context():
        assert Membership.objects.get(user=staff).ends_at is None


def test_its_end_holds_everywhere(restaurant: Restaurant, staff: User) -> None:
    given = begin(restaurant, staff)
    browser, token = signed_in(staff, restaurant), tokens.issue(staff, restaurant)
    program = Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {token}"})
    platform = Client(headers={"host": "flux.localhost"})
    with public_context():
        platform.force_login(staff)
        entry = handover.issue(staff, restaurant, state="s" * 32, platform_session=platform.session.session_key or "")
    assert [browser.get("/").status_code, program.get("/api/v1/menu-items/").status_code] == [200, 200]
    assert log_in(staff) == 200
    assert "Bistro" in page(platform.get("/?choose"))
    expire(given)
    assert browser.get("/").status_code == 302
    assert browser.get("/admin/").status_code == 302
    assert program.get("/api/v1/menu-items/").status_code == 401
    assert "Bistro" not in page(platform.get("/?choose"))
    assert platform.get("/open/bistro/").status_code == 403
    with pytest.raises(handover.HandOverRefused):
        handover.redeem(entry, restaurant, state="s" * 32)
    assert log_in(staff) == 400
    with public_context():
        assert role_of(staff, restaurant) is None


def test_a_new_access_wakes_no_token_of_the_last_one(restaurant: Restaurant, staff: User) -> None:
    expire_me = begin(restaurant, staff)
    token = tokens.issue(staff, restaurant)
    expire(expire_me)
    begin(restaurant, staff)
    program = Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {token}"})
    assert program.get("/api/v1/menu-items/").status_code == 401


@pytest.mark.parametrize("let_in_anew", ["by support access", "as a member"])
def test_a_new_access_wakes_no_session_of_the_last_one(restaurant: Restaurant, staff: User, let_in_anew: str) -> None:
    given = begin(restaurant, staff)
    browser = signed_in(staff, restaurant)
    expire(given)
    if let_in_anew == "as a member":
        with public_context():
            people.give_role(staff, restaurant, "kitchen")
    else:
        begin(restaurant, staff)
    assert browser.get("/").status_code == 302
    assert signed_in(staff, restaurant).get("/").status_code == 200


def test_an_owner_sees_it_and_ends_it(
    restaurant: Restaurant, other_restaurant: Restaurant, staff: User, owner: User
) -> None:
    given = begin(restaurant, staff)
    elsewhere = begin(other_restaurant, staff)
    portal, browser = signed_in(owner, restaurant), signed_in(staff, restaurant)
    assert "Imports fail" in page(portal.get(PEOPLE))
    assert portal.post(f"{PEOPLE}support/{elsewhere.pk}/end/").status_code == 404
    assert browser.post(f"{PEOPLE}support/{given.pk}/end/").status_code == 403
    answer = portal.post(f"{PEOPLE}support/{given.pk}/end/", follow=True)
    assert "Sam has no access any more." in page(answer)
    assert "Imports fail" not in page(answer)
    assert browser.get("/").status_code == 302
    assert signed_in(staff, other_restaurant).get("/").status_code == 200
    assert trail() == [("support.began", "Sam", "support"), ("support.ended", "Owner", "portal")]
    portal.post(f"{PEOPLE}support/{given.pk}/end/")
    assert len(trail()) == 2


def test_support_is_no_owner_and_nobody_who_works_there(restaurant: Restaurant, staff: User, owner: User) -> None:
    begin(restaurant, staff)
    with public_context(), pytest.raises(people.LastOwner):
        people.take_role(owner, restaurant, by=FLUX, at=timezone.now())
    with public_context():
        assert [found.user for found in Membership.objects.of_staff_of(restaurant)] == [owner]


def test_staff_ask_for_it_in_the_platforms_admin(restaurant: Restaurant, staff: User, owner: User) -> None:
    platform = Client(headers={"host": "flux.localhost"})
    with public_context():
        platform.force_login(staff)
    asked = f"/admin/tenants/restaurant/{restaurant.pk}/support-access/"
    form = {"reason": "Imports fail", "hours": "9", "_form_submitted": "on"}
    assert "less than or equal to 8" in page(platform.post(asked, form))
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert platform.post(asked, form | {"hours": "3"}).status_code == 302
    assert len(mail.outbox) == 1
    with public_context():
        given = Membership.objects.get(user=staff)
        assert (given.role, given.granted_by, given.reason) == ("manager", staff, "Imports fail")
    assert signed_in(staff, restaurant).get("/").status_code == 200
    platform.post("/admin/tenants/membership/", {"action": "end_access", "_selected_action": [given.pk]})
    assert signed_in(staff, restaurant).get("/").status_code == 302


@pytest.mark.parametrize(("rights", "left"), [(["view"], 1), (["view", "change"], 0)])
def test_staff_who_may_only_look_do_not_end_it(
    restaurant: Restaurant, staff: User, rights: list[str], left: int
) -> None:
    given = begin(restaurant, staff)
    platform = Client(headers={"host": "flux.localhost"})
    with public_context():
        intern = User.objects.create_user("intern@flux.example", PASSWORD, is_staff=True)
        names = [f"{right}_membership" for right in rights]
        intern.user_permissions.set(Permission.objects.filter(codename__in=names))
        platform.force_login(intern)
    assert platform.get("/admin/tenants/membership/").status_code == 200
    platform.post("/admin/tenants/membership/", {"action": "end_access", "_selected_action": [given.pk]})
    assert len(support.current(restaurant, at=timezone.now())) == left


def test_staff_without_the_right_do_not_ask(restaurant: Restaurant) -> None:
    platform = Client(headers={"host": "flux.localhost"})
    with public_context():
        platform.force_login(User.objects.create_user("intern@flux.example", PASSWORD, is_staff=True))
    form = {"reason": "Curious", "hours": "3", "_form_submitted": "on"}
    assert platform.post(f"/admin/tenants/restaurant/{restaurant.pk}/support-access/", form).status_code == 403


def test_the_database_refuses_access_without_reason_end_or_modesty(restaurant: Restaurant, staff: User) -> None:
    now = timezone.now()
    with public_context():
        for wrong in (
            {"role": "manager", "ends_at": now},
            {"role": "owner", "ends_at": now, "reason": "x"},
            {"role": "manager", "reason": "x"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Membership.objects.create(user=staff, restaurant=restaurant, **wrong)


def test_work_of_a_restaurant_goes_on_whoever_is_let_in(restaurant: Restaurant, staff: User) -> None:
    """An access that has ended is still a row: nothing may take it for somebody who works there."""
    expire(begin(restaurant, staff))
    with restaurant_context(restaurant):
        assert support.current(restaurant, at=timezone.now()) == []
    again = begin(restaurant, staff, reason="Once more")
    with public_context():
        assert Membership.objects.get(user=staff) == again
