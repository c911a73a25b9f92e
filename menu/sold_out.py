"""86: a dish has run out for today, is back, or never had run out; by tap, from the point of sale, or inferred.

From then on the day's sales say how much was asked for at least, and no forecast takes them for low demand.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db import transaction

from menu.models import MenuItem, SoldOut
from tenants.actors import FLUX, By, actor
from tenants.models import Restaurant
from tenants.office import audit

SLIP = dt.timedelta(minutes=2)  # what was out for less was a slip of a wet finger
LONGEST_DAYS = 31  # that one message of a point of sale may speak of
DAY = dt.timedelta(days=1)


class NotOnTheMenu(Exception):
    """A dish that is off the menu cannot run out."""


@transaction.atomic
def mark(item: MenuItem, *, restaurant: Restaurant, by: By, at: dt.datetime) -> SoldOut:
    """The dish has run out, for the rest of the business date. Told twice is told once. Raises NotOnTheMenu."""
    if not item.is_active:
        raise NotOnTheMenu(f"{item} is off the menu.")
    _one_at_a_time(item)
    row, is_new = SoldOut.objects.get_or_create(
        menu_item=item,
        business_date=restaurant.business_date(at),
        until_at=None,
        dismissed_at=None,
        defaults={"from_at": at, "source": SoldOut.Source.TAP, "by_id": actor(by).pk, "created_at": at},
    )
    if is_new:
        audit.record("soldout.marked", item, by=by, at=at)
    return row


@transaction.atomic
def back(item: MenuItem, *, restaurant: Restaurant, by: By, at: dt.datetime) -> SoldOut | None:
    """The dish is to be had again; None where it was not out. What was out for less than SLIP never was."""
    today = restaurant.business_date(at)
    _one_at_a_time(item)
    row = SoldOut.objects.select_for_update().out_on(today).filter(menu_item=item).first()
    if row is None:
        return None
    if row.source == SoldOut.Source.TAP and at - row.from_at < SLIP:
        return _set(row, "dismissed_at", at, "soldout.dismissed", by=by, at=at)
    return _set(row, "until_at", max(at, row.from_at), "soldout.ended", by=by, at=at)


@transaction.atomic
def dismiss(sold_out_id: UUID, *, by: By, at: dt.datetime) -> SoldOut:
    """It had not run out: the day counts as any other, and Flux does not suspect it again."""
    row = _locked(sold_out_id)
    return row if row.dismissed_at else _set(row, "dismissed_at", at, "soldout.dismissed", by=by, at=at)


@transaction.atomic
def confirm(sold_out_id: UUID, *, by: By, at: dt.datetime) -> SoldOut:
    """What Flux inferred is so: somebody stands for it from now on. Anything else is left as it is."""
    row = _locked(sold_out_id)
    if not row.is_suspected:
        return row
    return _set(row, "by_id", actor(by).pk, "soldout.confirmed", by=by, at=at)


@transaction.atomic
def from_pos(
    item: MenuItem,
    *,
    from_at: dt.datetime,
    until_at: dt.datetime | None = None,
    restaurant: Restaurant,
    at: dt.datetime,
) -> list[SoldOut]:
    """What a point of sale says: out from `from_at`, until `until_at` or still at `at`. A row per business date.

    The same beginning told again changes the end. What somebody has dismissed stays so, and while a dish is out
    because somebody said so, another open row says nothing new.
    """
    _one_at_a_time(item)
    spans = _by_business_date(restaurant, from_at, until_at, at)
    return [row for day, begin, end in spans if (row := _from_pos(item, day, begin, end, at)) is not None]


@transaction.atomic
def suspect(found: Iterable[tuple[UUID, dt.date, dt.datetime]], *, at: dt.datetime) -> list[SoldOut]:
    """Keep what was inferred: (dish, business date, from when) each. Of dish-days that have a row already, even a
    dismissed one, nothing new is said.
    """
    wanted = {(item, day): from_at for item, day, from_at in found}
    known = SoldOut.objects.filter(business_date__in={day for _, day in wanted})
    for pair in known.values_list("menu_item_id", "business_date"):
        wanted.pop(pair, None)
    made = SoldOut.objects.bulk_create(
        SoldOut(menu_item_id=item, business_date=day, from_at=from_at, source=SoldOut.Source.INFERRED, created_at=at)
        for (item, day), from_at in wanted.items()
    )
    dishes = MenuItem.objects.in_bulk({row.menu_item_id for row in made})
    told = (
        audit.entry("soldout.inferred", dishes[row.menu_item_id], by=FLUX, at=at, after={"date": row.business_date})
        for row in made
    )
    audit.record_all(told)
    return made


def days_of(item: MenuItem, first: dt.date, last: dt.date) -> dict[dt.date, dt.datetime]:
    """Business dates, both ends included, on which the dish ran out, each with the moment from which on it was out."""
    found = SoldOut.objects.counting().filter(menu_item=item, business_date__range=(first, last))
    return dict(found.order_by("business_date", "-from_at").values_list("business_date", "from_at"))


def _from_pos(
    item: MenuItem, day: dt.date, begin: dt.datetime, end: dt.datetime | None, at: dt.datetime
) -> SoldOut | None:
    rows = list(SoldOut.objects.select_for_update().filter(menu_item=item, business_date=day))
    told = next((row for row in rows if row.source == SoldOut.Source.POS and row.from_at == begin), None)
    is_out = any(row.until_at is None and row.dismissed_at is None for row in rows if row is not told)
    if told and (told.dismissed_at or told.until_at == end):
        return told
    if end is None and is_out:
        return told
    if told:
        return _set(told, "until_at", end, "soldout.ended" if end else "soldout.marked", by=FLUX, at=at)
    made = SoldOut.objects.create(
        menu_item=item, business_date=day, from_at=begin, until_at=end, source=SoldOut.Source.POS, created_at=at
    )
    audit.record("soldout.marked", item, by=FLUX, at=at, after={"date": day})
    return made


def _by_business_date(
    restaurant: Restaurant, from_at: dt.datetime, until_at: dt.datetime | None, at: dt.datetime
) -> Iterator[tuple[dt.date, dt.datetime, dt.datetime | None]]:
    """Business date, beginning and end (None: its own) of each that the span touches."""
    day, last = restaurant.business_date(from_at), restaurant.business_date(until_at or at)
    last = min(last, day + LONGEST_DAYS * DAY)
    yield day, from_at, until_at if day == last else None
    while day < last:
        day += DAY
        begin = dt.datetime.combine(day, dt.time(restaurant.closeout_hour), tzinfo=restaurant.zone)
        if until_at is None or until_at > begin:
            yield day, begin, until_at if day == last else None


def _one_at_a_time(item: MenuItem) -> None:
    """Let nobody else say that the dish is out or back until the transaction ends."""
    MenuItem.objects.select_for_update(no_key=True).filter(pk=item.pk).values_list("pk").first()


def _locked(sold_out_id: UUID) -> SoldOut:
    return SoldOut.objects.select_for_update(of=("self",)).select_related("menu_item").get(pk=sold_out_id)


def _set(row: SoldOut, field: str, value: object, verb: str, *, by: By, at: dt.datetime) -> SoldOut:
    setattr(row, field, value)
    row.save(update_fields=[field])
    audit.record(verb, row.menu_item, by=by, at=at, after={"date": row.business_date})
    return row
