"""Settings, Hours and closures: when guests are served, and when the restaurant stays closed."""

import datetime as dt
from collections import Counter
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from flux import tasks
from forecasting.models import Run
from tenants.access import MANAGERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.office import hours as opening
from tenants.office.hours import ClosureRefused, HoursOverlap, Span
from tenants.office.models import WEEKDAYS

FEWEST_SPANS, MOST_SPANS = 2, 4


class WeekForm(forms.Form):
    """A few spans for each weekday, with room for one `more` on request: `opens-0-1` is Monday's second opening."""

    def __init__(self, *args: Any, week: list[Span], more: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = max(Counter(span.weekday for span in week).values(), default=0)
        said = [place for place in range(MOST_SPANS) for day in range(7) if self.data.get(f"opens-{day}-{place}")]
        self.places = range(min(MOST_SPANS, max([FEWEST_SPANS + more, longest + more, *(place + 1 for place in said)])))
        for weekday, name in enumerate(WEEKDAYS):
            spans = [span for span in week if span.weekday == weekday]
            for place in self.places:
                span = spans[place] if place < len(spans) else None
                self._add("opens", name, weekday, place, span.opens_at if span else None)
                self._add("closes", name, weekday, place, span.closes_at if span else None)

    def _add(self, what: str, day: str, weekday: int, place: int, value: dt.time | None) -> None:
        self.fields[f"{what}-{weekday}-{place}"] = forms.TimeField(
            label=f"{day}, {what}" if place == 0 else f"{day}, {what} ({place + 1})",
            required=False,
            initial=value,
            widget=forms.TimeInput({"type": "time", "class": "input"}, "%H:%M"),
            input_formats=["%H:%M", "%H:%M:%S"],
        )

    @property
    def days(self) -> list[tuple[str, list[tuple[forms.BoundField, forms.BoundField]], list[str]]]:
        """For each weekday its name, the pairs of fields, and what is wrong with them."""
        found = []
        for weekday, name in enumerate(WEEKDAYS):
            pairs = [(self[f"opens-{weekday}-{place}"], self[f"closes-{weekday}-{place}"]) for place in self.places]
            errors = [str(error) for pair in pairs for field in pair for error in field.errors]
            found.append((name, pairs, errors))
        return found

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            what, _, place = name.partition("-")
            other = f"{'closes' if what == 'opens' else 'opens'}-{place}"
            if value is not None and cleaned.get(other) is None and other not in self.errors:
                self.add_error(other, f"Say also when it {'closes' if what == 'opens' else 'opens'}.")
        return cleaned

    def spans(self) -> list[Span]:
        """What was entered."""
        found = []
        for weekday in range(7):
            for place in self.places:
                opens, closes = (self.cleaned_data[f"{what}-{weekday}-{place}"] for what in ("opens", "closes"))
                if opens is not None:
                    found.append(Span(weekday, opens, closes))
        return found

    def refuse(self, overlap: HoursOverlap) -> None:
        """Say it at the later of the two spans."""
        later = overlap.spans[1]
        for place in self.places:
            name = f"opens-{later.weekday}-{place}"
            if self.cleaned_data[name] == later.opens_at:
                self.add_error(name, str(overlap))
                return


class ClosureForm(forms.Form):
    """A day, or days in a row."""

    first_on = forms.DateField(label="Closed from", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    last_on = forms.DateField(
        label="Until", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), help_text="Both included."
    )
    note = forms.CharField(label="Why", required=False, max_length=120, help_text="Such as Christmas holidays.")


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: HttpRequest) -> HttpResponse:
    """The week's opening hours and the planned closures; a POST says the hours."""
    given = request.POST if request.method == "POST" else None
    form = WeekForm(given, week=opening.week(), more="more" in request.GET)
    if request.method == "POST" and form.is_valid():
        try:
            opening.change_week(form.spans(), by=asking(request), at=timezone.now())
        except HoursOverlap as overlap:
            form.refuse(overlap)
        else:
            messages.success(request, "The opening hours are saved.")
            _forecast_anew()
            return redirect("pages:hours")
    return _show(request, form, ClosureForm())


@allow(MANAGERS)
@require_POST
def closure_add(request: HttpRequest) -> HttpResponse:
    """Plan to be closed."""
    form, restaurant, now = ClosureForm(request.POST), current_restaurant(), timezone.now()
    if form.is_valid():
        given = form.cleaned_data
        last_on = given["last_on"] or given["first_on"]
        today = restaurant.business_date(now)
        try:
            planned = opening.plan_closure(
                given["first_on"], last_on, given["note"], today=today, by=asking(request), at=now
            )
        except ClosureRefused as refused:
            form.add_error("first_on", str(refused))
        else:
            messages.success(request, f"Closed on {planned}: nothing is forecast or ordered for it.")
            _forecast_anew()
            return redirect("pages:hours")
    return _show(request, WeekForm(week=opening.week()), form)


@allow(MANAGERS)
@require_POST
def closure_remove(request: HttpRequest) -> HttpResponse:
    """Open after all."""
    form = ClosureForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a closure.")
        return redirect("pages:hours")
    first_on = form.cleaned_data["first_on"]
    last_on = form.cleaned_data["last_on"] or first_on
    if opening.open_after_all(first_on, last_on, by=asking(request), at=timezone.now()):
        messages.success(request, f"Open after all: {opening.Planned(first_on, last_on, '')}.")
        _forecast_anew()
    else:
        messages.info(request, "This closure has been taken back already.")
    return redirect("pages:hours")


def _forecast_anew() -> None:
    """Where there is a forecast, it should know of the change."""
    if Run.objects.exists():
        tasks.ask_for_pipeline(current_restaurant(), now=timezone.now())


def _show(request: HttpRequest, week_form: WeekForm, closure_form: ClosureForm) -> HttpResponse:
    today = current_restaurant().business_date(timezone.now())
    context = {
        "week_form": week_form,
        "closure_form": closure_form,
        "closures": opening.planned(today),
        "has_hours": bool(opening.week()),
        "has_room": len(week_form.places) < MOST_SPANS,
    }
    wrong = week_form.errors or closure_form.errors
    return render(request, "settings/hours.html", context, status=422 if wrong else 200)
