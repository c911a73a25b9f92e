"""Order guides from a spreadsheet: one line per supplier and item.

A line brings a supplier (by name) and an item of its order guide (by its code, else by its name) to what it says; what
the file does not name is left alone, so that the same file twice changes nothing. One fault refuses the whole file, and
all faults are named at once.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from menu import recipes, tables, units
from menu.models import Ingredient
from menu.tables import BadTable, Fault, Row
from menu.units import NoConversion, UnknownUnit
from procurement import order_guide
from procurement.models import Supplier, SupplierItem
from tenants.actors import By
from tenants.office import audit
from tenants.office.models import AuditEntry

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "supplier": ("vendor", "supplier name"),
        "email": ("e-mail", "supplier email", "order email"),
        "delivery_weekdays": ("delivery days", "delivers on", "deliveries"),
        "lead_time_days": ("lead time", "lead days"),
        "cutoff": ("order until", "cut-off", "cutoff time"),
        "minimum_order": ("minimum", "min order"),
        "ingredient": ("ingredient name",),
        "item": ("item name", "product", "description", "name"),
        "code": ("item code", "sku", "article"),
        "pack": ("packaging",),
        "pack_count": ("pieces", "case count"),
        "pack_size": ("size", "piece size"),
        "pack_unit": ("unit", "uom"),
        "price": ("pack price", "case price", "cost"),
        "preferred": ("is preferred",),
        "shelf_life_days": ("shelf life", "keeps days"),
    }
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YES = frozenset({"yes", "y", "true", "1", "x"})
_NO = frozenset({"no", "n", "false", "0"})
_STEP = Decimal("0.0001")  # what prices and sizes keep


@dataclass(frozen=True, slots=True)
class Report:
    """Rows of suppliers, items and ingredients that an import added or changed."""

    suppliers_added: int
    suppliers_changed: int
    items_added: int
    items_changed: int
    ingredients_added: int


@transaction.atomic
def load(content: bytes, columns: Mapping[str, str] | None = None, *, by: By, at: dt.datetime) -> Report:
    """Bring suppliers and their order guides to what `content` says. Raises BadTable, and then has changed nothing."""
    rows = tables.read(content, FIELDS, columns)
    before = Ingredient.objects.count()
    guide = _Guide(by, at)
    faults: list[Fault] = []
    for row in rows:
        try:
            guide.bring(row)
        except BadTable as bad:
            faults += bad.faults
    if faults:
        raise BadTable(faults)
    audit.record_all(guide.entries)
    added = Ingredient.objects.count() - before
    return Report(guide.suppliers_added, len(guide.suppliers_changed), guide.items_added, guide.items_changed, added)


class _Guide:
    """The rows of one file, brought in one after the other; what an earlier row said must not be contradicted."""

    def __init__(self, by: By, at: dt.datetime) -> None:
        self.by, self.at = by, at
        self.entries: list[AuditEntry | None] = []
        self.suppliers_added = self.items_added = self.items_changed = 0
        self.suppliers_changed: set[UUID] = set()
        self.said: dict[tuple[str, str], Any] = {}
        self.seen: dict[tuple[str, str], int] = {}

    def bring(self, row: Row) -> None:
        """Raises BadTable."""
        supplier = self._supplier(row)
        count, size, unit = _pack(row)
        ingredient = _ingredient(row, unit, size)
        name, code = row.text("item", ingredient.name), row.text("code", "")
        self._only_once(row, supplier, "code" if code else "item", code or name)
        facts = {
            "ingredient": ingredient,
            "name": name,
            "pack_count": count,
            "pack_size": size.quantize(_STEP),
            "pack_unit": unit,
            "price": _at_least(row, "price", Decimal(0)).quantize(_STEP),
            "is_active": True,
        }
        old = supplier.items.filter(**({"code": code} if code else {"name": name})).select_related("ingredient").first()
        preferred = _preferred(row, ingredient, old)
        if old and old.is_preferred == preferred and all(getattr(old, key) == value for key, value in facts.items()):
            return
        item = old or SupplierItem(supplier=supplier, code=code)
        before = audit.values(old, order_guide.ITEM) if old else {}
        for key, value in facts.items():
            setattr(item, key, value)
        self.entries += order_guide.put_item(item, before, preferred=preferred, by=self.by, at=self.at)
        self.items_changed += old is not None
        self.items_added += old is None

    def _supplier(self, row: Row) -> Supplier:
        """The row's supplier; facts that the file leaves out keep what is there, or the usual value."""
        name, facts = row.text("supplier"), dict(_supplier_facts(row))
        for field, value in facts.items():
            if self.said.setdefault((name.casefold(), field), value) != value:
                raise BadTable([Fault(row.line, field, row.text(field), f"an earlier line says otherwise of {name}")])
        found = Supplier.objects.filter(name__iexact=name).first()
        if found is None:
            self.suppliers_added += 1
            usual = {"delivery_weekdays": [0, 1, 2, 3, 4], "cutoff": dt.time(16)}
            found = Supplier.objects.create(name=name, **(usual | facts))
            self._note("supplier.added", found, {}, {"name": name, **facts})
            return found
        before = audit.values(found, facts)
        if before != facts:
            self.suppliers_changed.add(found.pk)
            for field, value in facts.items():
                setattr(found, field, value)
            found.save()
            self._note("supplier.changed", found, before, facts)
        return found

    def _note(self, verb: str, supplier: Supplier, before: audit.Values, after: audit.Values) -> None:
        self.entries.append(audit.entry(verb, supplier, by=self.by, at=self.at, before=before, after=after))

    def _only_once(self, row: Row, supplier: Supplier, field: str, value: str) -> None:
        place = (supplier.name.casefold(), value.casefold())
        if place in self.seen:
            raise BadTable([Fault(row.line, field, value, f"twice: also in line {self.seen[place]}")])
        self.seen[place] = row.line


def _supplier_facts(row: Row) -> Iterator[tuple[str, Any]]:
    """What the row says about its supplier."""
    if email := row.text("email", ""):
        try:
            validate_email(email)
        except ValidationError as wrong:
            raise BadTable([Fault(row.line, "email", email, "this is not an e-mail address")]) from wrong
        yield "email", email
    if days := row.text("delivery_weekdays", ""):
        yield "delivery_weekdays", _weekdays(row, days)
    if row.text("lead_time_days", ""):
        yield "lead_time_days", int(_at_least(row, "lead_time_days", Decimal(0)))
    if cutoff := row.text("cutoff", ""):
        try:
            yield "cutoff", dt.time.fromisoformat(cutoff.zfill(5))
        except ValueError as wrong:
            raise BadTable([Fault(row.line, "cutoff", cutoff, "this is not a time such as 16:00")]) from wrong
    if row.text("minimum_order", ""):
        yield "minimum_order", _at_least(row, "minimum_order", Decimal(0))


def _weekdays(row: Row, written: str) -> list[int]:
    """Days as "Mon, Thu" or "monday thursday"."""
    names = written.lower().replace(",", " ").replace(";", " ").replace("/", " ").split()
    days = {_DAYS.index(name[:3]) if name[:3] in _DAYS else -1 for name in names}
    if -1 in days or not days:
        raise BadTable([Fault(row.line, "delivery_weekdays", written, "write days such as Mon Thu")])
    return sorted(days)


def _pack(row: Row) -> tuple[int, Decimal, str]:
    """Pieces, size and unit: from three columns, or from one that says "6 x 1 kg"."""
    if written := row.text("pack", ""):
        row = _taken_apart(row, written)
    count, size = _at_least(row, "pack_count", Decimal(1), Decimal(1)), _at_least(row, "pack_size", Decimal(0))
    if count != int(count):
        raise BadTable([Fault(row.line, "pack_count", str(count), "this must be a whole number")])
    if size <= 0:
        raise BadTable([Fault(row.line, "pack_size", str(size), "this must be above 0")])
    unit = row.text("pack_unit")
    try:
        return int(count), size, units.parse(unit).symbol
    except UnknownUnit as unknown:
        raise BadTable([Fault(row.line, "pack_unit", unit, "this is not a known unit")]) from unknown


def _taken_apart(row: Row, written: str) -> Row:
    count, times, rest = written.lower().replace("×", "x").partition("x")
    piece = (rest if times else written).strip()
    size = piece.rstrip("abcdefghijklmnopqrstuvwxyz. ")
    parts = {"pack_count": count.strip() if times else "1", "pack_size": size, "pack_unit": piece[len(size) :].strip()}
    return Row(row.line, {**row.values, **parts})


def _ingredient(row: Row, unit: str, size: Decimal) -> Ingredient:
    """The ingredient by name, made where it is new; a pack that cannot be counted in its unit is refused."""
    name = row.text("ingredient")
    found = Ingredient.objects.filter(name__iexact=name).first()
    if found is None:
        days = row.optional_amount("shelf_life_days")
        return Ingredient.objects.create(
            name=name,
            base_unit=units.BASE_UNITS[units.parse(unit).dimension],
            shelf_life_days=None if days is None else int(days),
        )
    try:
        units.convert(size, unit, found.base_unit, of=recipes.substance(found))
    except NoConversion as missing:
        raise BadTable([Fault(row.line, "pack_unit", unit, str(missing))]) from missing
    return found


def _preferred(row: Row, ingredient: Ingredient, old: SupplierItem | None) -> bool:
    """What the file says; where it says nothing, what is there, and the first item of an ingredient is preferred."""
    written = row.text("preferred", "").lower()
    if written and written not in _YES | _NO:
        raise BadTable([Fault(row.line, "preferred", written, "write yes or no")])
    if written:
        return written in _YES
    if old is not None:
        return old.is_preferred
    return not SupplierItem.objects.filter(ingredient=ingredient, is_preferred=True, is_active=True).exists()


def _at_least(row: Row, field: str, least: Decimal, default: Decimal | None = None) -> Decimal:
    number = row.amount(field, default)
    if number < least:
        raise BadTable([Fault(row.line, field, str(number), f"this must be at least {least}")])
    return number
