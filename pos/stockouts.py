"""Dishes that stopped selling too early to be chance are taken to have run out, until somebody says otherwise."""

import datetime as dt
from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connection as database

from menu import sold_out
from menu.models import MenuItem, SoldOut
from pos import last_sales
from tenants.models import Restaurant

LOOK_BACK_DAYS = 28  # so far back a night that was missed is caught up
WEEKS = 8  # of the same weekday, beside which a day is seen
SHORTLY = dt.timedelta(minutes=1)  # after its last order a dish was out

# Seconds since the begin of the business date, by the wall clock; a NULL among them where an order has no time.
ORDERED_AT = """
SELECT o.business_date, l.menu_item_id, array_agg(DISTINCT ordered.second ORDER BY ordered.second)
FROM pos_daysource s
JOIN pos_order o ON o.business_date = s.business_date AND o.connection_id = s.connection_id
JOIN pos_orderline l ON l.order_id = o.id
CROSS JOIN LATERAL (
    SELECT floor(extract(epoch FROM (o.opened_at AT TIME ZONE %(zone)s) - o.business_date))::integer AS second
) ordered
WHERE s.business_date BETWEEN %(first)s AND %(last)s AND l.quantity > 0
GROUP BY o.business_date, l.menu_item_id
"""

Times = dict[UUID, list[int]]


def infer(restaurant: Restaurant, *, now: dt.datetime) -> list[SoldOut]:
    """Look at the last four weeks' complete business dates whose orders have times, and keep what was found anew.

    A dish-day that is known already, or was dismissed, stays as it is: looking again says nothing new.
    """
    today = restaurant.business_date(now)
    first = today - dt.timedelta(days=LOOK_BACK_DAYS)
    days = _ordered_at(restaurant, first - dt.timedelta(weeks=WEEKS), today - dt.timedelta(days=1))
    known = _known(days)
    groups = dict(MenuItem.objects.on_the_menu().values_list("pk", "category"))
    found = []
    for day in sorted(date for date in days if date >= first):
        usual = [_usual(days[past], groups, known, past) for past in _same_weekdays(day) if past in days]
        for silence in last_sales.ran_out(days[day], usual, groups):
            if silence.item in groups:
                known.add((silence.item, day))
                found.append((silence.item, day, _moment(restaurant, day, silence.last) + SHORTLY))
    return sold_out.suspect(found, at=now)


def _ordered_at(restaurant: Restaurant, first: dt.date, last: dt.date) -> dict[dt.date, Times]:
    """Business date → dish → when it was ordered; days with an order without a time are left out."""
    days: dict[dt.date, Times] = {}
    untimed = set()
    with database.cursor() as cursor:
        cursor.execute(ORDERED_AT, {"zone": restaurant.timezone, "first": first, "last": last})
        for day, item, seconds in cursor.fetchall():
            days.setdefault(day, {})[item] = seconds
            if seconds[-1] is None:  # NULLs come last
                untimed.add(day)
    return {day: times for day, times in days.items() if day not in untimed}


def _known(days: Collection[dt.date]) -> set[tuple[UUID, dt.date]]:
    found = SoldOut.objects.counting().filter(business_date__in=days)
    return set(found.values_list("menu_item_id", "business_date"))


def _same_weekdays(day: dt.date) -> list[dt.date]:
    return [day - dt.timedelta(weeks=week) for week in range(1, WEEKS + 1)]


def _usual(
    times: Times, dishes: Iterable[UUID], known: Collection[tuple[UUID, dt.date]], day: dt.date
) -> dict[UUID, list[int]]:
    """A past day with every dish, also one that was not ordered, but without those that ran out on it: of them it does
    not show how much is usual.
    """
    return {dish: times.get(dish, []) for dish in dishes if (dish, day) not in known}


def _moment(restaurant: Restaurant, day: dt.date, second: int) -> dt.datetime:
    wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=second)
    return wall.replace(tzinfo=restaurant.zone)
