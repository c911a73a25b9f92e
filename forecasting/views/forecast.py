"""Pages of the forecast: the house day by day with dishes × days, and one dish with its past and its ranges."""

import datetime as dt
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from forecasting import day as one_day
from forecasting import dayparts, dish, likeness, outlook
from forecasting import overview as glance
from forecasting.models import Run
from menu import sold_out
from menu.models import MenuItem, SoldOut
from tenants.access import MANAGERS, allow, may, sees_money
from tenants.office.models import Job

SHORT, LONG = 14, 35  # days: what the model says, and what the smoother adds beyond
PER_PAGE = 100


@allow()
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What the house is expected to sell in the next days, and every dish of it."""
    restaurant = request.restaurant  # type: ignore[attr-defined]
    today = restaurant.business_date(timezone.now())
    run = Run.objects.current()
    context = {"run": run, "today": today, "may_run": may(request, MANAGERS), "n_days": _days(request)}
    context["jobs"] = list(Job.objects.unfinished())
    if run is not None:
        first, with_money = run.first_day(today), sees_money(request)
        page = glance.read(
            restaurant, run, first, _days(request), measure=request.GET.get("in", ""), with_money=with_money
        )
        dishes = Paginator(page.grid.dishes, PER_PAGE).get_page(request.GET.get("page"))
        context |= {
            "page": page,
            "first": first,
            "dishes": dishes,
            "kept": f"days={_days(request)}&in={page.measure}&",
            "groups": page.grid.part({line.item_id for line in dishes}),
            "quality": outlook.quality(run.report),
            "proof": outlook.proof(),
            "holes": outlook.holes(run.report),
            "is_old": not run.covers(today),
        }
    return render(request, "forecasting/overview.html", context)


@allow()
@require_safe
def item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """One dish: eight weeks of sales, then what is expected, with ranges and the reasons."""
    restaurant = request.restaurant  # type: ignore[attr-defined]
    today = restaurant.business_date(timezone.now())
    found = get_object_or_404(MenuItem, pk=item_id)
    run = Run.objects.current()
    first = run.first_day(today) if run else today
    story = dish.read(restaurant, run, found, first, _days(request))
    ahead = [day for day in story.days if day.mean is not None]
    split = dayparts.read(restaurant, run) if run else None
    proof = outlook.proof(found.pk)
    rehearsed = outlook.quality_of(run.report, found.pk) if run else None
    context = {
        "dish": found,
        "run": run,
        "today": today,
        "is_old": run is not None and not run.covers(today),
        "days": story.days,
        "lately": story.lately,
        "ahead": ahead,
        "silent_since": dish.silent_since(found, ahead, first),
        "split": split,
        "by_part": dish.by_part(found, ahead, split) if split and split.is_known else [],
        "n_past": dish.PAST_DAYS,
        "n_days": _days(request),
        "quality": outlook.quality(run.report) if run else None,
        "proof": proof,
        "of_dish": proof.of_dish if proof else rehearsed,
        "measured": dish.measured(found, first),
        "newcomer": likeness.newcomer(found, today),
        "may_edit": may(request, MANAGERS),
        "out_since": SoldOut.objects.out_on(today).filter(menu_item=found).values_list("from_at", flat=True).first(),
        "ran_out": sold_out.days_of(found, first - dt.timedelta(days=dish.PAST_DAYS), today),
    }
    return render(request, "forecasting/item.html", context)


@allow()
@require_safe
def day(request: HttpRequest, day: str) -> HttpResponse:
    """One day for the kitchen: portions of every dish, by part of the day; made to be printed."""
    restaurant = request.restaurant  # type: ignore[attr-defined]
    asked, run = parse_day(day), Run.objects.current()
    if run is None or not run.covers(asked):
        return render(request, "forecasting/day_unknown.html", {"day": asked, "run": run}, status=404)
    page = one_day.read(restaurant, run, asked, with_money=sees_money(request))
    near = {"before": asked - dt.timedelta(days=1), "after": asked + dt.timedelta(days=1)}
    context = {
        "day": asked,
        "run": run,
        "page": page,
        "may_set_parts": may(request, MANAGERS),
        **{name: date for name, date in near.items() if run.covers(date)},
    }
    return render(request, "forecasting/day.html", context)


def parse_day(text: str) -> dt.date:
    """A date as addresses write it; anything else has no page."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as problem:
        raise Http404("There is no such date.") from problem


def _days(request: HttpRequest) -> int:
    return LONG if request.GET.get("days") == str(LONG) else SHORT
