"""The list of dishes: what each sold, and whether its recipe lets it reach an order."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from menu import recipes
from menu.models import MenuItem
from pos.models import DailySales
from tenants.access import allow, sees_money

DAYS = 28  # four of each weekday, so that the shares don't depend on where the weekend falls
PER_PAGE = 50


@dataclass(frozen=True)
class Row:
    """A dish with its sales of the last DAYS days; `share` is of net sales, or of units where no price is known."""

    dish: MenuItem
    units: Decimal
    share: float
    recipe: str
    last_on: dt.date | None


@dataclass(frozen=True)
class MenuPage:
    """All dishes, best seller first, and what to show of them."""

    rows: list[Row]
    last_on: dt.date | None
    measure: str
    query: str = ""
    only_open: bool = False
    days: int = DAYS

    @property
    def total_dishes(self) -> int:
        return len(self.rows)

    @property
    def with_recipe(self) -> int:
        return sum(row.recipe == "complete" for row in self.rows)

    @property
    def without_recipe(self) -> int:
        return self.total_dishes - self.with_recipe

    @property
    def recipe_share(self) -> float:
        """Share of sales whose dishes have a complete recipe."""
        return sum(row.share for row in self.rows if row.recipe == "complete")

    @property
    def is_covered(self) -> bool:
        """Whether everything that sells has a complete recipe."""
        return all(row.recipe == "complete" for row in self.rows if row.share)

    @property
    def shown(self) -> list[Row]:
        """The rows that were asked for."""
        wanted = self.query.casefold()
        return [
            row
            for row in self.rows
            if wanted in row.dish.name.casefold() and not (self.only_open and row.recipe == "complete")
        ]

    @property
    def kept(self) -> str:
        """The query string that a link to another page keeps, with a trailing `&`."""
        asked = {"q": self.query, "recipe": "open" if self.only_open else ""}
        return "".join(f"{urlencode({name: value})}&" for name, value in asked.items() if value)


@allow()
@require_safe
def menu(request: HttpRequest) -> HttpResponse:
    """Dishes by share of sales, with the state of their recipes."""
    page = menu_page(
        query=request.GET.get("q", "").strip(),
        only_open=request.GET.get("recipe") == "open",
        by_money=sees_money(request),
    )
    rows = Paginator(page.shown, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "pages/menu.html", {"page": page, "rows": rows})


def menu_page(query: str = "", only_open: bool = False, *, by_money: bool = True) -> MenuPage:
    """Four queries, whatever the number of dishes: dishes, last day, sales by dish, recipes.

    Shares and order are by net sales, or by units: where no price is known, and for who sees no money.
    """
    last_on = DailySales.objects.last_on()
    sold = _sold(last_on)
    measure = "net sales" if by_money and any(row["net"] for row in sold.values()) else "units"
    key = "net" if measure == "net sales" else "units"
    total = sum((row[key] or 0 for row in sold.values()), Decimal(0)) or Decimal(1)
    book = recipes.book()
    rows = [
        Row(
            dish=dish,
            units=sold.get(dish.pk, {}).get("units", Decimal(0)),
            share=float((sold.get(dish.pk, {}).get(key) or 0) / total),
            recipe=_recipe_state(dish, book),
            last_on=sold.get(dish.pk, {}).get("last_on"),
        )
        for dish in MenuItem.objects.all()
    ]
    rows.sort(key=lambda row: (not row.dish.is_active, -row.share, -row.units, row.dish.name.casefold()))
    return MenuPage(rows, last_on, measure, query, only_open)


def _sold(last_on: dt.date | None) -> dict[UUID, dict[str, Any]]:
    if last_on is None:
        return {}
    recent = DailySales.objects.between(last_on - dt.timedelta(days=DAYS - 1), last_on)
    return {row["menu_item_id"]: row for row in recent.by_item()}


def _recipe_state(dish: MenuItem, book: recipes.Book) -> str:
    if dish.pk in book.complete:
        return "complete"
    return "incomplete" if dish.pk in book.recipes else "no_recipe"
