"""Tasks that run for one restaurant, the loop over all of them, and what the platform tidies up."""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from tenants import health, people
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant

UNPROVEN_DAYS = 7
log = structlog.get_logger(__name__)


def restaurant_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A Celery task whose first argument is a restaurant; callers pass `restaurant_id` and ids by keyword.

    The task opens the restaurant before its body runs, so no task can run for the wrong one or for none. A restaurant
    that no longer works (suspended, closed, gone) is skipped. Every line logged inside names the restaurant, and what
    came of it is told to the platform's staff.
    """

    def decorate(body: Callable[..., Any]) -> Any:
        @shared_task(**options)
        @wraps(body)
        def task(*, restaurant_id: str, **kwargs: Any) -> Any:
            with public_context():
                restaurant = Restaurant.objects.working().filter(pk=UUID(restaurant_id)).first()
            if restaurant is None:
                log.warning("task_skipped", restaurant_id=restaurant_id)
                return None
            with (
                restaurant_context(restaurant),
                structlog.contextvars.bound_contextvars(restaurant=restaurant.slug),
                health.watch(restaurant, body.__name__, kwargs),
            ):
                return body(restaurant, **kwargs)

        return task

    return decorate


def enqueue(task: Any, restaurant: Restaurant, *, queue: str | None = None, **ids: Any) -> None:
    """Send the task for `restaurant` once the running transaction has been committed, so that it finds its rows.

    Where the broker does not answer, that is logged and no more: the job's row waits, and the sweep sends it again.
    """
    kwargs = {"restaurant_id": str(restaurant.pk)} | {name: str(value) for name, value in ids.items()}

    where = {"queue": queue} if queue else {}

    def send() -> None:
        with restaurant_context(restaurant):
            task.apply_async(kwargs=kwargs, **where)

    transaction.on_commit(send, robust=True)


def for_each_restaurant(verb: Callable[[Restaurant], Any], *, among: Sequence[str] | None = None) -> list[str]:
    """Call `verb` inside every working restaurant, or those of these ids. One that fails is logged and stops no other.

    Returns the slugs of those that failed.
    """
    failed, name = [], getattr(getattr(verb, "func", verb), "__name__", "a job for all restaurants")
    with public_context():
        working = Restaurant.objects.working()
        restaurants = list(working if among is None else working.filter(pk__in=among))
    for restaurant in restaurants:
        with restaurant_context(restaurant):
            try:
                with health.watch(restaurant, name, {}):
                    verb(restaurant)
            except Exception:
                log.exception("restaurant_failed")
                failed.append(restaurant.slug)
    return failed


@shared_task
def forget_unproven_people() -> None:
    """Free the addresses of who signed up a while ago and never entered the code."""
    before = timezone.now() - dt.timedelta(days=UNPROVEN_DAYS)
    log.info("unproven_forgotten", people=people.forget_unproven(before=before))
