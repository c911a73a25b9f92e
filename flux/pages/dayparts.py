"""Settings, Parts of the day: the names under which a day's forecast is spread."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from forecasting import dayparts as expected
from pos.models import DailySales
from tenants.access import MANAGERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.office import dayparts as office
from tenants.office.dayparts import Part, PartsRefused

ROWS = 6


class PartsForm(forms.Form):
    """A row for each part, and a few empty ones: `name-0` and `begins-0` are the first."""

    def __init__(self, *args: Any, parts: list[Part], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        said = [place for place in range(office.MOST_PARTS) if self.data.get(f"name-{place}")]
        n_rows = min(office.MOST_PARTS, max([ROWS, len(parts) + 1, *(place + 1 for place in said)]))
        self.places = range(n_rows)
        for place in self.places:
            part = parts[place] if place < len(parts) else None
            self.fields[f"name-{place}"] = forms.CharField(
                label=f"Name of part {place + 1}", required=False, max_length=40, initial=part.name if part else ""
            )
            self.fields[f"begins-{place}"] = forms.TimeField(
                label=f"Beginning of part {place + 1}",
                required=False,
                initial=part.begins_at if part else None,
                widget=forms.TimeInput({"type": "time"}, "%H:%M"),
                input_formats=["%H:%M", "%H:%M:%S"],
            )
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"name-{place}"], self[f"begins-{place}"]) for place in self.places]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for place in self.places:
            name, begins = cleaned.get(f"name-{place}"), cleaned.get(f"begins-{place}")
            if name and begins is None and f"begins-{place}" not in self.errors:
                self.add_error(f"begins-{place}", f"Say when {name} begins.")
            elif begins is not None and not name:
                self.add_error(f"name-{place}", "Give this part a name.")
        return cleaned

    def parts(self) -> list[Part]:
        """What was entered."""
        given = self.cleaned_data
        pairs = [(given[f"name-{place}"], given[f"begins-{place}"]) for place in self.places]
        return [Part(name, begins) for name, begins in pairs if name]


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def dayparts(request: HttpRequest) -> HttpResponse:
    """The parts of the day, or a proposal; a POST says them."""
    restaurant = current_restaurant()
    parts = office.parts(restaurant.closeout_hour)
    if request.method == "POST":
        form = PartsForm(request.POST, parts=parts)
        if form.is_valid() and _saved(request, form):
            return redirect("pages:dayparts")
    else:
        shown = parts or expected.suggested(restaurant, DailySales.objects.last_on())
        form = PartsForm(parts=shown)
    context = {"form": form, "is_proposal": not parts and request.method != "POST"}
    return render(request, "settings/dayparts.html", context, status=422 if form.errors else 200)


def _saved(request: HttpRequest, form: PartsForm) -> bool:
    try:
        office.change(form.parts(), by=asking(request), at=timezone.now())
    except PartsRefused as refused:
        form.add_error(None, str(refused))
        return False
    messages.success(request, "The parts of the day are saved. The forecast is spread over them at once.")
    return True
