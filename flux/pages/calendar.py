"""Forecast, Calendar: the month with its holidays, closures and events; events are added, changed and removed."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from flux import tasks
from forecasting import calendar, events
from forecasting.arithmetic.uplift import Uplift
from forecasting.events import EventRefused
from forecasting.models import CalendarEvent, Run, Scope
from menu.models import MenuItem
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant
from tenants.office import hours
from tenants.office.models import Closure

FIRST_YEAR, LAST_YEAR = 2000, 2100
COMING = 4  # events told of where the month has none
DATE = {"type": "date"}


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the month's page."""

    date: dt.date
    is_today: bool
    holiday: str = ""
    school: str = ""
    school_begins: bool = False
    closed: str = ""
    is_day_off: bool = False
    events: list[CalendarEvent] = field(default_factory=list)

    @property
    def says_school(self) -> bool:
        """Whether the school holiday is named: on its first day, and once a week and month."""
        return bool(self.school) and (self.school_begins or self.date.weekday() == 0 or self.date.day == 1)

    @property
    def is_told(self) -> bool:
        """Whether there is something to say of it."""
        return bool(self.holiday or self.says_school or self.closed or self.events)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with what it does, or did."""

    event: CalendarEvent
    effect: str
    measured: str


class EventForm(forms.Form):
    """What a manager says of an event; fields that its scope and effect do not ask for are hidden, and dropped."""

    use_required_attribute = False  # a hidden field that is empty would keep the browser from sending the others

    kind = forms.ChoiceField(choices=[(value, value.capitalize()) for value in CalendarEvent.Kind.values])
    name = forms.CharField(label="What is it called?", max_length=120, help_text="The same name each time it happens.")
    starts_on = forms.DateField(label="First day", widget=forms.DateInput(DATE, "%Y-%m-%d"))
    ends_on = forms.DateField(
        label="Last day", required=False, widget=forms.DateInput(DATE, "%Y-%m-%d"), help_text="Empty for one day."
    )
    scope = forms.ChoiceField(
        label="It is about",
        choices=[(Scope.ALL, "All dishes"), (Scope.CATEGORY, "A category"), (Scope.ITEM, "One dish")],
    )
    category = forms.ChoiceField(error_messages={"required": "Choose the category that it is about."})
    menu_item = forms.ModelChoiceField(
        MenuItem.objects.on_the_menu(),
        label="Dish",
        empty_label="Choose one",
        error_messages={"required": "Choose the dish that it is about."},
    )
    effect = forms.ChoiceField(
        label="What it does to demand",
        choices=[
            (CalendarEvent.Effect.PERCENT, "Percent more or less"),
            (CalendarEvent.Effect.UNITS, "Units a day more or less"),
            (CalendarEvent.Effect.LIKE, "Like last time, as measured"),
        ],
    )
    amount = forms.DecimalField(
        label="How much",
        error_messages={"required": "Say how much more or less is expected."},
        max_digits=10,
        decimal_places=2,
        help_text="−20 for less. Units are those of all its dishes together, shared out by what each one sells.",
    )
    like = forms.ModelChoiceField(
        CalendarEvent.objects.none(), label="Like", required=False, empty_label="All earlier ones of this name"
    )
    note = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any, event: CalendarEvent, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.event = event
        if self.is_bound:
            self.fields["category"].required = self.data.get("scope") == Scope.CATEGORY
            self.fields["menu_item"].required = self.data.get("scope") == Scope.ITEM
            self.fields["amount"].required = self.data.get("effect") != CalendarEvent.Effect.LIKE
        named = [("", "Choose one"), *((name, name) for name in events.categories())]
        self.fields["category"].choices = named  # type: ignore[attr-defined]
        past = CalendarEvent.objects.filter(starts_on__lt=today).exclude(pk=event.pk).order_by("-starts_on")
        self.fields["like"].queryset = past  # type: ignore[attr-defined]
        if event.menu_item_id:
            kept = MenuItem.objects.on_the_menu() | MenuItem.objects.filter(pk=event.menu_item_id)
            self.fields["menu_item"].queryset = kept  # type: ignore[attr-defined]

    def filled(self) -> CalendarEvent:
        """The event as the form says."""
        given = dict(self.cleaned_data)
        given["ends_on"] = given["ends_on"] or given["starts_on"]
        given["category"] = given["category"] if given["scope"] == Scope.CATEGORY else ""
        given["menu_item"] = given["menu_item"] if given["scope"] == Scope.ITEM else None
        is_like = given["effect"] == CalendarEvent.Effect.LIKE
        given["amount"], given["like"] = (None, given["like"]) if is_like else (given["amount"], None)
        for name, value in given.items():
            setattr(self.event, name, value)
        return self.event

    def refuse(self, refused: EventRefused) -> None:
        for name, why in refused.faults.items():
            self.add_error(name, why)


@allow()
@require_safe
def month(request: HttpRequest) -> HttpResponse:
    """A month: which days are special, and why. `?month=2026-11` names another one."""
    restaurant = current_restaurant()
    today = restaurant.business_date(timezone.now())
    first = _first_of(request.GET.get("month", ""), today)
    last = _next(first) - dt.timedelta(days=1)
    found = list(CalendarEvent.objects.between(first, last).select_related("menu_item", "like"))
    entries = [_entry(event, today) for event in found]
    context = {
        "first": first,
        "before": first - dt.timedelta(days=1),
        "after": _next(first),
        "today": today,
        "days": _days(first, last, found, today),
        "blanks": range(first.weekday()),
        "entries": entries,
        "coming": [] if found else list(CalendarEvent.objects.filter(starts_on__gte=max(today, first))[:COMING]),
        "may_edit": may(request, MANAGERS),
        "has_run": Run.objects.current() is not None,
    }
    return render(request, "calendar/month.html", context)


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def event_add(request: HttpRequest) -> HttpResponse:
    """A new event; `?on=2026-11-28` says of which day."""
    return _edit(request, CalendarEvent())


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def event(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Change an event."""
    return _edit(request, get_object_or_404(CalendarEvent.objects.select_related("menu_item", "like"), pk=event_id))


@allow(MANAGERS)
@require_POST
def event_remove(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Take an event out of the calendar."""
    found = get_object_or_404(CalendarEvent, pk=event_id)
    now = timezone.now()
    events.remove(found, by=asking(request), at=now)
    messages.success(request, f"{found.name} is out of the calendar.")
    _follow(found.starts_on, today=current_restaurant().business_date(now))
    return _to_month(found.starts_on)


def _edit(request: HttpRequest, row: CalendarEvent) -> HttpResponse:
    now = timezone.now()
    today, is_new = current_restaurant().business_date(now), row._state.adding
    began = today if is_new else row.starts_on
    initial = {"starts_on": _on(request.GET.get("on", ""), today)} if is_new else _initial(row)
    form = EventForm(request.POST or None, event=row, today=today, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            events.save(form.filled(), today=today, by=asking(request), at=now)
        except EventRefused as refused:
            form.refuse(refused)
        else:
            messages.success(request, _saved(row, today))
            _follow(min(began, row.starts_on), today=today)
            return _to_month(row.starts_on)
    stored = None if is_new else _entry(CalendarEvent.objects.select_related("menu_item", "like").get(pk=row.pk), today)
    context = {"form": form, "stored": stored, "today": today}
    return render(request, "calendar/event.html", context, status=422 if form.errors else 200)


def _follow(first: dt.date, *, today: dt.date) -> None:
    """Orders follow a change of coming days, as the forecast has done already; past days want a new forecast."""
    if first < today:
        forecast_anew()
    else:
        tasks.ask_for_suggestions(current_restaurant())


def forecast_anew() -> None:
    """Where there is a forecast, the next one should know of the change, and so should the orders."""
    if Run.objects.exists():
        tasks.ask_for_pipeline(current_restaurant(), now=timezone.now())


def in_words(event: CalendarEvent, uplift: Uplift | None) -> str:
    """What an event does to each of its days."""
    if event.effect == CalendarEvent.Effect.LIKE:
        return f"like last time: {uplift}"
    if not event.amount:
        return "nothing more or less"
    amount = f"{abs(event.amount):,.2f}".rstrip("0").rstrip(".")
    sign = "+" if event.amount > 0 else "−"
    return f"{sign}{amount} %" if event.effect == CalendarEvent.Effect.PERCENT else f"{sign}{amount} units a day"


def _entry(event: CalendarEvent, today: dt.date) -> Entry:
    yesterday = today - dt.timedelta(days=1)
    uplift = calendar.like_last_time(event, until=yesterday) if event.effect == CalendarEvent.Effect.LIKE else None
    past = list(calendar.days(event.starts_on, event.ends_on, event.starts_on, yesterday))
    newest = past[-calendar.MOST_LOOK_ALIKES :]
    measured = calendar.measured(newest, event, until=yesterday) if past else None
    return Entry(event, in_words(event, uplift), str(measured) if measured and measured.days else "")


def _saved(event: CalendarEvent, today: dt.date) -> str:
    entry = _entry(event, today)
    if event.ends_on < today:
        return f"{event.name} is in the calendar. {entry.measured or 'Its days have no sales that could be measured.'}"
    return f"{event.name} is in the calendar: {entry.effect}."


def _days(first: dt.date, last: dt.date, found: list[CalendarEvent], today: dt.date) -> list[Day]:
    holidays = calendar.holidays(current_restaurant(), [first.year])
    school = calendar.school_holidays(first - dt.timedelta(days=1), last)
    closed = dict(Closure.objects.filter(on__range=(first, last)).values_list("on", "note"))
    off = hours.closed_weekdays()
    return [
        Day(
            day,
            day == today,
            holidays.get(day, ""),
            school.get(day, ""),
            day - dt.timedelta(days=1) not in school,
            (closed[day] or "planned closure") if day in closed else "",
            day.weekday() in off,
            [event for event in found if event.starts_on <= day <= event.ends_on],
        )
        for day in calendar.days(first, last, first, last)
    ]


def _initial(event: CalendarEvent) -> dict[str, Any]:
    stored = {name: getattr(event, name) for name in events.FIELDS}
    if event.amount is not None:
        stored["amount"] = f"{event.amount.normalize():f}"
    return stored


def _first_of(written: str, today: dt.date) -> dt.date:
    """The first day of the month that an address names; of today's where it names none. Raises Http404."""
    try:
        found = dt.date.fromisoformat(f"{written}-01") if written else today.replace(day=1)
    except ValueError as error:
        raise Http404 from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Http404
    return found


def _next(first: dt.date) -> dt.date:
    return (first + dt.timedelta(days=31)).replace(day=1)


def _on(written: str, today: dt.date) -> dt.date:
    try:
        return dt.date.fromisoformat(written)
    except ValueError:
        return today + dt.timedelta(days=1)


def _to_month(day: dt.date) -> HttpResponse:
    response = redirect("pages:calendar")
    response["Location"] += f"?month={day:%Y-%m}"
    return response
