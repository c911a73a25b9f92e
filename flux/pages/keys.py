"""Integrators' keys: which there are, a new one, a successor, the end of one. For owners."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants import api_keys
from tenants.access import OWNERS, SCOPES, allow
from tenants.context import current_restaurant
from tenants.keys import uuid7
from tenants.models import ApiKey

LIFETIMES = {30: "30 days", 90: "90 days", 365: "A year"}
OVERLAPS = {0: "Not at all: it ends now", 1: "For a day", 7: "For a week", 30: "For 30 days"}


class KeyForm(forms.Form):
    """A new key. `form_id` becomes the key's own, so that a form sent twice makes one key."""

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    name = forms.CharField(max_length=80, help_text="What will use it, such as “Till export”.")
    scopes = forms.MultipleChoiceField(
        choices=list(SCOPES.items()),
        widget=forms.CheckboxSelectMultiple,
        label="It may",
        help_text="Only what it needs. This cannot be changed later.",
    )
    days = forms.TypedChoiceField(choices=list(LIFETIMES.items()), coerce=int, label="It works for", initial=365)


class SuccessorForm(forms.Form):
    """A key that takes the place of another one."""

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    overlap_days = forms.TypedChoiceField(
        choices=list(OVERLAPS.items()), coerce=int, label="The old key goes on working", initial=7
    )


@allow(OWNERS, by_pin=False)
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Every key of the restaurant, and the form for a new one."""
    return _show_all(request, KeyForm())


@allow(OWNERS, by_pin=False)
@never_cache
@require_POST
def key_make(request: HttpRequest) -> HttpResponse:
    """Make a key and show its secret, this once: the answer is the only place where it stands."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _show_all(request, form, status=422)
    given = form.cleaned_data
    try:
        made = api_keys.make(
            current_restaurant(),
            name=given["name"],
            scopes=given["scopes"],
            days=given["days"],
            by=request.user,  # type: ignore[arg-type]
            at=timezone.now(),
            key_id=given["form_id"],
        )
    except api_keys.KeyProblem as problem:
        messages.error(request, str(problem))
        return redirect("pages:keys")
    return render(request, "settings/key_made.html", {"made": made})


@allow(OWNERS, by_pin=False)
@require_safe
def key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """One key: what it may do, when it was used, and the ways to replace or end it."""
    return _show_one(request, _found(key_id), SuccessorForm())


@allow(OWNERS, by_pin=False)
@never_cache
@require_POST
def key_rotate(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Make a key that takes the place of this one, and show its secret once."""
    found, form = _found(key_id), SuccessorForm(request.POST)
    if not form.is_valid():
        return _show_one(request, found, form, status=422)
    try:
        made = api_keys.rotate(
            key_id,
            current_restaurant(),
            overlap_days=form.cleaned_data["overlap_days"],
            by=request.user,  # type: ignore[arg-type]
            at=timezone.now(),
            new_id=form.cleaned_data["form_id"],
        )
    except api_keys.KeyProblem as problem:
        messages.error(request, str(problem))
        return redirect("pages:key", key_id)
    return render(request, "settings/key_made.html", {"made": made, "old": _found(key_id)})


@allow(OWNERS, by_pin=False)
@require_POST
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """End a key at once."""
    _found(key_id)
    ended = api_keys.revoke(key_id, current_restaurant(), by=request.user, at=timezone.now())  # type: ignore[arg-type]
    messages.success(request, f"“{ended.name}” has been revoked.")
    return redirect("pages:keys")


def _found(key_id: UUID) -> ApiKey:
    for each in api_keys.of(current_restaurant()):
        if each.pk == key_id:
            return each
    raise Http404


def _show_all(request: HttpRequest, form: KeyForm, *, status: int = 200) -> HttpResponse:
    at = timezone.now()
    every = [(each, each.state(at)) for each in api_keys.of(current_restaurant())]
    facts: dict[str, Any] = {
        "form": form,
        "working": [row for row in every if row[0].is_working(at)],
        "ended": [row for row in every if not row[0].is_working(at)],
        "docs_url": reverse("api:docs"),
    }
    return render(request, "settings/keys.html", facts, status=status)


def _show_one(request: HttpRequest, shown: ApiKey, form: SuccessorForm, *, status: int = 200) -> HttpResponse:
    at = timezone.now()
    facts = {"key": shown, "state": shown.state(at), "works": shown.is_working(at), "form": form}
    facts |= {"may": [SCOPES.get(scope, scope) for scope in shown.scopes]}
    return render(request, "settings/key.html", facts, status=status)
