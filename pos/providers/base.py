"""What every source of sales hands over, whatever its own format: orders with their lines, and what was refused.

Plain Python: no Django, no clock, no settings. Money is in the restaurant's currency, quantities are units sold
(negative for a return), moments are in UTC.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class ProviderError(Exception):
    """A source cannot be read. ``permanent``: trying again without a change by somebody cannot help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Line(NamedTuple):
    """One line of an order. ``gross`` and ``net`` are the line's totals with and without tax; None where unknown."""

    item: str
    quantity: Decimal
    unit_price: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    category: str = ""


@dataclass(slots=True)
class Order:
    """One order as its source knows it. ``opened_at`` is None where the source tells only the date.

    ``guests``: how many were served; None where the source does not count them.
    """

    external_id: str
    business_date: date
    opened_at: datetime | None
    lines: list[Line]
    guests: int | None = None


class Reject(NamedTuple):
    """A row that was refused: its first physical line in the file (from 1), the field, its value, and why."""

    line: int
    field: str
    value: str
    reason: str
    row: tuple[str, ...] = ()
