import datetime as dt
from decimal import Decimal

import factory

from forecasting.models import Forecast, Run
from menu.tests.factories import IngredientFactory, MenuItemFactory
from pos.models import Connection, DailySales, DaySource
from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Supplier, SupplierItem

SUNDAY = dt.date(2026, 11, 22)
TUESDAY, THURSDAY = dt.date(2026, 11, 24), dt.date(2026, 11, 26)
NOW = dt.datetime(2026, 11, 22, 5, tzinfo=dt.UTC)  # Sunday morning in Paris, before anything is sold


class SupplierFactory(factory.django.DjangoModelFactory):
    """Delivers on Tuesdays and Thursdays, ordered by 16:00 the day before."""

    class Meta:
        model = Supplier

    name = factory.Sequence(lambda n: f"Supplier {n}")
    email = factory.Sequence(lambda n: f"orders@supplier{n}.example")
    delivery_weekdays = [1, 3]
    lead_time_days = 1
    cutoff = dt.time(16)


class SupplierItemFactory(factory.django.DjangoModelFactory):
    """A 5 kg bag for 20."""

    class Meta:
        model = SupplierItem

    supplier = factory.SubFactory(SupplierFactory)
    ingredient = factory.SubFactory(IngredientFactory)
    name = factory.Sequence(lambda n: f"Item {n}")
    code = factory.Sequence(lambda n: f"C{n}")
    pack_count = 1
    pack_size = Decimal(5)
    pack_unit = "kg"
    price = Decimal(20)


class CountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StockMovement

    ingredient = factory.SubFactory(IngredientFactory)
    kind = StockMovement.Kind.COUNT
    quantity = Decimal(6000)
    at = NOW


class PurchaseOrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PurchaseOrder

    number = factory.Sequence(lambda n: 1000 + n)
    supplier = factory.SubFactory(SupplierFactory)
    order_by_at = dt.datetime(2026, 11, 23, 15, tzinfo=dt.UTC)
    deliver_on = TUESDAY
    covers_until_on = THURSDAY - dt.timedelta(days=1)

    class Params:
        approved = factory.Trait(status=PurchaseOrder.Status.APPROVED, approved_at=NOW)
        sent = factory.Trait(status=PurchaseOrder.Status.SENT, approved_at=NOW, sent_at=NOW)
        received = factory.Trait(status=PurchaseOrder.Status.RECEIVED, approved_at=NOW, sent_at=NOW, received_at=NOW)
        cancelled = factory.Trait(status=PurchaseOrder.Status.CANCELLED, cancelled_at=NOW)


class LineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PurchaseOrderLine

    order = factory.SubFactory(PurchaseOrderFactory)
    supplier_item = factory.SubFactory(SupplierItemFactory, supplier=factory.SelfAttribute("..order.supplier"))
    packs = 2
    suggested_packs = 2
    pack_quantity = Decimal(5000)
    price = Decimal(20)


class RunFactory(factory.django.DjangoModelFactory):
    """A completed forecast of 35 days from Sunday on."""

    class Meta:
        model = Run

    status = Run.Status.COMPLETED
    cutoff_on = SUNDAY - dt.timedelta(days=1)
    started_at = NOW
    finished_at = NOW


class SourceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Connection

    provider = "csv"
    name = factory.Sequence(lambda n: f"Till {n}")


def forecast(run, dish, mean, days=35):
    """The same certain forecast for each day from Sunday on."""
    return Forecast.objects.bulk_create(
        Forecast(run=run, menu_item=dish, date=SUNDAY + dt.timedelta(days=n), mean=mean, confidence=Decimal("0.8"))
        for n in range(days)
    )


def sold(dish, day, quantity):
    """Units of a dish on a business date, as the rollup has them."""
    source = SourceFactory()
    DaySource.objects.get_or_create(business_date=day, defaults={"connection": source})
    return DailySales.objects.create(menu_item=dish, business_date=day, quantity=quantity)


def dish_with(ingredient, quantity=100, unit="g", **fields):
    """A dish with one ingredient in it."""
    dish = MenuItemFactory(**fields)
    dish.recipe_lines.create(ingredient=ingredient, quantity=quantity, unit=unit)
    return dish
