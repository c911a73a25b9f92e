import smtplib

import pytest
from django.core import mail

from procurement import emails
from procurement.emails import BeingSent, NoAddress, SendingFailed, SendingUnknown
from procurement.models import PurchaseOrder
from procurement.orders import OrderNotApproved
from procurement.tests.factories import NOW, LineFactory, PurchaseOrderFactory, SupplierFactory

pytestmark = pytest.mark.usefixtures("restaurant")


@pytest.fixture
def order():
    supplier = SupplierFactory(name="Molino", email="orders@molino.example")
    line = LineFactory(
        order=PurchaseOrderFactory(approved=True, supplier=supplier, number=7),
        supplier_item__name="=Flour 00",
        supplier_item__code="F-00",
    )
    return line.order


def test_the_supplier_gets_text_and_a_table(order, restaurant, manager):
    emails.send(order.pk, restaurant, by=manager, at=NOW)
    (sent,) = mail.outbox
    assert (sent.to, sent.reply_to) == (["orders@molino.example"], [manager.email])
    assert sent.subject == "Order 7 from Bistro for Tue 24 Nov"
    assert "2 × 5 kg  =Flour 00 (code F-00)  €40.00" in sent.body
    assert sent.attachments[0].filename == "order-7.csv"
    assert sent.attachments[0].content.splitlines() == [
        "code,item,pack,packs,price,total,currency",
        "F-00,'=Flour 00,5 kg,2,20.00,40.00,EUR",
    ]


def test_sending_is_recorded_and_happens_once(order, restaurant, manager):
    emails.send(order.pk, restaurant, by=manager, at=NOW)
    emails.send(order.pk, restaurant, by=manager, at=NOW)
    order.refresh_from_db()
    assert len(mail.outbox) == 1
    assert (order.status, order.sending, order.sent_by_id) == ("sent", "delivered", manager.pk)
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<order-{order.pk}@bistro.flux.localhost>" == order.message_id


def test_a_failure_is_kept_and_a_person_may_try_again(order, restaurant, manager, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise smtplib.SMTPRecipientsRefused({"orders@molino.example": (550, b"no such mailbox")})

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.EmailMessage.send", refuse)
        with pytest.raises(SendingFailed, match="no such mailbox"):
            emails.send(order.pk, restaurant, by=manager, at=NOW)
    order.refresh_from_db()
    assert (order.status, order.sending) == ("approved", "failed")
    assert "no such mailbox" in order.sending_error
    first = order.message_id
    emails.send(order.pk, restaurant, by=manager, at=NOW)
    order.refresh_from_db()
    assert (order.status, order.sending, order.sending_error, order.message_id) == ("sent", "delivered", "", first)


def test_an_attempt_that_died_is_never_repeated_without_a_persons_word(order, restaurant, manager, monkeypatch):
    class PowerCut(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.EmailMessage.send", die)
        with pytest.raises(PowerCut):
            emails.send(order.pk, restaurant, by=manager, at=NOW)
    with pytest.raises(BeingSent):
        emails.send(order.pk, restaurant, by=manager, at=NOW + emails.UNDER_WAY / 2, again=True)
    with pytest.raises(SendingUnknown):
        emails.send(order.pk, restaurant, by=manager, at=NOW + emails.UNDER_WAY)
    assert mail.outbox == []
    emails.send(order.pk, restaurant, by=manager, at=NOW + emails.UNDER_WAY, again=True)
    assert len(mail.outbox) == 1


def test_only_an_approved_order_with_an_address_can_be_sent(order, restaurant, manager):
    draft = LineFactory().order
    with pytest.raises(OrderNotApproved):
        emails.send(draft.pk, restaurant, by=manager, at=NOW)
    order.supplier.email = ""
    order.supplier.save()
    with pytest.raises(NoAddress):
        emails.send(order.pk, restaurant, by=manager, at=NOW)
    assert PurchaseOrder.objects.get(pk=order.pk).sending == ""
