"""What a manager knows better than the forecast: overrides on a page of their own, and as a card on the forecast's."""

import datetime as dt
from itertools import groupby
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from flux import tasks
from flux.pages.back import way_back
from forecasting import overrides
from forecasting.models import Override, Run, Scope
from menu.models import MenuItem
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant

SHOWN_DAYS = 56  # of days that are over
NO_CATEGORY = "Other dishes"


class OverrideForm(forms.Form):
    """A day, what it is about (`all`, `category:NAME`, `item:ID`), and what is expected instead."""

    date = forms.DateField(label="Day", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    about = forms.ChoiceField(label="Of")
    effect = forms.ChoiceField(
        label="Say it in",
        choices=[("percent", "percent more or less"), ("units", "units in all")],
    )
    amount = forms.DecimalField(
        label="How much", max_digits=12, decimal_places=3, help_text="Such as 20 or −15 percent, or 40 units."
    )
    reason = forms.CharField(label="Why", max_length=200, help_text="Shown beside the number, with your name.")

    def __init__(
        self, *args: Any, run: Run | None, today: dt.date, dish: MenuItem | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if run is not None:
            first, last = run.first_day(today), run.last_day
            self.fields["date"].widget.attrs |= {"min": f"{max(first, today)}", "max": f"{last}"}
            self.fields["date"].initial = max(first, today + dt.timedelta(days=1))
        about: Any = self.fields["about"]
        about.choices = [(f"item:{dish.pk}", dish.name)] if dish else _everything()
        if dish:
            about.widget = forms.HiddenInput()
            about.initial = f"item:{dish.pk}"

    def said(self) -> dict[str, Any]:
        """The arguments of `overrides.make`."""
        given = {name: self.cleaned_data[name] for name in ("date", "effect", "amount", "reason")}
        scope, _, target = self.cleaned_data["about"].partition(":")
        item = MenuItem.objects.get(pk=target) if scope == Scope.ITEM else None
        return given | {"scope": scope, "category": target if scope == Scope.CATEGORY else "", "item": item}


def _everything() -> list[tuple[str, Any]]:
    """All dishes, categories, and dishes by category."""
    dishes = MenuItem.objects.on_the_menu().order_by("category", "name").values_list("category", "pk", "name")
    by_category = [(name, [(f"item:{pk}", dish) for _, pk, dish in of]) for name, of in groupby(dishes, lambda d: d[0])]
    categories = [(f"category:{name}", f"{name}: all of them") for name, _ in by_category if name]
    return [
        ("all", "All dishes"),
        *([("Categories", categories)] if categories else []),
        *((name or NO_CATEGORY, of) for name, of in by_category),
    ]


def card(request: HttpRequest, run: Run | None, dish: MenuItem | None = None) -> dict[str, Any]:
    """What the card on the forecast's pages shows: overrides of the coming days, and the form for who may."""
    today = current_restaurant().business_date(timezone.now())
    may_override = may(request, MANAGERS) and run is not None
    return {
        "dish": dish,
        "coming": _coming(today, dish),
        "may_override": may_override,
        "form": OverrideForm(run=run, today=today, dish=dish, auto_id="override_%s") if may_override else None,
        "here": request.get_full_path(),
    }


@allow()
@require_safe
def override_list(request: HttpRequest) -> HttpResponse:
    """Overrides of the coming days, and how those of the past weeks fared."""
    today = current_restaurant().business_date(timezone.now())
    return _show(request, OverrideForm(run=Run.objects.current(), today=today))


@allow(MANAGERS)
@require_POST
def override_make(request: HttpRequest) -> HttpResponse:
    """Expect something else; draft orders follow."""
    restaurant, now = current_restaurant(), timezone.now()
    form = OverrideForm(request.POST, run=Run.objects.current(), today=restaurant.business_date(now))
    if form.is_valid():
        try:
            made = overrides.make(restaurant, **form.said(), by=asking(request), now=now)
        except overrides.Refused as refused:
            form.add_error(refused.about if refused.about in form.fields else "about", str(refused))
        else:
            tasks.ask_for_suggestions(restaurant)
            day = overrides.day_in_words(made.date)
            messages.success(
                request, f"{day}, {overrides.in_words(made)}: the forecast says so now, draft orders follow."
            )
            return redirect(way_back(request, reverse("pages:overrides")))
    return _show(request, form, status=422)


@allow(MANAGERS)
@require_POST
def override_undo(request: HttpRequest, override_id: UUID) -> HttpResponse:
    """Let the forecast speak again."""
    restaurant = current_restaurant()
    try:
        gone = overrides.undo(restaurant, override_id, by=asking(request), now=timezone.now())
    except Override.DoesNotExist as missing:
        raise Http404 from missing
    except overrides.Refused as refused:
        messages.error(request, str(refused))
    else:
        tasks.ask_for_suggestions(restaurant)
        messages.success(request, f"Undone: {overrides.day_in_words(gone.date)}, {overrides.in_words(gone)}.")
    return redirect(way_back(request, reverse("pages:overrides")))


def _coming(today: dt.date, dish: MenuItem | None) -> list[Override]:
    found = (
        Override.objects.in_force().filter(date__gte=today).select_related("menu_item").order_by("date", "created_at")
    )
    told = [_told(override) for override in (found if dish is None else found.touching(dish))]
    of_categories = [override for override in told if override.scope == Scope.CATEGORY]
    filled = set(MenuItem.objects.on_the_menu().values_list("category", flat=True)) if of_categories else set()
    for override in of_categories:
        override.is_empty = override.category not in filled  # type: ignore[attr-defined]
    return told


def _told(override: Override) -> Override:
    override.words = overrides.in_words(override)  # type: ignore[attr-defined]
    return override


def _show(request: HttpRequest, form: OverrideForm, status: int = 200) -> HttpResponse:
    today = current_restaurant().business_date(timezone.now())
    past = Override.objects.in_force().filter(date__lt=today, date__gte=today - dt.timedelta(days=SHOWN_DAYS))
    context = {
        "form": form,
        "coming": _coming(today, None),
        "past": [_told(override) for override in past.select_related("menu_item")],
        "record": Override.objects.record(),
        "may_override": may(request, MANAGERS),
        "has_run": Run.objects.current() is not None,
        "here": reverse("pages:overrides"),
    }
    return render(request, "pages/overrides.html", context, status=status)
