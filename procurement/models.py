"""What to buy, and what is on the shelf."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from forecasting.models import Run
from menu.models import Ingredient
from tenants.keys import uuid7


class SupplierQuerySet(models.QuerySet["Supplier"]):
    """Named reads."""

    def with_item_count(self) -> "SupplierQuerySet":
        return self.annotate(n_items=models.Count("items", filter=models.Q(items__is_active=True)))


class Supplier(models.Model):
    """Who delivers, when, and until when an order makes the delivery."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    email = models.EmailField("e-mail", blank=True)
    delivery_weekdays = ArrayField(
        models.PositiveSmallIntegerField(), help_text="Days on which it delivers: 0 is Monday, 6 is Sunday."
    )
    lead_time_days = models.PositiveSmallIntegerField(default=1, help_text="Days from the order to the delivery.")
    cutoff = models.TimeField(help_text="Latest local time at which an order makes the delivery.")
    minimum_order = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Smallest order it delivers, in the restaurant's currency.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SupplierQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="procurement_supplier_unique_name",
                violation_error_message="There is already such a supplier.",
            ),
            models.CheckConstraint(
                name="procurement_supplier_delivers_on_weekdays",
                condition=models.Q(delivery_weekdays__len__gt=0, delivery_weekdays__contained_by=[0, 1, 2, 3, 4, 5, 6]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SupplierItemQuerySet(models.QuerySet["SupplierItem"]):
    """Named reads."""

    def orderable(self) -> "SupplierItemQuerySet":
        """What can be ordered now, with its supplier and ingredient, the preferred item of an ingredient first."""
        return (
            self.filter(is_active=True, supplier__is_active=True)
            .select_related("supplier", "ingredient")
            .order_by("ingredient_id", "-is_preferred", "price", "id")
        )


class SupplierItem(models.Model):
    """A line of a supplier's order guide: `pack_count` × `pack_size` `pack_unit` at `price`, such as 6 × 1 kg."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    supplier = models.ForeignKey(Supplier, on_delete=models.CASCADE, related_name="items")
    ingredient = models.ForeignKey(Ingredient, on_delete=models.PROTECT, related_name="supplier_items")
    name = models.CharField(max_length=160)
    code = models.CharField("item code", max_length=60, blank=True)
    pack_count = models.PositiveIntegerField(default=1)
    pack_size = models.DecimalField(max_digits=12, decimal_places=4)
    pack_unit = models.CharField(max_length=10)
    price = models.DecimalField(max_digits=12, decimal_places=4, help_text="Of one pack, without tax.")
    is_preferred = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)

    objects = SupplierItemQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["ingredient"],
                condition=models.Q(is_preferred=True, is_active=True),
                name="procurement_supplieritem_one_preferred",
                violation_error_message="Another supplier's item is already preferred for this ingredient.",
            ),
            models.CheckConstraint(
                name="procurement_supplieritem_pack_positive", condition=models.Q(pack_count__gt=0, pack_size__gt=0)
            ),
            models.CheckConstraint(
                name="procurement_supplieritem_price_not_negative", condition=models.Q(price__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PurchaseOrderQuerySet(models.QuerySet["PurchaseOrder"]):
    """Named reads."""

    def drafts(self) -> "PurchaseOrderQuerySet":
        return self.filter(status=PurchaseOrder.Status.DRAFT)

    def runs_in_use(self, since: dt.datetime) -> list[UUID]:
        """Ids of the forecast runs on which orders rest that were made since then and have not come in yet."""
        ended = [PurchaseOrder.Status.RECEIVED, PurchaseOrder.Status.CANCELLED]
        under_way = self.filter(created_at__gte=since, run__isnull=False).exclude(status__in=ended)
        return list(under_way.values_list("run_id", flat=True).distinct())

    def open(self) -> "PurchaseOrderQuerySet":
        """Decided and not yet received: what is coming."""
        return self.filter(status__in=[PurchaseOrder.Status.APPROVED, PurchaseOrder.Status.SENT])

    def overdue(self, today: dt.date) -> "PurchaseOrderQuerySet":
        return self.open().filter(deliver_on__lt=today)

    def to_list(self) -> "PurchaseOrderQuerySet":
        """With the supplier, the number of lines to buy and the total, for lists."""
        bought = models.Q(lines__packs__gt=0)
        return self.select_related("supplier").annotate(
            n_lines=models.Count("lines", filter=bought),
            total=Coalesce(
                models.Sum(models.F("lines__packs") * models.F("lines__price")),
                Decimal(0),
                output_field=models.DecimalField(max_digits=16, decimal_places=4),
            ),
        )

    def with_lines(self) -> "PurchaseOrderQuerySet":
        """With the supplier, the forecast run, and the lines with what they buy."""
        lines = PurchaseOrderLine.objects.select_related("supplier_item__ingredient").order_by("supplier_item__name")
        return self.select_related("supplier", "run").prefetch_related(models.Prefetch("lines", lines))


class PurchaseOrder(models.Model):
    """One order to one supplier, from draft to received."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        APPROVED = "approved"
        SENT = "sent"
        RECEIVED = "received"
        CANCELLED = "cancelled"

    class Sending(models.TextChoices):
        """What is known of the e-mail: a claimed one that never ended is unknown, and is never retried silently."""

        NOT_SENT = "", "not sent"
        CLAIMED = "claimed"
        DELIVERED = "delivered", "handed to the mail server"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    order_by_at = models.DateTimeField(help_text="The supplier's cutoff.")
    deliver_on = models.DateField()
    covers_until_on = models.DateField(help_text="Last business date that the order must last for.")
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders")
    recipe_share = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Share of the forecast that has a complete recipe.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by_id = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by_id = models.UUIDField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    received_by_id = models.UUIDField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by_id = models.UUIDField(null=True, blank=True)
    sending = models.CharField(max_length=10, choices=Sending, default=Sending.NOT_SENT, blank=True)
    message_id = models.CharField(max_length=200, blank=True)
    sending_error = models.TextField(blank=True)

    objects = PurchaseOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["supplier"], condition=models.Q(status="draft"), name="procurement_purchaseorder_one_draft"
            ),
            models.CheckConstraint(
                name="procurement_purchaseorder_status_has_its_stamps",
                condition=(
                    models.Q(status="draft", approved_at=None, sent_at=None, received_at=None, cancelled_at=None)
                    | models.Q(
                        status="approved", approved_at__isnull=False, sent_at=None, received_at=None, cancelled_at=None
                    )
                    | models.Q(
                        status="sent",
                        approved_at__isnull=False,
                        sent_at__isnull=False,
                        received_at=None,
                        cancelled_at=None,
                    )
                    | models.Q(status="received", sent_at__isnull=False, received_at__isnull=False, cancelled_at=None)
                    | models.Q(status="cancelled", received_at=None, cancelled_at__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="procurement_purchaseorder_share",
                condition=models.Q(recipe_share=None) | models.Q(recipe_share__gte=0, recipe_share__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"order {self.number} to {self.supplier}"

    @property
    def bought(self) -> list["PurchaseOrderLine"]:
        """The lines with packs, from what `with_lines` has read."""
        return [line for line in self.lines.all() if line.packs]

    @property
    def value(self) -> Decimal:
        """What the lines cost together, without tax, from what `with_lines` has read."""
        return sum((line.total for line in self.bought), Decimal(0))


class PurchaseOrderLine(models.Model):
    """Packs of one supplier item, with the numbers and the sentence that defend them. Quantities in the base unit."""

    order = models.ForeignKey(
        PurchaseOrder,
        on_delete=models.CASCADE,
        related_name="lines",
        db_index=False,  # the unique constraint's index begins with it
    )
    supplier_item = models.ForeignKey(SupplierItem, on_delete=models.PROTECT, related_name="+")
    packs = models.PositiveIntegerField()
    suggested_packs = models.PositiveIntegerField(default=0)
    pack_quantity = models.DecimalField(
        max_digits=14, decimal_places=4, help_text="Base units in one pack, when it was ordered."
    )
    price = models.DecimalField(max_digits=12, decimal_places=4, help_text="Of one pack, when it was ordered.")
    needed = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    on_hand = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    arriving = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    quantile = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    drivers = models.JSONField(default=list, blank=True, help_text="The dishes behind the need, largest first.")
    is_edited = models.BooleanField(default=False, help_text="A person chose the packs; a new suggestion keeps them.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "supplier_item"], name="procurement_purchaseorderline_once"),
            models.CheckConstraint(
                name="procurement_purchaseorderline_pack_positive", condition=models.Q(pack_quantity__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.packs} × {self.supplier_item}"

    @property
    def total(self) -> Decimal:
        """What the line costs, in the restaurant's currency."""
        return self.packs * self.price


class StockMovementQuerySet(models.QuerySet["StockMovement"]):
    """Named reads."""

    def latest_counts(self, now: dt.datetime) -> "StockMovementQuerySet":
        """The last count of each ingredient at `now`."""
        return (
            self.filter(kind=StockMovement.Kind.COUNT, at__lte=now)
            .order_by("ingredient_id", "-at", "-id")
            .distinct("ingredient_id")
        )

    def since(self, moment: dt.datetime, now: dt.datetime) -> "StockMovementQuerySet":
        """What came in or was thrown away after `moment`."""
        return self.exclude(kind=StockMovement.Kind.COUNT).filter(at__gt=moment, at__lte=now)


class StockMovement(models.Model):
    """The stock ledger, only ever added to. Quantities in the ingredient's base unit."""

    class Kind(models.TextChoices):
        COUNT = "count"
        RECEIPT = "receipt"
        WASTE = "waste"

    id = models.BigAutoField(primary_key=True)
    ingredient = models.ForeignKey(Ingredient, on_delete=models.PROTECT, related_name="movements", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    quantity = models.DecimalField(
        max_digits=14, decimal_places=4, help_text="What was counted, received or wasted; never negative."
    )
    at = models.DateTimeField()
    order_line = models.ForeignKey(
        PurchaseOrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    by_id = models.UUIDField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = StockMovementQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["ingredient", "-at"], name="procurement_movement_latest")]
        constraints = [
            models.CheckConstraint(name="procurement_stockmovement_not_negative", condition=models.Q(quantity__gte=0)),
            models.CheckConstraint(
                name="procurement_stockmovement_known_kind", condition=models.Q(kind__in=["count", "receipt", "waste"])
            ),
            models.UniqueConstraint(
                fields=["order_line"],
                condition=models.Q(kind="receipt"),
                name="procurement_stockmovement_received_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.quantity} {self.ingredient}"


class Suggestion(models.Model):
    """What the last suggestion went by and what it had to leave out; one row. Whoever suggests holds its lock."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    recipe_share = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Share of the forecast that has a complete recipe.",
    )
    sales_until_on = models.DateField(null=True, blank=True, help_text="Last business date whose sales it knew.")
    problems = models.JSONField(default=list, blank=True, help_text="What was left out, and the way to resolve it.")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(name="procurement_suggestion_only_one", condition=models.Q(id=1)),
        ]

    def __str__(self) -> str:
        return f"suggestion of {self.changed_at:%Y-%m-%d %H:%M}"
