"""What is on the shelf: counted at some moment, moved by receipts and waste, and used by what was sold since."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from django.db.models import F, Max, Sum
from django.db.models.functions import ExtractHour

from menu import explosion, recipes, units
from menu.models import Ingredient
from menu.recipes import Book
from pos.models import DailySales, Order, OrderLine
from procurement.models import StockMovement
from tenants.actors import By
from tenants.models import Restaurant

_NOON = 12
_SHAPE_DAYS = 28


class NegativeCount(ValueError):
    """Less than nothing was counted."""

    def __init__(self, quantity: Decimal) -> None:
        super().__init__(f"A count of {quantity} is not possible: nothing is 0.")


@dataclass(frozen=True, slots=True)
class DayShape:
    """How the day's sales spread over its hours, counted from the closeout hour; empty where no sale has a time."""

    hourly: tuple[float, ...] = ()

    def after(self, moment: dt.datetime, restaurant: Restaurant) -> float:
        """Share of a business day's sales that is still to come at `moment`.

        Where no sale has a time of day, a moment before noon is taken to be before service and a later one after it.
        """
        wall = moment.astimezone(restaurant.zone)
        if not self.hourly:
            since_closeout = (wall.hour - restaurant.closeout_hour) % 24
            return 1.0 if since_closeout < _NOON - restaurant.closeout_hour else 0.0
        hour = (wall.hour - restaurant.closeout_hour) % 24
        within = (wall.minute * 60 + wall.second) / 3600
        return sum(self.hourly[hour + 1 :]) + self.hourly[hour] * (1 - within)


@dataclass(frozen=True, slots=True)
class Level:
    """What there is of one ingredient, in its base unit, and how the figure came about."""

    ingredient: Ingredient
    counted: Decimal
    counted_at: dt.datetime
    received: Decimal
    wasted: Decimal
    used: Fraction
    known_until: dt.datetime  # sales up to here are in `used`

    @property
    def on_hand(self) -> Decimal:
        """The estimate, never below nothing."""
        return max(Decimal(0), self.balance)

    @property
    def balance(self) -> Decimal:
        """The same, unclipped: below nothing, more was used than could have been there, and a count is due."""
        moved = Fraction(self.counted) + Fraction(self.received) - Fraction(self.wasted) - self.used
        return units.rounded(moved, 4)


@dataclass(frozen=True, slots=True)
class Stock:
    """Every counted ingredient's level, and how far sales are known."""

    levels: Mapping[UUID, Level]
    sales_until_on: dt.date | None
    shape: DayShape = field(default_factory=DayShape)


def on_hand(restaurant: Restaurant, now: dt.datetime, book: Book) -> Stock:
    """The stock at `now`: last count + receipts − waste − theoretical usage since. In seven queries, however much."""
    counts = {
        count.ingredient_id: count for count in StockMovement.objects.latest_counts(now).select_related("ingredient")
    }
    sales_until_on = DailySales.objects.aggregate(last=Max("business_date"))["last"]
    shape = _day_shape(restaurant, now)
    if not counts:
        return Stock({}, sales_until_on, shape)
    first = min(count.at for count in counts.values())
    movements = list(StockMovement.objects.since(first, now))
    known_until = _sales_known_until(restaurant, sales_until_on, restaurant.business_date(now))
    used = _usage_since(restaurant, {count.at for count in counts.values()}, book, shape)
    return Stock(
        {
            key: Level(
                ingredient=count.ingredient,
                counted=count.quantity,
                counted_at=count.at,
                received=_moved(movements, count, StockMovement.Kind.RECEIPT),
                wasted=_moved(movements, count, StockMovement.Kind.WASTE),
                used=used[count.at].get(key, Fraction(0)),
                known_until=max(count.at, known_until) if known_until else count.at,
            )
            for key, count in counts.items()
        },
        sales_until_on,
        shape,
    )


def record_count(ingredient_id: UUID, quantity: Decimal, unit: str, *, by: By, at: dt.datetime) -> StockMovement:
    """Write down what was counted, in any unit that converts. Raises NegativeCount, NoConversion, UnknownUnit."""
    if quantity < 0:
        raise NegativeCount(quantity)
    ingredient = Ingredient.objects.get(pk=ingredient_id)
    counted = units.convert(quantity, unit, ingredient.base_unit, of=recipes.substance(ingredient))
    return StockMovement.objects.create(
        ingredient=ingredient,
        kind=StockMovement.Kind.COUNT,
        quantity=units.rounded(counted, 4),
        at=at,
        by_id=by.pk,
    )


def _moved(movements: list[StockMovement], count: StockMovement, kind: str) -> Decimal:
    return sum(
        (
            movement.quantity
            for movement in movements
            if movement.ingredient_id == count.ingredient_id and movement.kind == kind and movement.at > count.at
        ),
        Decimal(0),
    )


def _day_shape(restaurant: Restaurant, now: dt.datetime) -> DayShape:
    since = restaurant.business_date(now) - dt.timedelta(days=_SHAPE_DAYS)
    sold = (
        OrderLine.objects.filter(order__business_date__gte=since, order__opened_at__isnull=False)
        .annotate(hour=ExtractHour("order__opened_at", tzinfo=restaurant.zone))
        .values_list("hour")
        .annotate(Sum("quantity"))
    )
    hours = [0.0] * 24
    for hour, quantity in sold:
        hours[(hour - restaurant.closeout_hour) % 24] += max(0.0, float(quantity))
    total = sum(hours)
    return DayShape(tuple(quantity / total for quantity in hours)) if total else DayShape()


def _sales_known_until(restaurant: Restaurant, last_on: dt.date | None, today: dt.date) -> dt.datetime | None:
    """The moment up to which sales are known: the end of the last day, or its last order while it is still running."""
    if last_on is None:
        return None
    day_after = dt.datetime.combine(
        last_on + dt.timedelta(days=1), dt.time(restaurant.closeout_hour), tzinfo=restaurant.zone
    ).astimezone(dt.UTC)
    if last_on < today:
        return day_after
    last_order: dt.datetime | None = Order.objects.filter(business_date=last_on).aggregate(at=Max("opened_at"))["at"]
    return day_after if last_order is None else last_order


def _usage_since(
    restaurant: Restaurant, moments: Collection[dt.datetime], book: Book, shape: DayShape
) -> dict[dt.datetime, dict[UUID, Fraction]]:
    """Theoretical usage per ingredient after each of the moments."""
    days = {moment: restaurant.business_date(moment) for moment in moments}
    later = list(
        DailySales.objects.filter(business_date__gt=min(days.values())).values_list(
            "business_date", "menu_item_id", "quantity"
        )
    )
    same_day = list(
        OrderLine.objects.filter(
            order__business_date__in=set(days.values()),
            order__connection__days__business_date=F("order__business_date"),
        )
        .values_list("order__business_date", "order__opened_at", "menu_item_id")
        .annotate(Sum("quantity"))
    )
    usage = {}
    for moment, day in days.items():
        sold: dict[UUID, Decimal] = {}
        for date, item, quantity in later:
            if date > day:
                sold[item] = sold.get(item, Decimal(0)) + quantity
        untimed = Decimal(str(shape.after(moment, restaurant)))
        for date, opened_at, item, quantity in same_day:
            if date == day and (opened_at is None or opened_at > moment):
                sold[item] = sold.get(item, Decimal(0)) + quantity * (untimed if opened_at is None else 1)
        positive = {item: quantity for item, quantity in sold.items() if quantity > 0}
        usage[moment] = explosion.usage(positive, book.recipes)
    return usage
