"""Swagger UI: it works under the strict content security policy, and signs in at the restaurant's own address."""

from collections.abc import Callable

from conftest import PASSWORD
from flux.tests.browser.conftest import Place, Visitor


def test_somebody_tries_the_api_in_swagger(place: Place, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(f"{place.url}/api/docs/")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("username").fill(place.manager.email)
    page.get_by_label("password").fill(PASSWORD)
    page.locator(".auth-btn-wrapper").get_by_role("button", name="Apply given OAuth2 credentials").click()
    page.get_by_role("button", name="Remove authorization").wait_for()
    page.get_by_role("button", name="Close").last.click()
    page.locator("#operations-menu-menu_items_list").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table")
    answer.get_by_text('"results": []').wait_for()
    assert visitor.complaints == []
