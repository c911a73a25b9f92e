"""An order by e-mail: claimed before it leaves, so that no order is ever sent twice unless a person says so.

The claim is committed before the mail server is called. A process that dies in between leaves it behind, and the page
then says that nobody knows whether the supplier has the order. Every attempt carries the same Message-ID.
"""

import csv
import datetime as dt
import io
import smtplib
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from procurement import orders, wording
from procurement.models import PurchaseOrder, PurchaseOrderLine
from procurement.orders import OrderError, OrderNotApproved
from tenants.actors import By
from tenants.models import Restaurant

Sending, Status = PurchaseOrder.Sending, PurchaseOrder.Status
UNDER_WAY = dt.timedelta(minutes=1)  # a claim this young is most likely still with the mail server
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class NoAddress(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"{order.supplier} has no e-mail address: add one, or order by telephone and mark it as sent.")


class SendingUnknown(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(
            f"Sending order {order.number} has begun and its end is not known. Ask {order.supplier} whether it came "
            "before you send it again."
        )


class BeingSent(OrderError):
    def __init__(self, order: PurchaseOrder) -> None:
        super().__init__(f"Order {order.number} is being sent at this moment. Look again in a minute.")


class SendingFailed(OrderError):
    def __init__(self, order: PurchaseOrder, error: str) -> None:
        super().__init__(f"Order {order.number} could not be sent to {order.supplier.email}: {error}")


def send(order_id: UUID, restaurant: Restaurant, *, by: By, at: dt.datetime, again: bool = False) -> PurchaseOrder:
    """Send an approved order to its supplier; an order that was sent already is left alone.

    `again` is a person's word that an attempt with an unknown end did not arrive. Raises OrderNotApproved, NoAddress,
    BeingSent, SendingUnknown, SendingFailed.
    """
    order, mail = _claim(order_id, restaurant, by=by, at=at, again=again)
    if mail is None:
        return order
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        PurchaseOrder.objects.filter(pk=order_id, sending=Sending.CLAIMED).update(
            sending=Sending.FAILED, sending_error=str(error), updated_at=at
        )
        raise SendingFailed(order, str(error)) from error
    PurchaseOrder.objects.filter(pk=order_id).update(sending=Sending.DELIVERED, sending_error="")
    return orders.mark_sent(order_id, by=by, at=at)


def is_under_way(order: PurchaseOrder, now: dt.datetime) -> bool:
    """Whether somebody is sending the order at this moment: begun, not for long, and not yet marked as sent."""
    begun = order.status == Status.APPROVED and order.sending in {Sending.CLAIMED, Sending.DELIVERED}
    return begun and now - order.updated_at < UNDER_WAY


@transaction.atomic(durable=True)
def _claim(
    order_id: UUID, restaurant: Restaurant, *, by: By, at: dt.datetime, again: bool
) -> tuple[PurchaseOrder, EmailMessage | None]:
    """The order with the one message that may leave for it now; without one where it was sent already."""
    order = PurchaseOrder.objects.select_for_update(of=("self",)).with_lines().get(pk=order_id)
    if order.status == Status.SENT:
        return order, None
    if order.status != Status.APPROVED:
        raise OrderNotApproved(order)
    if not order.supplier.email:
        raise NoAddress(order)
    if is_under_way(order, at):
        raise BeingSent(order)
    if order.sending in {Sending.CLAIMED, Sending.DELIVERED} and not again:
        raise SendingUnknown(order)
    order.sending, order.sending_error, order.updated_at = Sending.CLAIMED, "", at
    order.message_id = order.message_id or f"<order-{order.pk}@{restaurant.slug}.{settings.FLUX_DOMAIN}>"
    order.save(update_fields=["sending", "sending_error", "updated_at", "message_id"])
    return order, message(order, restaurant, by)


def message(order: PurchaseOrder, restaurant: Restaurant, by: By) -> EmailMessage:
    """The e-mail: the order as text, and as a table that the supplier can read in."""
    lines = [line for line in order.lines.all() if line.packs]
    facts = {
        "order": order,
        "restaurant": restaurant,
        "by": by,
        "deliver_on": wording.long_date(order.deliver_on),
        "lines": [(line, pack_label(line)) for line in lines],
        "total": sum(line.total for line in lines),
    }
    mail = EmailMessage(
        subject=f"Order {order.number} from {restaurant.name} for {wording.long_date(order.deliver_on)}",
        body=render_to_string("emails/purchase_order.txt", facts),
        to=[order.supplier.email],
        reply_to=[by.email] if by.email else [],
        headers={"Message-ID": order.message_id},
    )
    mail.attach(f"order-{order.number}.csv", as_csv(lines, restaurant.currency), "text/csv")
    return mail


def as_csv(lines: list[PurchaseOrderLine], currency: str) -> str:
    """The lines with their codes as CSV. Text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["code", "item", "pack", "packs", "price", "total", "currency"])
    for line in lines:
        item = line.supplier_item
        table.writerow(
            [
                _text(item.code),
                _text(item.name),
                pack_label(line),
                line.packs,
                _price(line.price),
                _price(line.total),
                currency,
            ]
        )
    return out.getvalue()


def pack_label(line: PurchaseOrderLine) -> str:
    """ "6 × 1 kg"."""
    item = line.supplier_item
    return wording.pack_label(Decimal(item.pack_count), item.pack_size, item.pack_unit)


def _price(amount: Decimal) -> str:
    """Two decimals, or as many more as the price has."""
    return max(f"{amount:.2f}", wording.plain(amount), key=len)


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
