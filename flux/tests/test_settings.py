"""The restaurant's own facts: what may be changed, by whom, and what the audit trail says of it."""

import datetime as dt
import threading
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conftest import as_owner, signed_in
from flux import currency
from menu.models import MenuItem
from tenants import hosts, restaurants
from tenants.actors import FLUX
from tenants.context import public_context, restaurant_context
from tenants.models import Domain, Membership, Restaurant, User
from tenants.office.models import AuditEntry, Job

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def owner(restaurant: Restaurant, member: Callable[..., User]) -> Client:
    return signed_in(member(restaurant, Membership.Role.OWNER), restaurant)


def test_a_change_is_forgotten_by_the_process_once_it_is_committed(
    restaurant: Restaurant, manager: User, django_capture_on_commit_callbacks: Callable[..., list[object]]
) -> None:
    with django_capture_on_commit_callbacks() as after:
        restaurants.rename(restaurant, "Chez nous", by=manager, at=NOW)
    assert after == [hosts.forget_hosts]


def stored(restaurant: Restaurant) -> Restaurant:
    with public_context():
        return Restaurant.objects.get(pk=restaurant.pk)


def trail() -> list[tuple[str, dict[str, object], dict[str, object]]]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "before", "after"))


class TestName:
    def test_a_new_name_is_everywhere_at_once(self, portal: Client, restaurant: Restaurant) -> None:
        answer = portal.post("/settings/name/", {"name": "Bistro Ourcq"}, follow=True)
        assert "The restaurant is called Bistro Ourcq." in answer.content.decode()
        assert stored(restaurant).name == "Bistro Ourcq"
        assert trail() == [("restaurant.renamed", {"name": "Bistro"}, {"name": "Bistro Ourcq"})]

    def test_the_same_name_is_no_change(self, restaurant: Restaurant, manager: User) -> None:
        restaurants.rename(restaurant, "Bistro", by=manager, at=NOW)
        assert trail() == []

    def test_no_name_is_refused(self, portal: Client, restaurant: Restaurant, manager: User) -> None:
        answer = portal.post("/settings/name/", {"name": " "})
        assert (answer.status_code, "This field is required." in answer.content.decode()) == (422, True)
        with pytest.raises(ValidationError):
            restaurants.rename(restaurant, "x" * 121, by=manager, at=NOW)
        assert stored(restaurant).name == "Bistro"

    def test_the_other_restaurant_keeps_its_name(
        self, portal: Client, other_restaurant: Restaurant, member: Callable[..., User]
    ) -> None:
        portal.post("/settings/name/", {"name": "Bistro Ourcq"})
        assert stored(other_restaurant).name == "Trattoria"


class TestAddress:
    def move(self, client: Client, slug: str) -> HttpResponse:
        answer: HttpResponse = client.post("/settings/address/", {"slug": slug})
        hosts.forget_hosts()  # as the commit does, which a test never comes to
        return answer

    def test_the_old_address_leads_on_to_the_new_one(self, owner: Client, restaurant: Restaurant) -> None:
        answer = self.move(owner, " Bistro-Ourcq.flux.localhost ")
        assert answer["Location"] == "http://bistro-ourcq.flux.localhost/settings/"
        for host, status in (("bistro", 301), ("bistro-ourcq", 302)):
            answer = Client(headers={"host": f"{host}.flux.localhost:8000"}).get("/menu/?page=2")
            assert (host, answer.status_code) == (host, status)
        moved = Client(headers={"host": "bistro.flux.localhost:8000"}).get("/menu/?page=2")
        assert moved["Location"] == "http://bistro-ourcq.flux.localhost:8000/menu/?page=2"
        assert moved["Cache-Control"] == "no-cache"
        assert trail() == [("restaurant.moved", {"slug": "bistro"}, {"slug": "bistro-ourcq"})]

    def test_nothing_that_is_sent_to_the_old_address_is_lost(self, owner: Client, restaurant: Restaurant) -> None:
        self.move(owner, "bistro-ourcq")
        assert owner.post("/settings/name/", {"name": "Chez nous"}).status_code == 302
        assert stored(restaurant).name == "Chez nous"

    def test_programs_go_on_at_the_old_address(self, owner: Client, api: Client) -> None:
        self.move(owner, "bistro-ourcq")
        assert api.get("/api/v1/menu-items/").status_code == 200
        api.defaults["HTTP_HOST"] = "bistro-ourcq.flux.localhost"
        assert api.get("/api/v1/menu-items/").status_code == 200

    def test_a_restaurant_may_go_back_and_nobody_else_may_come(
        self, owner: Client, restaurant: Restaurant, other_restaurant: Restaurant, manager: User
    ) -> None:
        self.move(owner, "bistro-ourcq")
        with pytest.raises(restaurants.AddressTaken, match="“bistro” is taken"):
            restaurants.move(other_restaurant, "bistro", by=manager, at=NOW)
        with public_context(), pytest.raises(ValidationError, match="“bistro” is taken"):
            Restaurant(slug="bistro", name="x", timezone="UTC", currency="EUR", country="FR").full_clean()
        restaurants.move(restaurant, "bistro", by=manager, at=NOW)
        hosts.forget_hosts()
        assert Client(headers={"host": "bistro.flux.localhost"}).get("/menu/").status_code == 302
        assert Client(headers={"host": "bistro-ourcq.flux.localhost"}).get("/menu/").status_code == 301

    @pytest.mark.parametrize(
        "slug",
        [
            *("trattoria", "www", "admin", "xn--bcher-kva", "", "-a", "a-", "a.b", "a b", "a/b", "x" * 41, "café"),
            *("bіstro", "a'; DROP SCHEMA public; --", "\u202eortsib", "bistro\x00", "ｂistro2"),
        ],
    )
    def test_what_is_no_free_address_is_refused(self, owner: Client, restaurant: Restaurant, slug: str) -> None:
        answer = self.move(owner, slug)
        assert (answer.status_code, 'class="errors"' in answer.content.decode()) == (422, True)
        assert stored(restaurant).slug == "bistro"
        assert trail() == []

    def test_the_addresses_of_a_restaurant_are_limited(
        self, restaurant: Restaurant, manager: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(restaurants, "MOST_ADDRESSES", 2)
        restaurants.move(restaurant, "bistro-2", by=manager, at=NOW)
        with pytest.raises(restaurants.TooManyAddresses):
            restaurants.move(restaurant, "bistro-3", by=manager, at=NOW)
        restaurants.move(restaurant, "bistro", by=manager, at=NOW)

    def test_of_two_who_take_an_address_at_once_one_gets_it(self, committed: list[Restaurant]) -> None:
        both = list(committed)
        meet, answers = threading.Barrier(2, timeout=20), []

        def take(restaurant: Restaurant) -> None:
            try:
                with restaurant_context(restaurant):
                    meet.wait()
                    restaurants.move(restaurant, "osteria", by=FLUX, at=NOW)
                    answers.append("got it")
            except restaurants.AddressTaken as taken:
                answers.append(str(taken))
            finally:
                connection.close()

        try:
            threads = [threading.Thread(target=take, args=[restaurant]) for restaurant in both]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            assert sorted(answers) == ["got it", "“osteria” is taken. Choose another one."]
        finally:
            with public_context(), as_owner():
                Domain.objects.filter(domain="osteria.flux.localhost").delete()
                for restaurant, slug in zip(both, ("bistro", "trattoria"), strict=True):
                    Restaurant.objects.filter(pk=restaurant.pk).update(slug=slug)
                    Domain.objects.filter(domain=f"{slug}.flux.localhost").update(is_primary=True)
            for restaurant in both:
                with restaurant_context(restaurant), as_owner():
                    AuditEntry.objects.all().delete()

    def test_a_manager_does_not_move_it(self, portal: Client, restaurant: Restaurant) -> None:
        assert self.move(portal, "mine-now").status_code == 403


class TestCurrency:
    def test_it_is_free_until_the_first_amount(self, portal: Client, restaurant: Restaurant) -> None:
        page = portal.post("/settings/currency/", {"currency": "CHF"}, follow=True).content.decode()
        assert "Amounts are in Swiss Franc." in page
        assert (stored(restaurant).currency, trail()[0][2]) == ("CHF", {"currency": "CHF"})

    def test_amounts_hold_it(self, portal: Client, restaurant: Restaurant) -> None:
        MenuItem.objects.create(name="Soup", price=9)
        assert "It stays: menu prices are in it already" in portal.get("/settings/").content.decode()
        answer = portal.post("/settings/currency/", {"currency": "CHF"})
        assert (answer.status_code, "The currency stays: menu prices" in answer.content.decode()) == (422, True)
        assert stored(restaurant).currency == "EUR"

    def test_an_invented_one_is_refused(self, portal: Client, restaurant: Restaurant, manager: User) -> None:
        assert portal.post("/settings/currency/", {"currency": "ABC"}).status_code == 422
        with pytest.raises(ValidationError, match="no currency"):
            currency.change(restaurant, "ABC", by=manager, at=NOW)


class TestBusinessDay:
    def test_it_is_asked_for_on_the_page(self, portal: Client, restaurant: Restaurant) -> None:
        page = portal.post("/settings/business-day/", {"timezone": "Asia/Tokyo", "closeout_hour": "2"}, follow=True)
        assert "works out the business day of all sales anew" in page.content.decode()
        assert 'value="Asia/Tokyo"' in page.content.decode()
        job = Job.objects.get(kind="calendar")
        assert job.asked["wanted"] == {"timezone": "Asia/Tokyo", "closeout_hour": 2}

    def test_a_second_one_waits(self, portal: Client, restaurant: Restaurant) -> None:
        portal.post("/settings/business-day/", {"timezone": "Asia/Tokyo", "closeout_hour": "2"})
        answer = portal.post("/settings/business-day/", {"timezone": "Asia/Tokyo", "closeout_hour": "3"})
        assert (answer.status_code, "still being worked in" in answer.content.decode()) == (422, True)

    def test_the_same_one_is_no_change(self, portal: Client) -> None:
        answer = portal.post("/settings/business-day/", {"timezone": "Europe/Paris", "closeout_hour": "4"}, follow=True)
        assert "Nothing has changed" in answer.content.decode()

    @pytest.mark.parametrize("given", [{"timezone": "Mars/Base"}, {"closeout_hour": "13"}, {"closeout_hour": "x"}])
    def test_what_is_none_is_refused(self, portal: Client, given: dict[str, str]) -> None:
        fields = {"timezone": "Europe/Paris", "closeout_hour": "4"} | given
        assert portal.post("/settings/business-day/", fields).status_code == 422


class TestClosing:
    def test_it_takes_the_name_typed_by_an_owner(self, owner: Client, portal: Client, restaurant: Restaurant) -> None:
        assert portal.post("/settings/close/", {"typed": "Bistro"}).status_code == 403
        answer = owner.post("/settings/close/", {"typed": "Bistrot"})
        assert (answer.status_code, "Type “Bistro” to close it." in answer.content.decode()) == (422, True)
        assert stored(restaurant).status == "active"

    def test_a_closed_restaurant_says_so_to_people_and_programs(
        self, owner: Client, api: Client, restaurant: Restaurant
    ) -> None:
        answer = owner.post("/settings/close/", {"typed": "bistro "})
        assert answer["Location"] == "http://flux.localhost/?choose"
        hosts.forget_hosts()
        closed_at = stored(restaurant).closed_at
        assert closed_at is not None
        answer = owner.get("/")
        assert (answer.status_code, "This restaurant is closed" in answer.content.decode()) == (410, True)
        assert "Bistro" not in answer.content.decode()
        problem = api.get("/api/v1/menu-items/")
        assert (problem.status_code, problem["Content-Type"]) == (410, "application/problem+json")
        assert problem.json()["type"] == "/api/problems/restaurant-closed"
        with public_context():
            assert restaurant not in Restaurant.objects.working()

    def test_staff_open_it_again_for_a_while(self, restaurant: Restaurant) -> None:
        with pytest.raises(restaurants.NotClosed):
            restaurants.reopen(restaurant, by=FLUX, at=NOW)
        restaurants.close(restaurant, "Bistro", by=FLUX, at=NOW)
        with pytest.raises(restaurants.TooLate, match="until 23 December 2026"):
            restaurants.reopen(restaurant, by=FLUX, at=NOW + dt.timedelta(days=31))
        restaurants.reopen(restaurant, by=FLUX, at=NOW + dt.timedelta(days=29))
        assert (stored(restaurant).status, stored(restaurant).closed_at) == ("active", None)
        assert [entry[0] for entry in trail()] == ["restaurant.closed", "restaurant.reopened"]

    def test_the_command_opens_it_again(self, restaurant: Restaurant) -> None:
        restaurants.close(restaurant, "Bistro", by=FLUX, at=timezone.now())
        out = StringIO()
        with public_context(), as_owner():
            call_command("reopen_restaurant", "bistro", stdout=out)
            with pytest.raises(CommandError, match="Bistro is not closed"):
                call_command("reopen_restaurant", "bistro")
            with pytest.raises(CommandError, match="There is no restaurant “nowhere”"):
                call_command("reopen_restaurant", "nowhere")
        assert out.getvalue() == "Bistro is open again.\n"


def test_the_kitchen_has_no_settings_in_its_menu(portal: Client, kitchen_portal: Client) -> None:
    assert 'href="/settings/"' in portal.get("/").content.decode()
    assert 'href="/settings/"' not in kitchen_portal.get("/").content.decode()
