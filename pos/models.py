"""What was sold, and how we learned it.

A *source* (`Connection`) is a till or a kind of file. Orders of several sources may cover the same day; `DaySource`
says which one counts, and `DailySales` is made from that one alone, so that nothing counts twice.
"""

import datetime as dt
import zoneinfo
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.aggregates import BitXor
from django.db import models
from django.db.models.functions import Cast, ExtractHour, ExtractIsoWeekDay, ExtractMinute, Mod, TruncMonth
from django.utils import timezone

from menu.models import MenuItem
from tenants.keys import uuid7


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Named reads."""

    def unasked(self) -> "ConnectionQuerySet":
        """Sources with prices of which nobody has said whether they include tax."""
        return self.filter(prices_include_tax=None, provider=Connection.Provider.CSV, reading__has_amounts=True)


class Connection(models.Model):
    """A source of sales: a point of sale, or the files of one layout (one export of one till)."""

    class Provider(models.TextChoices):
        CSV = "csv", "Files"
        SQUARE = "square"
        TOAST = "toast"
        CLOVER = "clover"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=10, choices=Provider)
    name = models.CharField(max_length=120)
    layout = models.CharField(
        max_length=64,
        blank=True,
        help_text="Fingerprint of the header of its files: the next file of this kind is recognised.",
    )
    reading = models.JSONField(
        default=dict,
        blank=True,
        help_text="How its files are read: columns, delimiter, date order, decimal mark, time zone.",
    )
    prices_include_tax = models.BooleanField(null=True, blank=True, help_text="Empty until somebody has been asked.")
    tax_rate = models.DecimalField(
        max_digits=6,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="As a share: 0.10 is 10 %. Used where prices include tax.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "layout"], condition=~models.Q(layout=""), name="pos_connection_one_per_layout"
            ),
            models.CheckConstraint(
                name="pos_connection_tax_rate_is_a_share",
                condition=models.Q(tax_rate=None) | models.Q(tax_rate__gte=0, tax_rate__lt=1),
            ),
            models.CheckConstraint(
                name="pos_connection_tax_needs_its_rate",
                condition=~models.Q(prices_include_tax=True) | models.Q(tax_rate__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SalesFile(models.Model):
    """A file that somebody gave us, stored before it is trusted, and what became of it."""

    class Status(models.TextChoices):
        STORED = "stored"
        IMPORTING = "importing"
        IMPORTED = "imported"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="files")
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=False)
    size_bytes = models.PositiveBigIntegerField()
    content = models.BinaryField(help_text="The file, gzip-compressed.")
    status = models.CharField(max_length=10, choices=Status, default=Status.STORED)
    reading = models.JSONField(default=dict, blank=True, help_text="How this file is read; see Connection.reading.")
    report = models.JSONField(default=dict, blank=True, help_text="What was read, refused and changed.")
    rejects = models.BinaryField(null=True, blank=True, help_text="Refused rows as CSV, gzip-compressed.")
    error = models.TextField(blank=True)
    uploaded_by_id = models.UUIDField(null=True, blank=True)
    uploaded_at = models.DateTimeField(default=timezone.now, editable=False)
    imported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-uploaded_at"]
        constraints = [
            models.CheckConstraint(
                name="pos_salesfile_imported_has_its_stamp",
                condition=~models.Q(status="imported") | models.Q(imported_at__isnull=False, connection__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def outcome(self) -> dict[str, Any]:
        """The latest report: of a look that has not been followed by an import, or else of the import."""
        return self.report.get("preview") or self.report.get("import") or {}


class OrderQuerySet(models.QuerySet["Order"]):
    """Named reads."""

    def last_opened_at(self, day: dt.date) -> dt.datetime | None:
        """When the last order of the day was opened; None where orders have no time."""
        found: dt.datetime | None = self.filter(business_date=day).aggregate(last=models.Max("opened_at"))["last"]
        return found

    def counted(self) -> "OrderQuerySet":
        """Orders of each date's one source; what other sources say of the same date is left out."""
        source = DaySource.objects.filter(pk=models.OuterRef("business_date")).values("connection")
        return self.filter(connection=models.Subquery(source))

    def guests_by_weekday(self, first: dt.date, last: dt.date) -> models.QuerySet["Order", dict[str, Any]]:
        """weekday (1 is Monday) and guests, over the orders from `first` to `last` that carry them."""
        with_guests = self.counted().filter(business_date__range=(first, last), guests__gt=0)
        by_weekday = with_guests.annotate(weekday=ExtractIsoWeekDay("business_date")).values("weekday")
        return by_weekday.annotate(guests_served=models.Sum("guests")).order_by("weekday")


class Order(models.Model):
    """One order at the till; a day of a product-mix file is one order too."""

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="orders", db_index=False)
    external_id = models.CharField(max_length=120)
    opened_at = models.DateTimeField(null=True, blank=True)
    business_date = models.DateField()
    guests = models.PositiveSmallIntegerField(
        "covers", null=True, blank=True, help_text="Guests served, where the point of sale counts them."
    )
    file = models.ForeignKey(
        SalesFile, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders", db_index=False
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="pos_order_once_per_source"),
        ]
        indexes = [models.Index(fields=["business_date"], name="pos_order_by_day")]

    def __str__(self) -> str:
        return f"order {self.external_id}"


class OrderLineQuerySet(models.QuerySet["OrderLine"]):
    """Named reads."""

    def counted(self) -> "OrderLineQuerySet":
        """Lines of each date's one source; what other sources say of the same date is left out."""
        source = DaySource.objects.filter(pk=models.OuterRef("order__business_date")).values("connection")
        return self.filter(order__connection=models.Subquery(source))

    def by_hour(
        self, dates: Collection[dt.date], zone: zoneinfo.ZoneInfo
    ) -> models.QuerySet["OrderLine", dict[str, Any]]:
        """business_date, hour (local wall clock) and units; orders without a time are left out."""
        return (
            self.counted()
            .filter(order__business_date__in=dates, order__opened_at__isnull=False)
            .annotate(business_date=models.F("order__business_date"), hour=ExtractHour("order__opened_at", tzinfo=zone))
            .values("business_date", "hour")
            .annotate(units=models.Sum("quantity"))
            .order_by("business_date", "hour")
        )

    def by_part(
        self, first: dt.date, last: dt.date, *, begins: Sequence[int], zone: zoneinfo.ZoneInfo, closeout_hour: int
    ) -> models.QuerySet["OrderLine", dict[str, Any]]:
        """menu_item_id, weekday (1 is Monday), part and units of the business dates from `first` to `last`.

        `begins` are the parts' beginnings in minutes after closeout by the clock on the wall, in order; what is sold
        before the first of them counts to it. Orders without a time are left out.
        """
        clock = ExtractHour("order__opened_at", tzinfo=zone) * 60 + ExtractMinute("order__opened_at", tzinfo=zone)
        minute = Mod(clock + (24 - closeout_hour) * 60, 24 * 60)
        before = [models.When(minute__lt=begin, then=part) for part, begin in enumerate(begins[1:])]
        timed = self.counted().filter(order__business_date__range=(first, last), order__opened_at__isnull=False)
        found = timed.annotate(
            weekday=ExtractIsoWeekDay("order__business_date"),
            minute=minute,
            part=models.Case(*before, default=len(begins) - 1, output_field=models.IntegerField()),
        )
        by_part = found.values("menu_item_id", "weekday", "part")
        return by_part.annotate(units=models.Sum("quantity")).order_by("menu_item_id", "weekday", "part")

    def units_by_weekday_with_guests(
        self, first: dt.date, last: dt.date
    ) -> models.QuerySet["OrderLine", dict[str, Any]]:
        """weekday (1 is Monday) and units, over the orders from `first` to `last` that carry guests."""
        with_guests = self.counted().filter(order__business_date__range=(first, last), order__guests__gt=0)
        by_weekday = with_guests.annotate(weekday=ExtractIsoWeekDay("order__business_date")).values("weekday")
        return by_weekday.annotate(units=models.Sum("quantity")).order_by("weekday")


class OrderLine(models.Model):
    """One line of an order; a return has a negative quantity."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveIntegerField()
    menu_item = models.ForeignKey(MenuItem, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    gross = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="What the line cost the guest, after discounts.",
    )
    net = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True, help_text="The same without tax.")

    objects = OrderLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="pos_orderline_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.menu_item_id}"


class DaySource(models.Model):
    """The one source of sales of one business date."""

    business_date = models.DateField(primary_key=True)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="days")
    chosen_by_id = models.UUIDField(
        null=True, blank=True, help_text="Who chose it; empty where the first source took it."
    )
    chosen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["business_date"]

    def __str__(self) -> str:
        return f"{self.business_date}: {self.connection}"


def _hashed(column: str, seed: models.Expression) -> models.Func:
    """A column's 64-bit hash; another one with every seed."""
    text = Cast(column, models.TextField())
    return models.Func(text, seed, function="hashtextextended", output_field=models.BigIntegerField())


class DailySalesQuerySet(models.QuerySet["DailySales"]):
    """Named reads."""

    def between(self, first: dt.date, last: dt.date) -> "DailySalesQuerySet":
        """Both days included."""
        return self.filter(business_date__range=(first, last))

    def by_day(self) -> models.QuerySet["DailySales", dict[str, Any]]:
        """business_date, units, and net sales (None where no price is known), oldest first."""
        totals = {"units": models.Sum("quantity"), "net": models.Sum("net_sales")}
        return self.values("business_date").annotate(**totals).order_by("business_date")

    def by_month(self) -> models.QuerySet["DailySales", dict[str, Any]]:
        """month (its first day), days with sales, units, and net sales, newest first."""
        return (
            self.annotate(month=TruncMonth("business_date"))
            .values("month")
            .annotate(
                days=models.Count("business_date", distinct=True),
                units=models.Sum("quantity"),
                net=models.Sum("net_sales"),
            )
            .order_by("-month")
        )

    def by_item(self) -> models.QuerySet["DailySales", dict[str, Any]]:
        """menu_item_id, units, net sales, and the last date it sold, best seller first."""
        totals = {"units": models.Sum("quantity"), "net": models.Sum("net_sales")}
        last_on = models.Max("business_date", filter=models.Q(quantity__gt=0))
        return self.values("menu_item_id").annotate(last_on=last_on, **totals).order_by("-units", "menu_item_id")

    def prices(self) -> dict[Any, Decimal]:
        """Net sales of a unit, by menu item; always above zero.

        Days that returns have left without units or money say nothing of a price; a menu item that has no other days
        is left out. `MenuItem.price` is no substitute: it is what a guest pays, with whatever tax is in it.
        """
        sound = self.filter(quantity__gt=0, net_sales__gt=0).by_item()
        return {row["menu_item_id"]: row["net"] / row["units"] for row in sound}

    def first_days(self) -> models.QuerySet["DailySales", tuple[Any, dt.date]]:
        """menu_item_id and the first date on which it sold."""
        sold = self.filter(quantity__gt=0).order_by("menu_item_id")
        return sold.values_list("menu_item_id").annotate(first=models.Min("business_date"))

    def marks(self) -> dict[dt.date, int]:
        """Business date → a number that differs once any quantity of that date does, or a dish is added or gone."""
        hashed = _hashed("menu_item_id", _hashed("quantity", models.Value(0)))
        return dict(self.values("business_date").annotate(mark=BitXor(hashed)).values_list("business_date", "mark"))

    def last_on(self) -> dt.date | None:
        """The last business date with sales."""
        found: dt.date | None = self.aggregate(last=models.Max("business_date"))["last"]
        return found


class DailySales(models.Model):
    """Units and net sales of one menu item on one business date: what everything downstream reads."""

    id = models.BigAutoField(primary_key=True)
    menu_item = models.ForeignKey(MenuItem, on_delete=models.PROTECT, related_name="daily_sales", db_index=False)
    business_date = models.DateField()
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    net_sales = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)

    objects = DailySalesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "daily sales"
        constraints = [
            models.UniqueConstraint(fields=["business_date", "menu_item"], name="pos_dailysales_once"),
            models.CheckConstraint(name="pos_dailysales_not_negative", condition=models.Q(quantity__gte=Decimal(0))),
        ]
        indexes = [models.Index(fields=["menu_item", "business_date"], name="pos_dailysales_by_item")]

    def __str__(self) -> str:
        return f"{self.business_date} {self.menu_item_id}: {self.quantity}"
