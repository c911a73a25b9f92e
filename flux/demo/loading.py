"""Bringing the demo's sales in, through the same verbs as a file: its history in the background, and today as it goes.

Every order has the number that the till gave it, so whatever is brought in twice changes nothing.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache

from django.db import transaction

from flux.demo import opening, trade
from flux.demo.bistro import Bistro
from pos import loading, sources
from pos.models import Order
from pos.providers import base
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job

UNITS_OF_A_GUEST = 2.2


def missing_days(restaurant: Restaurant, facts: Bistro, *, now: dt.datetime) -> list[dt.date]:
    """The business dates up to yesterday whose sales are not all in yet, newest first.

    The date before a gap counts as missing too: the demo may have been stopped in the middle of it.
    """
    sales = opening.trade_of(restaurant, facts)
    known = _known_days(facts)
    today = restaurant.business_date(now)
    days = (today - dt.timedelta(days=n) for n in range((today - sales.first_on).days + 1))
    trading = [today, *(day for day in days if day not in sales.closed and day != today)]
    known.add(today)
    return [day for after, day in itertools.pairwise(trading) if not {after, day} <= known]


def _known_days(facts: Bistro) -> set[dt.date]:
    return set(Order.objects.filter(connection=opening.till(facts)).values_list("business_date", flat=True).distinct())


def load_history(restaurant: Restaurant, facts: Bistro, *, now: dt.datetime, job: Job) -> int:
    """Bring in all missing days, a month at a time, the newest first. Returns the number of order lines."""
    sales = opening.trade_of(restaurant, facts)
    months = [list(days) for _, days in itertools.groupby(missing_days(restaurant, facts, now=now), _month)]
    lines = 0
    for number, days in enumerate(months):
        jobs.progress(job, number, len(months), f"Loading the sales of {days[0]:%B %Y}")
        of_month = list(itertools.chain.from_iterable(sales.on(day) for day in sorted(days)))
        take_in(restaurant, facts, of_month, now=now)
        lines += len(of_month)
    return lines


def let_orders_arrive(restaurant: Restaurant, facts: Bistro, *, now: dt.datetime) -> int:
    """Bring in the orders that guests have opened since the last time, last night's among them.

    Returns the number of order lines.
    """
    today = restaurant.business_date(now)
    days = [today - dt.timedelta(days=1), today]
    sales = opening.trade_of(restaurant, facts)
    here = Order.objects.filter(connection=opening.till(facts), business_date__in=days)
    known = set(here.values_list("external_id", flat=True))
    opened = trade.arrived(itertools.chain.from_iterable(sales.on(day) for day in days), now)
    lines = [line for line in opened if line.order_id not in known]
    if lines:
        take_in(restaurant, facts, lines, now=now)
    return len(lines)


def orders(restaurant: Restaurant, lines: Iterable[trade.Line], vat: Decimal) -> Iterator[base.Order]:
    """The lines as the orders that a source of sales hands over."""
    for order_id, group in itertools.groupby(lines, lambda line: line.order_id):
        of_order = list(group)
        first = of_order[0]
        yield base.Order(
            external_id=order_id,
            business_date=restaurant.business_date(first.opened_at),
            opened_at=first.opened_at.astimezone(dt.UTC),
            guests=_guests(of_order),
            lines=[_line(one.item, one.category, one.quantity, one.unit_price, vat) for one in of_order],
        )


def _guests(lines: Iterable[trade.Line]) -> int:
    """How many sat at the table: every other unit is another guest's."""
    return max(1, round(sum(line.quantity for line in lines) / UNITS_OF_A_GUEST))


def take_in(restaurant: Restaurant, facts: Bistro, lines: Iterable[trade.Line], *, now: dt.datetime) -> None:
    """Bring these lines in as the till's orders, with their days' sources and rollup, or nothing of it."""
    with transaction.atomic():
        loading.lock(restaurant)
        till = opening.till(facts)
        loading.stage(orders(restaurant, lines, facts.vat), till.pk)
        changes = loading.write(till, None)
        sources.settle(changes.days, now=now)


@lru_cache(maxsize=1000)  # `loading` writes lines that are one object once
def _line(item: str, category: str, quantity: int, unit_price: Decimal, vat: Decimal) -> base.Line:
    gross = quantity * unit_price
    net = (gross / (1 + vat)).quantize(Decimal("0.0001"))
    return base.Line(item, Decimal(quantity), unit_price, gross, net, category)


def _month(day: dt.date) -> tuple[int, int]:
    return day.year, day.month
