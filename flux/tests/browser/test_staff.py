"""Staff in Chromium: the platform's admin and a restaurant's, on a phone and at a desk; and the way out again."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from flux.tests.browser.conftest import Place, Visitor, committed
from menu.models import Ingredient, MenuItem
from tenants.models import User

PLATFORM_PAGES = ["", "tenants/restaurant/", "tenants/restaurant/add/", "tenants/user/add/", "tenants/membership/"]
PLATFORM_PAGES += ["tenants/health/", "tenants/failedtask/", "tenants/apikey/", "tenants/invitation/"]
RESTAURANT_PAGES = ["", "menu/menuitem/", "menu/ingredient/"]


@pytest.fixture
def staff_place(place: Place) -> Place:
    """A restaurant whose manager is platform staff too, with a few rows."""
    committed(lambda: User.objects.filter(pk=place.manager.pk).update(is_staff=True, is_superuser=True))
    place.committed(lambda: MenuItem.objects.create(name="Onion soup", category="Starters", price=9))
    place.committed(lambda: Ingredient.objects.create(name="Onions", base_unit="g"))
    return place


@pytest.mark.parametrize("width", ["phone", "desktop"])
def test_the_staff_admins_work(visit: Callable[..., Visitor], staff_place: Place, width: str) -> None:
    visitor = visit(width)
    page, asked = visitor.page, set()

    def listen(request: Request) -> None:
        asked.add(urlsplit(request.url).hostname or "")

    page.on("request", listen)
    page.goto(staff_place.platform_url)
    page.get_by_label("Email").fill(staff_place.manager.email)
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Staff admin").click()
    for path in PLATFORM_PAGES:
        page.goto(f"{staff_place.platform_url}/admin/{path}")
        look(visitor)
    page.goto(f"{staff_place.platform_url}/admin/tenants/restaurant/?q={staff_place.restaurant.slug}")
    page.get_by_role("link", name="Café Flore").first.click()
    look(visitor)
    assert page.get_by_text(staff_place.restaurant.schema_name).first.is_visible()
    for path in RESTAURANT_PAGES:
        page.goto(f"{staff_place.url}/admin/{path}")
        look(visitor)
    assert asked - {"", "flux.localhost"} == {urlsplit(staff_place.url).hostname}


@pytest.fixture
def sam(place: Place) -> Iterator[User]:
    """Somebody of the staff who works in no restaurant."""
    email = f"sam@{place.restaurant.slug}.example"
    made = committed(lambda: User.objects.create_user(email, "correct-horse-battery", is_staff=True, is_superuser=True))
    yield made
    committed(made.delete)


def test_support_is_let_in_for_a_reason(visit: Callable[..., Visitor], place: Place, sam: User) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(f"{place.platform_url}/admin/tenants/restaurant/{place.restaurant.pk}/change/")
    page.get_by_label("Email").fill(sam.email)
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Support access").first.click()
    page.get_by_label("Reason").fill("Imports fail")
    page.get_by_role("button", name="Let me in").click()
    expect(page.get_by_text("You have access to", exact=False)).to_be_visible()
    look(visitor)
    page.goto(f"{place.url}/orders/")
    expect(page.get_by_text("You are here as support, until", exact=False)).to_be_visible()
    visitor.look_round()


def look(visitor: Visitor) -> None:
    """Nothing on the console, and no scrolling sideways."""
    visitor.page.wait_for_load_state("networkidle")
    assert visitor.complaints == []
    wide = visitor.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{visitor.page.url} is {wide} px wider than the window"


def test_a_manager_signs_out_of_everything(visit: Callable[..., Visitor], place: Place) -> None:
    visitor = visit("phone")
    visitor.sign_in(place)
    visitor.page.get_by_text(place.restaurant.name).first.click()
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.wait_for_url(f"{place.platform_url}/accounts/login/**")
    visitor.look_round()
    visitor.page.goto(place.url)
    assert urlsplit(visitor.page.url).path == "/accounts/login/"


def test_the_pages_about_the_account_can_be_used_by_everybody(
    visit: Callable[..., Visitor], staff_place: Place
) -> None:
    visitor = visit("phone", scheme="dark")
    page, platform = visitor.page, staff_place.platform_url
    for path in ("signup/", "inactive/", "password/reset/", "password/reset/done/", "password/reset/key/done/"):
        page.goto(f"{platform}/accounts/{path}")
        visitor.look_round()
    page.goto(f"{platform}/accounts/password/reset/key/1-wrong/")
    visitor.look_round()
    page.goto(platform)
    page.get_by_label("Email").fill(staff_place.manager.email)
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Staff admin").wait_for()
    visitor.look_round()
    for path in ("accounts/password/change/", "accounts/logout/"):
        page.goto(f"{platform}/{path}")
        visitor.look_round()
