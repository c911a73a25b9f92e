"""What calendar events and people's overrides make of the engine's numbers for one day. Plain arithmetic.

Numbers of an item and day are seven Decimals in units, to the thousandth: mean, q10, q25, q50, q75, q90, q95.

Events come first: percents multiply, one after the other, then units are spread over the items of the scope in
proportion to their means. Overrides follow, and each item obeys the narrowest one that names it: its own, else its
category's, else that of all. A wider override that sets a total keeps it as long as it can: what the narrower ones
leave of it goes to the rest, in proportion. Where they ask for more than the total, the rest gets nothing and the sum
is what the narrower ones say; where they name every item, the wider one has nothing left to move.

Mean and range of an item scale by one factor, so that their order stays. Units that are ordered are as good as sold:
they come after the other events, and move the mean and every quantile by the same number of units. An item of which
the engine expects so little that nine days of ten bring none has no range that could be scaled: it gets that of a
Poisson distribution.
"""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import NormalDist
from typing import Literal
from uuid import UUID

Numbers = tuple[Decimal, ...]
LEVELS = (0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
Q90 = 5  # its place in the numbers
THOUSANDTH = Decimal("0.001")
NARROW_TO_WIDE = ("item", "category", "all")
COUNTED_UP_TO = 200.0  # expected units; beyond, a Poisson distribution is as good as normal
MOST = 999_999_999_000  # thousandths of a unit: what a column of twelve digits holds


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event or an override does to one day.

    `amount` is percent more or less (20 is a fifth more, -100 leaves nothing), units of the whole scope more or less,
    estimated or, for `ordered`, known, or, for `set`, the units that the whole scope is expected to sell. `category`
    or `item_id` are given where the scope asks for one.
    `source` says in words where it comes from, such as the event's name.
    """

    date: dt.date
    scope: str  # all, category or item
    category: str
    item_id: UUID | None
    kind: Literal["percent", "units", "ordered", "set"]
    amount: Decimal | float
    source: str

    def touches(self, item_id: UUID, category: str) -> bool:
        """Whether it is about that item."""
        if self.scope == "item":
            return self.item_id == item_id
        return self.scope == "all" or self.category == category


def apply(
    engine: Mapping[UUID, Numbers],
    categories: Mapping[UUID, str],
    *,
    events: Iterable[Effect] = (),
    overrides: Iterable[Effect] = (),
) -> dict[UUID, Numbers]:
    """The final numbers of one day's items, from the engine's. Items that nothing touches keep theirs to the digit.

    `categories` has every item's. Of overrides with the same scope and target the last one counts.
    """
    given = list(events)
    expected = _following(engine, _after_events(_means(engine), categories, (e for e in given if e.kind != "ordered")))
    orders = _after_events(_means(expected), categories, (e for e in given if e.kind == "ordered"))
    with_orders = {item: moved(numbers, orders[item] * THOUSANDTH) for item, numbers in expected.items()}
    return _following(with_orders, _after_overrides(orders, categories, overrides))


def scaled(numbers: Numbers, mean: Decimal) -> Numbers:
    """The numbers with another mean and the range that goes with it."""
    if mean == numbers[0]:
        return numbers
    if mean and not (numbers[0] and numbers[Q90]):
        return (mean, *poisson_range(mean))
    factor, most = mean / numbers[0], MOST * THOUSANDTH
    return (mean, *(min(most, q * factor).quantize(THOUSANDTH, ROUND_HALF_EVEN) for q in numbers[1:]))


def moved(numbers: Numbers, mean: Decimal) -> Numbers:
    """The numbers with another mean, and each quantile as many units away as before; none below 0."""
    by, most = mean - numbers[0], MOST * THOUSANDTH
    return (mean, *(min(most, max(Decimal(0), q + by)) for q in numbers[1:])) if by else numbers


def poisson_range(mean: Decimal) -> Numbers:
    """The quantiles at LEVELS of a Poisson distribution: counted, or of the normal one that large means come near."""
    expected = float(mean)
    if expected > COUNTED_UP_TO:
        return tuple(Decimal(round(NormalDist(expected, math.sqrt(expected)).inv_cdf(level))) for level in LEVELS)
    units, probability = 0, math.exp(-expected)
    below, found = probability, []
    for level in LEVELS:
        while below < level:
            units += 1
            probability *= expected / units
            below += probability
        found.append(Decimal(units))
    return tuple(found)


def _means(numbers: Mapping[UUID, Numbers]) -> dict[UUID, int]:
    """In thousandths of a unit."""
    return {item: int(each[0] / THOUSANDTH) for item, each in numbers.items()}


def _following(numbers: Mapping[UUID, Numbers], means: Mapping[UUID, int]) -> dict[UUID, Numbers]:
    """The numbers with these means, and the ranges that go with them."""
    return {item: scaled(each, means[item] * THOUSANDTH) for item, each in numbers.items()}


def _after_events(
    means: Mapping[UUID, int], categories: Mapping[UUID, str], events: Iterable[Effect]
) -> dict[UUID, int]:
    """Percents first, whatever their scope; then units, and totals that are set, from wide to narrow."""
    after = dict(means)
    ordered = sorted(events, key=lambda event: (event.kind != "percent", -NARROW_TO_WIDE.index(event.scope)))
    for event in ordered:
        touched = _touched(event, after, categories)
        if event.kind == "percent":
            after |= {item: min(MOST, _changed(after[item], event.amount)) for item in touched}
        else:
            after |= _to_total({item: after[item] for item in touched}, _target(event, after, touched))
    return after


def _after_overrides(
    means: Mapping[UUID, int], categories: Mapping[UUID, str], overrides: Iterable[Effect]
) -> dict[UUID, int]:
    """The narrowest first; what it says of its items stands, and the wider ones see to the rest."""
    after, settled = dict(means), set[UUID]()
    for override in _narrow_to_wide(overrides):
        touched = _touched(override, means, categories)
        free = [item for item in touched if item not in settled]
        if override.kind == "percent":
            target = _changed(sum(means[item] for item in free), override.amount)
        else:
            target = _target(override, means, touched) - sum(after[item] for item in touched if item in settled)
        after |= _to_total({item: means[item] for item in free}, target)
        settled.update(free)
    return after


def _narrow_to_wide(overrides: Iterable[Effect]) -> list[Effect]:
    last = {(each.scope, each.category, each.item_id): each for each in overrides}
    return sorted(last.values(), key=lambda each: NARROW_TO_WIDE.index(each.scope))


def _touched(effect: Effect, items: Iterable[UUID], categories: Mapping[UUID, str]) -> list[UUID]:
    return [item for item in items if effect.touches(item, categories[item])]


def _changed(thousandths: int, percent: Decimal | float) -> int:
    return max(0, _rounded(thousandths * (100 + _exactly(percent)) / 100))


def _target(effect: Effect, means: Mapping[UUID, int], touched: Collection[UUID]) -> int:
    """What the effect makes of the sum of all that it touches, in thousandths of a unit."""
    amount = _rounded(_exactly(effect.amount) / THOUSANDTH)
    return amount if effect.kind == "set" else sum(means[item] for item in touched) + amount


def _to_total(means: Mapping[UUID, int], target: int) -> dict[UUID, int]:
    """The means with the sum `target`, in proportion; evenly where all of them are 0.

    What rounding down leaves goes to the largest remainders, the first of equal ones (largest remainder method).
    """
    weights: Sequence[int] = list(means.values())
    if not any(weights):
        weights = [1] * len(weights)
    target, total = min(max(0, target), MOST), sum(weights)
    parts = [divmod(target * weight, total) for weight in weights]
    by_remainder = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    lucky = set(by_remainder[: target - sum(part for part, _ in parts)])
    return {item: part + (place in lucky) for place, (item, (part, _)) in enumerate(zip(means, parts, strict=True))}


def _exactly(amount: Decimal | float) -> Decimal:
    return amount if isinstance(amount, Decimal) else Decimal(str(amount))


def _rounded(thousandths: Decimal) -> int:
    return int(thousandths.to_integral_value(ROUND_HALF_EVEN))
