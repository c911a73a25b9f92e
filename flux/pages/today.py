"""Today: what has been sold, what is expected, what to do next, and how fresh all of that is."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from flux import tasks
from flux.charts import Bar, FanPoint
from flux.pages import todo
from flux.pages.back import way_back
from forecasting import house
from forecasting.house import DayOutlook
from forecasting.models import Run
from menu import board
from menu.models import SoldOut
from pos.models import DailySales, Order, OrderLine
from tenants.access import MANAGERS, allow
from tenants.actors import asking
from tenants.models import Restaurant
from tenants.office.models import Job

PAST_DAYS = 14
AHEAD_DAYS = 7
USUAL_WEEKS = 4


@dataclass(frozen=True)
class DaySales:
    """Units and net sales of one business date; net is None where no price is known."""

    units: float
    net: Decimal | None


@dataclass(frozen=True)
class TodayPage:
    """Everything that the page shows. `first` is the first day of the look ahead: today, unless sales are too old."""

    today: dt.date
    now: dt.datetime
    first: dt.date
    last_on: dt.date | None
    last_at: dt.datetime | None
    run: Run | None
    sales: Mapping[dt.date, DaySales]
    ahead: list[DayOutlook]
    hours: list[Bar]
    actions: list[todo.Action]
    out: list[SoldOut]
    jobs: list[Job]
    last_job: Job | None

    @property
    def is_new(self) -> bool:
        """No sales yet: the page shows the way in instead of numbers."""
        return self.last_on is None

    @property
    def is_old(self) -> bool:
        """The forecast cannot speak of today, because the sales that it knows end too long ago."""
        return self.run is not None and not self.run.covers(self.today)

    @property
    def sold(self) -> DaySales | None:
        """Today so far."""
        return self.sales.get(self.today)

    @property
    def last_day(self) -> DaySales | None:
        """The last day with sales."""
        return self.sales.get(self.last_on) if self.last_on else None

    @property
    def expected(self) -> DayOutlook | None:
        """The whole of today."""
        return house.of(self.ahead, self.today)

    @property
    def is_closed(self) -> bool:
        """Whether the house is closed today, by plan or by weekday. A query, made only where nothing is expected."""
        return self.run is not None and self.today in self.run.closed_days(self.today, self.today)

    @property
    def reached(self) -> float | None:
        """Share of today's forecast that has been sold."""
        if self.expected is None or self.sold is None or not self.expected.units:
            return None
        return self.sold.units / self.expected.units

    @property
    def usual_so_far(self) -> float | None:
        """Units usually sold by the last full hour; None without order times."""
        passed = [bar.usual or 0.0 for bar in self.hours if not bar.faint]
        return sum(passed) if self.hours and any(bar.usual for bar in self.hours) else None

    @property
    def week(self) -> float:
        """Units expected in the days ahead."""
        return sum(day.units for day in self.ahead)

    @property
    def week_net(self) -> float:
        """Net sales expected in the days ahead, where prices are known."""
        return sum(day.net for day in self.ahead)

    @property
    def week_change(self) -> float | None:
        """The days ahead against the same number of days before them, as a share."""
        days = [self.first - dt.timedelta(days=back) for back in range(1, len(self.ahead) + 1)]
        before = sum(self.sales[day].units for day in days if day in self.sales)
        return self.week / before - 1 if before and self.ahead else None

    @property
    def points(self) -> list[FanPoint]:
        """The fan chart: the past two weeks, then the days ahead, if anything is known of them."""
        past = [self.first - dt.timedelta(days=back) for back in range(PAST_DAYS, 0, -1)]
        ahead = [self.first + dt.timedelta(days=days) for days in range(AHEAD_DAYS)] if self.ahead else []
        return [_past_point(day, self.sales) for day in past] + [_ahead_point(day, self.ahead) for day in ahead]

    @property
    def split(self) -> tuple[int, str]:
        """Where the past ends in the chart, and what is there."""
        return PAST_DAYS, "sales end" if self.is_old else "today"

    @property
    def recent_units(self) -> list[float]:
        """For the sparkline: units of the last two weeks' open days."""
        return [self.sales[day].units for day in sorted(self.sales) if day < self.today][-PAST_DAYS:]

    @property
    def recent_net(self) -> list[float]:
        """Likewise, net sales."""
        known = [self.sales[day].net for day in sorted(self.sales) if day < self.today][-PAST_DAYS:]
        return [float(net) for net in known if net is not None]


@allow()
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """The restaurant's first page."""
    page = today_page(request.restaurant, timezone.now(), role=request.role)  # type: ignore[attr-defined]
    return render(request, "pages/today.html", {"page": page})


@allow()
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Fragment: the work in the background. When the last of it ends, the page is loaded again with what it made."""
    unfinished = list(Job.objects.unfinished())
    response = render(request, "pages/jobs.html", {"jobs": unfinished})
    if not unfinished:
        response["HX-Refresh"] = "true"
    return response


@allow(MANAGERS)
@require_POST
def run_now(request: HttpRequest) -> HttpResponse:
    """Let the pipeline run now: forecast, then suggested orders. Leads back to the page that asked."""
    tasks.ask_for_pipeline(request.restaurant, by=asking(request), now=timezone.now())  # type: ignore[attr-defined]
    messages.info(request, "Flux is making a new forecast and new suggestions. You can go on working.")
    return redirect(way_back(request, reverse("pages:today")))


def today_page(restaurant: Restaurant, now: dt.datetime, role: str) -> TodayPage:
    """Gather the page, in a fixed number of queries."""
    date = restaurant.business_date(now)
    last_on = DailySales.objects.last_on()
    run = Run.objects.current()
    first = run.first_day(date) if run else date
    known_to = run.unknown_from(first) if run else first
    sales = _sales(min(first, known_to, last_on or first) - dt.timedelta(days=house.SHOCK_DAYS), date)
    ahead = []
    if run is not None:
        before = {day: sold.units for day, sold in sales.items()}
        ahead = house.read(run, first, first + dt.timedelta(days=AHEAD_DAYS - 1), before, house.prices(last_on))
    return TodayPage(
        today=date,
        now=now,
        first=first,
        last_on=last_on,
        last_at=Order.objects.last_opened_at(last_on) if last_on else None,
        run=run,
        sales=sales,
        ahead=ahead,
        hours=_hours(restaurant, date, now),
        actions=todo.actions(restaurant, now, last_on=last_on, run=run, role=role),
        out=board.out_now(date),
        jobs=list(Job.objects.unfinished()),
        last_job=Job.objects.last_ended(Job.Kind.PIPELINE),
    )


def _sales(first: dt.date, last: dt.date) -> dict[dt.date, DaySales]:
    rows = DailySales.objects.between(first, last).by_day()
    return {row["business_date"]: DaySales(float(row["units"]), row["net"]) for row in rows}


def _hours(restaurant: Restaurant, date: dt.date, now: dt.datetime) -> list[Bar]:
    """Units by hour today, beside the mean of the same weekday's last four weeks; empty without order times."""
    usual_days = [date - dt.timedelta(weeks=week) for week in range(1, USUAL_WEEKS + 1)]
    rows = list(OrderLine.objects.by_hour([date, *usual_days], restaurant.zone))
    known_days = {row["business_date"] for row in rows} - {date}
    sold = {row["hour"]: float(row["units"]) for row in rows if row["business_date"] == date}
    usual: dict[int, float] = {}
    for row in rows:
        if row["business_date"] != date:
            usual[row["hour"]] = usual.get(row["hour"], 0.0) + float(row["units"]) / len(known_days)
    hour_now = now.astimezone(restaurant.zone).hour
    return [
        _hour_bar(hour, sold, usual, is_over=_order(hour, restaurant) < _order(hour_now, restaurant))
        for hour in _span({*sold, *usual}, restaurant)
    ]


def _hour_bar(hour: int, sold: Mapping[int, float], usual: Mapping[int, float], *, is_over: bool) -> Bar:
    return Bar(f"{hour}:00", sold.get(hour, 0.0), usual=round(usual.get(hour, 0.0), 1), faint=not is_over)


def _order(hour: int, restaurant: Restaurant) -> int:
    """The place of an hour in the business day, which begins at closeout."""
    return (hour - restaurant.closeout_hour) % 24


def _span(hours: set[int], restaurant: Restaurant) -> list[int]:
    """All hours from the first to the last with a sale, in the order of the business day."""
    if not hours:
        return []
    places = sorted(_order(hour, restaurant) for hour in hours)
    return [(place + restaurant.closeout_hour) % 24 for place in range(places[0], places[-1] + 1)]


def _past_point(day: dt.date, sales: Mapping[dt.date, DaySales]) -> FanPoint:
    sold = sales.get(day)
    return FanPoint(f"{day:%a} {day.day}", actual=sold.units if sold else None)


def _ahead_point(day: dt.date, ahead: list[DayOutlook]) -> FanPoint:
    found: Any = house.of(ahead, day)
    label = f"{day:%a} {day.day}"
    if found is None:
        return FanPoint(label)
    return FanPoint(label, None, found.units, found.low80, found.low50, found.high50, found.high80)
