"""What happens to a purchase order, from draft to received.

Every verb locks the order, checks that its step is possible, and says who took it and when. Doing the same step again
changes nothing; a step that is not possible raises an exception that says why in a manager's words.
"""

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement
from tenants.actors import By
from tenants.office import audit

Status = PurchaseOrder.Status


class OrderError(Exception):
    """A step that an order does not allow now; the text is for the person who tried."""


class OrderNotDraft(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"Order {order.number} is {order.status}: only a draft can be changed or approved.")


class OrderNotApproved(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"Order {order.number} is {order.status}: it can be sent once it is approved.")


class OrderNotSent(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"Order {order.number} is {order.status}: only an order that was sent can be received.")


class OrderClosed(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"Order {order.number} was received and can no longer be cancelled.")


class OrderEmpty(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"Order {order.number} has no packs in it: there is nothing to approve.")


class LineGone(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"That line is no longer part of order {order.number}.")


class TooManyPacks(OrderError):
    def __init__(self) -> None:
        super().__init__(f"Packs must be between 0 and {MOST_PACKS}.")


MOST_PACKS = 9999


@transaction.atomic
def edit_line(order_id: UUID, line_id: int, packs: int, *, by: By, at: dt.datetime) -> PurchaseOrderLine:
    """Choose the packs of a draft's line; 0 takes it off the order. A new suggestion keeps what was chosen.

    Choosing what was suggested gives the line back to the suggestions. Raises OrderNotDraft, LineGone, TooManyPacks.
    """
    order = _locked(order_id)
    if order.status != Status.DRAFT:
        raise OrderNotDraft(order)
    if not 0 <= packs <= MOST_PACKS:
        raise TooManyPacks
    line = order.lines.select_for_update(of=("self",)).select_related("supplier_item").filter(pk=line_id).first()
    if line is None:
        raise LineGone(order)
    edited = packs != line.suggested_packs
    if (line.packs, line.is_edited) != (packs, edited):
        subject = audit.subject_of(order, f"{order}: {line.supplier_item}")
        audit.record("order.edited", subject, by=by, at=at, before={"packs": line.packs}, after={"packs": packs})
        line.packs, line.is_edited = packs, edited
        line.save(update_fields=["packs", "is_edited"])
        order.updated_at = at
        order.save(update_fields=["updated_at"])
    return line


@transaction.atomic
def approve(order_id: UUID, *, by: By, at: dt.datetime) -> PurchaseOrder:
    """Decide that a draft shall be ordered. Raises OrderNotDraft, OrderEmpty."""
    order = _locked(order_id)
    if order.status == Status.APPROVED:
        return order
    if order.status != Status.DRAFT:
        raise OrderNotDraft(order)
    if not order.lines.filter(packs__gt=0).exists():
        raise OrderEmpty(order)
    audit.record("order.approved", order, by=by, at=at)
    order.status, order.approved_at, order.approved_by_id = Status.APPROVED, at, by.pk
    return _save(order, at)


@transaction.atomic
def mark_sent(order_id: UUID, *, by: By, at: dt.datetime) -> PurchaseOrder:
    """The supplier has the order: by e-mail, or by telephone. Raises OrderNotApproved."""
    order = _locked(order_id)
    if order.status == Status.SENT:
        return order
    if order.status != Status.APPROVED:
        raise OrderNotApproved(order)
    audit.record("order.sent", order, by=by, at=at)
    order.status, order.sent_at, order.sent_by_id = Status.SENT, at, by.pk
    return _save(order, at)


@transaction.atomic
def receive(order_id: UUID, *, by: By, at: dt.datetime, packs: Mapping[int, int] | None = None) -> PurchaseOrder:
    """The goods are in: they go on stock. `packs` per line where the delivery differed from the order.

    Raises OrderNotSent, LineGone, TooManyPacks.
    """
    order = _locked(order_id)
    if order.status == Status.RECEIVED:
        return order
    if order.status != Status.SENT:
        raise OrderNotSent(order)
    lines = {line.pk: line for line in order.lines.select_related("supplier_item")}
    arrived = {key: line.packs for key, line in lines.items()} | dict(packs or {})
    if arrived.keys() != lines.keys():
        raise LineGone(order)
    if not all(0 <= count <= MOST_PACKS for count in arrived.values()):
        raise TooManyPacks
    differing = [line for key, line in lines.items() if arrived[key] != line.packs]
    ordered = {str(line.supplier_item): line.packs for line in differing}
    came = {str(line.supplier_item): arrived[line.pk] for line in differing}
    StockMovement.objects.bulk_create(
        StockMovement(
            ingredient_id=lines[key].supplier_item.ingredient_id,
            kind=StockMovement.Kind.RECEIPT,
            quantity=count * lines[key].pack_quantity,
            at=at,
            order_line=lines[key],
            by_id=by.pk,
        )
        for key, count in arrived.items()
        if count
    )
    audit.record("order.received", order, by=by, at=at, before=ordered, after=came)
    order.status, order.received_at, order.received_by_id = Status.RECEIVED, at, by.pk
    return _save(order, at)


@transaction.atomic
def cancel(order_id: UUID, *, by: By, at: dt.datetime) -> PurchaseOrder:
    """The order shall not come. Raises OrderClosed once it was received."""
    order = _locked(order_id)
    if order.status == Status.CANCELLED:
        return order
    if order.status == Status.RECEIVED:
        raise OrderClosed(order)
    audit.record("order.cancelled", order, by=by, at=at)
    order.status, order.cancelled_at, order.cancelled_by_id = Status.CANCELLED, at, by.pk
    return _save(order, at)


def _locked(order_id: UUID) -> PurchaseOrder:
    """Raises PurchaseOrder.DoesNotExist."""
    return PurchaseOrder.objects.select_for_update(of=("self",)).select_related("supplier").get(pk=order_id)


def _save(order: PurchaseOrder, at: dt.datetime) -> PurchaseOrder:
    order.updated_at = at
    order.save()
    return order
