"""The page of the proof: "We hid your last 4 weeks and predicted them"."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from forecasting import proof, proven
from forecasting.arithmetic import enough
from forecasting.tasks import ask_for_backtest
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.office.models import Job


@allow()
@require_safe
def proof_page(request: HttpRequest) -> HttpResponse:
    """How Flux did on this restaurant's own last weeks, beside what restaurants do without it."""
    now = timezone.now()
    found = proven.state(current_restaurant(), now=now)
    shown = request.GET.get("dish", "")
    context: dict[str, Any] = {
        "state": found,
        "proven": found.proven,
        "job": found.job,
        "may_run": may(request, MANAGERS) and not found.is_running and not found.missing_days,
        "enough_days": enough.ENOUGH_DAYS,
    }
    if found.proven is not None:
        names = dict(found.proven.charted)
        context |= {
            "days": found.proven.days(shown),
            "shown": shown if shown in names else "",
            "shown_name": names.get(shown, ""),
            "rows": [row for row in found.proven.rows if row.units][: proven.TOP_ITEMS],
            "is_stale": found.proven.is_stale(current_restaurant().business_date(now)),
        }
    return render(request, "forecasting/proof.html", context)


@allow()
@require_safe
def proof_progress(request: HttpRequest) -> HttpResponse:
    """Fragment: how far the newest job is; when it has ended, the page is loaded again with what it found."""
    job = Job.objects.last_of(proof.KIND)
    response = render(request, "forecasting/proof_progress.html", {"job": job})
    if job is None or not job.is_running:
        response["HX-Refresh"] = "true"
    return response


@allow(MANAGERS)
@require_POST
def proof_run(request: HttpRequest) -> HttpResponse:
    """Hide the last weeks and predict them, anew."""
    try:
        ask_for_backtest(current_restaurant(), now=timezone.now(), by=asking(request))
    except enough.TooShort as missing:
        messages.error(request, str(missing))
    return redirect("forecasting:proof")
