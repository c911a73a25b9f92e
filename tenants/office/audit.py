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
from types import MappingProxyType
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

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
        user_id=who.pk,
        actor=who.name[:160],
        via=who.via,
        verb=verb,
        subject_type=subject.kind,
        subject_key=subject.key,
        subject_label=subject.label[:200],
        before=old,
        after=new,
    )


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
    plain: dict[str, Any] = json.loads(json.dumps(kept, cls=DjangoJSONEncoder))
    return plain
