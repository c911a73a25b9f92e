"""Settings: the restaurant itself."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenants import restaurants
from tenants.access import MANAGERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.models import Restaurant


class NameForm(forms.ModelForm):
    """What the restaurant is called."""

    class Meta:
        model = Restaurant
        fields = ["name"]
        help_texts = {"name": "As it stands on pages, in e-mails and on orders. Its address stays."}


@allow(MANAGERS)
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """The restaurant's name, and what every date and amount depends on."""
    return _show(request)


@allow(MANAGERS)
@require_POST
def rename(request: HttpRequest) -> HttpResponse:
    """Call the restaurant something else."""
    restaurant = current_restaurant()
    form = NameForm(request.POST, instance=restaurant)
    if not form.is_valid():
        return _show(request, name_form=form)
    restaurants.rename(restaurant, form.cleaned_data["name"], by=asking(request), at=timezone.now())
    messages.success(request, f"The restaurant is called {restaurant.name}.")
    return redirect("pages:settings")


def _show(request: HttpRequest, **wrong: Any) -> HttpResponse:
    """The page; `wrong` are forms that say what was wrong with them."""
    restaurant = current_restaurant()
    forms_shown = {"name_form": NameForm(instance=restaurant)} | wrong
    return render(request, "settings/restaurant.html", forms_shown, status=422 if wrong else 200)
