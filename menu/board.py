"""The 86 board: what is out now on top, then every dish on the menu under a thumb, by category."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from menu.models import MenuItem, SoldOut
from tenants import people

ASKED_DAYS = 14  # so long the board asks whether what Flux inferred is so
NO_CATEGORY = "Other dishes"


@dataclass(frozen=True)
class Out:
    """A dish that was out at some time today, and who said so; '' where nobody did."""

    row: SoldOut
    who: str


@dataclass(frozen=True)
class Tile:
    """One dish to tap; `row` where it is out."""

    dish: MenuItem
    row: SoldOut | None


@dataclass(frozen=True)
class Board:
    """What the page shows. `groups` are (category, its dishes) of those whose name holds `query`."""

    today: dt.date
    query: str
    out: list[Out]
    earlier: list[Out]
    suspected: list[SoldOut]
    groups: list[tuple[str, list[Tile]]]
    n_dishes: int


def read(today: dt.date, *, query: str = "", with_suspected: bool = False) -> Board:
    """In at most five queries, whatever the number of dishes."""
    dishes = list(MenuItem.objects.on_the_menu().order_by("category", "name"))
    rows = list(_of_today(today))
    who = people.names({row.by_id for row in rows if row.by_id}) if rows else {}
    said = [Out(row, _name(row, who)) for row in rows]
    out = {one.row.menu_item_id: one.row for one in said if one.row.until_at is None}
    return Board(
        today=today,
        query=query,
        out=[one for one in said if one.row.until_at is None],
        earlier=[one for one in said if one.row.until_at is not None],
        suspected=suspected(today) if with_suspected else [],
        groups=_groups((dish for dish in dishes if query.casefold() in dish.name.casefold()), out),
        n_dishes=len(dishes),
    )


def suspected(today: dt.date) -> list[SoldOut]:
    """What Flux inferred lately and nobody has judged, the newest day first."""
    since = today - dt.timedelta(days=ASKED_DAYS)
    return list(SoldOut.objects.suspected(since).select_related("menu_item"))


def out_now(today: dt.date) -> list[SoldOut]:
    """Dishes on the menu that are out for the rest of the day, the last one first."""
    return list(SoldOut.objects.out_on(today).filter(menu_item__is_active=True).select_related("menu_item"))


def _of_today(today: dt.date) -> Iterable[SoldOut]:
    found = SoldOut.objects.counting().filter(business_date=today, menu_item__is_active=True)
    return found.select_related("menu_item")


def _name(row: SoldOut, who: Mapping[UUID, str]) -> str:
    if row.source == SoldOut.Source.POS:
        return "the till"
    return who.get(row.by_id, "") if row.by_id else ""


def _groups(dishes: Iterable[MenuItem], out: Mapping[UUID, SoldOut]) -> list[tuple[str, list[Tile]]]:
    """By category, those without one last."""
    groups: dict[str, list[Tile]] = {}
    for dish in dishes:
        groups.setdefault(dish.category or NO_CATEGORY, []).append(Tile(dish, out.get(dish.pk)))
    return sorted(groups.items(), key=lambda group: (group[0] == NO_CATEGORY, group[0].casefold()))
