"""What follows an uploaded file: it is loaded in the background, and the pipeline after it."""

import datetime as dt
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from pos import importing
from pos.models import SalesFile
from pos.providers.base import ProviderError
from tenants import health
from tenants.actors import By, as_json, from_json
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job

KIND = Job.Kind.IMPORT
FAULT = "The import did not work: a fault in Flux, which its log describes. Nothing of the file was loaded."

log = structlog.get_logger(__name__)


def request(file: SalesFile, *, by: By, now: dt.datetime) -> Job:
    """The job that loads `file`: the one that is under way, or a new one."""
    under_way = Job.objects.unfinished().filter(kind=KIND, mark__startswith=importing.mark(file)).first()
    if under_way:
        return under_way
    with transaction.atomic():
        importing.begin(file)
        mark = f"{importing.mark(file)}{now:%Y%m%dT%H%M%S%f}"
        return jobs.request(KIND, now=now, mark=mark, note="Waiting for its turn", asked={"by": as_json(by)})


def work_off(restaurant: Restaurant, job_id: UUID) -> bool:
    """Load the file that the job is for; whether its sales are in now. Nothing where somebody else is at it."""
    job = jobs.claim(job_id, now=timezone.now())
    if job is None:
        _tell_file_if_ended(job_id)
        return False
    file = SalesFile.objects.get(pk=(job.mark or "").partition(":")[0])
    jobs.progress(job, 0, 1, f"Reading and loading {file.name}")
    try:
        report = importing.run(file, restaurant=restaurant, by=from_json(job.asked.get("by")), now=timezone.now())
    except ProviderError as error:
        jobs.finish(job, note="", error=str(error))
        return False
    except Exception as error:
        log.exception("import_failed", file_id=str(file.pk))
        health.failed("import", error)
        _tell_file(file.pk, FAULT)
        jobs.finish(job, note="", error=FAULT)
        return False
    health.reached(health.IMPORT)
    jobs.finish(job, note=f"{report['accepted']:,} of {report['rows']:,} rows imported", result={"file": str(file.pk)})
    return True


def _tell_file_if_ended(job_id: UUID) -> None:
    """A file that killed its worker each time, or whose job was refused, is not on its way any more."""
    ended = Job.objects.filter(pk=job_id, status=Job.Status.FAILED, error__in=[jobs.GIVEN_UP, jobs.REFUSED]).first()
    if ended is not None:
        _tell_file((ended.mark or "").partition(":")[0], ended.error)


def _tell_file(file_id: UUID | str, error: str) -> None:
    on_its_way = SalesFile.objects.filter(pk=file_id, status=SalesFile.Status.IMPORTING)
    on_its_way.update(status=SalesFile.Status.FAILED, error=error)
