"""Pages of the forecast: dishes × days, and one dish with its past and its ranges."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from forecasting import outlook
from forecasting.models import Run
from menu.models import MenuItem
from tenants.access import MANAGERS, allow, may

SHORT, LONG = 14, 35  # days: what the model says, and what the smoother adds beyond
PER_PAGE = 60


@allow()
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Expected units of every dish for the next days."""
    today = request.restaurant.business_date(timezone.now())  # type: ignore[attr-defined]
    run = Run.objects.current()
    context = {"run": run, "today": today, "may_run": may(request, MANAGERS), "n_days": _days(request)}
    if run is not None:
        table = outlook.table(run, run.first_day(today), _days(request))
        rows = Paginator(table.rows, PER_PAGE).get_page(request.GET.get("page"))
        context |= {
            "table": table,
            "rows": rows,
            "quality": outlook.quality(run.report),
            "is_old": not run.covers(today),
        }
    return render(request, "forecasting/overview.html", context)


@allow()
@require_safe
def item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """One dish: eight weeks of sales, then what is expected, with ranges and confidence."""
    today = request.restaurant.business_date(timezone.now())  # type: ignore[attr-defined]
    dish = get_object_or_404(MenuItem, pk=item_id)
    run = Run.objects.current()
    first = run.first_day(today) if run else today
    days = outlook.item_days(run, dish, first, _days(request))
    context = {
        "dish": dish,
        "run": run,
        "today": today,
        "is_old": run is not None and not run.covers(today),
        "days": days,
        "ahead": [day for day in days if day.mean is not None],
        "n_past": outlook.PAST_DAYS,
        "n_days": _days(request),
        "quality": outlook.quality(run.report) if run else None,
    }
    return render(request, "forecasting/item.html", context)


def _days(request: HttpRequest) -> int:
    return LONG if request.GET.get("days") == str(LONG) else SHORT
