"""A worker with two processes, as a server runs it: tasks of two restaurants in turn, none in the other's schema."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from conftest import own_process
from flux.celery import app
from flux.tests import told
from tenants.context import restaurant_context
from tenants.models import Restaurant
from tenants.office.models import Closure

TASKS = 200


@pytest.fixture
def noted(committed: list[Restaurant]) -> Iterator[list[Restaurant]]:
    """A closure in each of the two restaurants, whose note names it."""
    for restaurant in committed:
        with restaurant_context(restaurant):
            Closure.objects.create(on="2026-01-01", note=f"Rest of {restaurant.slug}")
    yield committed
    for restaurant in committed:
        with restaurant_context(restaurant):
            Closure.objects.all().delete()


@pytest.fixture
def queue() -> Iterator[str]:
    """The queue of a worker of its own, with the app's rights."""
    name = f"test-{uuid.uuid4()}"
    worker = [sys.executable, "-m", "celery", "--quiet", "-A", "flux", "worker", "--pool", "prefork", "-c", "2"]
    apart = ["-Q", name, "-I", told.__name__, "--without-gossip", "--without-mingle", "--without-heartbeat"]
    process = subprocess.Popen([*worker, *apart], env=own_process() | {"FLUX_IDENTITY": "app"})
    try:
        yield name
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_processes_of_a_worker_keep_restaurants_apart(noted: list[Restaurant], queue: str) -> None:
    store, answers = redis.Redis.from_url(settings.REDIS_URL), f"answers-{queue}"
    app.conf.task_always_eager = False
    try:
        for number in range(TASKS):
            mine, other = noted if number % 2 == 0 else reversed(noted)
            ids = {"restaurant_id": str(mine.pk), "other": str(other.pk), "number": str(number), "answers": answers}
            told.tell.apply_async(kwargs=ids, queue=queue)
    finally:
        app.conf.task_always_eager = True
    found = []
    for _ in range(TASKS):
        answer = store.blpop([answers], timeout=30)
        assert answer is not None, f"{len(found)} of {TASKS} tasks have answered"
        found.append(json.loads(answer[1]))
    bistro, trattoria = ([each.schema_name, each.schema_name, f"Rest of {each.slug}"] for each in noted)
    right = {0: [bistro, trattoria, trattoria, bistro], 1: [trattoria, bistro, bistro, trattoria]}
    assert {each["number"] for each in found} == set(range(TASKS))
    assert [each for each in found if each["seen"] != right[each["number"] % 2]] == []
    assert len({each["process"] for each in found}) == 2
