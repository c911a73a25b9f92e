"""The parts of the business day, such as lunch and dinner: each lasts until the next one begins."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction

from tenants.actors import By
from tenants.office import audit
from tenants.office.models import Daypart

HOUR, DAY = 60, 24 * 60
MOST_PARTS = 8


class PartsRefused(Exception):
    """Parts that cannot stand beside each other; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A named part; it begins by the clock on the wall."""

    name: str
    begins_at: dt.time

    def begins_after(self, closeout_hour: int) -> int:
        """Minutes from the beginning of the business day; times after midnight belong to the day before."""
        return (self.begins_at.hour * HOUR + self.begins_at.minute - closeout_hour * HOUR) % DAY


def parts(closeout_hour: int) -> list[Part]:
    """The parts in the order of the business day; empty where nobody has entered any."""
    found = [Part(*row) for row in Daypart.objects.values_list("name", "begins_at")]
    return sorted(found, key=lambda part: part.begins_after(closeout_hour))


@transaction.atomic
def change(wanted: Collection[Part], *, by: By, at: dt.datetime) -> None:
    """Let these be the parts of the day. Raises PartsRefused, and then has changed nothing."""
    _check(wanted)
    before = {row.name: f"{row.begins_at:%H:%M}" for row in Daypart.objects.select_for_update()}
    after = {part.name: f"{part.begins_at:%H:%M}" for part in sorted(wanted, key=lambda part: part.begins_at)}
    if before == after:
        return
    Daypart.objects.all().delete()
    Daypart.objects.bulk_create(Daypart(name=part.name, begins_at=part.begins_at) for part in wanted)
    subject = audit.Subject("dayparts", "day", "parts of the day")
    audit.record("dayparts.changed", subject, by=by, at=at, before=before, after=after)


def _check(wanted: Collection[Part]) -> None:
    if len(wanted) == 1:
        raise PartsRefused("One part is the whole day: enter two or more, or none.")
    if len(wanted) > MOST_PARTS:
        raise PartsRefused(f"A day has at most {MOST_PARTS} parts.")
    if len({part.name.casefold() for part in wanted}) < len(wanted):
        raise PartsRefused("Two parts have the same name.")
    if len({part.begins_at for part in wanted}) < len(wanted):
        raise PartsRefused("Two parts begin at the same time.")
