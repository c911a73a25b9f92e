"""Runs, the forecast of each menu item and day, and what the engine remembers between runs."""

import datetime as dt
from collections.abc import Collection
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from menu.models import MenuItem
from tenants.keys import uuid7
from tenants.office.models import Closure

RUN_STEPS = ("read", "compute", "write")


class RunQuerySet(models.QuerySet["Run"]):
    """Named reads."""

    def current(self) -> "Run | None":
        """Flux's newest completed run that feeds orders: what pages show and orders rest on."""
        return self.filter(status=Run.Status.COMPLETED, origin=Run.Origin.FLUX, feeds_orders=True).first()

    def spoke_of_days_before(self, day: dt.date) -> "RunQuerySet":
        """Runs of integrators whose one day lies before `day`."""
        spoken_of = models.ExpressionWrapper(
            models.F("cutoff_on") + models.F("horizon_days"), output_field=models.DateField()
        )
        return self.filter(origin=Run.Origin.INTEGRATOR).alias(spoken_of=spoken_of).filter(spoken_of__lt=day)

    def abandoned(self, before: dt.datetime) -> "RunQuerySet":
        """Runs that nobody took, or nobody finished, since `before`."""
        lost = models.Q(status=Run.Status.PENDING, created_at__lt=before)
        return self.filter(lost | models.Q(status=Run.Status.IN_PROGRESS, started_at__lt=before))


class Run(models.Model):
    """One forecast of the whole menu: made by Flux, or recorded by an integrator."""

    class Origin(models.TextChoices):
        FLUX = "flux", "Flux"
        INTEGRATOR = "integrator"

    class Status(models.TextChoices):
        PENDING = "pending"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.FLUX)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    cutoff_on = models.DateField(null=True, blank=True, help_text="The last business date whose sales it knows.")
    horizon_days = models.PositiveSmallIntegerField(default=35)
    model_version = models.CharField(max_length=60, blank=True)
    feeds_orders = models.BooleanField(default=True, help_text="Whether order suggestions may use it.")
    timings = models.JSONField(default=dict, blank=True, help_text="Seconds by step.")
    report = models.JSONField(
        default=dict, blank=True, help_text="How it did on the last weeks, and what it fell back to."
    )
    error = models.TextField(blank=True)
    requested_by_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="forecasting_run_status_has_its_stamps",
                condition=(
                    models.Q(status="pending", started_at=None, finished_at=None)
                    | models.Q(status="in_progress", started_at__isnull=False, finished_at=None)
                    | models.Q(
                        status="completed", started_at__isnull=False, finished_at__isnull=False, cutoff_on__isnull=False
                    )
                    | models.Q(status="failed", finished_at__isnull=False)
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.origin} run of {self.created_at:%Y-%m-%d %H:%M} ({self.status})"

    @property
    def progress(self) -> float:
        """Share of its steps that are done, 0 to 1."""
        return 1.0 if self.status == Run.Status.COMPLETED else len(self.timings) / len(RUN_STEPS)

    def covers(self, day: dt.date) -> bool:
        """Whether the run speaks of `day`."""
        return self.cutoff_on is not None and 0 < (day - self.cutoff_on).days <= self.horizon_days

    @property
    def last_day(self) -> dt.date:
        """The last day that it speaks of, once its cutoff is known."""
        return (self.cutoff_on or self.created_at.date()) + dt.timedelta(days=self.horizon_days)

    def first_day(self, today: dt.date) -> dt.date:
        """Where a look ahead begins: today, or the day after the last sales where those are too old for that."""
        return today if self.cutoff_on is None or self.covers(today) else self.cutoff_on + dt.timedelta(days=1)

    def unknown_from(self, first: dt.date) -> dt.date:
        """The first day whose sales it did not know; `first` where it does not say what it knew."""
        return self.cutoff_on + dt.timedelta(days=1) if self.cutoff_on else first

    def closed_days(self, first: dt.date, last: dt.date) -> frozenset[dt.date]:
        """Planned closures, and the weekdays on which it takes the house to be closed; both ends included."""
        planned = Closure.objects.filter(on__range=(first, last)).values_list("on", flat=True)
        days = [first + dt.timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        weekdays = self.report.get("closed_weekdays", [])
        return frozenset(planned).union(day for day in days if day.weekday() in weekdays)


class ForecastQuerySet(models.QuerySet["Forecast"]):
    """Named reads."""

    def of_runs_before(self, moment: dt.datetime) -> "ForecastQuerySet":
        """What Flux's own runs from before `moment` said."""
        return self.filter(run__origin=Run.Origin.FLUX, run__created_at__lt=moment)

    def on_the_menu(self, run: Run, first: dt.date, last: dt.date) -> "ForecastQuerySet":
        """What the run says of dishes on the menu, both days included."""
        return self.filter(run=run, date__range=(first, last), menu_item__is_active=True)

    def still_meant(self, today: dt.date) -> "ForecastQuerySet":
        """Without what was said of today and later of dishes that are off the menu now."""
        return self.filter(models.Q(menu_item__is_active=True) | models.Q(date__lt=today))

    def adjustable(self, run: Run, days: Collection[dt.date], *, touched: Collection[dt.date]) -> "ForecastQuerySet":
        """The run's forecasts of dishes on the menu that something touches on `days`, or has touched; with dishes."""
        now_or_before = models.Q(date__in=touched) | models.Q(engine_numbers__isnull=False)
        found = self.filter(now_or_before, run=run, date__in=days, menu_item__is_active=True, q10__isnull=False)
        return found.select_related("menu_item").order_by("date", "menu_item_id")

    def feeding_orders(self, run: Run) -> "ForecastQuerySet":
        """The run's own forecasts, and after them those of integrators that were chosen to replace them, oldest first.

        The last one of an item and date counts.
        """
        own = models.Q(run=run)
        chosen = models.Q(run__origin=Run.Origin.INTEGRATOR, run__feeds_orders=True)
        is_chosen = models.Case(models.When(own, then=0), default=1)
        return self.filter(own | chosen).order_by(is_chosen, "run__created_at", "id")


class Forecast(models.Model):
    """Demand for one menu item on one business date, in units, with its range.

    These are the final numbers, calendar events and overrides included. Where those changed something,
    `engine_numbers` keeps what the engine said: mean, q10, q25, q50, q75, q90, q95.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="forecasts", db_index=False)
    menu_item = models.ForeignKey(MenuItem, on_delete=models.CASCADE, related_name="forecasts", db_index=False)
    date = models.DateField()
    mean = models.DecimalField(max_digits=12, decimal_places=3)
    q10 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    q25 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    q50 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    q75 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    q90 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    q95 = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    confidence = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        help_text="Probability that the actual falls within ±20 % (at least ±2 units) of the mean.",
    )
    engine_numbers = ArrayField(
        models.DecimalField(max_digits=12, decimal_places=3),
        size=7,
        null=True,
        blank=True,
        help_text="Mean and quantiles before calendar events and overrides; empty where nothing changed them.",
    )

    objects = ForecastQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "menu_item", "date"], name="forecasting_forecast_once_per_run"),
            models.CheckConstraint(name="forecasting_forecast_mean_not_negative", condition=models.Q(mean__gte=0)),
            models.CheckConstraint(
                name="forecasting_forecast_confidence_is_a_share",
                condition=models.Q(confidence__gte=0, confidence__lte=1),
            ),
            models.CheckConstraint(
                name="forecasting_forecast_quantiles_ordered",
                condition=models.Q(q10=None)
                | models.Q(
                    q10__gte=0,
                    q25__gte=models.F("q10"),
                    q50__gte=models.F("q25"),
                    q75__gte=models.F("q50"),
                    q90__gte=models.F("q75"),
                    q95__gte=models.F("q90"),
                ),
            ),
        ]
        indexes = [models.Index(fields=["menu_item", "date"], name="forecasting_forecast_by_item")]

    def __str__(self) -> str:
        return f"{self.date} {self.menu_item_id}: {self.mean}"

    @property
    def engine_mean(self) -> Decimal:
        """The mean before events and overrides."""
        return self.engine_numbers[0] if self.engine_numbers else self.mean


class EngineState(models.Model):
    """What the engine knew at the end of its last run, so that the next one begins there; one row at most."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    cutoff_on = models.DateField(help_text="The last business date that it has taken in.")
    version = models.CharField(max_length=60, help_text="The engine that wrote it; another one begins anew.")
    fingerprint = models.CharField(max_length=64, help_text="What it was computed from.")
    payload = models.BinaryField()
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(name="forecasting_enginestate_only_one", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return f"state of the engine at {self.cutoff_on}"
