"""Settings: the restaurant itself."""

import zoneinfo
from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings as project
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from flux import calendar, currency, tasks
from tenants import places, restaurants
from tenants.access import MANAGERS, OWNERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.middleware import platform_url, restaurant_url
from tenants.naming import NameField
from tenants.office.models import Job

REFUSALS = (
    *(ValidationError, restaurants.AddressTaken, restaurants.TooManyAddresses, restaurants.NameDiffers),
    *(currency.HasAmounts, calendar.UnderWay),
)


class NameForm(forms.Form):
    """What the restaurant is called."""

    name = NameField(max_length=120, help_text="As it stands on pages, in e-mails and on orders. Its address stays.")


class AddressForm(forms.Form):
    """The first part of its host name."""

    slug = forms.CharField(label="Address", max_length=100)

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).strip().lower().removesuffix(f".{project.FLUX_DOMAIN}")


class CalendarForm(forms.Form):
    """What every date depends on."""

    timezone = forms.ChoiceField(label="Time zone", help_text="Times in files that name no zone are meant in this one.")
    closeout_hour = forms.TypedChoiceField(
        label="The business day ends at",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(13)],
        help_text="Sales after midnight and before this hour belong to the day before.",
    )

    def __init__(self, *args: Any, country: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        near = places.zones_of(country)
        far = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and zone not in near)
        here = places.countries().get(country, country)
        self.fields["timezone"].choices = [  # type: ignore[attr-defined]
            (here, [(zone, _spoken(zone)) for zone in near]),
            ("Elsewhere", [(zone, _spoken(zone)) for zone in far]),
            ("Without a place", [("UTC", "UTC")]),
        ]


class CurrencyForm(forms.Form):
    """What amounts are in."""

    currency = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(code, f"{name} ({code})") for code, name in currency.names().items()]
        self.fields["currency"].choices = named  # type: ignore[attr-defined]


class CloseForm(forms.Form):
    """The name, typed by hand, so that nobody closes a restaurant by a slip."""

    typed = forms.CharField(label="Name of the restaurant", max_length=200)


def _spoken(zone: str) -> str:
    return zone.replace("_", " ")


@allow(MANAGERS)
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """The restaurant's name and address, and what every date and amount depends on."""
    return _show(request)


@allow(MANAGERS)
@require_POST
def rename(request: HttpRequest) -> HttpResponse:
    """Call the restaurant something else."""
    restaurant, form = current_restaurant(), NameForm(request.POST)

    def renamed() -> str:
        restaurants.rename(restaurant, form.cleaned_data["name"], by=asking(request), at=timezone.now())
        return f"The restaurant is called {restaurant.name}."

    return _answer(request, "name_form", form, renamed)


@allow(MANAGERS)
@require_POST
def change_calendar(request: HttpRequest) -> HttpResponse:
    """Let the business day be another one: all sales get their dates anew, in the background."""
    restaurant = current_restaurant()
    form = CalendarForm(request.POST, country=restaurant.country)

    def asked() -> str:
        job = tasks.ask_for_calendar(
            restaurant,
            time_zone=form.cleaned_data["timezone"],
            closeout_hour=form.cleaned_data["closeout_hour"],
            by=asking(request),
            now=timezone.now(),
        )
        if job is None:
            return "Nothing has changed: this is the business day already."
        return "Flux works out the business day of all sales anew. Until it is done, everything stays as it was."

    return _answer(request, "calendar_form", form, asked)


@allow(MANAGERS)
@require_POST
def change_currency(request: HttpRequest) -> HttpResponse:
    """Count in another currency, while there are no amounts."""
    restaurant, form = current_restaurant(), CurrencyForm(request.POST)

    def changed() -> str:
        currency.change(restaurant, form.cleaned_data["currency"], by=asking(request), at=timezone.now())
        return f"Amounts are in {currency.names()[restaurant.currency]}."

    return _answer(request, "currency_form", form, changed)


@allow(OWNERS)
@require_POST
def move(request: HttpRequest) -> HttpResponse:
    """Give the restaurant another address, and go on there."""
    restaurant, form = current_restaurant(), AddressForm(request.POST)

    def moved() -> str:
        restaurants.move(restaurant, form.cleaned_data["slug"], by=asking(request), at=timezone.now())
        return ""

    answer = _answer(request, "address_form", form, moved)
    if isinstance(answer, HttpResponseRedirect):
        return HttpResponseRedirect(restaurant_url(request, restaurant, reverse("pages:settings")))
    return answer


@allow(OWNERS)
@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """Close the restaurant, and leave it."""
    restaurant, form = current_restaurant(), CloseForm(request.POST)

    def closed() -> str:
        restaurants.close(restaurant, form.cleaned_data["typed"], by=asking(request), at=timezone.now())
        return ""

    answer = _answer(request, "close_form", form, closed)
    if isinstance(answer, HttpResponseRedirect):
        return HttpResponseRedirect(platform_url(request, "/?choose"))
    return answer


def _answer(request: HttpRequest, name: str, form: forms.Form, do: Callable[[], str]) -> HttpResponse:
    """Do what the form asks for and say so; what is refused stands in the form again, with the reason."""
    if form.is_valid():
        try:
            said = do()
        except REFUSALS as refused:
            form.add_error(next(iter(form.fields)), restaurants.refusal(refused))
        else:
            if said:
                messages.success(request, said)
            return redirect("pages:settings")
    return _show(request, **{name: form})


def _show(request: HttpRequest, **wrong: forms.Form) -> HttpResponse:
    """The page; `wrong` is a form that says what was wrong with it."""
    restaurant, job = current_restaurant(), Job.objects.last_of(calendar.KIND)
    stored = {name: getattr(restaurant, name) for name in ("name", "slug", "timezone", "closeout_hour", "currency")}
    context: dict[str, Any] = {
        "name_form": NameForm(initial=stored),
        "address_form": AddressForm(initial=stored),
        "calendar_form": CalendarForm(initial=stored, country=restaurant.country),
        "currency_form": CurrencyForm(initial=stored),
        "close_form": CloseForm(),
        "amounts": currency.spoken(currency.amounts()),
        "currency_name": currency.names().get(restaurant.currency, restaurant.currency),
        "is_owner": may(request, OWNERS),
        "old_hosts": [found.domain for found in restaurant.domains.all() if not found.is_primary],
        "under_way": [job] if job and job.is_running else [],
        "failed": job if job and job.status == Job.Status.FAILED else None,
        "domain": project.FLUX_DOMAIN,
    }
    return render(request, "settings/restaurant.html", context | wrong, status=422 if wrong else 200)
