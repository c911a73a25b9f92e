"""Forecast, Calendar, Holidays: a year's public holidays as this house keeps them, and its school holidays."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from flux.pages.calendar import DATE, FIRST_YEAR, LAST_YEAR, forecast_anew
from forecasting import calendar, observances
from forecasting.models import Holiday
from forecasting.observances import Break, HolidayRefused
from menu.tables import BadTable
from tenants import places
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant


@dataclass(frozen=True, slots=True)
class PublicDay:
    """A day that is a holiday in the country, or here. `official` is the country's name, `row` what was entered."""

    date: dt.date
    name: str
    official: str
    row: Holiday | None

    @property
    def is_off(self) -> bool:
        return self.row is not None and self.row.is_off


class DayForm(forms.Form):
    """A day and a name for it."""

    on = forms.DateField(label="Day", widget=forms.DateInput(DATE, "%Y-%m-%d"))
    name = forms.CharField(max_length=120)


class BreakForm(forms.Form):
    """A school holiday."""

    name = forms.CharField(max_length=120, help_text="Such as autumn break.")
    starts_on = forms.DateField(label="First day", widget=forms.DateInput(DATE, "%Y-%m-%d"))
    ends_on = forms.DateField(label="Last day", widget=forms.DateInput(DATE, "%Y-%m-%d"))


class FileForm(forms.Form):
    """A table; or its text, from the page that asked whether to load it."""

    file = forms.FileField(label="File", required=False, help_text="CSV with the columns start, end, name")
    text = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def content(self) -> bytes:
        """What was sent, as far as it may be looked at."""
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is not None:
            return bytes(file.read(observances.MOST_BYTES + 1))
        return str(self.cleaned_data["text"]).encode()


@allow()
@require_safe
def holidays(request: HttpRequest) -> HttpResponse:
    """The holidays of a year; `?year=2027` names another one."""
    return _show(request)


@allow(MANAGERS)
@require_POST
def holiday_keep(request: HttpRequest) -> HttpResponse:
    """Let a day be a public holiday here, or call one something else."""
    return _say(request, observances.keep_public, "{} is a public holiday on {}.")


@allow(MANAGERS)
@require_POST
def holiday_off(request: HttpRequest) -> HttpResponse:
    """Let a public holiday be none here."""
    return _say(request, observances.no_holiday, "{} on {} is no holiday here.")


@allow(MANAGERS)
@require_POST
def holiday_remove(request: HttpRequest, holiday_id: UUID) -> HttpResponse:
    """Take out what was entered; the country's own holiday counts again."""
    found = get_object_or_404(Holiday, pk=holiday_id)
    observances.remove(found, by=asking(request), at=timezone.now())
    messages.success(request, f"{found.name} is as it was before.")
    forecast_anew()
    return _to_year(found.starts_on.year)


@allow(MANAGERS)
@require_POST
def school_add(request: HttpRequest) -> HttpResponse:
    """Enter a school holiday."""
    form, now = BreakForm(request.POST), timezone.now()
    if form.is_valid():
        given = Break(form.cleaned_data["starts_on"], form.cleaned_data["ends_on"], form.cleaned_data["name"])
        today = current_restaurant().business_date(now)
        try:
            observances.add_school(given, today=today, by=asking(request), at=now)
        except HolidayRefused as refused:
            form.add_error("ends_on", str(refused))
        else:
            messages.success(request, f"{given.name} is in the calendar.")
            forecast_anew()
            return _to_year(given.starts_on.year)
    return _show(request, break_form=form)


@allow(MANAGERS)
@require_POST
def school_upload(request: HttpRequest) -> HttpResponse:
    """Say what a file of school holidays would change; with `load`, change it."""
    form, now = FileForm(request.POST, request.FILES), timezone.now()
    today = current_restaurant().business_date(now)
    if not form.is_valid() or not (content := form.content()):
        messages.error(request, "Choose a file first.")
        return redirect("pages:holidays")
    try:
        if "load" not in request.POST:
            plan = observances.plan(content, today=today)
            return render(request, "calendar/school.html", {"plan": plan, "text": _text(content)})
        done = observances.load(content, today=today, by=asking(request), at=now)
    except BadTable as bad:
        return render(request, "calendar/school.html", {"faults": bad.faults}, status=422)
    messages.success(request, f"{len(done.new)} school holidays are new, {len(done.unchanged)} were there already.")
    forecast_anew()
    return redirect("pages:holidays")


def _say(request: HttpRequest, verb: Callable[..., Holiday], said: str) -> HttpResponse:
    form, now = DayForm(request.POST), timezone.now()
    if not form.is_valid():
        return _show(request, day_form=form)
    on = form.cleaned_data["on"]
    try:
        today = current_restaurant().business_date(now)
        kept = verb(on, form.cleaned_data["name"], today=today, by=asking(request), at=now)
    except HolidayRefused as refused:
        form.add_error("on", str(refused))
        return _show(request, day_form=form)
    messages.success(request, said.format(kept.name, f"{on.day} {on:%B %Y}"))
    forecast_anew()
    return _to_year(on.year)


def _show(request: HttpRequest, **wrong: forms.Form) -> HttpResponse:
    """The page; `wrong` is a form that says what was wrong with it."""
    restaurant = current_restaurant()
    today = restaurant.business_date(timezone.now())
    year = _year(request.GET.get("year", ""), today)
    school = Holiday.objects.filter(kind=Holiday.Kind.SCHOOL, starts_on__year__lte=year, ends_on__year__gte=year)
    context = {
        "year": year,
        "today": today,
        "country": places.countries().get(restaurant.country, restaurant.country),
        "public": public_days(year),
        "school": school.order_by("starts_on"),
        "day_form": DayForm(auto_id="day_%s"),
        "break_form": BreakForm(auto_id="break_%s"),
        "file_form": FileForm(),
        "may_edit": may(request, MANAGERS),
    }
    return render(request, "calendar/holidays.html", context | wrong, status=422 if wrong else 200)


def public_days(year: int) -> list[PublicDay]:
    """The country's public holidays of a year and what was entered about them, by day."""
    restaurant = current_restaurant()
    official = calendar.official(restaurant.country, restaurant.subdivision, [year])
    rows = Holiday.objects.filter(kind=Holiday.Kind.PUBLIC, starts_on__year=year)
    entered = {row.starts_on: row for row in rows}
    days = sorted({*official, *entered})
    return [
        PublicDay(day, entered[day].name if day in entered else official[day], official.get(day, ""), entered.get(day))
        for day in days
    ]


def _text(content: bytes) -> str:
    """The file as text, for the page that asks; it has been read as a table by now."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _year(written: str, today: dt.date) -> int:
    if not written:
        return today.year
    if not written.isdecimal() or not FIRST_YEAR <= int(written) <= LAST_YEAR:
        raise Http404
    return int(written)


def _to_year(year: int) -> HttpResponse:
    response = redirect("pages:holidays")
    response["Location"] += f"?year={year}"
    return response
