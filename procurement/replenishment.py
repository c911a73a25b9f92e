"""How much to order: demand, stock, calendar and pack in; whole packs and their reason out.

An order covers the *protection interval*: from now until the delivery after the next one, because what is not ordered
now cannot arrive before that. Its need is a quantile of the demand summed over the interval; daily quantiles are never
added up. What is on hand and what arrives in time is taken off, and the rest becomes whole packs. Deliveries arrive
before the kitchen opens.
"""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from forecasting.arithmetic.shocks import Shock
from menu.explosion import Moments
from procurement import gamma, wording
from procurement.deliveries import Slot

FRESH_DAYS = 7
LEVEL_FRESH = Decimal("0.80")
LEVEL_LASTING = Decimal("0.90")
LEVEL_SPOILS = 0.95  # a rounded-up pack may hold no more than this quantile of the use within its shelf life
ROUND_DOWN_SHARE = Decimal("0.25")


class ForecastTooShort(ValueError):
    """The forecast ends before the last day that the order has to cover."""

    def __init__(self, ends_on: datetime.date, needed_until: datetime.date) -> None:
        self.ends_on, self.needed_until = ends_on, needed_until
        super().__init__(
            f"The forecast ends on {wording.long_date(ends_on)}, but this order must last until "
            f"{wording.long_date(needed_until)}. Make a new forecast."
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """An open order's part for one ingredient, in base units."""

    on: datetime.date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """What is there (base units), what will come, and what is promised elsewhere."""

    on_hand: Decimal
    arriving: tuple[Arrival, ...] = ()
    committed: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Pack:
    """What the supplier sells: base units per pack, and how its size is written."""

    size: Fraction
    label: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order line and the figures it was computed from, in base units, as the reason shows them."""

    packs: int
    needed: Decimal
    on_hand: Decimal
    arriving: Decimal
    committed: Decimal
    shortage: Decimal
    level: Decimal
    until: datetime.date
    reason: str


def level_for(shelf_life_days: int | None) -> Decimal:
    """The quantile of demand to hold: higher for what keeps, lower for what is thrown away when it does not sell."""
    fresh = shelf_life_days is not None and shelf_life_days <= FRESH_DAYS
    return LEVEL_FRESH if fresh else LEVEL_LASTING


def covered_until(slot: Slot, shelf_life_days: int | None) -> datetime.date:
    """The first day that this order need not cover: the delivery after the next, or when its goods have gone off."""
    gone_on = _gone_on(slot, shelf_life_days)
    return min(slot.next_arrives_on, gone_on) if gone_on else slot.next_arrives_on


def _gone_on(slot: Slot, shelf_life_days: int | None) -> datetime.date | None:
    """The first day on which the delivered goods can no longer be used; None for what keeps."""
    return None if shelf_life_days is None else slot.arrives_on + datetime.timedelta(days=shelf_life_days)


def over_days(days: Iterable[Moments], shock: Shock) -> Moments:
    """Mean and variance of a sum over days whose common factors are correlated."""
    demand = list(days)
    common = [min(shock.share * day.mean, math.sqrt(day.variance)) for day in demand]
    between = math.fsum(common) ** 2 - math.fsum(part**2 for part in common)
    return Moments(
        mean=math.fsum(day.mean for day in demand),
        variance=math.fsum(day.variance for day in demand) + shock.persistence * max(0.0, between),
    )


def propose(
    *,
    demand: Mapping[datetime.date, Moments],
    forecast_ends_on: datetime.date,
    start: datetime.date,
    slot: Slot,
    position: Position,
    pack: Pack,
    base_unit: str,
    shelf_life_days: int | None,
    shock: Shock,
) -> Proposal:
    """The line for one ingredient; `packs` is 0 where nothing is needed.

    `demand` is in base units per business date from `start` on, the first one whose use is not yet in `position`; a
    date that is missing has none (closed). Raises ForecastTooShort.
    """
    until = covered_until(slot, shelf_life_days)
    if forecast_ends_on < until - datetime.timedelta(days=1):
        raise ForecastTooShort(forecast_ends_on, until)
    level = level_for(shelf_life_days)
    expected = _between(demand, start, until, shock)
    exact = gamma.quantile(float(level), expected.mean, expected.variance)
    scale = wording.scale_for(exact, base_unit)
    needed, on_hand = scale.round(exact), scale.round(max(position.on_hand, Decimal(0)))
    arriving = _in_time(position.arriving, until, scale)
    committed = scale.round(position.committed)
    incoming = sum((quantity for _, quantity in arriving), Decimal(0))
    shortage = max(Decimal(0), needed - on_hand - incoming + committed)
    days = (until - start).days
    tolerance = _tolerance(expected.mean, days, margin=exact - expected.mean)
    gone_on = _gone_on(slot, shelf_life_days)
    spare = None
    if gone_on and gone_on - datetime.timedelta(days=1) <= forecast_ends_on:
        used = _between(demand, start, gone_on, shock)
        usable = gamma.quantile(LEVEL_SPOILS, used.mean, used.variance)
        spare = Decimal(usable) - on_hand - incoming + committed
    packs, limit = whole_packs(shortage, pack.size, tolerance, spare, shelf_life_days)
    return Proposal(
        packs=packs,
        needed=needed,
        on_hand=on_hand,
        arriving=incoming,
        committed=committed,
        shortage=shortage,
        level=level,
        until=until,
        reason=wording.reason(
            scale=scale,
            needed=needed,
            start=start,
            until=until,
            level=level,
            on_hand=on_hand,
            arriving=arriving,
            committed=committed,
            shortage=shortage,
            packs=packs,
            pack=pack.label,
            limit=limit,
        ),
    )


@dataclass(frozen=True, slots=True)
class Cover:
    """How long what is there will last: days from the start, and the day it runs out; None: beyond the forecast."""

    days: float | None
    runs_out_on: datetime.date | None


def cover(on_hand: Decimal, demand: Mapping[datetime.date, Moments], start: datetime.date, share: float) -> Cover:
    """Days until the expected demand has used up `on_hand`; what is needed on no day lasts beyond any forecast.

    `demand` holds of `start` what is still to come, which is the `share` of that day; its hours count as such a share.
    """
    left = float(on_hand)
    for day in sorted(demand):
        mean = demand[day].mean
        if day >= start and mean > 0:
            if left < mean:
                before = 0.0 if day == start else share + (day - start).days - 1
                return Cover(before + left / mean * (share if day == start else 1), day)
            left -= mean
    return Cover(None, None)


def still_to_come(
    demand: Mapping[datetime.date, Moments], start: datetime.date, share: float
) -> dict[datetime.date, Moments]:
    """The demand from `start` on; of the first day only the `share` that is not over yet."""
    return {
        day: Moments(moments.mean * share, moments.variance * share) if day == start else moments
        for day, moments in demand.items()
        if day >= start
    }


@dataclass(frozen=True, slots=True)
class Extra:
    """A line that could take more packs to reach a minimum: what one costs and holds, what there will be, what is
    expected to be used."""

    key: int
    price: Decimal
    size: Decimal
    there: Decimal
    expected: float


def top_up(missing: Decimal, lines: Sequence[Extra]) -> dict[int, int]:
    """Packs to add per line until `missing` money is reached, always to the line that would be used up first.

    Empty where no line can take any.
    """
    there = {line.key: line.there for line in lines}
    added: dict[int, int] = {}
    usable = [line for line in lines if line.price > 0 and line.expected > 0]
    while missing > 0 and usable:
        line = min(usable, key=lambda one: (float(there[one.key]) / one.expected, one.key))
        added[line.key] = added.get(line.key, 0) + 1
        there[line.key] += line.size
        missing -= line.price
    return added


def whole_packs(
    shortage: Decimal, size: Fraction, tolerance: Decimal, spare: Decimal | None, shelf_life_days: int | None
) -> tuple[int, str]:
    """Whole packs for a shortage, and what held them back, if anything did.

    Rounded up, except that a remainder within both `tolerance` and a quarter of a pack is let go: 1.02 packs are 1.
    A pack that would take the order over `spare` (what can still be used before it goes off) is left out too, unless
    there would be none at all.
    """
    full = math.floor(Fraction(shortage) / size)
    remainder = Fraction(shortage) - full * size
    if remainder == 0 or remainder <= min(Fraction(tolerance), size * Fraction(ROUND_DOWN_SHARE)):
        return full, ""
    if full and spare is not None and (full + 1) * size > spare:
        return full, f"another pack would not be used up within {shelf_life_days} days"
    return full + 1, ""


def _tolerance(mean: float, days: int, margin: float) -> Decimal:
    """A quarter of a mean day's use, and never more than the margin held above the expected demand."""
    day_share = ROUND_DOWN_SHARE * Decimal(mean) / max(days, 1)
    return max(Decimal(0), min(day_share, Decimal(margin)))


def _between(
    demand: Mapping[datetime.date, Moments], start: datetime.date, end: datetime.date, shock: Shock
) -> Moments:
    return over_days((moments for day, moments in sorted(demand.items()) if start <= day < end), shock)


def _in_time(
    arrivals: Iterable[Arrival], until: datetime.date, scale: wording.Scale
) -> Sequence[tuple[datetime.date, Decimal]]:
    """Open orders that arrive before `until`, added up per day."""
    per_day: dict[datetime.date, Decimal] = {}
    for arrival in arrivals:
        if arrival.on < until:
            per_day[arrival.on] = per_day.get(arrival.on, Decimal(0)) + arrival.quantity
    return [(day, scale.round(quantity)) for day, quantity in sorted(per_day.items())]
