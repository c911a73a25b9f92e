"""How restaurants' background work does, told to the platform's staff, who cannot read a restaurant's tables.

`tenants.tasks` opens a `watch` around whatever runs for one restaurant. The work inside says what it has `reached` and
what `failed` although it went on; the watch adds an error that ended it, and writes all of that to `public` once. It
never breaks or hides the work: what cannot be written is logged.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from celery.exceptions import TaskPredicate
from django.db import transaction
from django.utils import timezone

from tenants.context import public_context
from tenants.models import FailedTask, Health, Restaurant

IMPORT = "last_import_at"
FORECAST = "last_forecast_at"
SUGGESTION = "last_suggestion_at"
KEPT_DAYS = 30
MOST_KEPT = 200  # of one restaurant: a task that fails every minute must not fill the table

log = structlog.get_logger(__name__)


@dataclass
class Report:
    """What came of one piece of work."""

    reached: set[str] = field(default_factory=set)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)


_report: ContextVar[Report | None] = ContextVar("health_report", default=None)


def reached(what: str) -> None:
    """Say that `IMPORT`, `FORECAST` or `SUGGESTION` was done just now."""
    report = _report.get()
    if report is not None:
        report.reached.add(what)


def failed(what: str, error: BaseException) -> None:
    """Say that a part of the work ended in an `error` that nobody foresaw, while the rest goes on."""
    report = _report.get()
    if report is not None:
        report.failures.append((what, error))


@contextmanager
def watch(restaurant: Restaurant, task: str, ids: Mapping[str, Any]) -> Iterator[None]:
    """Report on the block, which does `task` for `restaurant`; its errors pass through."""
    report = Report()
    token = _report.set(report)
    try:
        yield
    except TaskPredicate:  # Celery's way to say “again” or “not now”
        raise
    except Exception as error:
        report.failures.append(("", error))
        raise
    finally:
        _report.reset(token)
        _tell(restaurant, task, ids, report)


def acknowledge(failures: Any, *, by: Any, at: Any) -> int:
    """Mark failures as seen by somebody of the staff; how many were new to them."""
    return int(failures.filter(acknowledged_at=None).update(acknowledged_at=at, acknowledged_by=by))


def _tell(restaurant: Restaurant, task: str, ids: Mapping[str, Any], report: Report) -> None:
    if not report.reached and not report.failures:
        return
    try:
        with public_context(), transaction.atomic():
            _write(restaurant, task, ids, report)
    except Exception:
        log.exception("health_not_told", task=task)


def _write(restaurant: Restaurant, task: str, ids: Mapping[str, Any], report: Report) -> None:
    now = timezone.now()
    facts: dict[str, Any] = dict.fromkeys(report.reached, now)
    rows = [
        FailedTask(
            restaurant=restaurant,
            task=f"{task}: {part}"[:120] if part else task[:120],
            ids={name: str(value)[:64] for name, value in ids.items()},
            error=type(error).__name__[:120],
            message=first_line(error),
            at=now,
        )
        for part, error in report.failures
    ]
    if rows:
        facts |= {"last_failure_at": now, "last_failure": f"{rows[-1].task}, {rows[-1].error}"[:200]}
    Health.objects.update_or_create(restaurant=restaurant, defaults=facts)
    if rows:
        FailedTask.objects.bulk_create(rows)
        _prune(restaurant)


def _prune(restaurant: Restaurant) -> None:
    """Drop what is old, and the oldest of what is too much."""
    FailedTask.objects.filter(at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
    kept = FailedTask.objects.filter(restaurant=restaurant).order_by("-at", "-pk").values("pk")[:MOST_KEPT]
    FailedTask.objects.filter(restaurant=restaurant).exclude(pk__in=kept).delete()


def first_line(error: BaseException) -> str:
    """What the error says, without its details: those of the database quote rows."""
    said = str(error).strip().partition("\n")[0].replace("\x00", "")
    return said[:200]
