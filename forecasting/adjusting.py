"""What changes the engine's numbers of a day: calendar events, and what people know better."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of a day's demand, of all dishes, of a category or of one dish.

    `amount` is percent more or less (-100 is nothing), units a day more or less over all that it is about, or the
    units that it is `set` to. `source` says in words where it comes from, such as the event's name.
    """

    date: date
    scope: Literal["all", "category", "item"]
    category: str
    item_id: UUID | None
    kind: Literal["percent", "units", "set"]
    amount: float
    source: str
