"""Tasks open the restaurant that they are for, and no other."""

import pytest
import structlog
from django.test import TestCase
from kombu.exceptions import OperationalError

from tenants.context import current_restaurant, public_context, restaurant_context
from tenants.models import Restaurant
from tenants.tasks import enqueue, for_each_restaurant, restaurant_task

seen = []


@restaurant_task()
def look(restaurant, *, item_id="-"):
    logged = structlog.contextvars.get_contextvars()["restaurant"]
    seen.append((restaurant.slug, current_restaurant().slug, logged, item_id))


@pytest.fixture(autouse=True)
def _nothing_seen():
    seen.clear()


def test_a_task_runs_inside_its_restaurant_whatever_is_open(restaurant, other_restaurant):
    look.delay(restaurant_id=str(other_restaurant.pk))
    assert seen == [("trattoria", "trattoria", "trattoria", "-")]
    assert current_restaurant() == restaurant


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_a_restaurant_that_does_not_work_is_skipped(restaurant, status):
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(status=status)
    look.delay(restaurant_id=str(restaurant.pk))
    assert seen == []


def test_a_task_is_sent_on_commit_with_ids_as_text(restaurant, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        enqueue(look, restaurant, item_id=7)
    assert seen == []
    callbacks[0]()
    assert seen == [("bistro", "bistro", "bistro", "7")]


def test_one_restaurant_that_fails_does_not_stop_the_others(restaurant, other_restaurant):
    def verb(one):
        if one.slug == "bistro":
            raise ValueError("broken")
        seen.append(one.slug)

    with restaurant_context(restaurant):
        assert for_each_restaurant(verb) == ["bistro"]
    assert seen == ["trattoria"]


def test_a_broker_that_does_not_answer_harms_nobody_who_asked(restaurant, monkeypatch, caplog):
    def unreachable(**_kwargs):
        raise OperationalError("Connection refused")

    monkeypatch.setattr(look, "apply_async", unreachable)
    with TestCase.captureOnCommitCallbacks(execute=True):
        enqueue(look, restaurant)
    assert "Connection refused" in caplog.text
