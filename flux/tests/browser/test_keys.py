"""An owner makes, replaces and revokes a key in Chromium."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from flux.tests.browser.conftest import Place, Visitor
from tenants.models import Membership


def make_owner(place: Place) -> None:
    Membership.objects.filter(user=place.manager, restaurant=place.restaurant).update(role="owner")


@pytest.mark.parametrize(("width", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_a_key_from_its_making_to_its_end(place: Place, visit: Callable[..., Visitor], width: str, scheme: str) -> None:
    place.committed(lambda: make_owner(place))
    visitor = visit(width, scheme=scheme)
    page = visitor.page
    visitor.sign_in(place)
    page.goto(f"{place.url}/settings/keys/")
    visitor.look_round()
    page.get_by_label("Name").fill("Till export")
    page.get_by_label("Read purchase orders").check()
    page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_label("The key")
    expect(secret).to_have_value(re.compile("flux_[a-z2-7]{8}_[a-z2-7]{40}"))
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    visitor.look_round()
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Till export").click()
    visitor.look_round()
    page.get_by_label("The old key goes on working").select_option("For a day")
    page.get_by_role("button", name="Make the new key").click()
    expect(page.get_by_text("The key that it replaces", exact=False)).to_be_visible()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("replaced")).to_be_visible()
    page.get_by_role("row").filter(has_text="working").get_by_role("link").click()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("“Till export” has been revoked.")).to_be_visible()
    visitor.look_round()
