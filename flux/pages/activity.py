"""Settings, Activity: who changed what, for the owner."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from flux import activity as trail
from flux.activity import KINDS, Wanted
from tenants.access import OWNERS, allow
from tenants.context import current_restaurant
from tenants.office.models import AuditEntry

PER_PAGE = 50


class WantedForm(forms.Form):
    """What the trail may be narrowed to."""

    who = forms.ChoiceField(label="Who", required=False)
    kind = forms.ChoiceField(
        label="What", required=False, choices=[("", "Everything"), *((kind, kind) for kind in KINDS)]
    )
    subject = forms.CharField(label="Name contains", required=False, max_length=200)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    until = forms.DateField(label="Until", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = AuditEntry.objects.actors()
        self.fields["who"].choices = [("", "Everybody"), *((name, name) for name in names)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("since") and cleaned.get("until") and cleaned["until"] < cleaned["since"]:
            self.add_error("until", "This day lies before the first one.")
        return cleaned


@allow(OWNERS)
@require_safe
def activity(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first, a page at a time."""
    form = WantedForm(request.GET)
    wanted = _wanted(form, request)
    found = trail.entries(wanted).newest(_key(request.GET.get("before")))[: PER_PAGE + 1] if wanted else []
    lines = [trail.line(entry) for entry in found]
    kept = {name: value for name, value in request.GET.items() if name != "before" and value}
    context = {
        "form": form,
        "lines": lines[:PER_PAGE],
        "older": lines[PER_PAGE - 1].entry.pk if len(lines) > PER_PAGE else None,
        "is_first": "before" not in request.GET,
        "kept": urlencode(kept),
        "about": lines[0].entry if lines and wanted and wanted.about else None,
        "is_narrowed": bool(kept),
    }
    return render(request, "settings/activity.html", context, status=422 if form.errors else 200)


@allow(OWNERS)
@require_safe
def activity_export(request: HttpRequest) -> HttpResponse:
    """What the page shows, all of it, as CSV."""
    wanted = _wanted(WantedForm(request.GET), request)
    if wanted is None:
        return activity(request)  # type: ignore[return-value]
    name = f"activity-{current_restaurant().slug}-{timezone.localdate()}.csv"
    return StreamingHttpResponse(  # type: ignore[return-value]
        trail.as_csv(wanted),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


def _wanted(form: WantedForm, request: HttpRequest) -> Wanted | None:
    if not form.is_valid():
        return None
    kind, _, key = request.GET.get("about", "").partition(":")
    said = {name: value for name, value in form.cleaned_data.items() if value}
    return Wanted(**said, about=(kind, key) if key else None)


def _key(text: str | None) -> int | None:
    """The entry to go on from; whatever is no key of an entry means the newest."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
