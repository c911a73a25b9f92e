"""An owner in Settings: hours, a closure, another address, and what the activity says of it."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from flux.tests.browser.conftest import Place, Visitor
from tenants.models import Membership


def make_owner(place: Place) -> None:
    Membership.objects.filter(user=place.manager).update(role=Membership.Role.OWNER)


@pytest.mark.parametrize(("width", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_an_owner_sets_the_restaurant_up_and_sees_who_did_it(
    place: Place, visit: Callable[..., Visitor], width: str, scheme: str
) -> None:
    place.committed(lambda: make_owner(place))
    visitor = visit(width, scheme)
    visitor.sign_in(place)
    enter_hours(visitor, place)
    plan_a_closure(visitor)
    move(visitor, place)
    look_at_the_activity(visitor)
    assert visitor.complaints == []


def enter_hours(visitor: Visitor, place: Place) -> None:
    page = visitor.page
    page.goto(f"{place.url}/settings/")
    visitor.look_round()
    page.get_by_role("link", name="Hours and closures").click()
    page.get_by_label("Saturday, opens", exact=True).fill("18:00")
    page.get_by_label("Saturday, closes", exact=True).fill("02:00")
    page.get_by_role("button", name="Save hours").click()
    expect(page.get_by_text("The opening hours are saved.")).to_be_visible()
    visitor.look_round()


def plan_a_closure(visitor: Visitor) -> None:
    page, first = visitor.page, timezone.localdate() + dt.timedelta(days=30)
    page.get_by_label("Closed from").fill(f"{first}")
    page.get_by_label("Until").fill(f"{first + dt.timedelta(days=3)}")
    page.get_by_label("Why").fill("Renovation")
    page.get_by_role("button", name="Add closure").click()
    expect(page.get_by_text("4 days")).to_be_visible()


def move(visitor: Visitor, place: Place) -> None:
    """To an address that leads to the same page, signed in; the old one leads there too."""
    page, slug = visitor.page, place.restaurant.slug
    page.goto(f"{place.url}/settings/")
    page.get_by_label("Address").fill(f"{slug}-new")
    page.get_by_role("button", name="Save address").click()
    there = f"http://{slug}-new.flux.localhost:{place.port}"
    page.wait_for_url(f"{there}/settings/")
    expect(page.get_by_text(f"Earlier addresses: {slug}.flux.localhost")).to_be_visible()
    page.goto(f"{place.url}/settings/activity/")
    page.wait_for_url(f"{there}/settings/activity/")


def look_at_the_activity(visitor: Visitor) -> None:
    entries = visitor.page.locator(".trail > li")
    expect(entries).to_have_count(3)
    expect(entries.nth(0)).to_contain_text("Nina changed the address of Café Flore")
    expect(entries.nth(1)).to_contain_text("Note: Renovation")
    expect(entries.nth(2)).to_contain_text("Saturday: 18:00–02:00")
    visitor.look_round()
