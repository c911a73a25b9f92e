from decimal import Decimal

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from menu.tests.factories import IngredientFactory
from procurement.emails import UNDER_WAY
from procurement.models import PurchaseOrder, StockMovement, Suggestion, Supplier, SupplierItem
from procurement.tests.factories import (
    CountFactory,
    LineFactory,
    PurchaseOrderFactory,
    SupplierFactory,
    SupplierItemFactory,
)
from tenants.context import restaurant_context

pytestmark = pytest.mark.usefixtures("restaurant")


def url(name, *args, **query):
    return reverse(f"procurement:{name}", args=args, query=query)


def text(response):
    return " ".join(response.content.decode().split())


def notices(response):
    return [str(message) for message in response.context["messages"]]


# ---- orders


def test_drafts_are_listed_with_supplier_total_and_status(portal):
    order = PurchaseOrderFactory(supplier=SupplierFactory(name="Molino"))
    LineFactory(order=order, packs=3, price=Decimal("19.90"))
    LineFactory(order=order, packs=0)
    page = text(portal.get(url("order_list")))
    assert "Molino" in page
    assert "€59.70" in page
    assert '<td class="number" data-label="Lines">1</td>' in page


@pytest.mark.parametrize(
    ("show", "state"), [("to-do", None), ("to-do", "approved"), ("on-the-way", "sent"), ("done", "received")]
)
def test_each_order_is_on_one_list(portal, show, state):
    order = LineFactory(order=PurchaseOrderFactory(**({state: True} if state else {}))).order
    lists = {name: text(portal.get(url("order_list", show=name))) for name in ("to-do", "on-the-way", "done")}
    assert [name for name, page in lists.items() if str(order.supplier) in page] == [show]


def test_problems_are_shown_with_the_way_to_resolve_them(portal):
    flour = IngredientFactory(name="Flour")
    Suggestion.objects.create(
        problems=[
            {
                "kind": "unit", "subject": "Flour", "text": "How many grams does 1 ml of Flour weigh?",
                "ingredient_id": str(flour.pk), "supplier_id": "", "order_id": "",
            }
        ]
    )  # fmt: skip
    page = text(portal.get(url("order_list")))
    assert "How many grams does 1 ml of Flour weigh?" in page
    assert reverse("menu:ingredient", args=[flour.pk]) in page


def test_problems_that_say_the_same_are_said_once(portal):
    like = {"kind": "no_count", "text": "It was never counted: count it once.", "supplier_id": "", "order_id": ""}
    Suggestion.objects.create(problems=[like | {"subject": name, "ingredient_id": name} for name in ("Flour", "Salt")])
    page = text(portal.get(url("order_list")))
    assert "Flour, Salt" in page
    assert page.count("It was never counted") == 1


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_one_order_and_for_three(portal, count, django_assert_num_queries):
    for _ in range(count):
        LineFactory()
    with django_assert_num_queries(5):
        portal.get(url("order_list"))


@pytest.mark.parametrize("count", [1, 3])
def test_an_order_takes_the_same_queries_for_one_line_and_for_three(portal, count, django_assert_num_queries):
    order = PurchaseOrderFactory(approved=True, approved_by_id=None)
    LineFactory.create_batch(count, order=order)
    with django_assert_num_queries(4):
        portal.get(url("order", order.pk))


def test_a_line_shows_its_reason_and_the_dishes_behind_it(portal):
    reason = "Need 18.4 kg until Thu 26 Nov (P80), have 6.0 → 12.4 kg → 3 × 5 kg"
    dishes = [{"menu_item": "x", "name": f"Dish {n}", "portions": 10.0, "quantity": 1500.0} for n in range(10)]
    line = LineFactory(reason=reason, needed=18400, on_hand=6000, arriving=0, quantile="0.8", drivers=dishes)
    page = text(portal.get(url("order", line.order_id)))
    assert reason in page
    assert "Dish 7, 10 portions" in page
    assert "and 2 more dishes" in page
    assert "Margin, so that it is enough 80 % of the time</dt><dd>3.4 kg" in page


def test_a_manager_goes_from_draft_to_received(portal, manager):
    line = LineFactory(packs=2)
    order = line.order
    portal.post(url("edit_line", order.pk, line.pk), {"packs": 2, "step": "more"})
    for name, fields in (("approve", {}), ("send", {}), ("receive", {f"packs-{line.pk}": 2})):
        assert portal.post(url(name, order.pk), fields).status_code == 302
    order.refresh_from_db()
    assert (order.status, order.approved_by_id) == ("received", manager.pk)
    assert [message.to for message in mail.outbox] == [[order.supplier.email]]
    assert StockMovement.objects.get().quantity == 10_000
    assert "by Manager" in text(portal.get(url("order", order.pk)))


@pytest.mark.parametrize(
    ("fields", "packs"),
    [
        ({"packs": "2", "step": "more"}, 3),
        ({"packs": "2", "step": "less"}, 1),
        ({"packs": "7"}, 7),
        ({"packs": "2", "step": "none"}, 0),
        ({"packs": "0", "step": "less"}, 2),
        ({"packs": "many"}, 2),
        ({"packs": "-1"}, 2),
        ({}, 2),
    ],
)
def test_packs_are_typed_or_stepped(portal, fields, packs):
    line = LineFactory(packs=2)
    portal.post(url("edit_line", line.order_id, line.pk), fields)
    line.refresh_from_db()
    assert line.packs == packs


def test_a_step_that_is_not_possible_is_explained(portal):
    order = LineFactory(order=PurchaseOrderFactory(sent=True, number=12)).order
    response = portal.post(url("approve", order.pk), follow=True)
    assert notices(response) == ["Order 12 is sent: only a draft can be changed or approved."]


def test_an_unknown_end_of_sending_needs_a_persons_word(portal):
    order = LineFactory(
        order=PurchaseOrderFactory(
            approved=True, sending="claimed", message_id="<x@y>", updated_at=timezone.now() - UNDER_WAY
        )
    ).order
    assert "Nobody knows whether the e-mail left." in text(portal.get(url("order", order.pk)))
    portal.post(url("send", order.pk))
    assert mail.outbox == []
    portal.post(url("send", order.pk), {"again": "yes"})
    assert len(mail.outbox) == 1


def test_below_the_minimum_the_page_proposes_what_keeps(portal):
    order = PurchaseOrderFactory(supplier=SupplierFactory(minimum_order=100))
    dishes = [{"menu_item": "x", "name": "Pizza", "portions": 10.0, "quantity": 9000.0}]
    fresh = IngredientFactory(shelf_life_days=2)
    for name, ingredient in (("Flour 00", IngredientFactory()), ("Basil", fresh)):
        item = SupplierItemFactory(supplier=order.supplier, ingredient=ingredient, name=name)
        LineFactory(order=order, supplier_item=item, packs=1, drivers=dishes)
    page = text(portal.get(url("order", order.pk)))
    assert "€60.00 below the minimum order" in page
    assert "3 × Flour 00 (5 kg)." in page


WRITES = ["suggest", "approve", "send", "mark_sent", "cancel", "edit_line", "supplier_add", "item_add"]


@pytest.mark.parametrize("name", WRITES)
def test_the_kitchen_may_look_and_not_decide(kitchen_portal, name):
    line = LineFactory()
    args = {
        "suggest": [], "supplier_add": [], "edit_line": [line.order_id, line.pk], "item_add": [line.order.supplier_id],
    }.get(name, [line.order_id])  # fmt: skip
    assert kitchen_portal.post(url(name, *args)).status_code == 403
    page = text(kitchen_portal.get(url("order", line.order_id)))
    assert "Approve" not in page
    assert PurchaseOrder.objects.get().status == "draft"


def test_the_kitchen_receives_what_was_sent(kitchen_portal):
    line = LineFactory(packs=2, order=PurchaseOrderFactory(sent=True))
    assert "Received: put on stock" in text(kitchen_portal.get(url("order", line.order_id)))
    kitchen_portal.post(url("receive", line.order_id), {f"packs-{line.pk}": 1})
    assert PurchaseOrder.objects.get().status == "received"
    assert StockMovement.objects.get().quantity == 5_000


@pytest.mark.parametrize("name", ["order", "approve", "send", "cancel"])
def test_another_restaurants_order_does_not_exist(portal, other_restaurant, name):
    with restaurant_context(other_restaurant):
        order = LineFactory().order
    answer = portal.get(url(name, order.pk)) if name == "order" else portal.post(url(name, order.pk))
    assert answer.status_code == 404
    with restaurant_context(other_restaurant):
        assert PurchaseOrder.objects.get().status == "draft"


def test_strangers_are_sent_to_sign_in(client, restaurant):
    for name in ("order_list", "suppliers", "stock"):
        answer = client.get(url(name), headers={"host": "bistro.flux.localhost"})
        assert (answer.status_code, "/auth/" in answer["location"]) == (302, True)


# ---- suppliers

SUPPLIER = {
    "name": "Molino", "email": "orders@molino.example", "delivery_weekdays": ["3", "1"], "lead_time_days": "1",
    "cutoff": "16:00", "minimum_order": "150", "is_active": "on",
}  # fmt: skip


def test_a_supplier_is_added_and_changed(portal):
    portal.post(url("supplier_add"), SUPPLIER)
    supplier = Supplier.objects.get()
    assert (supplier.name, supplier.delivery_weekdays, supplier.minimum_order) == ("Molino", [1, 3], 150)
    portal.post(url("supplier_edit", supplier.pk), SUPPLIER | {"name": "Molino Rossi", "is_active": ""})
    supplier.refresh_from_db()
    assert (supplier.name, supplier.is_active) == ("Molino Rossi", False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"delivery_weekdays": []}, "Choose at least one day."),
        ({"delivery_weekdays": ["7"]}, "7 is not one of the available choices"),
        ({"cutoff": "late"}, "Enter a valid time."),
    ],
)
def test_a_supplier_that_cannot_be_is_refused(portal, wrong, said):
    answer = portal.post(url("supplier_add"), SUPPLIER | wrong)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert Supplier.objects.count() == 0


def item_fields(ingredient, **changes):
    return {
        "ingredient": str(ingredient.pk), "name": "Flour 00", "code": "F-00", "pack_count": "6", "pack_size": "1",
        "pack_unit": "kg", "price": "9.90", "is_active": "on", "preferred": "on",
    } | changes  # fmt: skip


def test_an_item_is_added_changed_and_taken_out_of_use(portal):
    supplier, flour = SupplierFactory(), IngredientFactory()
    portal.post(url("item_add", supplier.pk), item_fields(flour))
    item = SupplierItem.objects.get()
    assert (item.supplier, item.pack_count, item.pack_size, item.price) == (supplier, 6, 1, Decimal("9.90"))
    portal.post(url("item_edit", item.pk), item_fields(flour, is_active=""))
    item.refresh_from_db()
    assert not item.is_active


def test_preferring_an_item_takes_the_place_from_the_other_supplier(portal):
    other = SupplierItemFactory()
    portal.post(url("item_add", SupplierFactory().pk), item_fields(other.ingredient))
    other.refresh_from_db()
    assert (other.is_preferred, SupplierItem.objects.exclude(pk=other.pk).get().is_preferred) == (False, True)


def test_a_pack_that_does_not_convert_is_answered_with_a_question(portal):
    lemon = IngredientFactory(name="Lemon")
    answer = portal.post(url("item_add", SupplierFactory().pk), item_fields(lemon, pack_unit="each"))
    assert answer.status_code == 422
    assert "Lemon is counted in g. How many grams does one Lemon weigh?" in answer.content.decode()
    assert SupplierItem.objects.count() == 0


# ---- stock


def test_stock_shows_what_there_is_and_what_was_never_counted(portal):
    CountFactory(ingredient=IngredientFactory(name="Flour"), quantity=6400)
    IngredientFactory(name="Salt")
    page = text(portal.get(url("stock")))
    assert "6.4 kg" in page
    assert page.index("Salt") < page.index("Flour")


def test_the_kitchen_counts(kitchen_portal):
    flour = IngredientFactory(name="Flour")
    answer = kitchen_portal.post(url("count", flour.pk), {"quantity": "4.5", "unit": "kg"}, follow=True)
    counted = StockMovement.objects.get()
    assert (counted.kind, counted.quantity) == ("count", 4500)
    assert abs(timezone.now() - counted.at).total_seconds() < 60
    assert notices(answer) == ["Flour is counted: 4.5 kg."]


def test_a_decimal_comma_is_understood_and_an_ambiguous_one_refused(kitchen_portal):
    flour = IngredientFactory(name="Flour")
    kitchen_portal.post(url("count", flour.pk), {"quantity": "4,5", "unit": "kg"})
    answer = kitchen_portal.post(url("count", flour.pk), {"quantity": "1,500", "unit": "kg"})
    assert [count.quantity for count in StockMovement.objects.all()] == [4500]
    assert notices(answer)[-1:] == ["Flour was not counted. This may mean 1500 or 1.500: write it without the comma"]


@pytest.mark.parametrize(
    "fields", [{"quantity": "-1", "unit": "kg"}, {"quantity": "4", "unit": "l"}, {"quantity": "some", "unit": "kg"}, {}]
)
def test_a_count_that_cannot_be_is_refused(kitchen_portal, fields):
    answer = kitchen_portal.post(url("count", IngredientFactory(name="Flour").pk), fields)
    assert (answer.status_code, StockMovement.objects.count()) == (422, 0)


@pytest.mark.parametrize("count", [1, 3])
def test_stock_takes_the_same_queries_for_one_ingredient_and_for_three(portal, count, django_assert_num_queries):
    for _ in range(count):
        CountFactory()
    with django_assert_num_queries(11):
        portal.get(url("stock"))
