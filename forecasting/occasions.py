"""What is particular about days: closures, holidays, events, what people have changed, and facts such as bookings."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from forecasting import calendar
from forecasting.models import CalendarEvent, DailyFact, Override, Run, Scope
from tenants.models import Restaurant
from tenants.office.models import Closure

BY_HAND = "changed by hand"


@dataclass(frozen=True)
class Happening:
    """An event or an override, and which dishes it is about."""

    name: str
    is_override: bool
    scope: str
    category: str
    item_id: UUID | None

    def concerns(self, item_id: UUID, category: str) -> bool:
        """Whether it is about the dish."""
        return self.scope == Scope.ALL or (
            self.category == category if self.scope == Scope.CATEGORY else self.item_id == item_id
        )


@dataclass(frozen=True)
class Occasion:
    """What is known of one day. `closed` is why it is closed, None on an open day."""

    date: dt.date
    closed: str | None = None
    public_holiday: str = ""
    school_holiday: str = ""
    happenings: tuple[Happening, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def events(self) -> list[str]:
        return [one.name for one in self.happenings if not one.is_override]

    @property
    def overrides(self) -> list[str]:
        return [one.name for one in self.happenings if one.is_override]

    def about(self, item_id: UUID, category: str) -> "Occasion":
        """The same day without what is about other dishes."""
        kept = tuple(one for one in self.happenings if one.concerns(item_id, category))
        return Occasion(self.date, self.closed, self.public_holiday, self.school_holiday, kept, self.facts)


def read(restaurant: Restaurant, run: Run | None, first: dt.date, last: dt.date) -> dict[dt.date, Occasion]:
    """Every day from `first` to `last`, both included, in six queries."""
    days = [first + dt.timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    closed = _closed(run, days)
    public = calendar.holidays(restaurant, {first.year, last.year, *(day.year for day in days)})
    school = calendar.school_holidays(first, last)
    happenings, facts = _happenings(first, last), _facts(first, last)
    return {
        day: Occasion(
            date=day,
            closed=closed.get(day),
            public_holiday=public.get(day, ""),
            school_holiday=school.get(day, ""),
            happenings=tuple(happenings.get(day, ())),
            facts=facts.get(day, {}),
        )
        for day in days
    }


def _closed(run: Run | None, days: list[dt.date]) -> dict[dt.date, str]:
    """Planned closures with their reasons, and the weekdays on which the run takes the house to be closed."""
    weekdays = run.report.get("closed_weekdays", []) if run else []
    closed = {day: "" for day in days if day.weekday() in weekdays}
    return closed | dict(Closure.objects.filter(on__range=(days[0], days[-1])).values_list("on", "note"))


def _happenings(first: dt.date, last: dt.date) -> dict[dt.date, list[Happening]]:
    found: dict[dt.date, list[Happening]] = {}
    for event in CalendarEvent.objects.between(first, last):
        told = Happening(event.name, False, event.scope, event.category, event.menu_item_id)
        for day in calendar.days(event.starts_on, event.ends_on, first, last):
            found.setdefault(day, []).append(told)
    for made in Override.objects.in_force().filter(date__range=(first, last)).order_by("created_at"):
        told = Happening(BY_HAND, True, made.scope, made.category, made.menu_item_id)
        found.setdefault(made.date, []).append(told)
    return found


def _facts(first: dt.date, last: dt.date) -> dict[dt.date, dict[str, float]]:
    found: dict[dt.date, dict[str, float]] = {}
    rows = DailyFact.objects.filter(date__range=(first, last))
    for day, kind, value in rows.values_list("date", "kind", "value"):
        found.setdefault(day, {})[kind] = float(value)
    return found
