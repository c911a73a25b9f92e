"""What to order, from whom: one draft per supplier, kept up to date.

Forecast × recipes is the need, stock and open orders are taken off, the supplier's calendar says for how long, and the
pack turns it into an order line with its reason. The same facts give the same drafts, row for row. What a person chose
stays chosen. What cannot be computed is left out and listed with the way to resolve it: nothing is guessed.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from menu import explosion, recipes, units
from menu.explosion import Moments
from menu.models import Ingredient
from menu.recipes import Book
from menu.units import NoConversion, UnknownUnit
from procurement import deliveries, needs, replenishment, stock, wording
from procurement.deliveries import NoDelivery, Slot
from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Suggestion, Supplier, SupplierItem
from procurement.needs import Needs
from procurement.replenishment import Arrival, ForecastTooShort, Pack, Position, Proposal
from procurement.stock import Level, Stock
from tenants.actors import By
from tenants.models import Restaurant
from tenants.office.models import Closure

_STALE_DAYS = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was left out of the orders, why, and where it can be resolved.

    `kind` is one of: no_forecast, forecast_ends, old_sales, unit, pack, no_supplier, no_count, below_nothing,
    no_delivery, no_recipe, overdue.
    """

    kind: str
    subject: str
    text: str
    ingredient_id: str = ""
    supplier_id: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a suggestion did: rows created, changed and removed (orders and lines), and what it left out."""

    drafts: tuple[PurchaseOrder, ...]
    created: int
    changed: int
    removed: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A line that a draft should have."""

    item: SupplierItem
    pack: Pack
    proposal: Proposal
    drivers: list[dict[str, Any]]


@dataclass(slots=True)
class _Facts:
    """Everything that a suggestion reads, once."""

    restaurant: Restaurant
    now: dt.datetime
    book: Book
    stock: Stock
    needs: Needs
    arrivals: Mapping[UUID, list[Arrival]]
    decided: frozenset[tuple[UUID, dt.date]]
    slots: Mapping[UUID, Slot]

    @property
    def today(self) -> dt.date:
        return self.restaurant.business_date(self.now)


@transaction.atomic
def suggest(restaurant: Restaurant, now: dt.datetime) -> Suggested:
    """Bring the drafts to what should be ordered at `now`."""
    record, _ = Suggestion.objects.get_or_create(pk=1)
    record = Suggestion.objects.select_for_update().get(pk=1)
    drafts = {
        order.supplier_id: order
        for order in PurchaseOrder.objects.drafts().select_for_update(of=("self",)).select_related("supplier")
    }
    items = _one_per_ingredient(SupplierItem.objects.orderable())
    problems: list[Problem] = []
    facts = _read(restaurant, now, {item.supplier_id: item.supplier for item in items.values()}, problems)
    wanted = _wanted(facts, items, problems)
    changes = _Changes(facts, drafts)
    changes.apply(wanted)
    found = tuple(sorted(problems, key=lambda problem: (problem.kind, problem.subject)))
    _record(record, facts, found)
    return Suggested(tuple(changes.drafts), changes.created, changes.changed, changes.removed, found)


def count(
    restaurant: Restaurant, ingredient_id: UUID, quantity: Decimal, unit: str, *, by: By, at: dt.datetime
) -> StockMovement:
    """Write down a count and bring the drafts up to date with it. Raises what `stock.record_count` raises."""
    counted = stock.record_count(ingredient_id, quantity, unit, by=by, at=at)
    suggest(restaurant, at)
    return counted


# ---- reading


def _one_per_ingredient(items: Iterable[SupplierItem]) -> dict[UUID, SupplierItem]:
    """The item to order of each ingredient: the preferred one, else the first of the list."""
    chosen: dict[UUID, SupplierItem] = {}
    for item in items:
        chosen.setdefault(item.ingredient_id, item)
    return chosen


def _read(
    restaurant: Restaurant, now: dt.datetime, suppliers: Mapping[UUID, Supplier], problems: list[Problem]
) -> _Facts:
    book = recipes.book()
    shelf = stock.on_hand(restaurant, now, book)
    today = restaurant.business_date(now)
    known = [restaurant.business_date(level.known_until) for level in shelf.levels.values()]
    need = needs.read(restaurant, now, book, since=min([today, *known]))
    on_order = list(
        PurchaseOrderLine.objects.filter(order__in=PurchaseOrder.objects.open())
        .select_related("order__supplier", "supplier_item")
        .order_by("order__deliver_on", "id")
    )
    return _Facts(
        restaurant=restaurant,
        now=now,
        book=book,
        stock=shelf,
        needs=need,
        arrivals=_arrivals(on_order, today, problems),
        decided=frozenset((line.supplier_item_id, line.order.deliver_on) for line in on_order if line.is_edited),
        slots=_slots(restaurant, now, suppliers, problems),
    )


def _arrivals(
    on_order: Iterable[PurchaseOrderLine], today: dt.date, problems: list[Problem]
) -> dict[UUID, list[Arrival]]:
    """What open orders bring, per ingredient. One that is overdue still counts, and is pointed out."""
    arrivals: dict[UUID, list[Arrival]] = {}
    overdue: dict[UUID, PurchaseOrder] = {}
    for line in on_order:
        if not line.packs:
            continue
        arrival = Arrival(line.order.deliver_on, line.packs * line.pack_quantity)
        arrivals.setdefault(line.supplier_item.ingredient_id, []).append(arrival)
        if line.order.deliver_on < today:
            overdue[line.order_id] = line.order
    problems += [
        Problem(
            "overdue",
            str(order.supplier),
            f"Order {order.number} was due on {wording.long_date(order.deliver_on)} and still counts as coming: "
            "mark it as received, or cancel it.",
            order_id=str(order.pk),
        )
        for order in overdue.values()
    ]
    return arrivals


def _slots(
    restaurant: Restaurant, now: dt.datetime, suppliers: Mapping[UUID, Supplier], problems: list[Problem]
) -> dict[UUID, Slot]:
    today = now.astimezone(restaurant.zone).date()
    closed = frozenset(Closure.objects.filter(on__gte=today).values_list("on", flat=True))
    slots = {}
    for key, supplier in suppliers.items():
        try:
            slots[key] = deliveries.next_slot(rule_of(supplier), now, restaurant.zone, closed)
        except NoDelivery as none:
            problems.append(Problem("no_delivery", supplier.name, str(none), supplier_id=str(key)))
    return slots


def rule_of(supplier: Supplier) -> deliveries.Rule:
    """The supplier's calendar as plain values."""
    return deliveries.Rule(frozenset(supplier.delivery_weekdays), supplier.lead_time_days, supplier.cutoff)


# ---- computing


def _wanted(
    facts: _Facts, items: Mapping[UUID, SupplierItem], problems: list[Problem]
) -> dict[UUID, dict[UUID, _Wanted]]:
    """Lines per supplier and supplier item."""
    problems += _problems_of_the_whole(facts)
    if facts.needs.run is None:
        return {}
    used = {key for recipe in facts.book.recipes.values() for key in recipe} | facts.book.doubtful_ingredients
    wanted: dict[UUID, dict[UUID, _Wanted]] = {}
    for ingredient in Ingredient.objects.all():
        item, level = items.get(ingredient.pk), facts.stock.levels.get(ingredient.pk)
        problem = _obstacle(ingredient, facts, used, item, level)
        if problem:
            problems.append(problem)
        elif item and level and item.supplier_id in facts.slots:
            if level.balance < 0:
                text = "Sales since the last count used more than there was. Taken as none left: count it again."
                problems.append(Problem("below_nothing", ingredient.name, text, str(ingredient.pk)))
            line = _line(ingredient, item, level, facts, problems)
            if line and line.proposal.packs:
                wanted.setdefault(item.supplier_id, {})[item.pk] = line
    return wanted


def _problems_of_the_whole(facts: _Facts) -> list[Problem]:
    found = []
    if facts.needs.run is None:
        found.append(Problem("no_forecast", "Forecast", "There is no forecast yet: import sales, then make one."))
    last = facts.stock.sales_until_on
    if last and (facts.today - last).days > _STALE_DAYS:
        found.append(
            Problem(
                "old_sales",
                "Sales",
                f"Sales are known until {wording.long_date(last)}. What was used since is taken from the forecast.",
            )
        )
    return found


def _obstacle(
    ingredient: Ingredient, facts: _Facts, used: set[UUID], item: SupplierItem | None, level: Level | None
) -> Problem | None:
    """Why no line can be computed for the ingredient, if so."""
    key = str(ingredient.pk)
    refused = [line for line in facts.book.refused if line.ingredient_id == ingredient.pk]
    if refused:
        dishes = ", ".join(sorted({line.menu_item for line in refused}))
        return Problem("unit", ingredient.name, f"{refused[0].problem} (Used in {dishes}.)", key)
    if ingredient.pk not in used:
        text = "No recipe uses it, so its need is not known."
        return Problem("no_recipe", ingredient.name, text, key) if item else None
    if item is None:
        return Problem("no_supplier", ingredient.name, "No supplier sells it: add it to an order guide.", key)
    if level is None:
        return Problem("no_count", ingredient.name, "It was never counted: count it once.", key)
    return None


def _line(
    ingredient: Ingredient, item: SupplierItem, level: Level, facts: _Facts, problems: list[Problem]
) -> _Wanted | None:
    subject = {"ingredient_id": str(ingredient.pk), "supplier_id": str(item.supplier_id)}
    try:
        pack = pack_of(item)
    except (NoConversion, UnknownUnit) as missing:
        problems.append(Problem("pack", ingredient.name, str(missing), **subject))
        return None
    start = facts.restaurant.business_date(level.known_until)
    share = facts.stock.shape.after(level.known_until, facts.restaurant)
    slot = facts.slots[item.supplier_id]
    if (item.pk, slot.arrives_on) in facts.decided:
        return None  # a person chose other packs for this very delivery: that stands
    try:
        proposal = replenishment.propose(
            demand=replenishment.still_to_come(facts.needs.daily.get(ingredient.pk, {}), start, share),
            forecast_ends_on=facts.needs.ends_on or start,
            start=start,
            slot=slot,
            position=Position(level.on_hand, tuple(facts.arrivals.get(ingredient.pk, ()))),
            pack=pack,
            base_unit=ingredient.base_unit,
            shelf_life_days=ingredient.shelf_life_days,
            shock=facts.needs.shock,
        )
    except ForecastTooShort as short:
        problems.append(Problem("forecast_ends", ingredient.name, str(short), **subject))
        return None
    return _Wanted(item, pack, proposal, _drivers(ingredient, facts, start, share, proposal.until))


def pack_of(item: SupplierItem) -> Pack:
    """A supplier item's pack in base units, with its label. Raises NoConversion, UnknownUnit."""
    inner = units.convert(item.pack_size, item.pack_unit, item.ingredient.base_unit, recipes.substance(item.ingredient))
    return Pack(inner * item.pack_count, wording.pack_label(Decimal(item.pack_count), item.pack_size, item.pack_unit))


def _drivers(
    ingredient: Ingredient, facts: _Facts, start: dt.date, share: float, until: dt.date
) -> list[dict[str, Any]]:
    """The dishes behind the need, largest first, as stored: portions and base units, one decimal."""
    ahead = {
        (dish, day): Moments(moments.mean * share, moments.variance * share) if day == start else moments
        for dish, recipe in facts.book.recipes.items()
        if ingredient.pk in recipe
        for day, moments in facts.needs.by_dish.get(dish, {}).items()
        if start <= day < until
    }
    return [
        {
            "menu_item": str(driver.item),
            "name": facts.needs.names[driver.item],
            "portions": round(driver.portions, 1),
            "quantity": round(driver.quantity, 1),
        }
        for driver in explosion.drivers(ahead, facts.book.recipes, ingredient.pk, {day for _, day in ahead})
        if round(driver.quantity, 1) > 0
    ]


# ---- writing


class _Changes:
    """Brings the drafts to the wanted lines and counts what had to be written."""

    def __init__(self, facts: _Facts, drafts: Mapping[UUID, PurchaseOrder]) -> None:
        self.facts = facts
        self.existing = dict(drafts)
        self.lines: dict[UUID, dict[UUID, PurchaseOrderLine]] = {}
        for line in PurchaseOrderLine.objects.filter(order__in=[order.pk for order in drafts.values()]):
            self.lines.setdefault(line.order_id, {})[line.supplier_item_id] = line
        self.drafts: list[PurchaseOrder] = []
        self.created = self.changed = self.removed = 0

    def apply(self, wanted: Mapping[UUID, Mapping[UUID, _Wanted]]) -> None:
        next_number = (PurchaseOrder.objects.aggregate(last=Max("number"))["last"] or 0) + 1
        for supplier_id in sorted({*wanted, *self.existing}, key=str):
            order, lines = self.existing.get(supplier_id), wanted.get(supplier_id, {})
            kept = [] if order is None else [line for line in self._edited(order) if line.packs]
            if order and not lines and not kept:
                self._remove(order)
            elif order:
                self._update(order, lines)
                self.drafts.append(order)
            else:
                self.drafts.append(self._create(supplier_id, next_number, lines))
                next_number += 1

    def _edited(self, order: PurchaseOrder) -> list[PurchaseOrderLine]:
        return [line for line in self.lines.get(order.pk, {}).values() if line.is_edited]

    def _remove(self, order: PurchaseOrder) -> None:
        self.removed += 1 + len(self.lines.get(order.pk, {}))
        order.delete()

    def _header(self, supplier_id: UUID) -> dict[str, Any]:
        slot = self.facts.slots[supplier_id]
        return {
            "order_by_at": slot.order_by,
            "deliver_on": slot.arrives_on,
            "covers_until_on": slot.next_arrives_on - dt.timedelta(days=1),
            "run_id": self.facts.needs.run.pk if self.facts.needs.run else None,
            "recipe_share": self.facts.needs.recipe_share,
        }

    def _create(self, supplier_id: UUID, number: int, lines: Mapping[UUID, _Wanted]) -> PurchaseOrder:
        order = PurchaseOrder.objects.create(
            number=number,
            supplier_id=supplier_id,
            created_at=self.facts.now,
            updated_at=self.facts.now,
            **self._header(supplier_id),
        )
        PurchaseOrderLine.objects.bulk_create(
            PurchaseOrderLine(order=order, supplier_item_id=key, packs=line.proposal.packs, **_fields(line))
            for key, line in lines.items()
        )
        self.created += 1 + len(lines)
        return order

    def _update(self, order: PurchaseOrder, wanted: Mapping[UUID, _Wanted]) -> None:
        there = self.lines.get(order.pk, {})
        before = self.created + self.changed + self.removed
        for key, line in wanted.items():
            old = there.get(key)
            if old is None:
                PurchaseOrderLine.objects.create(
                    order=order, supplier_item_id=key, packs=line.proposal.packs, **_fields(line)
                )
                self.created += 1
            else:
                packs = old.packs if old.is_edited else line.proposal.packs
                self.changed += _write(old, _fields(line) | {"packs": packs})
        for key, old in there.items():
            if key in wanted:
                continue
            if old.is_edited and old.packs:
                self.changed += _write(old, {"suggested_packs": 0})
            else:
                old.delete()
                self.removed += 1
        header = self._header(order.supplier_id) if order.supplier_id in self.facts.slots else {}
        touched = self.created + self.changed + self.removed > before
        if _write(order, header | ({"updated_at": self.facts.now} if touched else {})):
            self.changed += 1


def _fields(line: _Wanted) -> dict[str, Any]:
    proposal = line.proposal
    return {
        "suggested_packs": proposal.packs,
        "pack_quantity": units.rounded(line.pack.size, 4),
        "price": line.item.price,
        "needed": proposal.needed,
        "on_hand": proposal.on_hand,
        "arriving": proposal.arriving,
        "quantile": proposal.level,
        "reason": proposal.reason,
        "drivers": line.drivers,
    }


def _write(row: Any, fields: Mapping[str, Any]) -> bool:
    """Save the fields that differ; whether any did."""
    differing = [name for name, value in fields.items() if getattr(row, name) != value]
    for name in differing:
        setattr(row, name, fields[name])
    if differing:
        row.save(update_fields=differing)
    return bool(differing)


def _record(record: Suggestion, facts: _Facts, problems: tuple[Problem, ...]) -> None:
    fields = {
        "run_id": facts.needs.run.pk if facts.needs.run else None,
        "recipe_share": facts.needs.recipe_share,
        "sales_until_on": facts.stock.sales_until_on,
        "problems": [asdict(problem) for problem in problems],
    }
    if any(getattr(record, name) != value for name, value in fields.items()):
        _write(record, fields | {"changed_at": facts.now})
