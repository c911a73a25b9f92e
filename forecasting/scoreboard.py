"""The scoreboard: Flux beside the same-weekday mean and beside people, week by week, and what needs a look."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from forecasting.arithmetic import tally
from forecasting.arithmetic.tally import DishDay, Tally
from forecasting.models import Score
from menu.models import MenuItem

WEEKS = 8
SHOWN_ITEMS = 5
FIELDS = ("date", "menu_item_id", "sold", "mean", "engine_mean", "baseline", "q10", "q90", "unit_price")


@dataclass(frozen=True)
class Week:
    """What a week comes to."""

    monday: dt.date
    tally: Tally


@dataclass(frozen=True)
class Dish:
    """What a dish comes to."""

    item_id: UUID
    name: str
    tally: Tally

    @property
    def points_nearer(self) -> int:
        """Percentage points, as they are shown, by which Flux was nearer than the same-weekday mean; 0 if none sold."""
        flux, usual = self.tally.flux.wape, self.tally.usual.wape
        return 0 if flux is None or usual is None else round(100 * usual) - round(100 * flux)


@dataclass(frozen=True)
class Alert:
    """Something that is no chance: what happened, and what to do about it. Without a dish it is about the house."""

    what: str
    advice: str
    item_id: UUID | None = None


@dataclass(frozen=True)
class Board:
    """What was scored from `first` to `last`, both included."""

    first: dt.date
    last: dt.date
    rows: list[DishDay]

    @cached_property
    def whole(self) -> Tally:
        return tally.tally(self.rows)

    @property
    def scored_to(self) -> dt.date | None:
        """The last day with a score."""
        return self.rows[-1].date if self.rows else None

    @cached_property
    def weeks(self) -> list[Week]:
        """The newest first."""
        by_week = tally.by(self.rows, tally.week_of)
        return [Week(monday, tally.tally(by_week[monday])) for monday in sorted(by_week, reverse=True)]

    @cached_property
    def items(self) -> list[Dish]:
        """By how many units Flux was nearer than the same-weekday mean, the most first."""
        by_item = tally.by(self.rows, lambda row: row.item_id)
        names = dict(MenuItem.objects.filter(pk__in=list(by_item)).values_list("pk", "name"))
        lines = [Dish(item, names[item], tally.tally(rows)) for item, rows in by_item.items()]
        return sorted(lines, key=lambda line: (-line.tally.saved_units, line.name))

    @property
    def best(self) -> list[Dish]:
        return [line for line in self.items if line.points_nearer > 0][:SHOWN_ITEMS]

    @property
    def worst(self) -> list[Dish]:
        """The most further off first."""
        return [line for line in reversed(self.items) if line.points_nearer < 0][:SHOWN_ITEMS]


def board(last: dt.date, weeks: int = WEEKS) -> Board:
    """The last whole weeks and the running one, up to `last`."""
    monday = last - dt.timedelta(days=last.weekday())
    return read(monday - dt.timedelta(weeks=weeks - 1), last)


def read(first: dt.date, last: dt.date, item_id: UUID | None = None) -> Board:
    """What was scored, of all dishes or of one, without days on which a dish ran out."""
    found = Score.objects.between(first, last).counting()
    scores = found if item_id is None else found.filter(menu_item=item_id)
    return Board(first, last, [_dish_day(*row) for row in scores.order_by("date", "menu_item_id").values_list(*FIELDS)])


def alerts(last: dt.date) -> list[Alert]:
    """What the last four weeks up to `last` say that should be looked at, the house first."""
    recent = read(last - dt.timedelta(days=tally.RANGE_DAYS - 1), last)
    return [*_of_the_house(recent), *_of_dishes(recent)]


def _of_the_house(recent: Board) -> Iterable[Alert]:
    days = tally.missed_total(recent.rows, recent.last)
    if days:
        way, advice = ("more", "more") if days > 0 else ("less", "less")
        yield Alert(
            f"You sold {way} than forecast on {abs(days)} of the last 7 days",
            f"each time by more than 10 %: override the coming days if you expect {advice} again",
        )
    share = tally.range_fault(recent.whole)
    if share is not None and share < tally.RANGE_LOW:
        yield Alert(
            f"The forecast’s ranges were too narrow: {100 * share:.0f} % of the sales lay in them",
            "it should be 8 of 10; keep more in reserve than the range says until it is back",
        )
    elif share is not None:
        yield Alert(
            f"The forecast’s ranges were too wide: {100 * share:.0f} % of the sales lay in them",
            "it should be 8 of 10; you can plan closer to the expected number",
        )


def _of_dishes(recent: Board) -> Iterable[Alert]:
    missed = tally.missed_items(recent.rows, recent.last)
    names = dict(MenuItem.objects.on_the_menu().filter(pk__in=list(missed)).values_list("pk", "name"))
    for item, name in sorted(names.items(), key=lambda pair: (-abs(missed[pair[0]]), pair[1])):
        way = "more" if missed[item] > 0 else "less"
        yield Alert(
            f"{name} sold {way} than its range on {abs(missed[item])} of the last 7 days",
            "override its coming days, or put what changed into the calendar",
            item,
        )


def _dish_day(date: dt.date, item_id: UUID, *numbers: object) -> DishDay:
    return DishDay(date, item_id, *(None if number is None else float(str(number)) for number in numbers))  # type: ignore[arg-type]
