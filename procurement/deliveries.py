"""A supplier's calendar: until when an order can be placed, when it arrives, and when the next one could.

Cutoffs are wall-clock times at the restaurant. Moments are compared in UTC, so that a change of the clocks neither
repeats nor skips one.
"""

import datetime
import itertools
from collections.abc import Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_LOOK_AHEAD_DAYS = 120


@dataclass(frozen=True, slots=True)
class Rule:
    """Deliveries on `weekdays` (0 = Monday), ordered by `cutoff` local time `lead_time_days` calendar days before."""

    weekdays: frozenset[int]
    lead_time_days: int
    cutoff: datetime.time


@dataclass(frozen=True, slots=True)
class Slot:
    """The next order that can be placed: its last moment (UTC), its delivery, and the delivery after that one."""

    order_by: datetime.datetime
    arrives_on: datetime.date
    next_arrives_on: datetime.date


class NoDelivery(ValueError):
    """The calendar holds no two deliveries in the coming months, so that nothing can be planned."""

    def __init__(self) -> None:
        super().__init__(f"There are no two deliveries in the next {_LOOK_AHEAD_DAYS} days: check the delivery days.")


def next_slot(
    rule: Rule, now: datetime.datetime, zone: ZoneInfo, closed: Collection[datetime.date] = frozenset()
) -> Slot:
    """The earliest delivery that can still be ordered at `now`; nobody takes one in on a closed day.

    Raises NoDelivery.
    """
    today = now.astimezone(zone).date()
    days = (today + datetime.timedelta(days=n) for n in range(_LOOK_AHEAD_DAYS))
    deliveries = [day for day in days if day.weekday() in rule.weekdays and day not in closed]
    for arrives_on, following in itertools.pairwise(deliveries):
        order_by = _order_by(rule, arrives_on, zone)
        if now <= order_by:
            return Slot(order_by, arrives_on, following)
    raise NoDelivery


def _order_by(rule: Rule, arrives_on: datetime.date, zone: ZoneInfo) -> datetime.datetime:
    day = arrives_on - datetime.timedelta(days=rule.lead_time_days)
    return datetime.datetime.combine(day, rule.cutoff, tzinfo=zone).astimezone(datetime.UTC)
