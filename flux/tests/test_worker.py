"""A task goes through the real broker and a real worker, and arrives with everything that its log lines must name."""

import queue
import uuid

import pytest
import structlog
from celery.contrib.testing.worker import start_worker
from django.db import connection

from flux.celery import app
from tenants.context import current_restaurant
from tenants.tasks import restaurant_task

seen = queue.Queue()


@restaurant_task()
def look_around(restaurant, *, order_id):
    seen.put(
        {**structlog.contextvars.get_contextvars(), "order_id": order_id, "schema": current_restaurant().schema_name}
    )
    connection.close()


@pytest.fixture
def worker():
    """A worker with a queue of its own; yields the name of the queue."""
    name = f"test-{uuid.uuid4()}"
    app.conf.task_always_eager = False
    try:
        with start_worker(app, pool="threads", queues=[name], perform_ping_check=False, shutdown_timeout=20):
            yield name
    finally:
        app.conf.task_always_eager = True


def test_a_task_carries_request_user_task_and_restaurant(db, other_restaurant, worker):
    with structlog.contextvars.bound_contextvars(request_id="r-1", user_id="u-1"):
        sent = look_around.apply_async(
            kwargs={"restaurant_id": str(other_restaurant.pk), "order_id": "7"}, queue=worker
        )
    line = seen.get(timeout=20)
    assert line["order_id"] == "7"
    assert line["schema"] == other_restaurant.schema_name
    assert {name: line[name] for name in ("request_id", "user_id", "task", "task_id", "restaurant")} == {
        "request_id": "r-1",
        "user_id": "u-1",
        "task": look_around.name,
        "task_id": sent.id,
        "restaurant": "trattoria",
    }
