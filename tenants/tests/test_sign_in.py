"""Signing in on the platform, being carried to a restaurant's own host, and signing out of all of them."""

import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core import mail, signing
from django.db import connection
from django.test import Client

from conftest import PASSWORD
from tenants import handover, people, sessions
from tenants.context import public_context, restaurant_context
from tenants.keys import uuid7
from tenants.models import Membership, Restaurant, User
from tenants.tests.browser import BISTRO, PLATFORM, TRATTORIA, Browser, role

Member = Callable[..., User]
NEW_PASSWORD = "staple-battery-horse"


@pytest.fixture
def visitor(db: None) -> Browser:
    return Browser()


@pytest.fixture
def ada(restaurant: Restaurant, member: Member) -> User:
    """Manager of the bistro and of nothing else."""
    return member(restaurant, email="ada@example.com")


@pytest.fixture
def bo(restaurant: Restaurant, other_restaurant: Restaurant, member: Member) -> User:
    """Owner of the bistro, in the kitchen of the trattoria."""
    user = member(restaurant, "owner", email="bo@example.com")
    with public_context():
        Membership.objects.create(user=user, restaurant=other_restaurant, role="kitchen")
    return user


def way_in(visitor: Browser, restaurant: str = BISTRO, target: str = "/admin/") -> str:
    """The address with the token that leads `visitor`, signed in on the platform, into the restaurant."""
    to_platform = visitor.step(f"{restaurant}/auth/sign-in/", next=target)["Location"]
    return visitor.step(to_platform)["Location"]


def change(user: User, **facts: bool) -> None:
    """As the platform does; a restaurant may not change who people are."""
    with public_context():
        User.objects.filter(pk=user.pk).update(**facts)


# --- The way in ------------------------------------------------------------------------------------------------------


def test_a_member_is_carried_to_the_page_that_was_asked_for(visitor: Browser, ada: User) -> None:
    asked = visitor.get(f"{BISTRO}/auth/sign-in/", next="/admin/")
    assert urlsplit(asked.url)[1:3] == ("flux.localhost", "/accounts/login/")
    form = {"login": ada.email, "password": PASSWORD, "next": parse_qs(urlsplit(asked.url).query)["next"][0]}
    arrived = visitor.post(f"{PLATFORM}/accounts/login/", **form)
    assert urlsplit(arrived.url)[1] == "bistro.flux.localhost"
    assert role(arrived) == "manager"


def test_somebody_with_one_restaurant_is_led_straight_to_it(visitor: Browser, ada: User) -> None:
    arrived = visitor.sign_in(ada)
    assert urlsplit(arrived.url)[1] == "bistro.flux.localhost"
    assert role(arrived) == "manager"
    assert "bistro.flux.localhost" in visitor.get(f"{PLATFORM}/", choose="1").content.decode()


def test_somebody_with_several_restaurants_chooses(visitor: Browser, bo: User) -> None:
    page = visitor.sign_in(bo)
    assert page.url == f"{PLATFORM}/"
    words = " ".join(re.sub(r"<[^>]*>", " ", page.content.decode()).split())
    assert "Bistro Owner · bistro.flux.localhost" in words
    assert "Trattoria Kitchen · trattoria.flux.localhost" in words
    assert "Staff admin" not in words
    links = re.findall(r'href="(http://[^"]*/auth/sign-in/)"', page.content.decode())
    assert [role(visitor.get(link)) for link in links] == ["owner", "kitchen"]


def test_staff_see_the_way_to_the_staff_admin(visitor: Browser, ada: User) -> None:
    change(ada, is_staff=True)
    page = visitor.sign_in(ada)
    assert page.url == f"{PLATFORM}/"
    assert 'href="/admin/"' in page.content.decode()


@pytest.mark.parametrize("slug", ["trattoria", "nowhere"])
def test_a_restaurant_one_does_not_belong_to_answers_like_one_that_is_not_there(
    visitor: Browser, ada: User, slug: str
) -> None:
    visitor.sign_in(ada)
    refused = visitor.step(f"{PLATFORM}/open/{slug}/", state="s" * 32)
    assert refused.status_code == 403
    assert "You have no access to this restaurant" in refused.content.decode()
    assert slug not in refused.content.decode().lower()


# --- The hand-over ---------------------------------------------------------------------------------------------------


def test_a_token_works_once(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    visitor.clients.pop("bistro.flux.localhost")
    link = way_in(visitor)
    state = visitor.cookie(BISTRO, "handover")
    assert visitor.step(link)["Location"] == "/admin/"
    assert visitor.cookie(BISTRO, "handover") == ""
    visitor.client(BISTRO).cookies["handover"] = state
    again = visitor.step(link)
    assert again.status_code == 403
    assert "This sign-in link has expired" in again.content.decode()


def test_of_two_who_redeem_a_token_at_once_one_enters(committed: list[Restaurant]) -> None:
    bistro = committed[0]
    user = people.join("ada@example.com", PASSWORD)
    try:
        Membership.objects.create(user=user, restaurant=bistro, role="manager")
        for _ in range(5):
            assert sorted(redeem_twice(user, bistro)) == ["entered", "used or expired"]
    finally:
        user.delete()


def redeem_twice(user: User, restaurant: Restaurant) -> list[str]:
    platform = Client(headers={"host": "flux.localhost"})
    platform.force_login(user)
    state = handover.new_state()
    token = handover.issue(user, restaurant, state=state, platform_session=platform.cookies["flux"].value)
    meet, answers = threading.Barrier(2, timeout=10), []

    def redeem() -> None:
        meet.wait()
        try:
            with restaurant_context(restaurant):
                handover.redeem(token, restaurant, state=state)
            answers.append("entered")
        except handover.HandOverRefused as refused:
            answers.append(str(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=redeem) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize(("seconds", "reason"), [(59, None), (62, "forged or expired")])
def test_a_token_lives_for_a_minute(
    visitor: Browser,
    ada: User,
    restaurant: Restaurant,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    reason: str | None,
) -> None:
    visitor.sign_in(ada)
    token, state = token_of(way_in_of_another_tab(visitor)), visitor.cookie(BISTRO, "handover")
    later = signing.time.time() + seconds
    monkeypatch.setattr(signing.time, "time", lambda: later)
    if reason is None:
        assert handover.redeem(token, restaurant, state=state).member.user == ada
    else:
        with pytest.raises(handover.HandOverRefused, match=reason):
            handover.redeem(token, restaurant, state=state)


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def way_in_of_another_tab(visitor: Browser) -> str:
    """As `way_in`, for somebody who is in already and so would not be asked."""
    visitor.clients.pop("bistro.flux.localhost", None)
    return way_in(visitor)


def test_a_token_is_for_one_restaurant(visitor: Browser, bo: User, other_restaurant: Restaurant) -> None:
    visitor.sign_in(bo)
    link = way_in(visitor)
    visitor.client(TRATTORIA).cookies["handover"] = visitor.cookie(BISTRO, "handover")
    assert visitor.step(link.replace(BISTRO, TRATTORIA)).status_code == 403
    assert not visitor.is_in(TRATTORIA)


def test_a_token_is_for_the_browser_that_asked(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    link = way_in_of_another_tab(visitor)
    other = Browser()
    assert other.step(link).status_code == 403
    other.step(f"{BISTRO}/auth/sign-in/")  # a state, but of its own
    assert other.step(link).status_code == 403
    assert visitor.step(link).status_code == 302


def test_a_token_without_a_state_is_never_made(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    for state in ("", "short", "s" * 33):
        sent = visitor.step(f"{PLATFORM}/open/bistro/", state=state)
        assert sent["Location"] == f"{BISTRO}/auth/sign-in/"


def test_two_tabs_can_sign_in_at_once(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    visitor.clients.pop("bistro.flux.localhost")
    first, second = way_in(visitor), way_in(visitor)
    assert visitor.step(first).status_code == 302
    assert visitor.is_in(BISTRO)
    visitor.step(second)
    assert visitor.is_in(BISTRO)


@pytest.mark.parametrize(
    "token",
    ["", "x", "a:b:c", signing.dumps({"user": "x"}, salt="another")],
    ids=[
        "empty",
        "no signature",
        "no token",
        "another salt",
    ],  # a signature holds the time: each process would name it anew
)
def test_a_forged_token_is_refused(visitor: Browser, restaurant: Restaurant, token: str) -> None:
    visitor.step(f"{BISTRO}/auth/sign-in/")
    assert visitor.step(f"{BISTRO}/auth/enter/", token=token).status_code == 403


def test_a_token_dies_with_the_platform_session_and_the_membership(visitor: Browser, bo: User) -> None:
    visitor.sign_in(bo)
    bistro, trattoria = way_in(visitor), way_in(visitor, TRATTORIA)
    with public_context():
        Membership.objects.filter(user=bo, restaurant__slug="bistro").delete()
    assert visitor.step(bistro).status_code == 403
    visitor.post(f"{PLATFORM}/accounts/logout/")
    assert visitor.step(trattoria).status_code == 403


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "bistro.flux.localhost.evil.example",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_led_elsewhere(visitor: Browser, ada: User, target: str) -> None:
    safe = re.compile(r"http://(bistro\.)?flux\.localhost/.*|/(?![/\\]).*")
    visitor.step(f"{PLATFORM}/accounts/login/")
    form = {
        "login": ada.email,
        "password": PASSWORD,
        "next": target,
        "csrfmiddlewaretoken": visitor.cookie(PLATFORM, "csrf"),
    }
    signed_in = visitor.client(PLATFORM).post("/accounts/login/", form)
    assert signed_in["Location"] == "/"
    to_platform = visitor.step(f"{BISTRO}/auth/sign-in/", next=target)["Location"]
    assert parse_qs(urlsplit(to_platform).query)["next"] == ["/"]
    state = visitor.cookie(BISTRO, "handover")
    link = visitor.step(f"{PLATFORM}/open/bistro/", state=state, next=target)["Location"]
    assert parse_qs(urlsplit(link).query)["next"] == ["/"]
    entered = visitor.step(f"{BISTRO}/auth/enter/?{urlencode({'token': token_of(link), 'next': target})}")
    assert entered["Location"] == "/"
    assert safe.fullmatch(visitor.step(f"{BISTRO}/auth/sign-in/", next=target)["Location"])


# --- Sessions --------------------------------------------------------------------------------------------------------


def test_signing_in_gives_a_new_session_key(visitor: Browser, ada: User) -> None:
    """A key that somebody planted beforehand opens nothing."""
    for url in (PLATFORM, BISTRO):
        visitor.client(url).cookies["flux"] = "planted0planted0planted0planted0"
    visitor.sign_in(ada)
    assert visitor.is_in(BISTRO)
    for url in (PLATFORM, BISTRO):
        key = visitor.cookie(url)
        assert key != "planted0planted0planted0planted0"
        assert len(key) == 32


def test_a_session_that_was_there_before_is_replaced(visitor: Browser, bo: User, ada: User) -> None:
    visitor.sign_in(bo)
    visitor.get(f"{BISTRO}/auth/sign-in/")
    before = visitor.cookie(BISTRO)
    visitor.post(f"{PLATFORM}/accounts/logout/")
    visitor.sign_in(ada)
    arrived = visitor.get(f"{BISTRO}/auth/sign-in/")
    assert role(arrived) == "manager"
    assert visitor.cookie(BISTRO) != before


def test_cookies_stay_on_their_host(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    for url in (PLATFORM, BISTRO):
        cookie = visitor.client(url).cookies["flux"]
        assert (cookie["domain"], cookie["httponly"], cookie["samesite"], cookie["path"]) == ("", True, "Lax", "/")


def test_a_session_opens_no_other_host(visitor: Browser, bo: User) -> None:
    visitor.sign_in(bo)
    visitor.get(f"{BISTRO}/auth/sign-in/")
    assert visitor.is_in(BISTRO)
    for source in (BISTRO, PLATFORM):
        visitor.client(TRATTORIA).cookies["flux"] = visitor.cookie(source)
        assert not visitor.is_in(TRATTORIA)
    thief = Browser()
    thief.client(BISTRO).cookies["flux"] = visitor.cookie(PLATFORM)
    assert not thief.is_in(BISTRO)
    thief.client(PLATFORM).cookies["flux"] = visitor.cookie(BISTRO)
    assert urlsplit(thief.get(f"{PLATFORM}/").url).path == "/accounts/login/"


def test_one_sign_out_at_a_restaurant_ends_all(visitor: Browser, bo: User) -> None:
    visitor.sign_in(bo)
    for url in (BISTRO, TRATTORIA):
        visitor.get(f"{url}/auth/sign-in/")
    assert visitor.is_in(BISTRO)
    assert visitor.is_in(TRATTORIA)
    left = visitor.post(f"{BISTRO}/auth/sign-out/")
    assert urlsplit(left.url)[1:3] == ("flux.localhost", "/accounts/login/")
    assert not visitor.is_in(BISTRO)
    assert not visitor.is_in(TRATTORIA)


def test_one_sign_out_on_the_platform_ends_all(visitor: Browser, bo: User) -> None:
    visitor.sign_in(bo)
    visitor.get(f"{BISTRO}/auth/sign-in/")
    visitor.post(f"{PLATFORM}/accounts/logout/")
    assert not visitor.is_in(BISTRO)


def test_another_browser_stays_signed_in(visitor: Browser, ada: User) -> None:
    other = Browser()
    for browser in (visitor, other):
        browser.sign_in(ada)
    visitor.post(f"{BISTRO}/auth/sign-out/")
    assert other.is_in(BISTRO)


def test_signing_out_takes_a_form_of_the_same_host(visitor: Browser, ada: User) -> None:
    visitor.sign_in(ada)
    client = visitor.client(BISTRO)
    assert client.get("/auth/sign-out/").status_code == 405
    assert client.post("/auth/sign-out/").status_code == 403
    visitor.client(BISTRO).cookies["csrf"] = "a" * 32
    forged = client.post("/auth/sign-out/", {"csrfmiddlewaretoken": "a" * 32}, headers={"origin": TRATTORIA})
    assert forged.status_code == 403
    assert visitor.is_in(BISTRO)
    assert visitor.step(f"{PLATFORM}/accounts/logout/").status_code == 200  # asks first
    assert visitor.is_in(BISTRO)


def test_an_ended_membership_a_new_role_and_a_switched_off_account_count_at_once(
    visitor: Browser, ada: User, bo: User
) -> None:
    visitor.sign_in(ada)
    membership = Membership.objects.get(user=ada)
    with public_context():
        Membership.objects.filter(pk=membership.pk).update(role="kitchen")
    assert role(visitor.step(f"{BISTRO}/auth/sign-in/")) == "kitchen"
    change(ada, is_active=False)
    assert not visitor.is_in(BISTRO)
    change(ada, is_active=True)
    assert role(visitor.get(f"{BISTRO}/auth/sign-in/")) == "kitchen"
    with public_context():
        membership.delete()
    assert not visitor.is_in(BISTRO)
    assert visitor.get(f"{BISTRO}/auth/sign-in/").status_code == 403


def test_a_new_membership_wakes_no_session_of_the_last_one(visitor: Browser, bo: User, restaurant: Restaurant) -> None:
    visitor.sign_in(bo)
    visitor.get(f"{BISTRO}/auth/sign-in/")
    assert visitor.is_in(BISTRO)
    old = visitor.cookie(BISTRO)
    with public_context():
        Membership.objects.filter(user=bo, restaurant=restaurant).delete()
        Membership.objects.create(user=bo, restaurant=restaurant, role="kitchen")
    client = Client(headers={"host": "bistro.flux.localhost"})
    client.cookies["flux"] = old
    assert role(client.get("/auth/sign-in/")) is None
    visitor.get(f"{BISTRO}/auth/sign-in/")  # through the platform, where nobody has signed out
    assert visitor.is_in(BISTRO)


def test_a_session_without_a_platform_session_is_void(ada: User, restaurant: Restaurant) -> None:
    client = Client(headers={"host": "bistro.flux.localhost"})
    client.force_login(ada)
    assert role(client.get("/auth/sign-in/")) is None


def test_asking_whether_the_platform_session_lives_costs_no_query(
    visitor: Browser, ada: User, django_assert_num_queries: Callable[..., object]
) -> None:
    visitor.sign_in(ada)
    visitor.is_in(BISTRO)
    with django_assert_num_queries(2):  # the person and the role
        visitor.is_in(BISTRO)
    with django_assert_num_queries(0):
        assert sessions.platform_session_lives(visitor.cookie(PLATFORM))
        assert not sessions.platform_session_lives("nobody0nobody0nobody0nobody0nobo")
        assert not sessions.platform_session_lives(None)


# --- The platform's own pages ----------------------------------------------------------------------------------------


def test_a_wrong_password_is_refused_and_too_many_are_stopped(
    visitor: Browser, restaurant: Restaurant, member: Member
) -> None:
    ada = member(restaurant, email=f"{uuid7()}@example.com")  # whose attempts no other test, or run, uses up
    answers = [visitor.sign_in(ada, "wrong-horse-battery").content.decode() for _ in range(5)]
    assert all("The email address and/or password you specified are not correct." in page for page in answers)
    stopped = visitor.sign_in(ada)
    assert "Too many failed login attempts. Try again later." in stopped.content.decode()
    assert not visitor.is_in(BISTRO)


def test_an_address_that_tries_many_names_is_stopped(visitor: Browser, db: None) -> None:
    answers = [visitor.sign_in(User(email=f"{number}@example.com")).content.decode() for number in range(11)]
    assert "Too many failed login attempts. Try again later." in answers[-1]


def test_where_sign_up_is_closed_nobody_signs_up(visitor: Browser, settings: Any) -> None:
    settings.SIGN_UP_OPEN = False
    page = visitor.get(f"{PLATFORM}/accounts/signup/")
    assert "Accounts are made for you" in page.content.decode()
    assert "Sign up" not in visitor.get(f"{PLATFORM}/accounts/login/").content.decode()
    form = {"name": "Eve", "email": "eve@example.com", "password1": PASSWORD}
    assert "Accounts are made for you" in visitor.post(f"{PLATFORM}/accounts/signup/", **form).content.decode()
    with public_context():
        assert not User.objects.exists()


def test_a_switched_off_account_is_told_so(visitor: Browser, ada: User) -> None:
    change(ada, is_active=False)
    assert "This account is switched off" in visitor.sign_in(ada).content.decode()
    assert not visitor.is_in(BISTRO)


def test_a_forgotten_password_is_replaced_by_mail(visitor: Browser, ada: User) -> None:
    elsewhere = Browser()
    elsewhere.sign_in(ada)
    page = visitor.post(f"{PLATFORM}/accounts/password/reset/", email="Ada@example.com")
    assert "Look into your mail" in page.content.decode()
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == (["ada@example.com"], "Set a new password for Flux")
    [link] = re.findall(r"http://flux\.localhost/accounts/password/reset/key/\S+", letter.body)
    form = visitor.get(link)
    assert "Set a new password" in form.content.decode()
    done = visitor.post(form.url, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    assert "Your new password is set" in done.content.decode()
    assert mail.outbox[1].subject == "Your password for Flux was changed"
    assert not elsewhere.is_in(BISTRO)
    assert "This link no longer works" in Browser().get(link).content.decode()
    visitor.sign_in(ada, NEW_PASSWORD)
    assert visitor.is_in(BISTRO)


def test_a_password_reset_tells_no_stranger_who_is_known(visitor: Browser, ada: User) -> None:
    page = visitor.post(f"{PLATFORM}/accounts/password/reset/", email="eve@example.com")
    assert "Look into your mail" in page.content.decode()
    assert mail.outbox == []


def test_a_changed_password_ends_other_browsers(visitor: Browser, ada: User) -> None:
    other = Browser()
    for browser in (visitor, other):
        browser.sign_in(ada)
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    page = visitor.post(f"{PLATFORM}/accounts/password/change/", **form)
    assert "Your password is changed." in page.content.decode()
    assert not other.is_in(BISTRO)
    assert role(visitor.get(f"{BISTRO}/auth/sign-in/")) == "manager"  # through the platform, unnoticed


def test_the_accounts_pages_are_the_platforms(visitor: Browser, restaurant: Restaurant) -> None:
    with public_context():
        assert visitor.step(f"{BISTRO}/accounts/login/").status_code == 404
