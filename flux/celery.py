"""The Celery app and its timetable. The timetable is code, not rows: it is reviewed and tested like the rest."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flux.settings")

app = Celery("flux")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@setup_logging.connect
def use_djangos_logging(**_kwargs: Any) -> None:
    """Keep the worker from installing a log format of its own."""
