"""What the Sales page shows: how far the sales reach, who counts when, and how fresh they are."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Max

from pos import sources
from pos.models import Connection, DailySales, DaySource, Order, SalesFile
from pos.sources import Span

RECENT_DAYS = 28
STALE_AFTER_DAYS = 2
MONTHS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Period:
    """A day or a month: units and net sales (None where no price is known), days with sales, and its sources."""

    first_on: date
    days: int
    units: Decimal
    net: Decimal | None
    sources: list[str]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart, with the names that charts expect."""

    label: str
    value: float
    usual: float | None = None
    mark: bool = False
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A source with what counts of it: dates with sales, and the runs of dates that it has."""

    connection: Connection
    days: int
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class History:
    """All that the page needs. ``recent``: every one of the last days, also those without sales, oldest first."""

    first_on: date | None
    last_on: date | None
    last_sale: datetime | date | None
    last_file: SalesFile | None
    is_stale: bool
    recent: list[Period]
    months: list[Period]
    sources: list[Source]

    @property
    def recent_months(self) -> list[Period]:
        return self.months[:MONTHS_SHOWN]

    @property
    def earlier_months(self) -> list[Period]:
        return self.months[MONTHS_SHOWN:]

    @property
    def bars(self) -> list[Bar]:
        return [Bar(f"{day.first_on:%a} {day.first_on.day} {day.first_on:%b}", float(day.units)) for day in self.recent]


def overview(today: date) -> History:
    """The state of the restaurant's sales on ``today``."""
    connections = list(Connection.objects.all())
    names = {each.pk: each.name for each in connections}
    by_day = _source_of_days()
    months = _months(by_day, names)
    last_on = max(by_day, default=None)
    return History(
        first_on=min(by_day, default=None),
        last_on=last_on,
        last_sale=_last_sale(last_on),
        last_file=SalesFile.objects.defer("content", "rejects").order_by("-uploaded_at").first(),
        is_stale=last_on is not None and (today - last_on).days > STALE_AFTER_DAYS,
        recent=_recent(last_on, by_day, names) if last_on else [],
        months=months,
        sources=_sources(by_day, connections),
    )


def month(first_on: date) -> list[Period]:
    """The days with sales of the month that begins on ``first_on``, oldest first."""
    last_on = (first_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    names = dict(Connection.objects.values_list("pk", "name"))
    return _days(first_on, last_on, _source_of_days(), names)


def _source_of_days() -> dict[date, UUID]:
    return dict(DaySource.objects.order_by("business_date").values_list("business_date", "connection_id"))


def _last_sale(last_on: date | None) -> datetime | date | None:
    """The latest order's moment, or its date where its source knows no time."""
    if last_on is None:
        return None
    found: datetime | None = Order.objects.filter(business_date=last_on).aggregate(at=Max("opened_at"))["at"]
    return found or last_on


def _days(first_on: date, last_on: date, by_day: dict[date, UUID], names: dict[UUID, str]) -> list[Period]:
    return [
        Period(
            row["business_date"],
            1,
            row["units"],
            row["net"],
            [names[by_day[row["business_date"]]]] if row["business_date"] in by_day else [],
        )
        for row in DailySales.objects.between(first_on, last_on).by_day()
    ]


def _recent(last_on: date, by_day: dict[date, UUID], names: dict[UUID, str]) -> list[Period]:
    first_on = last_on - timedelta(days=RECENT_DAYS - 1)
    sold = {period.first_on: period for period in _days(first_on, last_on, by_day, names)}
    days = (first_on + timedelta(days=number) for number in range(RECENT_DAYS))
    return [sold.get(day) or Period(day, 0, Decimal(0), None, []) for day in days]


def _months(by_day: dict[date, UUID], names: dict[UUID, str]) -> list[Period]:
    """Newest first."""
    counted = Counter((day.replace(day=1), names[connection_id]) for day, connection_id in by_day.items())
    found: dict[date, list[str]] = {}
    for (first_on, name), _ in counted.most_common():
        found.setdefault(first_on, []).append(name)
    return [
        Period(row["month"], row["days"], row["units"], row["net"], found.get(row["month"], []))
        for row in DailySales.objects.by_month()
    ]


def _sources(by_day: dict[date, UUID], connections: list[Connection]) -> list[Source]:
    days = Counter(by_day.values())
    spans = sources.spans(by_day)
    return [
        Source(each, days[each.pk], [span for span in spans if span.connection_id == each.pk]) for each in connections
    ]
