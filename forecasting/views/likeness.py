"""What a new dish sells like: a card on its pages, and what a manager says there."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from forecasting import forecast, likeness
from forecasting.tasks import run_forecast
from menu.models import MenuItem
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.tasks import enqueue


class LikenessForm(forms.Form):
    """Which dish, found by typing a part of its name, and how much of its sales."""

    like = forms.CharField(label="Sells like", widget=forms.TextInput(attrs={"list": "comparable"}))
    percent = forms.DecimalField(
        label="Share of its sales (%)", min_value=1, max_value=1000, max_digits=5, decimal_places=1, initial=100,
        help_text="60: six for every ten of the other dish.",
    )  # fmt: skip

    def __init__(self, *args: Any, dishes: list[MenuItem], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dishes = {dish.name.casefold(): dish for dish in dishes}
        self.fields["like"].widget.attrs["autocomplete"] = "off"
        self.fields["percent"].widget.attrs["inputmode"] = "decimal"

    def clean_like(self) -> MenuItem:
        """The dish of that name, or the only one whose name holds it."""
        asked = self.cleaned_data["like"].strip().casefold()
        found = [dish for name, dish in self.dishes.items() if asked in name]
        exact = self.dishes.get(asked)
        if exact is None and len(found) != 1:
            several = ", ".join(dish.name for dish in found[:4])
            known = (
                f"Several dishes are called so: {several}." if found else "No dish of that name has sold for 4 weeks."
            )
            raise forms.ValidationError(f"{known} Choose one from the list.")
        return exact or found[0]


@allow()
@require_safe
def newcomer(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The card of a new dish; nothing of a dish that knows itself."""
    return _card(request, get_object_or_404(MenuItem, pk=item_id))


@allow(MANAGERS)
@require_POST
def likeness_say(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The dish sells like another one, at some share; the forecast is made anew."""
    dish, now = get_object_or_404(MenuItem, pk=item_id), timezone.now()
    today = current_restaurant().business_date(now)
    form = LikenessForm(request.POST, dishes=likeness.comparable(dish, today))
    if form.is_valid():
        like, share = form.cleaned_data["like"], form.cleaned_data["percent"] / Decimal(100)
        try:
            likeness.say(dish, like, share, today=today, by=asking(request), at=now)
        except likeness.Refused as problem:
            form.add_error("like", str(problem))
        else:
            return _made_anew(request, dish, f"{dish} sells like {like}, as you say. The forecast is being made anew.")
    return _card(request, dish, form)


@allow(MANAGERS)
@require_POST
def likeness_forget(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Let the dish's own sales speak alone."""
    dish = get_object_or_404(MenuItem, pk=item_id)
    if not likeness.forget(dish, by=asking(request), at=timezone.now()):
        return redirect("forecasting:item", dish.pk)
    return _made_anew(request, dish, f"{dish} sells like itself from now on. The forecast is being made anew.")


def _made_anew(request: HttpRequest, dish: MenuItem, told: str) -> HttpResponse:
    restaurant = current_restaurant()
    try:
        started = forecast.start(restaurant, now=timezone.now(), requested_by_id=asking(request).pk)
    except forecast.NoSales:
        told = told.replace("is being made anew", "takes it up with the first sales")
    else:
        enqueue(run_forecast, restaurant, run_id=started.pk)
    messages.success(request, told)
    return redirect("forecasting:item", dish.pk)


def _card(request: HttpRequest, dish: MenuItem, form: LikenessForm | None = None) -> HttpResponse:
    """In place for htmx, else on a page of its own; 422 where `form` has errors."""
    today = current_restaurant().business_date(timezone.now())
    found = likeness.newcomer(dish, today)
    context: dict[str, Any] = {"dish": dish, "newcomer": found, "may_edit": may(request, MANAGERS)}
    if found and context["may_edit"]:
        context["comparable"] = likeness.comparable(dish, today)
        context["form"] = form or LikenessForm(initial=_initial(found), dishes=context["comparable"])
    in_place = request.headers.get("HX-Request")
    template = "forecasting/newcomer_card.html" if in_place else "forecasting/newcomer.html"
    return render(request, template, context, status=422 if form is not None else 200)


def _initial(found: likeness.Newcomer) -> dict[str, Any]:
    if found.likeness:
        return {"like": found.likeness.like.name, "percent": f"{(found.likeness.share * 100).normalize():f}"}
    return {"like": found.pattern.dish.name} if found.pattern else {}
