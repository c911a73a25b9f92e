"""Several people, or a person and the nightly run, at the same moment: on connections of their own, committed."""

import datetime as dt
import threading

import pytest
from django.core import mail
from django.db import connection

from conftest import as_owner
from forecasting.models import Forecast, Run
from menu.models import Ingredient, MenuItem, RecipeLine
from menu.tests.factories import IngredientFactory
from pos.models import Connection, DailySales, DaySource
from procurement import emails, orders, suggestions
from procurement.emails import BeingSent
from procurement.models import (
    PurchaseOrder,
    PurchaseOrderLine,
    StockMovement,
    Suggestion,
    Supplier,
    SupplierItem,
)
from procurement.tests.factories import (
    NOW,
    SUNDAY,
    CountFactory,
    LineFactory,
    PurchaseOrderFactory,
    RunFactory,
    SupplierItemFactory,
    dish_with,
    forecast,
    sold,
)
from tenants.context import public_context, restaurant_context
from tenants.models import User
from tenants.office.models import AuditEntry

ROWS = [
    PurchaseOrderLine, PurchaseOrder, Suggestion, StockMovement, SupplierItem, Supplier, Forecast, Run, DailySales,
    DaySource, Connection, RecipeLine, MenuItem, Ingredient, AuditEntry,
]  # fmt: skip


def all_at_once(restaurant, *doings):
    """Each doing in a thread and on a connection of its own, started together: what they answered or raised."""
    barrier, answers = threading.Barrier(len(doings)), []

    def run(do):
        try:
            with restaurant_context(restaurant):
                barrier.wait(timeout=10)
                answers.append(do())
        except Exception as failure:
            answers.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[do]) for do in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers


@pytest.fixture
def committed(restaurant):
    """Make rows that other connections see, `committed(make)`; every one of them is removed after the test."""

    def commit(make):
        (made,) = all_at_once(restaurant, make)
        if isinstance(made, Exception):
            raise made
        return made

    yield commit
    commit(as_owner()(lambda: [model.objects.all().delete() for model in ROWS]))
    commit(public_context()(lambda: User.objects.filter(email__endswith="@at-once.example").delete()))


@pytest.fixture
def people(committed):
    """Four people who act at the same moment."""
    return committed(public_context()(lambda: [User.objects.create_user(f"{n}@at-once.example") for n in range(4)]))


def test_managers_who_approve_at_once_are_one_approval(restaurant, committed, people):
    order = committed(LineFactory).order
    doings = [lambda person=person: orders.approve(order.pk, by=person, at=NOW).status for person in people]
    assert all_at_once(restaurant, *doings) == ["approved"] * 4
    order.refresh_from_db()
    assert (order.status, order.approved_by_id in {person.pk for person in people}) == ("approved", True)


def test_managers_who_send_at_once_send_one_email(restaurant, committed, people):
    order = committed(lambda: LineFactory(order=PurchaseOrderFactory(approved=True)).order)
    doings = [lambda person=person: emails.send(order.pk, restaurant, by=person, at=NOW).status for person in people]
    answers = all_at_once(restaurant, *doings)
    assert {answer if answer == "sent" else type(answer) for answer in answers} <= {"sent", BeingSent}
    order.refresh_from_db()
    assert (len(mail.outbox), order.status) == (1, "sent")


def test_suggestions_made_at_once_are_one_draft(restaurant, committed):
    def a_need_for_flour():
        flour = IngredientFactory()
        pizza = dish_with(flour)
        sold(pizza, SUNDAY - dt.timedelta(days=1), 40)
        forecast(RunFactory(), pizza, 40)
        CountFactory(ingredient=flour)
        SupplierItemFactory(ingredient=flour)

    committed(a_need_for_flour)
    found = all_at_once(restaurant, *[lambda: suggestions.suggest(restaurant, NOW).created] * 4)
    assert sorted(found) == [0, 0, 0, 2]
    assert (PurchaseOrder.objects.count(), PurchaseOrderLine.objects.count()) == (1, 1)
