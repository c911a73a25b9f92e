"""How forecasts fared: on days that were hidden from them, and day by day since."""

import datetime as dt
from collections.abc import Hashable, Iterable
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from menu.models import MenuItem
from tenants.keys import uuid7


class _DishRow(models.Func):
    """The row of one dish among the items of a result, found in the database."""

    template = "jsonb_path_query_first(result, '$.items[*] ? (@.item == $item)', %(expressions)s)"
    output_field = models.JSONField()

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__(models.Value(names, output_field=models.JSONField()))


class BacktestQuerySet(models.QuerySet["Backtest"]):
    """Named reads."""

    def newest(self) -> "Backtest | None":
        """The one that counts."""
        return self.first()

    def told(self, item: UUID | None = None) -> "BacktestQuerySet":
        """With `weeks`, `all` (the scores of all dishes) and `dish` (this one's row), but without the long result."""
        return self.defer("result").annotate(
            weeks=models.F("result__weeks"), all=models.F("result__all"), dish=_DishRow({"item": str(item)})
        )


class Backtest(models.Model):
    """The last weeks of sales, hidden and forecast from what came before: its scores, for all and by dish."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    first_on = models.DateField(help_text="The first day that was hidden.")
    last_on = models.DateField(help_text="The last day that was hidden.")
    model_version = models.CharField(max_length=60)
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BacktestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        get_latest_by = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="forecasting_backtest_ends_after_start", condition=models.Q(last_on__gte=models.F("first_on"))
            ),
        ]

    def __str__(self) -> str:
        return f"backtest of {self.first_on} to {self.last_on}"

    @property
    def choice(self) -> dict[str, Any]:
        """Which items get the same-weekday mean: all where Flux lost as a whole, or those where that was better."""
        return {
            "falls_back": bool(self.result.get("falls_back")),
            "items": sorted(self.result.get("baseline_items", [])),
        }

    def baseline_items(self, items: Iterable[Hashable]) -> frozenset[Hashable]:
        """Those of `items`, ids of dishes, that get the same-weekday mean."""
        choice = self.choice
        return frozenset(item for item in items if choice["falls_back"] or str(item) in choice["items"])


class ScoreQuerySet(models.QuerySet["Score"]):
    """Named reads."""

    def between(self, first: dt.date, last: dt.date) -> "ScoreQuerySet":
        """Both days included."""
        return self.filter(date__range=(first, last))

    def counting(self) -> "ScoreQuerySet":
        """Without days on which the dish was sold out: nobody knows what would have been sold."""
        return self.filter(was_sold_out=False)


class Score(models.Model):
    """What the newest run before a day expected of a dish, and what was sold; never changed afterwards."""

    id = models.BigAutoField(primary_key=True)
    date = models.DateField()
    menu_item = models.ForeignKey(MenuItem, on_delete=models.CASCADE, related_name="scores")
    run_id = models.UUIDField(help_text="The run; it may be gone since.")
    days_ahead = models.PositiveSmallIntegerField(help_text="Days between the run's last known sales and the day.")
    mean = models.DecimalField(max_digits=12, decimal_places=3, help_text="Units expected, overrides included.")
    engine_mean = models.DecimalField(max_digits=12, decimal_places=3, help_text="Units expected without overrides.")
    baseline = models.DecimalField(
        max_digits=12, decimal_places=3, null=True, blank=True, help_text="Mean of the same weekday over four weeks."
    )
    q10 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    q90 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    sold = models.DecimalField(max_digits=12, decimal_places=3)
    was_sold_out = models.BooleanField(default=False)
    unit_price = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, help_text="Net sales of a unit then, where known."
    )

    objects = ScoreQuerySet.as_manager()

    class Meta:
        ordering = ["-date", "menu_item"]
        constraints = [
            models.UniqueConstraint(fields=["date", "menu_item"], name="forecasting_score_once"),
            models.CheckConstraint(
                name="forecasting_score_not_negative",
                condition=models.Q(mean__gte=0, engine_mean__gte=0, sold__gte=0)
                & (models.Q(baseline=None) | models.Q(baseline__gte=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.menu_item_id}: {self.mean} expected, {self.sold} sold"
