"""What is sold and what it is made of."""

import datetime as dt
from decimal import Decimal

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from tenants.keys import uuid7


class MenuItemQuerySet(models.QuerySet["MenuItem"]):
    """Named reads."""

    def on_the_menu(self) -> "MenuItemQuerySet":
        return self.filter(is_active=True)


class MenuItem(models.Model):
    """What a guest buys: one button on the till."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    category = models.CharField(max_length=80, blank=True)
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="What a guest pays, in the restaurant's currency.",
    )
    is_active = models.BooleanField("on the menu", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MenuItemQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="menu_menuitem_unique_name",
                violation_error_message="There is already an item of this name.",
            ),
            models.CheckConstraint(name="menu_menuitem_named", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="menu_menuitem_price_not_negative", condition=models.Q(price=None) | models.Q(price__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SoldOutQuerySet(models.QuerySet["SoldOut"]):
    """Named reads."""

    def counting(self) -> "SoldOutQuerySet":
        """Without those that somebody said were none."""
        return self.filter(dismissed_at=None)

    def out_on(self, day: dt.date) -> "SoldOutQuerySet":
        """Dishes that are out for the rest of the business date."""
        return self.counting().filter(business_date=day, until_at=None)

    def suspected(self, since: dt.date) -> "SoldOutQuerySet":
        """What Flux inferred of the business dates from `since` on, and nobody has confirmed or dismissed."""
        found = self.counting().filter(source=SoldOut.Source.INFERRED, by_id=None, business_date__gte=since)
        return found.filter(menu_item__is_active=True)


class SoldOut(models.Model):
    """A dish was 86'd on a business date: from then on its sales are a lower bound of what guests wanted."""

    class Source(models.TextChoices):
        TAP = "tap", "somebody said so"
        POS = "pos", "the point of sale"
        INFERRED = "inferred", "Flux, from its last sale"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    menu_item = models.ForeignKey(MenuItem, on_delete=models.CASCADE, related_name="sold_outs")
    business_date = models.DateField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True, help_text="Empty: for the rest of the business date.")
    source = models.CharField(max_length=8, choices=Source, default=Source.TAP)
    by_id = models.UUIDField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="When somebody said that it was none.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SoldOutQuerySet.as_manager()

    class Meta:
        ordering = ["-business_date", "-from_at"]
        verbose_name_plural = "sold out"
        indexes = [models.Index(fields=["business_date"], name="menu_soldout_by_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["menu_item", "business_date"],
                condition=models.Q(until_at=None, dismissed_at=None),
                name="menu_soldout_once_at_a_time",
            ),
            models.CheckConstraint(
                name="menu_soldout_ends_after_start",
                condition=models.Q(until_at=None) | models.Q(until_at__gte=models.F("from_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.menu_item_id} sold out on {self.business_date}"

    @property
    def is_suspected(self) -> bool:
        """Whether it only follows from the last sale: nobody has said so yet, or that it was none."""
        return self.source == self.Source.INFERRED and self.by_id is None and self.dismissed_at is None


class IngredientQuerySet(models.QuerySet["Ingredient"]):
    """Named reads."""

    def with_dish_count(self) -> "IngredientQuerySet":
        """With the number of dishes that use it, as `dishes`, by name."""
        return self.annotate(dishes=models.Count("recipe_lines")).order_by(Lower("name"))


class Ingredient(models.Model):
    """What a restaurant buys and counts, in one base unit."""

    class BaseUnit(models.TextChoices):
        GRAM = "g", "g"
        MILLILITRE = "ml", "ml"
        EACH = "each", "each"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    base_unit = models.CharField(max_length=4, choices=BaseUnit)
    grams_per_ml = models.DecimalField(
        "density", max_digits=10, decimal_places=5, null=True, blank=True, help_text="Grams that one millilitre weighs."
    )
    grams_per_each = models.DecimalField(
        "piece weight", max_digits=12, decimal_places=4, null=True, blank=True, help_text="Grams that one piece weighs."
    )
    shelf_life_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Days it may be used after delivery; empty for long-life goods."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = IngredientQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="menu_ingredient_unique_name",
                violation_error_message="There is already an ingredient of this name.",
            ),
            models.CheckConstraint(name="menu_ingredient_named", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="menu_ingredient_known_base_unit", condition=models.Q(base_unit__in=["g", "ml", "each"])
            ),
            models.CheckConstraint(
                name="menu_ingredient_positive_measures",
                condition=(models.Q(grams_per_ml=None) | models.Q(grams_per_ml__gt=0))
                & (models.Q(grams_per_each=None) | models.Q(grams_per_each__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecipeLine(models.Model):
    """An amount of an ingredient in one portion of a menu item."""

    menu_item = models.ForeignKey(
        MenuItem,
        on_delete=models.CASCADE,
        related_name="recipe_lines",
        db_index=False,  # the unique constraint's index begins with it
    )
    ingredient = models.ForeignKey(Ingredient, on_delete=models.PROTECT, related_name="recipe_lines")
    quantity = models.DecimalField(max_digits=12, decimal_places=4, help_text="Usable amount in one portion.")
    unit = models.CharField(max_length=10)
    yield_share = models.DecimalField(
        "yield",
        max_digits=5,
        decimal_places=4,
        default=Decimal(1),
        help_text="Usable share of what is purchased: 0.85 is 85 %.",
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["menu_item", "ingredient"],
                name="menu_recipeline_once_per_ingredient",
                violation_error_message="This ingredient is already in the recipe.",
            ),
            models.CheckConstraint(name="menu_recipeline_positive_quantity", condition=models.Q(quantity__gt=0)),
            models.CheckConstraint(
                name="menu_recipeline_yield_is_a_share", condition=models.Q(yield_share__gt=0, yield_share__lte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} {self.unit} {self.ingredient} in {self.menu_item}"

    @property
    def amount(self) -> str:
        """ "120 g", and where something is lost before the plate, "120 g, 85 % usable"."""
        usable = f", {(self.yield_share * 100).normalize():f} % usable" if self.yield_share != 1 else ""
        return f"{self.quantity.normalize():f} {self.unit}{usable}"
