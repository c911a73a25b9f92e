"""Tasks that run for one restaurant."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

import structlog
from celery import shared_task

from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant


def restaurant_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A Celery task whose first argument is a restaurant; callers pass `restaurant_id` and ids by keyword.

    The task opens the restaurant before its body runs, so no task can run for the wrong one or for none. A restaurant
    that no longer works (suspended, closed, gone) is skipped.
    """

    def decorate(body: Callable[..., Any]) -> Any:
        @shared_task(**options)
        @wraps(body)
        def task(*, restaurant_id: str, **kwargs: Any) -> Any:
            with public_context():
                restaurant = Restaurant.objects.working().filter(pk=UUID(restaurant_id)).first()
            if restaurant is None:
                structlog.get_logger(__name__).warning("task_skipped", restaurant_id=restaurant_id, task=body.__name__)
                return None
            with restaurant_context(restaurant):
                return body(restaurant, **kwargs)

        return task

    return decorate
