"""What the engine keeps from one night to the next: the sales that it has read, and what each day looked like then.

The arithmetic of a day is not kept: to run through 800 days of 200 items takes a tenth of a second, to read them from
the database many times that. A forecast is a function of the sales alone, so it has the same bytes whether they were
read at once or night by night.
"""

import io
import zipfile
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import numpy as np

from forecasting.engine.panel import Array

VERSION = "ledger-1"
_EPOCH = date(1970, 1, 1).toordinal()
_BROKEN = (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, TypeError, AttributeError)


class Unreadable(Exception):
    """The stored bytes are not a ledger of this version: begin anew."""


@dataclass(frozen=True)
class Ledger:
    """Sales by day and item, in the order of both, and a mark of each day that differs once its rows do.

    `items`: as text, in order. `day`: (n,) datetime64[D], `item`: (n,) places in `items`, `quantity`: (n,) units.
    """

    marks: Mapping[date, int]
    items: tuple[str, ...]
    day: Array
    item: Array
    quantity: Array

    def changed(self, marks: Mapping[date, int]) -> list[date]:
        """The days whose rows are not those that were read."""
        return sorted(day for day, mark in marks.items() if self.marks.get(day) != mark)

    def after(self, marks: Mapping[date, int], rows: Iterable[tuple[date, UUID, float]]) -> "Ledger":
        """The ledger of the days in `marks`, with `rows` in the place of what it had of the changed ones."""
        changed = set(self.changed(marks))
        stays = np.isin(self.day, _days(day for day in marks if day not in changed))
        places = {item: place for place, item in enumerate(self.items)}
        fresh_day, fresh_item, fresh_quantity = _columns(rows, places)
        day, quantity = (
            np.concatenate([self.day[stays], fresh_day]),
            np.concatenate([self.quantity[stays], fresh_quantity]),
        )
        items, item = _in_order(list(places), np.concatenate([self.item[stays], fresh_item]))
        order = np.lexsort([item, day])
        return Ledger(dict(marks), items, day[order], item[order], quantity[order])

    def dump(self) -> bytes:
        """As a compressed numpy archive."""
        days = sorted(self.marks)
        kept, marks = _days(days), np.array([self.marks[day] for day in days], dtype=np.int64)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, marked=kept, marks=marks, items=np.array(self.items, dtype="U36"),
            day=self.day, item=self.item.astype(np.int32), quantity=self.quantity,
        )  # fmt: skip
        return buffer.getvalue()


EMPTY = Ledger({}, (), np.empty(0, "datetime64[D]"), np.empty(0, dtype=np.int64), np.empty(0))


def load(payload: bytes) -> Ledger:
    """What `dump` wrote. Raises Unreadable."""
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as kept:
            marks = dict(zip(kept["marked"].tolist(), kept["marks"].tolist(), strict=True))
            columns = kept["day"].astype("datetime64[D]"), kept["item"].astype(np.int64), kept["quantity"].astype(float)
            ledger = Ledger(marks, tuple(kept["items"].tolist()), *columns)
    except _BROKEN as problem:
        raise Unreadable(str(problem)) from None
    if len({len(column) for column in columns}) != 1 or (ledger.item >= len(ledger.items)).any():
        raise Unreadable("Its columns do not belong together.")
    return ledger


def _columns(rows: Iterable[tuple[date, UUID, float]], places: dict[str, int]) -> tuple[Array, Array, Array]:
    """Days, places of items and units, (n,) each, without a Python object per row; new items are added to `places`."""
    day, place, quantity = array("q"), array("q"), array("d")
    for on, item, units in rows:
        day.append(on.toordinal() - _EPOCH)
        place.append(places.setdefault(str(item), len(places)))
        quantity.append(units)
    return np.array(day, dtype="datetime64[D]"), np.array(place, dtype=np.int64), np.array(quantity, dtype=float)


def _in_order(names: Sequence[str], item: Array) -> tuple[tuple[str, ...], Array]:
    """The names that occur in `item`, sorted, and (n,) the places in them."""
    kept = sorted(np.unique(item), key=names.__getitem__)
    place = np.zeros(len(names), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    return tuple(names[old] for old in kept), place[item]


def _days(days: Iterable[date] | Collection[date]) -> Array:
    return np.array(list(days), dtype="datetime64[D]")
