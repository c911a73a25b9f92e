"""What a restaurant buys from whom: suppliers and their items. Each change goes into the audit trail."""

import datetime as dt
from collections.abc import Iterator

from django.db import transaction

from procurement.models import Supplier, SupplierItem
from tenants.actors import By
from tenants.office import audit
from tenants.office.models import AuditEntry

SUPPLIER = ("name", "email", "delivery_weekdays", "lead_time_days", "cutoff", "minimum_order", "is_active")
ITEM = (
    *("ingredient", "name", "code", "pack_count", "pack_size", "pack_unit", "price"),
    *("is_preferred", "is_active"),
)


def save_supplier(supplier: Supplier, *, by: By, at: dt.datetime) -> None:
    """Keep what a form says of a supplier, new or known."""
    audit.save(supplier, SUPPLIER, "supplier", by=by, at=at)


@transaction.atomic
def save_item(item: SupplierItem, *, preferred: bool, by: By, at: dt.datetime) -> SupplierItem:
    """Save an item; a preferred one takes that place from another supplier's item of the same ingredient."""
    before = {} if item._state.adding else audit.stored(item, ITEM)
    audit.record_all(put_item(item, before, preferred=preferred, by=by, at=at))
    return item


def put_item(
    item: SupplierItem, before: audit.Values, *, preferred: bool, by: By, at: dt.datetime
) -> list[AuditEntry | None]:
    """`save_item` without writing the entries, for many items at once in the caller's transaction.

    `before` is what the item said until now; empty where it is new.
    """
    given_up = list(_give_up_place(item, by=by, at=at)) if preferred and item.is_active else []
    item.is_preferred = preferred
    if before == (after := audit.values(item, ITEM)):
        return given_up
    item.save()
    if not before:
        return [*given_up, audit.entry("supplieritem.added", item, by=by, at=at, after=audit.said(after))]
    verb = audit.change_verb("supplieritem", before, after)
    return [*given_up, audit.entry(verb, item, by=by, at=at, before=before, after=after)]


def _give_up_place(item: SupplierItem, *, by: By, at: dt.datetime) -> Iterator[AuditEntry | None]:
    """Let no other item of the ingredient be the preferred one."""
    others = SupplierItem.objects.filter(ingredient=item.ingredient, is_preferred=True).exclude(pk=item.pk)
    for other in others:
        now, then = {"is_preferred": False}, {"is_preferred": True}
        yield audit.entry("supplieritem.changed", other, by=by, at=at, before=then, after=now)
    others.update(is_preferred=False)
