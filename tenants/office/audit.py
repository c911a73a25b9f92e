"""Who changed what, when, and what it was before.

Verbs write entries themselves, in the transaction of the change:

    audit.record("order.approved", order, by=by, at=at)
    audit.record("price.changed", item, by=by, at=at, before={"price": old}, after={"price": new})

Nothing is written for a change that changes nothing. Many changes at once are made with `entry` and written with
`record_all`, in one statement.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction

from tenants.actors import By, actor
from tenants.office.models import AuditEntry

Values = Mapping[str, Any]
NOTHING: Values = MappingProxyType({})
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change was about, where that is no row or its name should be written otherwise."""

    kind: str
    key: str
    label: str


def record(
    verb: str,
    about: models.Model | Subject,
    *,
    by: By,
    at: dt.datetime,
    before: Values = NOTHING,
    after: Values = NOTHING,
) -> None:
    """Write down that `by` did `verb` to `about`. Call it in the transaction of the change.

    `before` and `after` hold values by field name; of both only what differs is kept, and where they were given and
    nothing differs, nothing is written.
    """
    record_all([entry(verb, about, by=by, at=at, before=before, after=after)])


def record_all(entries: Iterable[AuditEntry | None]) -> None:
    """Write many entries, in a statement per thousand; None stands for a change that changed nothing."""
    AuditEntry.objects.bulk_create([each for each in entries if each is not None], batch_size=BATCH)


def entry(
    verb: str,
    about: models.Model | Subject,
    *,
    by: By,
    at: dt.datetime,
    before: Values = NOTHING,
    after: Values = NOTHING,
) -> AuditEntry | None:
    """The entry that `record` would write, for `record_all`."""
    old, new = differing(before, after)
    if (before or after) and not (old or new):
        return None
    who, subject = actor(by), about if isinstance(about, Subject) else subject_of(about)
    return AuditEntry(
        at=at,
        user_id=who.pk if who.is_person else None,
        actor=who.name[:160],
        via=who.via,
        verb=verb,
        subject_type=subject.kind,
        subject_key=subject.key,
        subject_label=subject.label[:200],
        before=old,
        after=new,
    )


@transaction.atomic
def save(row: models.Model, fields: Iterable[str], kind: str, *, by: By, at: dt.datetime) -> None:
    """Save a row that a form has filled in, and write down which of `fields` differ from what was stored.

    The verb is `kind` with `.added` or `.changed`. A row that is as it was is not saved.
    """
    if row._state.adding:
        row.save()
        record(f"{kind}.added", row, by=by, at=at, after=said(values(row, fields)))
        return
    before = stored(row, fields)
    after = values(row, fields)
    if before != after:
        row.save()
        record(change_verb(kind, before, after), row, by=by, at=at, before=before, after=after)


def change_verb(kind: str, before: Values, after: Values) -> str:
    """A change of a price is `price.changed`, whatever it is the price of: the owner finds them all at once."""
    return "price.changed" if before.get("price") != after.get("price") else f"{kind}.changed"


def stored(row: models.Model, fields: Iterable[str]) -> dict[str, Any]:
    """The values that the table holds, of a row that is locked by this; raises `DoesNotExist` where it is gone."""
    return values(type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk), fields)


def said(given: Values) -> dict[str, Any]:
    """`given` without what was left empty."""
    return {name: value for name, value in given.items() if value not in (None, "", [])}


def subject_of(row: models.Model, label: str = "") -> Subject:
    """A row as a subject: its kind is the model's name, such as `purchaseorder`."""
    return Subject(row._meta.model_name or "", str(row.pk), label or str(row))


def values(row: models.Model, fields: Iterable[str]) -> dict[str, Any]:
    """The row's values by field name; a row that it refers to is given by its name."""
    found = {}
    for name in fields:
        value = getattr(row, name)
        found[name] = str(value) if isinstance(value, models.Model) else value
    return found


def differing(before: Values, after: Values) -> tuple[dict[str, Any], dict[str, Any]]:
    """`before` and `after` as JSON, without what is the same in both."""
    names = [
        name for name in {**before, **after} if name not in before or name not in after or before[name] != after[name]
    ]
    return _plain(before, names), _plain(after, names)


def _plain(given: Values, names: Iterable[str]) -> dict[str, Any]:
    kept = {name: given[name] for name in names if name in given}
    plain: dict[str, Any] = json.loads(json.dumps(kept, cls=_Encoder))
    return plain


class _Encoder(DjangoJSONEncoder):
    """Amounts as text without idle zeros, so that 20.0000 of a table and 20 of a form look the same."""

    def default(self, o: Any) -> Any:
        return f"{o.normalize():f}" if isinstance(o, Decimal) else super().default(o)
