"""What lies on the demo restaurant's shelf, and what is on its way there."""

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from flux.demo.bistro import Bistro
from flux.demo.trade import Trade
from menu import explosion, recipes, units
from menu.models import Ingredient, MenuItem
from procurement import deliveries, orders, suggestions
from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Supplier, SupplierItem
from tenants.context import public_context
from tenants.models import Membership, Restaurant, User

ON_ITS_WAY = ("Milk", "Cream", "Coffee beans", "Flour")
ON_ITS_WAY_DAYS = 2


def count(restaurant: Restaurant, facts: Bistro, sales: Trade, *, now: dt.datetime) -> None:
    """Count every ingredient at so many days of use as the facts say."""
    usage = _usage_a_day(facts, sales)
    ingredients = {ingredient.name: ingredient for ingredient in Ingredient.objects.all()}
    by = _owner(restaurant)
    StockMovement.objects.bulk_create(
        StockMovement(
            ingredient=ingredients[one.name],
            kind=StockMovement.Kind.COUNT,
            quantity=_as_counted(float(usage[ingredients[one.name].pk]) * one.stock_days, one.base_unit),
            at=now,
            by_id=by.pk,
            note="Morning count",
        )
        for one in facts.ingredients
        if one.name in ingredients
    )


def was_counted_before(today: dt.date, restaurant: Restaurant) -> bool:
    """Whether the last count is of an earlier business date than `today`."""
    last = StockMovement.objects.filter(kind=StockMovement.Kind.COUNT).order_by("-at").first()
    return last is not None and restaurant.business_date(last.at) < today


def take_in_deliveries(restaurant: Restaurant, *, now: dt.datetime) -> None:
    """Receive in full whatever should have been delivered before today."""
    sent = PurchaseOrder.objects.filter(status=PurchaseOrder.Status.SENT)
    for order in sent.filter(deliver_on__lt=restaurant.business_date(now)):
        orders.receive(order.pk, by=_owner(restaurant), at=now)


def order_on_its_way(restaurant: Restaurant, facts: Bistro, sales: Trade, *, now: dt.datetime) -> None:
    """An order that arrives, if the day allows, before one placed now would: the first suggestions count it in."""
    usage = _usage_a_day(facts, sales)
    supplier = Supplier.objects.get(name=facts.suppliers[-1].name)
    placed_at = now - dt.timedelta(days=supplier.lead_time_days)
    slot = deliveries.next_slot(suggestions.rule_of(supplier), placed_at, restaurant.zone)
    sent_at, by = min(now, slot.order_by) - dt.timedelta(hours=2), _owner(restaurant)
    order = PurchaseOrder.objects.create(
        number=1,
        supplier=supplier,
        status=PurchaseOrder.Status.SENT,
        order_by_at=slot.order_by,
        deliver_on=slot.arrives_on,
        covers_until_on=slot.next_arrives_on,
        created_at=sent_at,
        updated_at=sent_at,
        approved_at=sent_at,
        approved_by_id=by.pk,
        sent_at=sent_at,
        sent_by_id=by.pk,
        sending=PurchaseOrder.Sending.DELIVERED,
    )
    items = SupplierItem.objects.filter(supplier=supplier, ingredient__name__in=ON_ITS_WAY)
    PurchaseOrderLine.objects.bulk_create(
        _line(order, item, usage[item.ingredient_id]) for item in items.select_related("ingredient")
    )


def _line(order: PurchaseOrder, item: SupplierItem, usage_a_day: Fraction) -> PurchaseOrderLine:
    pack = suggestions.pack_of(item).size
    packs = math.ceil(ON_ITS_WAY_DAYS * usage_a_day / pack)
    return PurchaseOrderLine(
        order=order,
        supplier_item=item,
        packs=packs,
        suggested_packs=packs,
        pack_quantity=units.rounded(pack, 4),
        price=item.price,
        reason=f"Ordered by hand: about {ON_ITS_WAY_DAYS} days of use.",
        is_edited=True,
    )


def _usage_a_day(facts: Bistro, sales: Trade) -> dict[UUID, Fraction]:
    """What an average day of the week before it joined used of each ingredient, in base units."""
    week = [sales.expected(sales.joined_on - dt.timedelta(days=n)) for n in range(1, 8)]
    means = {item.name: Decimal(sum(day[item.name] for day in week) / 7) for item in facts.items}
    sold = {item.pk: means[item.name] for item in MenuItem.objects.filter(name__in=means)}
    return explosion.usage(sold, recipes.book().recipes)


def _as_counted(quantity: float, base_unit: str) -> Decimal:
    """As a person writes it down: whole pieces, weights to 100 g, volumes to 100 ml."""
    return Decimal(round(quantity)) if base_unit == "each" else Decimal(round(quantity / 100) * 100)


def _owner(restaurant: Restaurant) -> User:
    with public_context():
        owners = Membership.objects.filter(restaurant=restaurant, role=Membership.Role.OWNER).select_related("user")
        return owners.earliest("created_at").user
