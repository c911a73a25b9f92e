"""Dishes × days as they are shown: rounded numbers by category that add up, down and across.

A number is kept as a count of steps: tenths of a unit, or whole amounts of money. Each day's total is rounded first;
its categories, and in them its dishes, are then rounded down or up so that they add up to it. Sums over days are sums
of what is shown.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from uuid import UUID

from forecasting.arithmetic import rounding

OTHERS = "Other dishes"


@dataclass(frozen=True)
class Dish:
    """What is expected of a dish by day, in thousandths of a unit or of the currency."""

    item_id: UUID
    name: str
    category: str
    expected: dict[date, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A dish's, a category's or the house's numbers by day, in steps; None on a day without one."""

    name: str
    cells: list[int | None]
    item_id: UUID | None = None

    @property
    def total(self) -> int:
        return sum(cell or 0 for cell in self.cells)


@dataclass(frozen=True)
class Group:
    """A category: its sums, and its dishes, the most wanted first."""

    sums: Line
    dishes: list[Line]


@dataclass(frozen=True)
class Grid:
    """Categories with their dishes × days. `per` is the number of steps in a unit: 10 where tenths are shown."""

    days: list[date]
    closed: frozenset[date]
    groups: list[Group]
    totals: Line
    per: int

    @property
    def peak(self) -> int:
        """The greatest number of one dish and day, in steps."""
        return max((cell or 0 for line in self.dishes for cell in line.cells), default=0)

    @property
    def dishes(self) -> list[Line]:
        return [dish for group in self.groups for dish in group.dishes]

    def part(self, shown: Collection[UUID | None]) -> list[Group]:
        """The groups with only these dishes, for a page of a long menu; a category's sums stay those of all of it."""
        groups = (Group(group.sums, [dish for dish in group.dishes if dish.item_id in shown]) for group in self.groups)
        return [group for group in groups if group.dishes]


def build(days: Sequence[date], closed: Collection[date], dishes: Sequence[Dish], *, step: int) -> Grid:
    """The grid of `dishes`; a step is `step` thousandths."""
    categories = _by_category(dishes)
    groups = [Group(Line(name, []), [Line(dish.name, [], dish.item_id) for dish in of]) for name, of in categories]
    totals = Line("All dishes", [])
    owed_groups, owed_dishes = [0] * len(groups), [[0] * len(of) for _, of in categories]
    for day in days:
        exact = [[dish.expected.get(day, 0) for dish in of] for _, of in categories]
        sums = [sum(numbers) for numbers in exact]
        is_known = day not in closed and any(day in dish.expected for dish in dishes)
        total = rounding.half_up(sum(sums), step)
        of_groups = rounding.apportion(sums, total, step, owed_groups) if is_known else sums
        totals.cells.append(total if is_known else None)
        for place, (group, (_, of)) in enumerate(zip(groups, categories, strict=True)):
            group.sums.cells.append(of_groups[place] if is_known else None)
            shown = rounding.apportion(exact[place], of_groups[place], step, owed_dishes[place]) if is_known else []
            for number, (line, dish) in enumerate(zip(group.dishes, of, strict=True)):
                line.cells.append(shown[number] if is_known and day in dish.expected else None)
    return Grid(list(days), frozenset(closed), groups, totals, 1000 // step)


def _by_category(dishes: Sequence[Dish]) -> list[tuple[str, list[Dish]]]:
    """Categories with their dishes, the greatest first; dishes without a category come last."""
    in_order = sorted(dishes, key=lambda dish: (dish.category == "", dish.category))
    found = [(name or OTHERS, list(of)) for name, of in groupby(in_order, key=lambda dish: dish.category)]
    for _, of in found:
        of.sort(key=lambda dish: (-_sum(dish), dish.name.casefold()))
    return sorted(found, key=lambda pair: (pair[0] == OTHERS, -sum(map(_sum, pair[1])), pair[0]))


def _sum(dish: Dish) -> int:
    return sum(dish.expected.values())


def in_money(dishes: Sequence[Dish], prices: Mapping[UUID, float]) -> list[Dish]:
    """Thousandths of the currency: expected units × net sales per unit. Dishes without a price are left out."""
    return [
        replace(dish, expected={day: round(units * prices[dish.item_id]) for day, units in dish.expected.items()})
        for dish in dishes
        if dish.item_id in prices
    ]
