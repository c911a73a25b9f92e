"""The restaurant's own facts: what may be changed, by whom, and what the audit trail says of it."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from tenants import restaurants
from tenants.context import public_context
from tenants.models import Restaurant, User
from tenants.office.models import AuditEntry

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


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


def test_the_kitchen_has_no_settings_in_its_menu(portal: Client, kitchen_portal: Client) -> None:
    assert 'href="/settings/"' in portal.get("/").content.decode()
    assert 'href="/settings/"' not in kitchen_portal.get("/").content.decode()
