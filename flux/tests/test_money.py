"""The kitchen sees no money: no prices, costs or totals, on whatever page or endpoint.

Every address is opened twice as somebody of the kitchen, with other money in all rows the second time: the answers may
not differ by a character, so not even a share or an order may follow from money. Nothing here names a page or an
endpoint: all are found. A new decimal field has to be said to be money or not.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from django.db import models
from django.http import HttpResponse
from django.test import Client

import forecasting.api.forecasts
from conftest import signed_in
from flux.tests.filling import fill, keys, tenant_models
from flux.tests.routes import Route, all_routes
from menu.models import MenuItem
from pos.models import DailySales
from procurement.models import PurchaseOrder
from tenants import tokens
from tenants.models import Restaurant, User

pytestmark = pytest.mark.django_db

MONEY = {"price", "unit_price", "minimum_order", "gross", "net", "net_sales"}
NO_MONEY = {
    *["q10", "q25", "q50", "q75", "q90", "q95", "mean", "confidence", "quantile"],
    *["quantity", "needed", "on_hand", "arriving", "pack_size", "pack_quantity", "yield_share"],
    *["grams_per_ml", "grams_per_each", "recipe_share", "tax_rate"],
    *["latitude", "longitude"],
    *["amount", "value", "share", "units_before", "units_after", "units_sold", "engine_mean", "baseline", "sold"],
}
FEW, MANY = Decimal("7913.37"), Decimal("86429.51")
SAYS_MONEY = re.compile(r"€|7,?913\.?3|86,?429\.?5")
OTHERS = Decimal("31007.91"), Decimal("52.44")
SECRETS = re.compile(r'(name="csrfmiddlewaretoken" value|"X-CSRFToken":) ?=?"[^"]*"')


def decimal_fields() -> Iterator[models.DecimalField]:
    for model in tenant_models():
        yield from (field for field in model._meta.fields if isinstance(field, models.DecimalField))


def set_money(first: Decimal, last: Decimal) -> None:
    """Put `first` into the first half of each table's rows, wherever money is, and `last` into the others."""
    for field in decimal_fields():
        rows = field.model.objects.order_by("pk")  # type: ignore[attr-defined]
        half = list(rows.values_list("pk", flat=True))[: (rows.count() + 1) // 2]
        if field.name in MONEY:
            rows.exclude(pk__in=half).update(**{field.name: last})
            rows.filter(pk__in=half).update(**{field.name: first})


@pytest.fixture
def full(restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch) -> Restaurant:
    """Rows of every kind, and a second dish, so that shares and orders may depend on money."""
    monkeypatch.setattr(
        forecasting.api.forecasts, "LIST_SECONDS", 0
    )  # what is kept would hide that something has changed
    fill(restaurant, "aardvark", first_id=500)
    stew = MenuItem.objects.create(name="aardvark stew")
    for sold in list(DailySales.objects.all()):
        DailySales.objects.create(
            id=sold.pk + 100, menu_item=stew, business_date=sold.business_date, quantity=5, net_sales=1
        )
    set_money(FEW, MANY)
    return restaurant


class Visitor:
    """Opens everything that one person may open: pages by session, the API by token."""

    def __init__(self, user: User, restaurant: Restaurant) -> None:
        self.restaurant = restaurant
        self.pages = signed_in(user, restaurant)
        bearer = f"Bearer {tokens.issue(user, restaurant)}"
        self.api = Client(headers={"host": "bistro.flux.localhost", "authorization": bearer})

    def everything(self, method: str = "get") -> dict[str, str]:
        """What each address answers, by its route's name and itself; refusals left out."""
        answers: dict[str, str] = {}
        done: set[str] = set()
        for route, address in self.addresses():
            if route.name in done:
                continue
            answer: HttpResponse = getattr(self.api if route.is_api else self.pages, method)(address, follow=True)
            if answer.status_code in {403, 405} or (route.is_api and answer.status_code < 300):
                done.add(route.name)  # whatever its key is; an API's may be any text, and the right one has been found
            if answer.status_code in {200, 422}:
                text = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
                answers[f"{route.name} {address}"] = SECRETS.sub("", text.decode())
        return answers

    def addresses(self) -> Iterator[tuple[Route, str]]:
        """Every address of a page or endpoint, with orders in each state."""
        orders = [(PurchaseOrder, key) for key in PurchaseOrder.objects.values_list("pk", flat=True)]
        rows = [*keys(self.restaurant), *orders[1:]]
        for route in all_routes():
            if not route.is_admin and not route.name.startswith(("auth:", "token:", "tablet:")):
                yield from ((route, address) for address in route.addresses(rows))


@pytest.fixture
def kitchen(full: Restaurant, member: Callable[..., User]) -> Visitor:
    return Visitor(member(full, "kitchen"), full)


@pytest.fixture
def manager_there(full: Restaurant, member: Callable[..., User]) -> Visitor:
    return Visitor(member(full, "manager"), full)


def test_every_decimal_field_is_money_or_not() -> None:
    """A new field? Say above whether it is money."""
    assert {field.name for field in decimal_fields()} <= MONEY | NO_MONEY


def test_nothing_that_the_kitchen_gets_says_money_or_depends_on_it(kitchen: Visitor) -> None:
    before = kitchen.everything()
    set_money(*OTHERS)
    assert {address for address, text in kitchen.everything().items() if text != before[address]} == set()
    assert money_in(before) == {}
    assert len(before) > 20


def money_in(answers: dict[str, str]) -> dict[str, list[str]]:
    found = {address: SAYS_MONEY.findall(text) for address, text in answers.items()}
    return {address: said for address, said in found.items() if said}


def test_nothing_that_follows_what_the_kitchen_does_says_money(kitchen: Visitor) -> None:
    answers = kitchen.everything("post")
    assert money_in(answers) == {}
    assert {"procurement:receive", "procurement:count"} <= {name.split()[0] for name in answers}


def test_managers_see_it(manager_there: Visitor) -> None:
    """Else the tests above would find nothing wherever they look."""
    before = manager_there.everything()
    set_money(*OTHERS)
    changed = {name.split()[0] for name, text in manager_there.everything().items() if text != before[name]}
    shown = {"pages:today", "pages:menu", "menu:item", "procurement:order_list", "procurement:order", "pos:history"}
    shown |= {"procurement:suppliers", "procurement:supplier", "pos:month"}
    shown |= {"api:purchase-order-list", "api:purchase-order-detail", "api:menu-item-list", "api:menu-item-detail"}
    assert shown - changed == set()
    assert len(money_in(before)) >= 10


def test_the_api_says_so(api: Client) -> None:
    schemas = api.get("/api/schema/?format=json").json()["components"]["schemas"]
    for name, field in [("PurchaseOrder", "total"), ("PurchaseOrderLine", "price"), ("MenuItem", "price")]:
        described = schemas[name]["properties"][field]
        assert (described["nullable"], "Null for the kitchen" in described["description"]) == (True, True)
