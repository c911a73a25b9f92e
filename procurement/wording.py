"""Amounts as people in a kitchen say them, and the sentence that defends an order line.

The figures of a line are rounded here, once, to what the sentence shows; the line is then computed on these very
figures, so that a reader can add them up.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from menu import units

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ARRIVALS_SAID = 3
_LARGE = {"g": "kg", "ml": "l"}


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit to say an amount in, and its decimals."""

    unit: str
    per_unit: int
    places: int

    def round(self, quantity: Fraction | Decimal | float) -> Decimal:
        """A quantity in base units, rounded to what is shown, still in base units."""
        return units.rounded(Fraction(quantity) / self.per_unit, self.places) * self.per_unit

    def say(self, quantity: Decimal) -> str:
        """The figure alone, in this scale's unit: "18.4"."""
        return f"{units.rounded(Fraction(quantity) / self.per_unit, self.places):,f}"


def scale_for(quantity: Fraction | Decimal | float, base_unit: str) -> Scale:
    """The unit in which an amount of this size (in g, ml or each) is said: about three significant digits."""
    size = abs(float(quantity))
    large = base_unit in _LARGE and size >= 1000
    per_unit = 1000 if large else 1
    unit = _LARGE[base_unit] if large else base_unit
    size /= per_unit
    return Scale(unit, per_unit, places=2 if large and size < 10 else 1 if size < 100 else 0)


def amount(quantity: Fraction | Decimal | float, base_unit: str) -> str:
    """An amount with its unit: "18.4 kg"."""
    scale = scale_for(quantity, base_unit)
    return f"{scale.say(scale.round(quantity))} {scale.unit}"


def plain(number: Decimal) -> str:
    """A number without trailing zeros: "5", "0.75"."""
    return f"{number.normalize():f}"


def weekday(day: datetime.date) -> str:
    return _WEEKDAYS[day.weekday()]


def weekday_name(number: int) -> str:
    """0 is "Mon"."""
    return _WEEKDAYS[number]


def long_date(day: datetime.date) -> str:
    return f"{weekday(day)} {day.day} {_MONTHS[day.month - 1]}"


def time_left(until: datetime.datetime, now: datetime.datetime) -> str:
    """How long there is until a moment: "2 days", "1 day 14 h", "5 h 20 min", "12 min"; empty once it has passed."""
    minutes = int((until - now).total_seconds() // 60)
    if minutes < 0:
        return ""
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    if hours >= 24:
        return f"1 day {hours - 24} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def pack_label(count: Decimal, size: Decimal, unit: str) -> str:
    """ "5 kg" for a single piece, "6 × 1 kg" for a case."""
    inner = f"{plain(size)} {unit}"
    return inner if count == 1 else f"{plain(count)} × {inner}"


def reason(
    *,
    scale: Scale,
    needed: Decimal,
    start: datetime.date,
    until: datetime.date,
    level: Decimal,
    on_hand: Decimal,
    arriving: Sequence[tuple[datetime.date, Decimal]],
    committed: Decimal,
    shortage: Decimal,
    packs: int,
    pack: str,
    limit: str = "",
) -> str:
    """ "Need 18.4 kg until Thu 26 Nov (P80), have 6.0, 5.0 arriving Tue → 7.4 kg → 2 × 5 kg".

    Amounts are in base units and already rounded to the scale. `limit` says what held the packs back, if anything did.
    """
    have = [f"have {scale.say(on_hand)}"]
    have += [
        f"{scale.say(quantity)} {f'arriving {weekday(day)}' if day >= start else f'overdue since {long_date(day)}'}"
        for day, quantity in arriving[:_ARRIVALS_SAID]
    ]
    if later := arriving[_ARRIVALS_SAID:]:
        have.append(f"{scale.say(sum((quantity for _, quantity in later), Decimal(0)))} more after that")
    have += [f"{scale.say(committed)} promised"] if committed else []
    packed = f"{packs} × ({pack})" if "×" in pack else f"{packs} × {pack}"
    sentence = (
        f"Need {scale.say(needed)} {scale.unit} until {long_date(until)} (P{plain(level * 100)}), {', '.join(have)}"
        f" → {scale.say(shortage)} {scale.unit} → {packed}"
    )
    return f"{sentence} ({limit})" if limit else sentence
