"""One day for the kitchen: every dish in whole portions, spread over the parts of the day, with sums that hold."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from forecasting import dayparts, overview
from forecasting.arithmetic import grid, rounding
from forecasting.arithmetic.grid import Dish, Line
from forecasting.dayparts import Split
from forecasting.models import Run
from forecasting.overview import DayLine
from tenants.models import Restaurant

PORTION = 1000  # thousandths


@dataclass(frozen=True)
class Row:
    """Portions of a dish, a category or the house: of each part of the day, and in all."""

    name: str
    parts: list[int]
    total: int
    item_id: UUID | None = None


@dataclass(frozen=True)
class Group:
    """A category and its dishes."""

    sums: Row
    dishes: list[Row]


@dataclass(frozen=True)
class Day:
    """Everything that the page shows. Rows have no parts where the split is not known."""

    line: DayLine
    split: Split
    groups: list[Group]
    totals: Row
    has_money: bool
    has_guests: bool


def read(restaurant: Restaurant, run: Run, day: dt.date, *, with_money: bool) -> Day:
    """What the run says of `day`, in a fixed number of queries. Without `with_money` no price is looked at."""
    house = overview.read(restaurant, run, day, 1, with_money=with_money)
    line = house.days[0]
    dishes = list(overview.rows(run, day, day, [day] if line.occasion.closed is not None else []).dishes.values())
    split = dayparts.read(restaurant, run)
    groups = portions(dishes, day, split)
    sums = [group.sums for group in groups]
    return Day(line, split, groups, _sum("All dishes", sums), house.has_money, house.has_guests)


def portions(dishes: Sequence[Dish], day: dt.date, split: Split) -> list[Group]:
    """Whole portions by category: they add up to the day, and each dish's parts add up to the dish."""
    known = {dish.item_id: dish for dish in dishes}
    whole = grid.build([day], [], [dish for dish in dishes if day in dish.expected], step=PORTION)
    lines = whole.dishes
    spread = dict(zip((line.item_id for line in lines), _spread(lines, known, day, split), strict=True))
    groups = []
    for group in whole.groups:
        rows = [Row(line.name, spread[line.item_id], line.total, line.item_id) for line in group.dishes]
        groups.append(Group(_sum(group.sums.name, rows), rows))
    return groups


def _spread(lines: Sequence[Line], known: dict[UUID, Dish], day: dt.date, split: Split) -> list[list[int]]:
    """Portions by part for each line; what rounding leaves out of a part with one dish is made up with others."""
    if not split.is_known:
        return [[] for _ in lines]
    exact = []
    for line in lines:
        dish = known[line.item_id]  # type: ignore[index]
        exact.append(_scaled(split.of(dish.item_id, dish.category, day, dish.expected[day]), line.total * PORTION))
    return rounding.table(exact, [line.total for line in lines], PORTION)


def _scaled(parts: list[int], total: int) -> list[int]:
    """The parts, stretched so that they add up to `total`."""
    exact = sum(parts)
    if not exact:
        return [total, *[0] * (len(parts) - 1)]
    return rounding.apportion([part * total for part in parts], total, exact)


def _sum(name: str, rows: Sequence[Row]) -> Row:
    columns = zip(*(row.parts for row in rows), strict=True)
    return Row(name, [sum(column) for column in columns], sum(row.total for row in rows))
