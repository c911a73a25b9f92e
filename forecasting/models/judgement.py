"""What people know better: overrides of the forecast, and what a new dish sells like."""

from django.db import models
from django.utils import timezone

from forecasting.models.calendar import Scope, scope_names_its_target
from menu.models import MenuItem
from tenants.keys import uuid7


class OverrideQuerySet(models.QuerySet["Override"]):
    """Named reads."""

    def in_force(self) -> "OverrideQuerySet":
        return self.filter(undone_at=None)

    def touching(self, item: MenuItem) -> "OverrideQuerySet":
        """Those that speak of the dish: its own, its category's, and those of all dishes."""
        own, of_all = models.Q(menu_item=item), models.Q(scope=Scope.ALL)
        return self.filter(own | of_all | models.Q(scope=Scope.CATEGORY, category=item.category))

    def record(self) -> dict[str, int]:
        """How many in force were judged after their day: `helped`, `hurt`, `even`, and `judged` in all."""
        judged = self.in_force().exclude(verdict="")
        counted = dict(judged.order_by().values_list("verdict").annotate(models.Count("pk")))
        return {verdict: counted.get(verdict, 0) for verdict in Override.Verdict.values} | {
            "judged": sum(counted.values())
        }


class Override(models.Model):
    """A manager's own expectation for one day: of all dishes, a category or a dish; scored after the day."""

    class Effect(models.TextChoices):
        PERCENT = "percent", "percent more or less"
        UNITS = "units", "units expected"

    class Verdict(models.TextChoices):
        HELPED = "helped"
        HURT = "hurt"
        EVEN = "even", "made no difference"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    date = models.DateField()
    scope = models.CharField(max_length=12, choices=Scope, default=Scope.ALL)
    category = models.CharField(max_length=80, blank=True)
    menu_item = models.ForeignKey(MenuItem, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    effect = models.CharField(max_length=8, choices=Effect, default=Effect.PERCENT)
    amount = models.DecimalField(
        max_digits=12, decimal_places=3, help_text="Percent more or less; or the units expected in all."
    )
    reason = models.CharField(max_length=200)
    author_id = models.UUIDField(null=True, blank=True)
    author = models.CharField(max_length=150, help_text="Who made it, as people knew them then.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by_id = models.UUIDField(null=True, blank=True)
    units_before = models.DecimalField(
        max_digits=14, decimal_places=3, null=True, blank=True, help_text="Units forecast without it."
    )
    units_after = models.DecimalField(
        max_digits=14, decimal_places=3, null=True, blank=True, help_text="Units forecast with it."
    )
    units_sold = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    verdict = models.CharField(max_length=8, choices=Verdict, blank=True)
    scored_at = models.DateTimeField(null=True, blank=True)

    objects = OverrideQuerySet.as_manager()

    class Meta:
        ordering = ["-date", "-created_at"]
        constraints = [
            scope_names_its_target("forecasting_override_scope"),
            models.UniqueConstraint(
                fields=["date", "scope", "category", "menu_item"],
                name="forecasting_override_one_in_force",
                condition=models.Q(undone_at=None),
                nulls_distinct=False,
                violation_error_message="There is an override of this day already.",
            ),
            models.CheckConstraint(name="forecasting_override_has_a_reason", condition=~models.Q(reason="")),
            models.CheckConstraint(
                name="forecasting_override_amount",
                condition=models.Q(effect="percent", amount__gte=-100, amount__lte=1000)
                | models.Q(effect="units", amount__gte=0),
                violation_error_message="Percent lies between −100 and 1,000; units are 0 or more.",
            ),
            models.CheckConstraint(
                name="forecasting_override_scored_whole",
                condition=models.Q(scored_at=None, verdict="")
                | models.Q(scored_at__isnull=False) & ~models.Q(verdict=""),
            ),
        ]

    def __str__(self) -> str:
        return f"override of {self.date}"


class Likeness(models.Model):
    """What a new dish is expected to sell until its own sales tell: a share of another dish's."""

    menu_item = models.OneToOneField(MenuItem, on_delete=models.CASCADE, primary_key=True, related_name="likeness")
    like = models.ForeignKey(MenuItem, on_delete=models.CASCADE, related_name="+")
    share = models.DecimalField(max_digits=5, decimal_places=3, help_text="0.6: it sells 60 % of the other's units.")
    created_by_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "likenesses"
        constraints = [
            models.CheckConstraint(
                name="forecasting_likeness_share", condition=models.Q(share__gt=0, share__lte=10),
                violation_error_message="The share lies above 0 % and at or below 1,000 %.",
            ),
            models.CheckConstraint(
                name="forecasting_likeness_of_another",
                condition=~models.Q(like=models.F("menu_item")),
                violation_error_message="A dish cannot be like itself.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.menu_item_id} sells like {self.like_id} at {self.share}"
