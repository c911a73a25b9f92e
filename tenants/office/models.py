"""What every restaurant has whatever it sells: jobs with progress, planned closures. In the restaurant's schema."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import connection, models
from django.utils import timezone

from tenants.keys import uuid7

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BEGIN = "(weekday * 1440 + extract(epoch FROM opens_at) / 60)::integer"
_MINUTES = "(1 + mod((extract(epoch FROM closes_at - opens_at) / 60)::integer + 2879, 1440))"
MINUTES_OF_THE_WEEK = (
    f"int4multirange(int4range({_BEGIN}, {_BEGIN} + {_MINUTES}),"
    f" int4range({_BEGIN} - 10080, {_BEGIN} - 10080 + {_MINUTES}))"
)


class JobQuerySet(models.QuerySet["Job"]):
    """Named reads."""

    def unfinished(self) -> "JobQuerySet":
        return self.filter(status__in=[Job.Status.PENDING, Job.Status.RUNNING])

    def waiting(self, kind: str) -> "JobQuerySet":
        """Jobs of the kind that nobody has begun, oldest first."""
        return self.filter(kind=kind, status=Job.Status.PENDING).order_by("created_at", "id")

    def last_of(self, kind: str) -> "Job | None":
        """The job of the kind that was asked for last."""
        return self.filter(kind=kind).order_by("-created_at", "-id").first()

    def last_ended(self, kind: str) -> "Job | None":
        """The job of the kind that ended last, well or not."""
        ended = self.filter(kind=kind, status__in=[Job.Status.DONE, Job.Status.FAILED])
        return ended.order_by("-finished_at").first()


class Job(models.Model):
    """Work in the background that a manager may want to watch: how far it is, and how it ended."""

    class Kind(models.TextChoices):
        PIPELINE = "pipeline"
        IMPORT = "import"
        HISTORY = "history"
        CALENDAR = "calendar"
        BACKTEST = "backtest"

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    mark = models.CharField(
        max_length=80,
        null=True,
        blank=True,
        help_text="What makes it the only one of its kind, such as nightly:2026-11-22.",
    )
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True, help_text="What it is doing, in a manager's words.")
    asked = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="What exactly was asked for, and by whom."
    )
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="Its last sign of life while it runs.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker has taken it.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["kind", "-created_at"], name="office_job_latest")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "mark"], name="office_job_once_per_mark"),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(kind__in=["pipeline", "history"], status="running"),
                name="office_job_one_running",
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(kind__in=["pipeline", "history"], status="pending", mark=None),
                name="office_job_one_waiting",
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(kind="calendar", status__in=["pending", "running"]),
                name="office_job_one_calendar",
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(kind="backtest", status__in=["pending", "running"]),
                name="office_job_one_backtest",
            ),
            models.CheckConstraint(
                name="office_job_status_has_its_stamps",
                condition=(
                    models.Q(status="pending", started_at=None, finished_at=None)
                    | models.Q(status="running", started_at__isnull=False, finished_at=None)
                    | models.Q(status__in=["done", "failed"], finished_at__isnull=False)
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"

    @property
    def is_running(self) -> bool:
        """Whether it has yet to end."""
        return self.status in {self.Status.PENDING, self.Status.RUNNING}

    @property
    def percent(self) -> int:
        """Progress from 0 to 100."""
        return round(100 * self.progress_done / self.progress_total) if self.progress_total else 0


class OpeningHours(models.Model):
    """One span of a weekday in which guests are served; one that ends at or before its beginning ends the next day."""

    id = models.BigAutoField(primary_key=True)
    weekday = models.PositiveSmallIntegerField(help_text="0 is Monday, 6 is Sunday.")
    opens_at = models.TimeField()
    closes_at = models.TimeField(help_text="The same as the opening: all round the clock.")

    class Meta:
        ordering = ["weekday", "opens_at"]
        verbose_name_plural = "opening hours"
        constraints = [
            models.CheckConstraint(name="office_openinghours_weekday", condition=models.Q(weekday__lte=6)),
            # Spans as minutes of the week, each also as one a week earlier: Sunday's night may reach into Monday.
            ExclusionConstraint(
                name="office_openinghours_no_overlap",
                expressions=[(models.Func(template=MINUTES_OF_THE_WEEK), RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.weekday]} {self.opens_at:%H:%M}–{self.closes_at:%H:%M}"


class Daypart(models.Model):
    """A named part of the business day; it lasts until the next one begins."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40)
    begins_at = models.TimeField()

    class Meta:
        ordering = ["begins_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["begins_at"],
                name="office_daypart_once",
                violation_error_message="Two parts of the day begin at this time.",
            ),
            models.CheckConstraint(name="office_daypart_named", condition=~models.Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} from {self.begins_at:%H:%M}"


class Closure(models.Model):
    """A day on which the restaurant is planned to be closed: nothing is forecast, and it is no day without demand."""

    on = models.DateField(unique=True)
    note = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["on"]

    def __str__(self) -> str:
        return f"closed on {self.on}"


ACTORS = """
WITH RECURSIVE names AS (
    (SELECT actor FROM office_auditentry ORDER BY actor LIMIT 1)
    UNION ALL
    SELECT (SELECT e.actor FROM office_auditentry e WHERE e.actor > names.actor ORDER BY e.actor LIMIT 1)
    FROM names WHERE names.actor IS NOT NULL
)
SELECT actor FROM names WHERE actor IS NOT NULL
"""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Named reads."""

    def newest(self, before_id: int | None = None) -> "AuditEntryQuerySet":
        """Newest first; with `before_id`, what is older than that entry."""
        older = self if before_id is None else self.filter(pk__lt=before_id)
        return older.order_by("-pk")

    def actors(self) -> list[str]:
        """Everybody who ever changed something, by name; found by stepping through the index, name by name."""
        with connection.cursor() as cursor:
            cursor.execute(ACTORS)
            return [name for (name,) in cursor.fetchall()]

    def about(self, kind: str, key: str) -> "AuditEntryQuerySet":
        """What was done to one row."""
        return self.filter(subject_type=kind, subject_key=key)


class AuditEntry(models.Model):
    """Who did what, when, and what it was before. Written by the verbs, with `audit.record`; never changed."""

    class Via(models.TextChoices):
        """The door by which somebody came."""

        PORTAL = "portal"
        API = "api", "API"
        SUPPORT = "support", "support access"
        PIN = "pin", "PIN"
        JOB = "job", "background job"

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    user_id = models.UUIDField(null=True, blank=True, help_text="Empty for integrators' keys and for Flux itself.")
    actor = models.CharField(max_length=160, help_text="Their name at that time.")
    via = models.CharField(max_length=10, choices=Via)
    verb = models.CharField(max_length=60, help_text="Such as order.approved.")
    subject_type = models.CharField(max_length=40)
    subject_key = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=200, help_text="Its name at that time.")
    before = models.JSONField(default=dict, blank=True, help_text="What changed, as it was before.")
    after = models.JSONField(default=dict, blank=True, help_text="What changed, as it is since.")

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject_type", "subject_key", "-id"], name="office_audit_by_subject"),
            models.Index(fields=["actor", "-id"], name="office_audit_by_actor"),
            models.Index(fields=["at"], name="office_audit_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                name="office_auditentry_says_who_and_what",
                condition=~models.Q(actor="") & ~models.Q(verb="") & ~models.Q(subject_type=""),
            ),
            models.CheckConstraint(
                name="office_auditentry_known_via",
                condition=models.Q(via__in=["portal", "api", "support", "pin", "job"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.verb} {self.subject_label}"
