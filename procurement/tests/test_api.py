"""Purchase orders over the API."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from conftest import signed_in
from procurement.models import PurchaseOrder
from procurement.tests.factories import LineFactory, PurchaseOrderFactory, SupplierFactory
from tenants import api_keys, tokens
from tenants.context import restaurant_context
from tenants.models import Restaurant, User
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.usefixtures("restaurant")
LIST = "/api/v1/purchase-orders/"
DISH = "01a20599-73d1-7065-a318-a4fb846ef64e"


@pytest.fixture
def draft() -> PurchaseOrder:
    """Two packs of flour at 20.00 each, and the reason."""
    line = LineFactory(
        order=PurchaseOrderFactory(number=7, supplier=SupplierFactory(name="Molino")),
        supplier_item__name="Flour 00",
        supplier_item__code="F-00",
        supplier_item__ingredient__name="Flour",
        needed=Decimal(18400),
        on_hand=Decimal(6000),
        arriving=Decimal(5000),
        quantile=Decimal("0.8"),
        drivers=[{"menu_item": DISH, "name": "Margherita", "portions": 92.0, "quantity": 15000.0}],
        reason="Need 18.4 kg until Thu (P80), have 6.0, 5.0 arriving Tue → 7.4 kg → 2 × 5 kg",
    )
    return line.order


def test_an_order_says_what_is_bought_and_why(api: Client, draft: PurchaseOrder) -> None:
    order = api.get(f"{LIST}{draft.pk}/").json()
    assert (order["number"], order["status"], order["supplier_name"]) == (7, "draft", "Molino")
    assert (order["total"], order["currency"], order["deliver_on"]) == (40.0, "EUR", "2026-11-24")
    (line,) = order["lines"]
    assert line == {
        "name": "Flour 00",
        "code": "F-00",
        "ingredient_id": str(draft.lines.get().supplier_item.ingredient_id),
        "ingredient": "Flour",
        "packs": 2,
        "suggested_packs": 2,
        "is_edited": False,
        "pack": "5 kg",
        "pack_quantity": 5000.0,
        "base_unit": "g",
        "price": 20.0,
        "total": 40.0,
        "needed": 18400.0,
        "on_hand": 6000.0,
        "arriving": 5000.0,
        "quantile": 0.8,
        "reason": "Need 18.4 kg until Thu (P80), have 6.0, 5.0 arriving Tue → 7.4 kg → 2 × 5 kg",
        "drivers": [{"menu_item": DISH, "name": "Margherita", "portions": 92.0, "quantity": 15000.0}],
    }


def numbers(api: Client, query: str = "") -> list[int]:
    return [row["number"] for row in api.get(LIST + query).json()["results"]]


def test_the_list_is_newest_first_and_of_one_restaurant(
    api: Client, draft: PurchaseOrder, other_restaurant: Restaurant
) -> None:
    PurchaseOrderFactory(number=8, sent=True)
    with restaurant_context(other_restaurant):
        PurchaseOrderFactory(number=9)
    assert numbers(api) == [8, 7]
    assert numbers(api, "?status=draft") == [7]
    assert numbers(api, f"?supplier={draft.supplier_id}") == [7]
    assert numbers(api, "?deliver_from=2026-11-25") == []


def test_listing_more_orders_asks_no_more_questions(
    api: Client, draft: PurchaseOrder, django_assert_num_queries: Callable
) -> None:
    with django_assert_num_queries(3):  # the person with the role, the count, the page
        api.get(LIST)
    PurchaseOrderFactory.create_batch(2)
    with django_assert_num_queries(3):
        api.get(LIST)


@pytest.mark.parametrize("count", [1, 3])
def test_an_order_with_more_lines_asks_no_more_questions(
    api: Client, count: int, django_assert_num_queries: Callable
) -> None:
    order = PurchaseOrderFactory()
    LineFactory.create_batch(count, order=order)
    with django_assert_num_queries(3):
        api.get(f"{LIST}{order.pk}/")


@pytest.mark.parametrize("query", ["status=lost", "supplier=5", "deliver_from=tomorrow"])
def test_a_filter_that_cannot_be_meant_is_refused(api: Client, query: str) -> None:
    response = api.get(f"{LIST}?{query}")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_from_draft_to_received(api: Client, draft: PurchaseOrder, manager: User) -> None:
    for step, status in [("approve", "approved"), ("send", "sent"), ("send", "sent"), ("receive", "received")]:
        response = api.post(f"{LIST}{draft.pk}/{step}/")
        assert (response.status_code, response.json()["status"]) == (200, status)
    draft.refresh_from_db()
    assert (draft.approved_by_id, draft.received_by_id) == (manager.pk, manager.pk)
    assert [sent.subject for sent in mail.outbox] == ["Order 7 from Bistro for Tue 24 Nov"]


def test_what_a_key_does_is_written_down_as_the_keys(
    restaurant: Restaurant, draft: PurchaseOrder, member: Callable[..., User]
) -> None:
    owner = member(restaurant, "owner")
    made = api_keys.make(restaurant, name="Planner", scopes=["orders:write"], days=30, by=owner, at=timezone.now())
    planner = Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {made.secret}"})
    assert planner.post(f"{LIST}{draft.pk}/approve/").status_code == 200
    draft.refresh_from_db()
    assert draft.approved_by_id == made.key.pk
    entry = AuditEntry.objects.get(verb="order.approved")
    assert (entry.actor, entry.via, entry.user_id) == (f"key {made.key}", "api", None)
    assert (
        f"key Planner ({made.key.prefix}…)" in signed_in(owner, restaurant).get(f"/orders/{draft.pk}/").content.decode()
    )


def test_a_step_out_of_turn_is_a_conflict_in_words(api: Client, draft: PurchaseOrder) -> None:
    response = api.post(f"{LIST}{draft.pk}/send/")
    assert (response.status_code, response["Content-Type"]) == (409, "application/problem+json")
    assert response.json()["detail"] == "Order 7 is draft: it can be sent once it is approved."
    assert api.post(f"{LIST}{draft.pk}/cancel/").json()["status"] == "cancelled"
    assert api.post(f"{LIST}{draft.pk}/approve/").json()["type"] == "/api/problems/conflict"


def test_the_kitchen_reads_and_decides_nothing(
    restaurant: Restaurant, draft: PurchaseOrder, member: Callable[..., User]
) -> None:
    token = tokens.issue(member(restaurant, "kitchen"), restaurant)
    kitchen = Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {token}"})
    assert numbers(kitchen) == [7]
    response = kitchen.post(f"{LIST}{draft.pk}/approve/")
    assert (response.status_code, response.json()["type"]) == (403, "/api/problems/not-allowed")


def test_another_restaurants_order_is_not_found(api: Client, other_restaurant: Restaurant) -> None:
    with restaurant_context(other_restaurant):
        order = PurchaseOrderFactory()
    assert api.get(f"{LIST}{order.pk}/").status_code == 404
    assert api.post(f"{LIST}{order.pk}/cancel/").status_code == 404
