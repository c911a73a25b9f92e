"""Tablets on which the kitchen signs in with a PIN. For owners and managers."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenants import pins, sessions, tablets
from tenants.access import MANAGERS, allow
from tenants.context import current_restaurant, public_context
from tenants.models import User


class TabletForm(forms.Form):
    """What the tablet is called."""

    name = forms.CharField(
        max_length=60,
        help_text="Where it hangs, such as “Pass” or “Cold room”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@allow(MANAGERS, by_pin=False)
@require_safe
def tablet_list(request: HttpRequest) -> HttpResponse:
    """The tablets, and the form that makes the device in hand one of them."""
    return _show(request, TabletForm())


@allow(MANAGERS, by_pin=False)
@require_POST
def tablet_enrol(request: HttpRequest) -> HttpResponse:
    """Make this device a tablet, and sign out of it: whoever comes next picks a name."""
    form = TabletForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    tablet = tablets.enrol(current_restaurant(), form.cleaned_data["name"], by=_who(request), at=timezone.now())
    sessions.end(request)
    messages.success(request, f"This device is now “{tablet}”, and you are signed out of it.")
    response = redirect("tablet:names")
    tablets.mark(response, tablet)
    return response


@allow(MANAGERS, by_pin=False)
@require_POST
def tablet_revoke(request: HttpRequest, tablet_id: UUID) -> HttpResponse:
    """Let no PIN work on a tablet any more."""
    try:
        tablet = tablets.revoke(tablet_id, current_restaurant(), by=_who(request), at=timezone.now())
    except tablets.NoSuchTablet as gone:
        raise Http404 from gone
    messages.success(request, f"“{tablet}” is an ordinary device again.")
    return redirect("pages:tablets")


def _show(request: HttpRequest, form: TabletForm, status: int = 200) -> HttpResponse:
    restaurant = current_restaurant()
    with public_context():
        enrolled = list(restaurant.tablets.enrolled().select_related("enrolled_by"))
    context = {
        "tablets": enrolled,
        "here": tablets.marked(request),
        "n_holders": len(pins.holders(restaurant)),
        "form": form,
    }
    return render(request, "settings/tablets.html", context, status=status)


def _who(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]
