"""Several people, or a person and the nightly run, at the same moment: on connections of their own, committed."""

import datetime as dt
import threading

import pytest
from django.core import mail
from django.db import connection

from forecasting.models import Forecast, Run
from menu.models import Ingredient, MenuItem, RecipeLine
from menu.tests.factories import IngredientFactory
from pos.models import Connection, DailySales, DaySource
from procurement import emails, orders, suggestions
from procurement.emails import SendingUnknown
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
from tenants.models import Restaurant, User

AT_ONCE = 4
ROWS = [
    PurchaseOrderLine, PurchaseOrder, Suggestion, StockMovement, SupplierItem, Supplier, Forecast, Run, DailySales,
    DaySource, Connection, RecipeLine, MenuItem, Ingredient,
]  # fmt: skip


@pytest.fixture
def committed(django_db_setup, django_db_blocker):
    """The restaurant with four managers; every row that the test commits is removed afterwards."""
    with django_db_blocker.unblock(), public_context():
        restaurant = Restaurant.objects.get(slug="bistro")
        people = [User.objects.create_user(f"{n}@at-once.example") for n in range(AT_ONCE)]
        with restaurant_context(restaurant):
            yield restaurant, people
            for model in ROWS:
                model.objects.all().delete()
        User.objects.filter(pk__in=[person.pk for person in people]).delete()


def all_at_once(restaurant, *doings):
    """Each doing in a thread of its own, started together; what they raised."""
    barrier, failures = threading.Barrier(len(doings)), []

    def run(do):
        try:
            with restaurant_context(restaurant):
                barrier.wait(timeout=10)
                do()
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[do]) for do in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return failures


def test_managers_who_approve_at_once_are_one_approval(committed):
    restaurant, people = committed
    order = LineFactory().order
    doings = [lambda person=person: orders.approve(order.pk, by=person, at=NOW) for person in people]
    assert all_at_once(restaurant, *doings) == []
    order.refresh_from_db()
    assert (order.status, order.approved_by_id in {person.pk for person in people}) == ("approved", True)


def test_managers_who_send_at_once_send_one_email(committed):
    restaurant, people = committed
    order = LineFactory(order=PurchaseOrderFactory(approved=True)).order
    mail.outbox.clear()
    doings = [lambda person=person: emails.send(order.pk, restaurant, by=person, at=NOW) for person in people]
    refused = all_at_once(restaurant, *doings)
    assert {type(failure) for failure in refused} <= {SendingUnknown}
    order.refresh_from_db()
    assert (len(mail.outbox), order.status) == (1, "sent")


def test_suggestions_made_at_once_are_one_draft(committed):
    restaurant, _ = committed
    flour = IngredientFactory()
    pizza = dish_with(flour)
    sold(pizza, SUNDAY - dt.timedelta(days=1), 40)
    forecast(RunFactory(), pizza, 40)
    CountFactory(ingredient=flour)
    SupplierItemFactory(ingredient=flour)
    assert all_at_once(restaurant, *[lambda: suggestions.suggest(restaurant, NOW)] * AT_ONCE) == []
    assert (PurchaseOrder.objects.count(), PurchaseOrderLine.objects.count()) == (1, 1)
