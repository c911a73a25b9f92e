"""What is expected in each part of the day: the day's forecast, spread as orders were over the last weeks."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache

from forecasting.arithmetic import splitting
from forecasting.arithmetic.splitting import Shares
from forecasting.models import Run
from menu.models import MenuItem
from pos.models import OrderLine
from tenants.models import Restaurant
from tenants.office import dayparts as office
from tenants.office import hours
from tenants.office.dayparts import Part
from tenants.office.hours import Span

RECENT_DAYS = 84  # twelve of each weekday
KEPT_SECONDS = 3600
FEWEST_SHARE = 0.03  # of all units: a part with less is not worth a column
USUAL = tuple(
    Part(name, dt.time(hour))
    for name, hour in [("Breakfast", 6), ("Lunch", 11), ("Afternoon", 15), ("Dinner", 17), ("Late", 22)]
)
WITHOUT_ANYTHING = (Part("Lunch", dt.time(11)), Part("Dinner", dt.time(17)))


@dataclass(frozen=True)
class Split:
    """The parts in the order of the day, and how days spread over them; `shares` is None where no order has a time."""

    parts: list[Part]
    shares: Shares | None

    @property
    def is_known(self) -> bool:
        return self.shares is not None

    def of(self, item_id: UUID, category: str, day: dt.date, thousandths: int) -> list[int]:
        """Thousandths of a unit for each part; they add up to `thousandths`. Only where it `is_known`."""
        if self.shares is None:
            raise ValueError("No order has a time of day.")
        return splitting.split(thousandths, self.shares.of(item_id, category, day.weekday()))


def read(restaurant: Restaurant, run: Run) -> Split:
    """How the days of a run spread over the restaurant's parts of the day, from the twelve weeks that it ends with.

    What was counted is kept for an hour: it changes with the run, and with the parts themselves.
    """
    parts = office.parts(restaurant.closeout_hour)
    if not parts or run.cutoff_on is None:
        return Split(parts, None)
    asked = [restaurant.timezone, restaurant.closeout_hour, *(part.begins_at.isoformat() for part in parts)]
    key = f"dayparts:{run.pk}:{hashlib.sha256(repr(asked).encode()).hexdigest()}"
    sold = cache.get(key)
    if sold is None:
        sold = count(restaurant, parts, run.cutoff_on)
        cache.set(key, sold, KEPT_SECONDS)
    if not sold:
        return Split(parts, None)
    categories = dict(MenuItem.objects.values_list("pk", "category"))
    return Split(parts, Shares.learn(sold, categories, len(parts)))


def count(restaurant: Restaurant, parts: Sequence[Part], last_on: dt.date) -> dict[tuple[UUID, int], list[float]]:
    """(dish, weekday) → units by part over the twelve weeks to `last_on`; empty where no order has a time."""
    found: dict[tuple[UUID, int], list[float]] = {}
    for row in OrderLine.objects.by_part(
        last_on - dt.timedelta(days=RECENT_DAYS - 1),
        last_on,
        begins=[part.begins_after(restaurant.closeout_hour) for part in parts],
        zone=restaurant.zone,
        closeout_hour=restaurant.closeout_hour,
    ):
        units = found.setdefault((row["menu_item_id"], row["weekday"] - 1), [0.0] * len(parts))
        units[row["part"]] += float(row["units"])
    return found


def suggested(restaurant: Restaurant, last_on: dt.date | None) -> list[Part]:
    """Parts to begin with: the usual ones in which something is sold, or in which the house is open."""
    sold = count(restaurant, _in_order(USUAL, restaurant), last_on) if last_on else {}
    if not sold:
        return _open_in(hours.week(), restaurant) or list(WITHOUT_ANYTHING)
    by_part = [sum(units) for units in zip(*sold.values(), strict=True)]
    busy = [
        part
        for part, units in zip(_in_order(USUAL, restaurant), by_part, strict=True)
        if units >= FEWEST_SHARE * sum(by_part)
    ]
    return busy if len(busy) > 1 else list(WITHOUT_ANYTHING)


def _in_order(parts: Iterable[Part], restaurant: Restaurant) -> list[Part]:
    return sorted(parts, key=lambda part: part.begins_after(restaurant.closeout_hour))


def _open_in(week: Sequence[Span], restaurant: Restaurant) -> list[Part]:
    """The usual parts that share an hour with the opening hours of any weekday; none where there are too few."""
    in_order = _in_order(USUAL, restaurant)
    ends = [part.begins_after(restaurant.closeout_hour) for part in in_order[1:]] + [office.DAY]
    spans = [(_opens(span, restaurant), _opens(span, restaurant) + span.minutes[1] - span.minutes[0]) for span in week]
    found = [
        part
        for part, end in zip(in_order, ends, strict=True)
        if any(
            min(end, closes) - max(part.begins_after(restaurant.closeout_hour), opens) >= office.HOUR
            for opens, closes in spans
        )
    ]
    return found if len(found) > 1 else []


def _opens(span: Span, restaurant: Restaurant) -> int:
    return Part("", span.opens_at).begins_after(restaurant.closeout_hour)
