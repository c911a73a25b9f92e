"""Tasks that only the database's owner can do: they go to the queue `upkeep`, which the upkeep worker takes alone."""

from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from tenants import erasing, provisioning

SPARES_PER_RUN = 5  # schemas are files: many at once make the next checkpoint of the database a long one
log = structlog.get_logger(__name__)


@shared_task
def keep_spares() -> None:
    """Have as many spare schemas as are wanted; what one run does not do, the next one does."""
    lacking = provisioning.keep_spares(settings.SPARE_RESTAURANTS, at_most=SPARES_PER_RUN)
    if lacking:
        log.info("spares_lacking", lacking=lacking)


def ask_for_spares() -> None:
    """For whoever met `provisioning.NoSpare`: do not wait for the timetable."""
    keep_spares.apply_async(expires=60)


@shared_task
def erase(*, restaurant_id: str) -> None:
    """Erase a restaurant of which that was asked for."""
    erasing.erase(UUID(restaurant_id), now=timezone.now())


@shared_task
def go_on_erasing() -> None:
    """Erase what an earlier run left: it was stopped, or somebody was reading."""
    for restaurant_id in erasing.unfinished():
        erasing.erase(restaurant_id, now=timezone.now())
