"""Forecast, Calendar, Facts: numbers known about days, uploaded and taken out."""

from django import forms
from django.contrib import messages
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from flux.pages.calendar import forecast_anew
from forecasting import facts as daily
from forecasting import weather
from forecasting.facts import FactsRefused, Kept
from forecasting.models import DailyFact
from forecasting.tasks import fetch_weather
from menu.tables import BadTable
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.tasks import enqueue


class FactsFileForm(forms.Form):
    """A table of facts."""

    file = forms.FileField(label="File", help_text="CSV with the columns date, kind, value; and known, if you have it")


class PlaceForm(forms.Form):
    """Degrees; as maps give them."""

    latitude = forms.DecimalField(min_value=-90, max_value=90, decimal_places=6, help_text="North, such as 53.3498.")
    longitude = forms.DecimalField(min_value=-180, max_value=180, decimal_places=6, help_text="East; −6.2603 is west.")


@allow()
@require_safe
def facts(request: HttpRequest) -> HttpResponse:
    """Which facts there are, how far they reach, and how many the forecast can learn from."""
    return _show(request)


@allow(MANAGERS)
@require_POST
def facts_upload(request: HttpRequest) -> HttpResponse:
    """Keep the facts of a file, all or none."""
    form, restaurant, now = FactsFileForm(request.POST, request.FILES), current_restaurant(), timezone.now()
    if form.is_valid():
        content = form.cleaned_data["file"].read(daily.MOST_BYTES + 1)
        try:
            found = daily.read(content, restaurant=restaurant, at=now)
            kept = daily.keep(found, DailyFact.Source.CSV, restaurant=restaurant, by=asking(request), at=now)
        except BadTable as bad:
            return render(request, "calendar/facts_refused.html", {"faults": bad.faults}, status=422)
        except FactsRefused as refused:
            form.add_error("file", str(refused))
        else:
            messages.success(request, in_words(kept))
            forecast_anew()
            return redirect("pages:facts")
    return _show(request, form=form)


@allow(MANAGERS)
@require_POST
def facts_forget(request: HttpRequest, kind: str) -> HttpResponse:
    """Take out all facts of a kind."""
    gone = daily.forget(kind, by=asking(request), at=timezone.now())
    messages.success(request, f"{kind} of {gone:,} day{'' if gone == 1 else 's'} is taken out.")
    if gone:
        forecast_anew()
    return redirect("pages:facts")


@allow(MANAGERS)
@require_POST
def weather_place(request: HttpRequest) -> HttpResponse:
    """Say where the restaurant is, so that its weather is fetched; or, with `leave`, that it shall not be any more."""
    form, now = PlaceForm(request.POST), timezone.now()
    if "leave" in request.POST:
        weather.leave(by=asking(request), at=now)
        messages.success(request, "No weather is fetched any more. What there is stays.")
        return redirect("pages:facts")
    if not weather.is_offered() or not form.is_valid():
        return _show(request, place_form=form)
    weather.locate(form.cleaned_data["latitude"], form.cleaned_data["longitude"], by=asking(request), at=now)
    enqueue(fetch_weather, current_restaurant())
    messages.success(request, "The weather is being fetched. It is here in a minute.")
    return redirect("pages:facts")


def in_words(kept: Kept) -> str:
    """What became of a file."""
    said = f"{kept.new:,} facts are new, {kept.changed:,} changed, {kept.same:,} stay as they were."
    if not kept.late:
        return said
    return f"{said} Known only after their day, so that the forecast cannot learn from them: {kept.late:,}."


def _show(request: HttpRequest, **wrong: forms.Form) -> HttpResponse:
    """The page; `wrong` is a form that says what was wrong with it."""
    place = weather.place()
    context = {
        "kinds": daily.kinds(current_restaurant()),
        "form": FactsFileForm(),
        "has_weather": weather.is_offered(),
        "place": place,
        "place_form": PlaceForm(initial=model_to_dict(place) if place else None),
        "may_edit": may(request, MANAGERS),
        "most_kinds": daily.MOST_KINDS,
    }
    return render(request, "calendar/facts.html", context | wrong, status=422 if wrong else 200)
