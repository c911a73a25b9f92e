"""The main path as a manager walks it: sign in, upload sales, see the forecast, approve and send an order."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect

from flux.tests.browser.conftest import Place, Visitor
from menu.models import MenuItem
from menu.tests.factories import IngredientFactory
from procurement.tests.factories import CountFactory, SupplierFactory, SupplierItemFactory

DISHES = {"Baguette": 60, "Croissant": 35, "Quiche": 8}
DAYS = 42  # few enough for the quick forecast of a young restaurant


def a_bakery_that_buys_flour() -> None:
    """Recipes for what the file will sell, a little flour on the shelf, and somebody who delivers it every day."""
    flour = IngredientFactory(name="Flour", base_unit="g")
    for name in DISHES:
        MenuItem.objects.create(name=name).recipe_lines.create(ingredient=flour, quantity=Decimal(150), unit="g")
    CountFactory(ingredient=flour, quantity=Decimal(5000), at=timezone.now())
    mill = SupplierFactory(name="Molino", email="orders@molino.example", delivery_weekdays=list(range(7)))
    SupplierItemFactory(supplier=mill, ingredient=flour, name="Flour T65", pack_size=Decimal(25))


def file_of_sales(last_on: dt.date) -> bytes:
    """Six weeks of units by date and dish, with a heading that nobody recognises and two rows that are wrong."""
    lines = ["Day;Wot;Qty"]
    for back in range(DAYS):
        day = last_on - dt.timedelta(days=back)
        for place, (dish, usual) in enumerate(DISHES.items()):
            units = usual + (usual // 2 if day.weekday() >= 5 else 0) + (back * 7 + place) % 5
            lines.append(f"{day:%Y-%m-%d};{dish};{units}")
    return "\n".join([*lines, f"{last_on:%Y-%m-%d};Quiche;lots", "2026-02-31;Quiche;3"]).encode()


@pytest.mark.parametrize(("width", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_from_a_file_of_sales_to_an_order_that_is_sent(
    place: Place, visit: Callable[..., Visitor], width: str, scheme: str
) -> None:
    place.committed(a_bakery_that_buys_flour)
    visitor = visit(width, scheme)
    visitor.sign_in(place)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Today")
    visitor.look_round()
    import_sales(visitor, place)
    read_the_forecast(visitor)
    send_the_order(visitor)
    visit_the_rest(visitor, place)
    assert visitor.complaints == []


def import_sales(visitor: Visitor, place: Place) -> None:
    """Upload the file, say which column names the dish, look at the refused rows, import the others."""
    page = visitor.page
    open_section(page, "Sales")
    visitor.look_round()
    page.get_by_role("link", name="Upload sales").first.click()
    visitor.look_round()
    yesterday = place.restaurant.business_date(timezone.now()) - dt.timedelta(days=1)
    file = {"name": "till.csv", "mimeType": "text/csv", "buffer": file_of_sales(yesterday)}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_text("This file cannot be imported yet.")).to_be_visible()
    page.get_by_label("Menu item").select_option("Wot")
    visitor.look_round()
    page.get_by_role("button", name="Read it this way").click()
    expect(page.get_by_text("nothing is imported yet")).to_be_visible()
    refused = page.get_by_role("row").filter(has_text="lots")
    expect(refused).to_contain_text(f"{len(DISHES) * DAYS + 2}")
    visitor.look_round()
    page.get_by_role("button", name=f"Import {len(DISHES) * DAYS} rows").click()
    expect(page.get_by_text("Importing it again changes nothing.")).to_be_visible()
    visitor.look_round()


def read_the_forecast(visitor: Visitor) -> None:
    """All dishes first, then one of them."""
    page = visitor.page
    open_section(page, "Forecast")
    expect(page.get_by_role("heading", name="units in 14 days")).to_be_visible()
    visitor.look_round()
    page.get_by_role("link", name="Baguette").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Baguette")
    expect(page.get_by_role("heading", name="Day by day")).to_be_visible()
    visitor.look_round()


def send_the_order(visitor: Visitor) -> None:
    """The draft to the mill says why; it is approved and sent."""
    page = visitor.page
    open_section(page, "Orders")
    visitor.look_round()
    page.get_by_role("link", name="Molino", exact=True).click()
    expect(page.get_by_text("Need", exact=False).first).to_contain_text("× 25 kg")
    visitor.look_round()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Send by e-mail").click()
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Received: put on stock")).to_be_visible()
    visitor.look_round()
    (message,) = mail.outbox
    assert message.to == ["orders@molino.example"]
    assert "Flour T65" in message.body


def visit_the_rest(visitor: Visitor, place: Place) -> None:
    """The pages that the path did not lead to."""
    visitor.page.goto(f"{place.platform_url}/?choose")
    visitor.look_round()
    for path in ["/", "/menu/", "/menu/ingredients/", "/stock/", "/orders/suppliers/", "/sales/"]:
        visitor.page.goto(place.url + path)
        visitor.look_round()


def open_section(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
