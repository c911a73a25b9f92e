"""A task for test_prefork.py, in a module of its own, so that a worker can import it without the tests."""

import contextlib
import json
import os

import redis
from django.conf import settings
from django.db import connection, transaction

from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant
from tenants.office.models import Closure
from tenants.tasks import restaurant_task


class Trouble(Exception):
    """Something went wrong in the middle."""


def look() -> list[str]:
    """What a query sees now: schema, role and the note of the only closure."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()::text, current_user::text")
        return [*cursor.fetchone(), *Closure.objects.values_list("note", flat=True)]


@restaurant_task()
def tell(restaurant: Restaurant, *, other: str, number: str, answers: str) -> None:
    """Push what is seen here, twice in the other restaurant, and here again to the list `answers`.

    The first look at the other is in a transaction, which every third task rolls back.
    """
    with public_context():
        another = Restaurant.objects.get(pk=other)
    seen = [look()]
    with contextlib.suppress(Trouble), transaction.atomic():
        with restaurant_context(another):
            seen.append(look())
        if int(number) % 3 == 0:
            raise Trouble
    with restaurant_context(another):
        seen.append(look())
    seen.append(look())
    answer = {"number": int(number), "restaurant": restaurant.slug, "seen": seen, "process": os.getpid()}
    redis.Redis.from_url(settings.REDIS_URL).rpush(answers, json.dumps(answer))
