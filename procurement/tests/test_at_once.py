import threading

import pytest
from django.db import connection

from procurement import orders
from procurement.tests.factories import NOW, LineFactory
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant, User


@pytest.fixture
def committed_order(django_db_setup, django_db_blocker):
    """A draft that other connections see, with four managers; removed afterwards."""
    with django_db_blocker.unblock(), public_context():
        restaurant = Restaurant.objects.get(slug="bistro")
        people = [User.objects.create_user(f"{n}@at-once.example") for n in range(4)]
        with restaurant_context(restaurant):
            line = LineFactory()
            yield restaurant, line.order, people
            line.order.delete()
            line.supplier_item.delete()
            line.supplier_item.ingredient.delete()
            line.order.supplier.delete()
        User.objects.filter(pk__in=[person.pk for person in people]).delete()


def test_two_managers_who_approve_at_once_are_one_approval(committed_order):
    restaurant, order, people = committed_order
    barrier, failures = threading.Barrier(len(people)), []

    def approve(person):
        try:
            with restaurant_context(restaurant):
                barrier.wait(timeout=10)
                orders.approve(order.pk, by=person, at=NOW)
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=approve, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    order.refresh_from_db()
    assert failures == []
    assert (order.status, order.approved_by_id in {person.pk for person in people}) == ("approved", True)
