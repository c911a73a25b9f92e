"""The audit trail in a manager's words: who did what, and what it was before."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from flux.templatetags.flux import money, percent, when
from procurement.wording import weekday_name
from tenants.office.models import WEEKDAYS, AuditEntry, AuditEntryQuerySet

CHUNK = 2000
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# What each verb says between the person and the thing; {} is the thing's name.
SENTENCES = {
    "order.edited": "chose packs of {}",
    "order.approved": "approved {}",
    "order.sent": "sent {}",
    "order.received": "received {}",
    "order.cancelled": "cancelled {}",
    "price.changed": "changed the price of {}",
    "supplieritem.added": "added {} to the order guide",
    "supplieritem.changed": "changed {} in the order guide",
    "supplier.added": "added the supplier {}",
    "supplier.changed": "changed the supplier {}",
    "menuitem.added": "put the new dish {} on the menu",
    "menuitem.changed": "changed the dish {}",
    "soldout.marked": "said that {} has run out",
    "soldout.ended": "said that {} is back",
    "soldout.dismissed": "said that {} had not run out",
    "soldout.inferred": "took it from the last sale that {} had run out",
    "soldout.confirmed": "said that {} had indeed run out",
    "likeness.said": "said what {} sells like",
    "likeness.forgotten": "let the sales of {} speak for themselves",
    "recipe.changed": "changed the recipe of {}",
    "ingredient.added": "added the ingredient {}",
    "ingredient.changed": "changed the ingredient {}",
    "file.uploaded": "uploaded {}",
    "file.read_as": "said how {} is read",
    "file.imported": "imported {}",
    "source.renamed": "renamed the source {}",
    "source.taxed": "said whether prices of {} include tax",
    "source.chosen": "let {} count on more days",
    "forecast.overridden": "gave a forecast of {}",
    "override.made": "overrode the forecast of {}",
    "override.undone": "undid the override of {}",
    "event.added": "put {} into the calendar",
    "event.changed": "changed {} in the calendar",
    "event.removed": "took {} out of the calendar",
    "holiday.added": "entered the holiday {}",
    "holiday.changed": "changed the holiday {}",
    "holiday.removed": "took out the holiday {}",
    "holiday.loaded": "loaded {} from a file",
    "fact.loaded": "brought in {}",
    "weather.placed": "said for the weather where the restaurant is: {}",
    "weather.left": "has no {} fetched any more",
    "fact.removed": "took out the facts {}",
    "restaurant.opened": "opened {}",
    "restaurant.renamed": "renamed the restaurant to {}",
    "restaurant.moved": "changed the address of {}",
    "restaurant.currency_changed": "changed the currency of {}",
    "restaurant.address_given_up": "gave up a former address of {}",
    "restaurant.place_changed": "changed the country or region of {}",
    "restaurant.suspended": "suspended {}",
    "restaurant.resumed": "let {} work again",
    "restaurant.status_changed": "changed the status of {}",
    "restaurant.closed": "closed {}",
    "restaurant.reopened": "opened {} again",
    "restaurant.exported": "took out all data of {}",
    "calendar.changed": "changed the business day of {}",
    "hours.changed": "changed the {}",
    "dayparts.changed": "changed the {}",
    "closure.added": "planned to be closed on {}",
    "closure.removed": "is no longer closed on {}",
    "person.invited": "invited {}",
    "person.joined": "joined by an invitation to {}",
    "person.added": "made {} a member",
    "person.role_changed": "changed the role of {}",
    "person.removed": "took {} off the restaurant",
    "person.left": "left the restaurant: {}",
    "invitation.sent_again": "sent the invitation to {} again",
    "invitation.revoked": "took back the invitation to {}",
    "person.pin_set": "gave {} a PIN",
    "person.pin_removed": "took the PIN of {}",
    "tablet.enrolled": "made {} a tablet of the kitchen",
    "tablet.revoked": "took the tablet {} out of use",
    "key.made": "made the key {}",
    "key.rotated": "replaced the key {}",
    "key.revoked": "revoked the key {}",
    "support.began": "let {} in as support",
    "support.ended": "ended the support access of {}",
}
# The kinds that the page can be narrowed to, by the beginning of the verb.
KINDS = {
    "Orders": ("order",),
    "Prices": ("price",),
    "Suppliers": ("supplier", "supplieritem"),
    "Dishes and recipes": ("menuitem", "soldout", "likeness", "recipe", "ingredient"),
    "Sales and files": ("file", "source"),
    "Forecast": ("forecast", "override", "event", "holiday", "fact", "weather"),
    "People and access": ("person", "invitation", "pin", "tablet", "key", "support"),
    "Settings": ("restaurant", "calendar", "hours", "dayparts", "closure"),
}
PAGES = {
    "purchaseorder": "procurement:order",
    "supplier": "procurement:supplier",
    "supplieritem": "procurement:item_edit",
    "menuitem": "menu:item",
    "ingredient": "menu:ingredient",
    "connection": "pos:source",
    "salesfile": "pos:file",
}
LABELS = {
    "is_active": "In use",
    "is_preferred": "Preferred",
    "minimum_order": "Minimum order",
    "delivery_weekdays": "Delivers on",
    "lead_time_days": "Lead time (days)",
    "cutoff": "Order until",
    "email": "E-mail",
    "pack_count": "Pieces in a pack",
    "pack_size": "Size of a piece",
    "pack_unit": "Unit",
    "code": "Item code",
    "base_unit": "Counted in",
    "grams_per_ml": "1 ml weighs (g)",
    "grams_per_each": "1 piece weighs (g)",
    "shelf_life_days": "Shelf life (days)",
    "timezone": "Time zone",
    "closeout_hour": "The business day ends at",
    "slug": "Address",
    "host": "Address",
    "subdivision": "Region",
    "closed_at": "Closed",
    "prices_include_tax": "Prices include tax",
    "tax_rate": "Tax rate",
    "orders_new": "New orders",
    "orders_changed": "Changed orders",
    "orders_removed": "Removed orders",
    "first_on": "First day",
    "last_on": "Last day",
    "scopes": "May",
    "expires_at": "Works until",
    "revoked_at": "Revoked",
    "share": "At",
    "reason": "Why",
    "ends_at": "Until",
    "starts_on": "From",
    "ends_on": "To",
    "menu_item": "Dish",
    "like": "Like",
    "is_off": "No holiday here",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One value that changed; None where there was none, or is none any more."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the page shows it. The sentence is taken apart where the thing's name stands, for its link."""

    entry: AuditEntry
    lead: str
    tail: str
    href: str
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the trail is narrowed to; empty means everything. Dates are the restaurant's own, both included."""

    who: str = ""
    kind: str = ""
    subject: str = ""
    about: tuple[str, str] | None = None
    since: dt.date | None = None
    until: dt.date | None = None


def entries(wanted: Wanted) -> AuditEntryQuerySet:
    """The entries that are wanted, in no order."""
    found = AuditEntry.objects.all()
    if wanted.who:
        found = found.filter(actor=wanted.who)
    if wanted.kind in KINDS:
        either = Q()
        for beginning in KINDS[wanted.kind]:
            either |= Q(verb__startswith=f"{beginning}.")
        found = found.filter(either)
    if wanted.about:
        found = found.about(*wanted.about)
    if wanted.subject:
        found = found.filter(subject_label__icontains=wanted.subject)
    if wanted.since:
        found = found.filter(at__gte=_midnight(wanted.since))
    if wanted.until:
        found = found.filter(at__lt=_midnight(wanted.until + dt.timedelta(days=1)))
    return found


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def around(verb: str) -> tuple[str, str]:
    """What stands before and after the thing's name. A verb that nobody has put into words yet is shown as it is."""
    sentence = SENTENCES.get(verb) or f"{verb.replace('.', ' ').replace('_', ' ')}: {{}}"
    lead, _, tail = sentence.partition("{}")
    return lead, tail


def line(entry: AuditEntry) -> Line:
    """An entry in words, with the way to what it is about."""
    lead, tail = around(entry.verb)
    page = PAGES.get(entry.subject_type)
    href = reverse(page, args=[entry.subject_key]) if page else ""
    return Line(entry, lead, tail, href, list(changes(entry.before, entry.after)))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Each value that differs, in words."""
    for name in sorted({**before, **after}, key=_place):
        label = LABELS.get(name, name[:1].upper() + name[1:].replace("_", " "))
        yield Change(label, _shown(name, before), _shown(name, after))


def _place(name: str) -> int:
    """Weekdays in their order, which JSON in the database does not keep; all else as it comes."""
    return WEEKDAYS.index(name) if name in WEEKDAYS else -1


def _shown(name: str, given: Mapping[str, Any]) -> str | None:
    value = given.get(name)
    if value in (None, "", []):
        return None if name not in given else "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return FORMATS.get(name, str)(value)


def _moment(value: str) -> str:
    return when(dt.datetime.fromisoformat(value))


def _day(value: str) -> str:
    day = dt.date.fromisoformat(value)
    return f"{day.day} {day:%B %Y}"


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "price": money,
    "minimum_order": money,
    "delivery_weekdays": lambda days: ", ".join(map(weekday_name, days)),
    "closeout_hour": lambda hour: f"{hour}:00",
    "cutoff": lambda time: str(time)[:5],
    "date": _day,
    "first_on": _day,
    "last_on": _day,
    "starts_on": _day,
    "ends_on": _day,
    "closed_at": _moment,
    "expires_at": _moment,
    "revoked_at": _moment,
    "ends_at": _moment,
    "scopes": ", ".join,
    "tax_rate": lambda share: percent(share, 2),
    "share": percent,
}


def as_csv(wanted: Wanted) -> Iterator[bytes]:
    """The wanted entries as CSV, newest first, a piece at a time; read by key, so that no cursor stays open."""
    yield _rows([["at", "who", "via", "verb", "what", "subject", "key", "before", "after"]])
    last: int | None = None
    while chunk := list(entries(wanted).newest(last)[:CHUNK]):
        yield _rows(map(_row, chunk))
        last = chunk[-1].pk


def _row(entry: AuditEntry) -> list[str]:
    at = timezone.localtime(entry.at).isoformat(timespec="seconds")
    before, after = (json.dumps(each, ensure_ascii=False) if each else "" for each in (entry.before, entry.after))
    lead, tail = around(entry.verb)
    what = f"{entry.actor} {lead}{entry.subject_label}{tail}"
    facts = [entry.actor, entry.via, entry.verb, what, entry.subject_label, entry.subject_key]
    return [at, *facts, before, after]


def _rows(rows: Iterable[list[str]]) -> bytes:
    """Text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    csv.writer(out).writerows([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row] for row in rows)
    return out.getvalue().encode()
