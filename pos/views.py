"""The Sales pages: what was sold, which source counts when, and files with their preview."""

import gzip
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from pos import history as sales_history
from pos import importing, sources, wording
from pos.forms import PricesForm, ReadingForm, SourceChangeForm, SourceForm, UploadForm
from pos.models import Connection, SalesFile
from pos.providers.base import ProviderError
from tenants.access import MANAGERS, allow, may
from tenants.actors import By, asking
from tenants.context import current_restaurant
from tenants.office.models import Job

FILES_PER_PAGE = 20


@allow()
@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """How far the sales reach, who counts when, and the files."""
    found = sales_history.overview(current_restaurant().business_date(timezone.now()))
    files = Paginator(SalesFile.objects.defer("content", "rejects").select_related("connection"), FILES_PER_PAGE)
    context = {
        "history": found,
        "files": files.get_page(request.GET.get("page")),
        "may_edit": may(request, MANAGERS),
        "form": SourceChangeForm.between(
            found.first_on, found.last_on, [source.connection for source in found.sources]
        ),
    }
    return render(request, "pos/history.html", context)


@allow()
@require_safe
def month(request: HttpRequest, year: int, number: int) -> HttpResponse:
    """The days of one month."""
    try:
        first_on = date(year, number, 1)
        days = sales_history.month(first_on)
    except (ValueError, OverflowError) as error:  # no such month, or one at the end of what dates can say
        raise Http404 from error
    return render(request, "pos/month.html", {"first_on": first_on, "days": days})


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Keep a file and show what it says."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given, now = form.cleaned_data["file"], timezone.now()
        try:
            file = importing.store(given.read(), name=given.name, by=asking(request), at=now)
        except ProviderError as error:
            form.add_error("file", str(error))
        else:
            if file.status != SalesFile.Status.IMPORTED:
                importing.preview(file, restaurant=current_restaurant(), now=now)
            return redirect("pos:file", file.pk)
    return render(request, "pos/upload.html", {"form": form}, status=422 if form.errors else 200)


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def file(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """What a file says and would change, and how it is read; a POST says how and looks again."""
    found = get_object_or_404(SalesFile.objects.defer("content").select_related("connection"), pk=file_id)
    report = found.outcome
    form = ReadingForm(request.POST or None, report=report, said=found.reading) if "header" in report else None
    if request.method == "POST" and form and form.is_valid():
        importing.answer(found, form.answers(), by=asking(request), at=timezone.now())
        importing.preview(found, restaurant=current_restaurant(), now=timezone.now())
        return redirect("pos:file", found.pk)
    job = Job.objects.filter(mark__startswith=importing.mark(found)).order_by("-created_at").first()
    context = {
        "file": found,
        "report": report,
        "form": form,
        "job": job,
        "described": wording.describe(report),
        "is_preview": "preview" in found.report,
        "prices": PricesForm() if importing.asks_about_prices(found) else None,
    }
    return render(request, "pos/file.html", context, status=422 if form and form.errors else 200)


@allow(MANAGERS)
@require_safe
def progress(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """How far an import is; when it has ended, the page is asked to show what came of it."""
    job = get_object_or_404(Job, pk=job_id, kind=Job.Kind.IMPORT)
    response = render(request, "pos/progress.html", {"job": job})
    if not job.is_running:
        response["HX-Refresh"] = "true"
    return response


@allow(MANAGERS)
@require_safe
def rejects(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """The refused rows as a CSV file."""
    found = get_object_or_404(SalesFile.objects.defer("content"), pk=file_id)
    if not found.rejects:
        raise Http404
    name = slugify(found.name.removesuffix(".gz").removesuffix(".csv")) or "sales"
    return HttpResponse(
        gzip.decompress(bytes(found.rejects)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-rejects.csv"'},
    )


@allow(MANAGERS)
@require_POST
def source_change(request: HttpRequest) -> HttpResponse:
    """Let another source count on a range of days."""
    form = SourceChangeForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a source and two days.")
        return redirect("pos:history")
    asked = form.cleaned_data
    try:
        changed = sources.change(
            asked["first_on"], asked["last_on"], asked["connection"], by=asking(request), at=timezone.now()
        )
    except sources.NoSuchRange as error:
        messages.error(request, str(error))
    else:
        kept = (
            f" {changed.without_sales:,} days without sales there stay as they were." if changed.without_sales else ""
        )
        messages.success(request, f"{asked['connection']} now counts on {changed.days:,} more days.{kept}")
    return redirect("pos:history")


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def source(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """A source's name and whether its prices include tax."""
    connection = get_object_or_404(Connection, pk=connection_id)
    form = SourceForm(request.POST or None, connection=connection)
    if request.method == "POST" and form.is_valid():
        _change_source(connection, form.cleaned_data, asking(request), timezone.now())
        messages.success(request, f"{connection} is saved.")
        return redirect("pos:history")
    context = {"connection": connection, "form": form}
    return render(request, "pos/source.html", context, status=422 if form.errors else 200)


def _change_source(connection: Connection, said: dict[str, Any], by: By, now: datetime) -> None:
    sources.rename(connection, said["name"], by=by, at=now)
    importing.set_prices(
        connection,
        include_tax=said["prices"] == "yes",
        rate=said["rate"],
        restaurant=current_restaurant(),
        by=by,
        now=now,
    )
