"""The kitchen's shared tablet in Chromium, from setting it up to the next person; and the page for people and roles."""

from collections.abc import Callable

from playwright.sync_api import expect

from flux.tests.browser.conftest import Place, Visitor
from tenants.models import Membership


def make_owner(place: Place) -> None:
    Membership.objects.filter(user=place.manager, restaurant=place.restaurant).update(role="owner")


def test_an_owner_looks_after_people_and_roles(place: Place, visit: Callable[..., Visitor]) -> None:
    place.committed(lambda: make_owner(place))
    visitor = visit("phone", scheme="dark")
    page = visitor.page
    visitor.sign_in(place)
    page.goto(f"{place.url}/settings/people/")
    page.get_by_label("E-mail").fill("sous-chef@cafe.example")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("rowheader", name="sous-chef@cafe.example")).to_be_visible()
    visitor.look_round()
    page.get_by_role("button", name="Revoke the invitation to sous-chef@cafe.example").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The invitation to sous-chef@cafe.example is revoked.")).to_be_visible()
    page.get_by_role("link", name="Nina").click()
    expect(page.get_by_role("heading", name="Nina")).to_be_visible()
    visitor.look_round()


def test_a_tablet_from_setting_it_up_to_the_next_person(place: Place, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    visitor.sign_in(place)
    page.goto(f"{place.url}/me/")
    visitor.look_round()
    page.get_by_label("PIN").fill("2580")
    page.get_by_role("button", name="Set the PIN").click()
    page.goto(f"{place.url}/settings/tablets/")
    visitor.look_round()
    page.get_by_label("Name").fill("Pass")
    page.get_by_role("button", name="Set up this device").click()
    page.get_by_role("dialog").get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("heading", name="Who is there?")).to_be_visible()
    visitor.look_round()

    page.clock.install()
    page.get_by_role("link", name="Nina").click()
    expect(page.get_by_role("button", name="0", exact=True)).to_be_visible()
    visitor.look_round()
    for digit in "2580":
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Switch person")).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    visitor.look_round()

    with page.expect_response("**/tablet/stay/") as stayed:  # somebody works on the page
        page.mouse.click(5, 5)
        page.clock.run_for(31_000)
    assert stayed.value.status == 204
    page.clock.run_for(631_000)  # and then nobody
    expect(page.get_by_role("heading", name="Who is there?")).to_be_visible()
