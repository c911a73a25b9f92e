"""What the audit trail says of orders, suppliers and prices."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from procurement import order_guide, order_guide_file, orders
from procurement.models import PurchaseOrder, SupplierItem
from procurement.tests.factories import NOW, LineFactory, PurchaseOrderFactory, SupplierFactory, SupplierItemFactory
from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.usefixtures("restaurant")
LATER = NOW + dt.timedelta(hours=1)


def trail() -> list[tuple]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "subject_label", "before", "after"))


def test_each_step_of_an_order_is_written_once(manager):
    order = LineFactory(order__number=12, order__supplier__name="Molino").order
    for _ in range(2):
        orders.approve(order.pk, by=manager, at=NOW)
    for _ in range(2):
        orders.mark_sent(order.pk, by=manager, at=NOW)
    for _ in range(2):
        orders.receive(order.pk, by=manager, at=LATER)
    steps = ("order.approved", "order.sent", "order.received")
    assert trail() == [(step, "order 12 to Molino", {}, {}) for step in steps]
    assert set(AuditEntry.objects.values_list("subject_key", "user_id")) == {(str(order.pk), manager.pk)}


def test_a_refused_step_is_not_written(manager):
    order = LineFactory(packs=0).order
    with pytest.raises(orders.OrderEmpty):
        orders.approve(order.pk, by=manager, at=NOW)
    assert trail() == []


def test_chosen_packs_say_what_was_there_before(manager):
    line = LineFactory(order__number=12, order__supplier__name="Molino", supplier_item__name="Flour", packs=2)
    for packs in (3, 3):
        orders.edit_line(line.order_id, line.pk, packs, by=manager, at=NOW)
    assert trail() == [("order.edited", "order 12 to Molino: Flour", {"packs": 2}, {"packs": 3})]


def test_a_delivery_says_where_it_differed_from_the_order(manager):
    order = PurchaseOrderFactory(sent=True)
    full, short = LineFactory.create_batch(2, order=order, packs=2)
    orders.receive(order.pk, by=manager, at=LATER, packs={full.pk: 2, short.pk: 1})
    name = str(short.supplier_item)
    assert [entry[2:] for entry in trail()] == [({name: 2}, {name: 1})]


def test_a_program_is_named_with_its_door(api: Client, manager):
    order = LineFactory().order
    assert api.post(f"/api/v1/purchase-orders/{order.pk}/approve/").status_code == 200
    assert list(AuditEntry.objects.values_list("user_id", "via")) == [(manager.pk, "api")]


def test_a_changed_price_says_both(portal: Client, manager):
    item = SupplierItemFactory(name="Tomatoes 2.5 kg", price="4.20")
    form = {"ingredient": item.ingredient_id, "name": item.name, "code": item.code, "pack_count": 1, "preferred": "on"}
    form |= {"pack_size": "5", "pack_unit": "kg", "price": "4.60", "is_active": "on"}
    for _ in range(2):
        assert portal.post(reverse("procurement:item_edit", args=[item.pk]), form).status_code == 302
    assert trail() == [("price.changed", "Tomatoes 2.5 kg", {"price": "4.2"}, {"price": "4.6"})]


def test_a_new_item_takes_the_place_of_the_preferred_one(manager):
    old = SupplierItemFactory(name="Flour A")
    new = SupplierItemFactory.build(name="Flour B", supplier=old.supplier, ingredient=old.ingredient)
    order_guide.save_item(new, preferred=True, by=manager, at=NOW)
    gave_up, added = trail()
    assert gave_up == ("supplieritem.changed", "Flour A", {"is_preferred": True}, {"is_preferred": False})
    assert (added[:3], added[3]["price"]) == (("supplieritem.added", "Flour B", {}), "20")


def test_a_supplier_says_what_changed(manager):
    supplier = SupplierFactory(name="Molino", minimum_order=Decimal(100))
    supplier.minimum_order, supplier.cutoff = Decimal(150), dt.time(15, 30)
    for _ in range(2):
        order_guide.save_supplier(supplier, by=manager, at=NOW)
    before, after = {"minimum_order": "100", "cutoff": "16:00:00"}, {"minimum_order": "150", "cutoff": "15:30:00"}
    assert trail() == [("supplier.changed", "Molino", before, after)]


def rows(n: int, price: str) -> bytes:
    return b"supplier,ingredient,item,pack,price\n" + b"".join(
        f"Molino,Grain {i},Item {i},1 kg,{price}\n".encode() for i in range(n)
    )


def test_a_file_writes_all_its_entries_in_one_statement():
    order_guide_file.load(rows(3, "1"), by=FLUX, at=NOW)
    assert [entry[0] for entry in trail()] == ["supplier.added", *["supplieritem.added"] * 3]
    order_guide_file.load(rows(3, "1"), by=FLUX, at=NOW)
    assert len(trail()) == 4
    with CaptureQueriesContext(connection) as asked:
        order_guide_file.load(rows(3, "2"), by=FLUX, at=NOW)
    assert len([query for query in asked if "office_auditentry" in query["sql"]]) == 1
    assert trail()[4:] == [("price.changed", f"Item {i}", {"price": "1"}, {"price": "2"}) for i in range(3)]


def test_one_restaurants_orders_are_not_in_anothers_trail(manager, other_restaurant):
    orders.approve(LineFactory().order.pk, by=manager, at=NOW)
    with restaurant_context(other_restaurant):
        assert not AuditEntry.objects.exists()
        assert not PurchaseOrder.objects.exists()
        assert not SupplierItem.objects.exists()
