import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from procurement import orders
from procurement.models import PurchaseOrder, StockMovement, Suggestion
from procurement.orders import (
    LineGone,
    OrderClosed,
    OrderEmpty,
    OrderNotApproved,
    OrderNotDraft,
    OrderNotSent,
    TooManyPacks,
)
from procurement.tests.factories import NOW, LineFactory, PurchaseOrderFactory, SupplierFactory, SupplierItemFactory

pytestmark = pytest.mark.usefixtures("restaurant")
LATER = NOW + dt.timedelta(hours=1)


def test_an_order_goes_from_draft_to_received_and_says_who_and_when(manager):
    order = LineFactory().order
    orders.approve(order.pk, by=manager, at=NOW)
    orders.mark_sent(order.pk, by=manager, at=NOW)
    orders.receive(order.pk, by=manager, at=LATER)
    order.refresh_from_db()
    assert order.status == "received"
    assert [order.approved_at, order.sent_at, order.received_at] == [NOW, NOW, LATER]
    assert {order.approved_by_id, order.sent_by_id, order.received_by_id} == {manager.pk}


@pytest.mark.parametrize(
    ("verb", "state"),
    [("approve", "approved"), ("mark_sent", "sent"), ("receive", "received"), ("cancel", "cancelled")],
)
def test_the_same_step_again_changes_nothing(verb, state, manager):
    order = LineFactory(order=PurchaseOrderFactory(**{state: True})).order
    before = PurchaseOrder.objects.values().get()
    getattr(orders, verb)(order.pk, by=manager, at=LATER)
    assert PurchaseOrder.objects.values().get() == before
    assert StockMovement.objects.count() == 0


@pytest.mark.parametrize(
    ("verb", "state", "refusal"),
    [
        ("approve", "sent", OrderNotDraft),
        ("approve", "received", OrderNotDraft),
        ("approve", "cancelled", OrderNotDraft),
        ("mark_sent", None, OrderNotApproved),
        ("mark_sent", "cancelled", OrderNotApproved),
        ("receive", None, OrderNotSent),
        ("receive", "approved", OrderNotSent),
        ("cancel", "received", OrderClosed),
    ],
)
def test_a_step_that_is_not_possible_is_refused(verb, state, refusal, manager):
    order = LineFactory(order=PurchaseOrderFactory(**({state: True} if state else {}))).order
    before = PurchaseOrder.objects.values().get()
    with pytest.raises(refusal):
        getattr(orders, verb)(order.pk, by=manager, at=LATER)
    assert PurchaseOrder.objects.values().get() == before


def test_an_order_without_packs_is_not_approved(manager):
    with pytest.raises(OrderEmpty):
        orders.approve(LineFactory(packs=0).order.pk, by=manager, at=NOW)


def test_lines_taken_off_bring_nothing(manager):
    line = LineFactory()
    LineFactory(order=line.order, packs=0, is_edited=True)
    orders.approve(line.order.pk, by=manager, at=NOW)
    orders.mark_sent(line.order.pk, by=manager, at=NOW)
    orders.receive(line.order.pk, by=manager, at=NOW)
    assert [movement.order_line for movement in StockMovement.objects.all()] == [line]


def test_packs_can_be_chosen_and_given_back(manager):
    line = LineFactory(packs=2, suggested_packs=2)
    chosen = orders.edit_line(line.order_id, line.pk, 3, by=manager, at=LATER)
    assert (chosen.packs, chosen.is_edited) == (3, True)
    given_back = orders.edit_line(line.order_id, line.pk, 2, by=manager, at=LATER)
    assert (given_back.packs, given_back.is_edited) == (2, False)


def test_only_a_drafts_own_lines_and_sensible_packs_can_be_chosen(manager):
    line, elsewhere = LineFactory(), LineFactory()
    approved = LineFactory(order=PurchaseOrderFactory(approved=True))
    with pytest.raises(LineGone):
        orders.edit_line(line.order_id, elsewhere.pk, 1, by=manager, at=NOW)
    with pytest.raises(OrderNotDraft):
        orders.edit_line(approved.order_id, approved.pk, 1, by=manager, at=NOW)
    for packs in (-1, 10_000):
        with pytest.raises(TooManyPacks):
            orders.edit_line(line.order_id, line.pk, packs, by=manager, at=NOW)


def test_receiving_puts_what_came_on_stock(manager):
    order = PurchaseOrderFactory(sent=True)
    full, short, missing = LineFactory.create_batch(3, order=order, packs=2)
    orders.receive(order.pk, by=manager, at=LATER, packs={short.pk: 1, missing.pk: 0})
    receipts = StockMovement.objects.order_by("order_line").values_list("order_line", "quantity", "at", "by_id")
    assert list(receipts) == [
        (full.pk, Decimal(10_000), LATER, manager.pk),
        (short.pk, Decimal(5_000), LATER, manager.pk),
    ]


def test_receiving_lines_of_another_order_is_refused(manager):
    order = LineFactory(order=PurchaseOrderFactory(sent=True)).order
    with pytest.raises(LineGone):
        orders.receive(order.pk, by=manager, at=NOW, packs={LineFactory().pk: 1})


@pytest.mark.parametrize(
    ("make", "constraint"),
    [
        (lambda: [PurchaseOrderFactory(supplier=s) for s in [SupplierFactory()] * 2], "one_draft"),
        (lambda: PurchaseOrderFactory(status="sent"), "status_has_its_stamps"),
        (lambda: PurchaseOrderFactory(approved_at=NOW), "status_has_its_stamps"),
        (lambda: PurchaseOrderFactory(recipe_share=Decimal("1.1")), "share"),
        (lambda: LineFactory(pack_quantity=0), "pack_positive"),
        (lambda: SupplierItemFactory(pack_size=0), "pack_positive"),
        (lambda: SupplierItemFactory(price=-1), "price_not_negative"),
        (lambda: SupplierFactory(delivery_weekdays=[]), "delivers_on_weekdays"),
        (lambda: SupplierFactory(delivery_weekdays=[7]), "delivers_on_weekdays"),
        (lambda: [SupplierItemFactory(ingredient=i.ingredient) for i in [SupplierItemFactory()]], "one_preferred"),
        (lambda: Suggestion.objects.create(pk=2), "only_one"),
    ],
)
def test_the_database_refuses_what_must_not_be(make, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make()
