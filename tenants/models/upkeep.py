"""What the platform keeps about its own work: how jobs do, which schemas there are, what was erased."""

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from tenants.models.restaurants import Restaurant


class Health(models.Model):
    """How a restaurant's background work does, for the platform's staff, who cannot read its own tables."""

    restaurant = models.OneToOneField(Restaurant, on_delete=models.CASCADE, primary_key=True, related_name="health")
    last_import_at = models.DateTimeField(null=True, blank=True)
    last_forecast_at = models.DateTimeField(null=True, blank=True)
    last_suggestion_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=200, blank=True, help_text="Which task, and the kind of error.")

    class Meta:
        verbose_name_plural = "sync health"

    def __str__(self) -> str:
        return f"health of {self.restaurant}"


class FailedTask(models.Model):
    """A restaurant's task, or a step of one, that ended in an error which nobody foresaw."""

    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="failed_tasks")
    task = models.CharField(max_length=120)
    ids = models.JSONField(default=dict, blank=True, help_text="What it was about, as the task was told.")
    error = models.CharField(max_length=120, help_text="The error's class.")
    message = models.CharField(max_length=200, blank=True, help_text="Its first line.")
    at = models.DateTimeField(default=now, editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["-at"], name="tenants_failedtask_newest"),
            models.Index(fields=["restaurant", "-at"], name="tenants_failedtask_of_one"),
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.error}"


class UnfinishedMigration(models.Model):
    """A migration that has not gone through in one schema: it failed there, or was cut short between two operations.

    The migrator tries again in its next run, goes on where it stopped, and removes the row when the schema is through.
    """

    schema_name = models.CharField(max_length=63)
    migration = models.TextField(help_text="One, or those of one step: menu.0007_allergens.")
    operations_done = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    failed_at = models.DateTimeField(blank=True, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schema_name"], name="tenants_unfinishedmigration_once"),
        ]

    def __str__(self) -> str:
        return f"{self.migration} in {self.schema_name}"


class SchemaQuerySet(models.QuerySet["Schema"]):
    """Named reads."""

    def spare(self, version: str) -> "SchemaQuerySet":
        """Those that a restaurant of this version may take, oldest first."""
        return self.filter(restaurant=None, version=version).order_by("created_at")


class Schema(models.Model):
    """A restaurant's schema in the database, and the role of the same name; without a restaurant it is a spare."""

    name = models.CharField(max_length=63, primary_key=True, editable=False)
    version = models.CharField(max_length=16, help_text="Which migrations it had when it was made: see the template.")
    restaurant = models.OneToOneField(
        Restaurant, on_delete=models.CASCADE, null=True, blank=True, related_name="schema", editable=False
    )
    created_at = models.DateTimeField(default=now, editable=False)
    taken_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SchemaQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tenants_schema_is_taken_at_a_time",
                condition=models.Q(restaurant=None, taken_at=None)
                | models.Q(restaurant__isnull=False, taken_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Erasure(models.Model):
    """A restaurant that is being erased, and afterwards all that is kept of it: its id, when, and by whom."""

    restaurant_id = models.UUIDField(primary_key=True, editable=False)
    schema_name = models.CharField(
        max_length=63, blank=True, editable=False, help_text="Until everything in it is gone."
    )
    by = models.CharField(max_length=160, editable=False)
    asked_at = models.DateTimeField(default=now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="tenants_erasure_keeps_no_name_at_the_end",
                condition=models.Q(erased_at=None) | models.Q(schema_name=""),
            ),
        ]

    def __str__(self) -> str:
        return f"erasure of {self.restaurant_id}"
