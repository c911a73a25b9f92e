"""What the pages of orders and stock show, put together from rows: values that a template only has to write down."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from menu import recipes
from menu.models import Ingredient
from procurement import emails, needs, replenishment, stock, wording
from procurement.forms import COUNT_UNITS
from procurement.models import PurchaseOrder, PurchaseOrderLine, Suggestion
from procurement.replenishment import Cover, Extra
from procurement.stock import Level
from tenants import people
from tenants.models import Restaurant

_DISHES_SHOWN = 8
_WHERE = {
    "unit": "menu:ingredient",
    "pack": "procurement:supplier",
    "no_supplier": "procurement:suppliers",
    "no_count": "procurement:stock",
    "below_nothing": "procurement:stock",
    "no_delivery": "procurement:supplier",
    "no_recipe": "menu:ingredients",
    "overdue": "procurement:order",
}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """An order line with its pack, its margin above the expected need, and the dishes behind it."""

    line: PurchaseOrderLine
    pack: str
    unit: str
    expected: Decimal
    margin: Decimal
    dishes: list[dict[str, Any]]
    more_dishes: int
    rest: Decimal

    @property
    def arrives(self) -> Decimal:
        """What the packs bring, in the base unit."""
        return self.line.packs * self.line.pack_quantity


@dataclass(frozen=True, slots=True)
class Minimum:
    """A supplier's minimum that a draft does not reach, and packs that would be used first of all."""

    amount: Decimal
    missing: Decimal
    proposal: str


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order as its page shows it."""

    order: PurchaseOrder
    lines: list[ShownLine]
    taken_off: list[ShownLine]
    time_left: str
    minimum: Minimum | None
    people: Mapping[UUID, str]

    @property
    def next_delivery_on(self) -> dt.date:
        """The delivery until which the order must last."""
        return self.order.covers_until_on + dt.timedelta(days=1)

    @property
    def steps(self) -> list[tuple[str, dt.datetime, str]]:
        """Who did what and when, oldest first."""
        taken = [
            ("Approved", self.order.approved_at, self.order.approved_by_id),
            ("Sent", self.order.sent_at, self.order.sent_by_id),
            ("Received", self.order.received_at, self.order.received_by_id),
            ("Cancelled", self.order.cancelled_at, self.order.cancelled_by_id),
        ]
        return [(name, at, self.people.get(by, "") if by else "") for name, at, by in taken if at]


@dataclass(frozen=True, slots=True)
class StockRow:
    """One ingredient's shelf: the level (None: never counted), how long it lasts, and the units to count it in."""

    ingredient: Ingredient
    level: Level | None
    cover: Cover
    units: tuple[str, ...]


def order(shown: PurchaseOrder, now: dt.datetime) -> ShownOrder:
    """What an order's page shows; `shown` comes from `with_lines`."""
    lines = [_line(line) for line in shown.lines.all()]
    did = [shown.approved_by_id, shown.sent_by_id, shown.received_by_id, shown.cancelled_by_id]
    ids = {each for each in did if each}
    return ShownOrder(
        order=shown,
        lines=[one for one in lines if one.line.packs],
        taken_off=[one for one in lines if not one.line.packs],
        time_left=wording.time_left(shown.order_by_at, now),
        minimum=_minimum(shown),
        people=people.names(ids) if ids else {},
    )


def _line(line: PurchaseOrderLine) -> ShownLine:
    expected = _used(line.drivers)
    return ShownLine(
        line=line,
        pack=emails.pack_label(line),
        unit=line.supplier_item.ingredient.base_unit,
        expected=expected,
        margin=max(Decimal(0), (line.needed or Decimal(0)) - expected),
        dishes=line.drivers[:_DISHES_SHOWN],
        more_dishes=max(0, len(line.drivers) - _DISHES_SHOWN),
        rest=_used(line.drivers[_DISHES_SHOWN:]),
    )


def _used(dishes: list[dict[str, Any]]) -> Decimal:
    """What dishes use together, in the base unit, to one decimal."""
    return Decimal(str(round(sum(dish["quantity"] for dish in dishes), 1)))


def _minimum(order: PurchaseOrder) -> Minimum | None:
    """Only long-life goods are proposed: fresh ones would spoil for the sake of a minimum."""
    amount = order.supplier.minimum_order
    if amount is None or order.status != PurchaseOrder.Status.DRAFT or order.value >= amount:
        return None
    lasting = {
        line.pk: line
        for line in order.bought
        if replenishment.level_for(line.supplier_item.ingredient.shelf_life_days) == replenishment.LEVEL_LASTING
    }
    packs = replenishment.top_up(
        amount - order.value,
        [
            Extra(
                key,
                line.price,
                line.pack_quantity,
                (line.on_hand or Decimal(0)) + (line.arriving or Decimal(0)) + line.packs * line.pack_quantity,
                sum(dish["quantity"] for dish in line.drivers),
            )
            for key, line in lasting.items()
        ],
    )
    named = [
        f"{count} × {lasting[key].supplier_item.name} ({emails.pack_label(lasting[key])})"
        for key, count in packs.items()
    ]
    return Minimum(amount, amount - order.value, ", ".join(named))


def problems(suggestion: Suggestion | None) -> list[dict[str, Any]]:
    """The last suggestion's problems, those that say the same as one, with the page where they can be resolved."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for problem in suggestion.problems if suggestion else []:
        grouped.setdefault((problem["kind"], problem["text"], _about(problem)), []).append(problem["subject"])
    return [
        {"subject": ", ".join(subjects), "text": text, "page": _WHERE.get(kind, ""), "about": about}
        for (kind, text, about), subjects in grouped.items()
    ]


def _about(problem: Mapping[str, str]) -> str:
    if problem["kind"] in {"unit"}:
        return problem["ingredient_id"]
    return problem["order_id"] or (problem["supplier_id"] if problem["kind"] in {"pack", "no_delivery"} else "")


def stock_rows(
    restaurant: Restaurant, now: dt.datetime, ingredients: Iterable[Ingredient]
) -> tuple[list[StockRow], stock.Stock]:
    """Every ingredient's shelf at `now`, what runs out first at the top."""
    book = recipes.book()
    shelf = stock.on_hand(restaurant, now, book)
    need = needs.read(restaurant, now, book)
    rows = []
    for ingredient in ingredients:
        level, cover = shelf.levels.get(ingredient.pk), Cover(None, None)
        if level:
            start = restaurant.business_date(level.known_until)
            share = shelf.shape.after(level.known_until, restaurant)
            daily = replenishment.still_to_come(need.daily.get(ingredient.pk, {}), start, share)
            cover = replenishment.cover(level.on_hand, daily, start, share)
        rows.append(StockRow(ingredient, level, cover, COUNT_UNITS[ingredient.base_unit]))
    return sorted(rows, key=_urgency), shelf


def _urgency(row: StockRow) -> tuple[bool, float, str]:
    return row.level is not None, 1e9 if row.cover.days is None else row.cover.days, row.ingredient.name
