"""The Celery app and its timetable. The timetable is code, not rows: it is reviewed and tested like the rest."""

import os
from typing import Any

import structlog
from celery import Celery, bootsteps
from celery.schedules import crontab
from celery.signals import after_task_publish, before_task_publish, setup_logging, worker_init
from django.conf import settings
from django.dispatch import receiver
from django_structlog.celery.receivers import CeleryReceiver
from django_structlog.celery.signals import bind_extra_task_metadata, modify_context_before_task_publish

from tenants.context import bind_log_context

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flux.settings")

app = Celery("flux")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="upkeep")

# The nightly task finds out by itself for which restaurants the early morning has come: there is no time zone here.
# A message that nobody took before the next one is sent expires, so that a long pause of the workers leaves no heap.
TIMETABLE: dict[str, dict[str, Any]] = {
    "nightly": {"task": "flux.tasks.nightly", "schedule": crontab(minute="*/15"), "options": {"expires": 14 * 60}},
    "spares": {"task": "tenants.upkeep.keep_spares", "schedule": 60.0, "options": {"expires": 50}},
    "unproven-people": {
        "task": "tenants.tasks.forget_unproven_people",
        "schedule": crontab(hour=3, minute=20),
        "options": {"expires": 3600},
    },
    "erasures": {
        "task": "tenants.upkeep.go_on_erasing",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 4 * 60},
    },
}
DEMO_TIMETABLE: dict[str, dict[str, Any]] = {
    "demo-orders": {"task": "flux.tasks.let_demo_orders_arrive", "schedule": 30.0, "options": {"expires": 25}},
}


@app.on_after_configure.connect
def use_timetable(sender: Celery, **_kwargs: Any) -> None:
    """Not at import: that must work without settings."""
    sender.conf.beat_schedule = TIMETABLE | (DEMO_TIMETABLE if settings.DEMO else {})


class LogTasks(bootsteps.Step):
    """Let a worker log its tasks. django-structlog's own step would log each message that a worker sends twice."""

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self.receiver = CeleryReceiver()
        self.receiver.connect_worker_signals()
        before_task_publish.disconnect(self.receiver.receiver_before_task_publish)
        after_task_publish.disconnect(self.receiver.receiver_after_task_publish)


app.steps["worker"].add(LogTasks)


@worker_init.connect
def refuse_transaction_pooling(**_kwargs: Any) -> None:
    """A job commits step by step and holds locks in between, for which it needs a session of the server to itself."""
    if settings.POOLED:
        raise SystemExit(
            "A worker cannot go through PgBouncer in transaction mode: give it a DATABASE_URL that leads to PostgreSQL"
            " itself (or to a pool in session mode), and DATABASE_POOLING=session."
        )


@setup_logging.connect
def use_djangos_logging(**_kwargs: Any) -> None:
    """Keep the worker from installing a log format of its own."""


@receiver(modify_context_before_task_publish)
def send_restaurant_along(context: dict[str, Any], **_kwargs: Any) -> None:
    """Beside request and user, which travel anyway: the worker's first line about a task names its restaurant too."""
    bind_log_context(None, "", context)


@receiver(bind_extra_task_metadata)
def name_task(task: Any, **_kwargs: Any) -> None:
    """Every line that a task writes says which one it is."""
    structlog.contextvars.bind_contextvars(task=task.name)
