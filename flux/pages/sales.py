"""Importing a file that has been looked at: it loads sales (pos) and starts the pipeline (flux)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from flux import tasks
from pos import importing
from pos.forms import PricesForm
from pos.models import SalesFile
from tenants.access import MANAGERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant


@allow(MANAGERS)
@require_POST
def import_file(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Load the file in the background; the one question that a new source leaves open comes with the request."""
    file = get_object_or_404(SalesFile.objects.defer("content"), pk=file_id)
    if importing.asks_about_prices(file):
        form = PricesForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Say whether the prices in the file include tax, and at which rate.")
            return redirect("pos:file", file.pk)
        importing.answer(file, form.answers(), by=asking(request), at=timezone.now())
    tasks.ask_for_import(current_restaurant(), file, by=asking(request), now=timezone.now())
    return redirect("pos:file", file.pk)
