"""The forecast's pages as people read them: what they show adds up, and the signs of days say what they mean."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from flux.templatetags import forecast as tags
from forecasting.arithmetic.grid import Grid, Line
from forecasting.models import Forecast, Run
from forecasting.occasions import Happening, Occasion
from menu.models import MenuItem
from pos.models import DailySales
from tenants.models import Restaurant

DAY = dt.date(2026, 11, 21)
ROW = re.compile(r"<tr(?P<css>[^>]*)>(?P<cells>.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<td[^>]*>(.*?)</td>")


@pytest.fixture
def run(restaurant: Restaurant) -> Run:
    """Nine dishes of three categories over 14 days, each with a tail of thousandths, and prices for eight of them."""
    now = timezone.now()
    today = restaurant.business_date(now)
    made = Run.objects.create(
        status="completed", started_at=now, finished_at=now, cutoff_on=today - dt.timedelta(days=1)
    )
    for number in range(9):
        dish = MenuItem.objects.create(name=f"Dish {number}", category=["Mains", "Drinks", ""][number % 3])
        DailySales.objects.create(
            menu_item=dish, business_date=made.cutoff_on, quantity=3, net_sales=Decimal(20 + number) if number else None
        )
        Forecast.objects.bulk_create(
            Forecast(
                run=made, menu_item=dish, date=today + dt.timedelta(days=ahead), confidence=Decimal("0.5"),
                mean=Decimal((number + 1) * 1237 + ahead * 333) / 1000,
            )
            for ahead in range(14)
        )  # fmt: skip
    return made


def numbers(cells: str) -> list[Decimal]:
    texts = (re.sub(r"<[^>]*>|,", "", cell) for cell in CELL.findall(cells))
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize("measure", ["units", "money"])
def test_every_sum_on_the_page_is_the_sum_of_what_stands_there(portal: Client, run: Run, measure: str) -> None:
    page = portal.get(f"/forecast/?in={measure}").content.decode()
    table = page[page.index('<table class="heat">') :]
    rows = [(found["css"], numbers(found["cells"])) for found in ROW.finditer(table[: table.index("</table>")])]
    filled = [(css, row) for css, row in rows if row]
    groups, total = [row for css, row in filled if "group" in css], filled[-1][1]
    dishes = [row for css, row in filled[:-1] if "group" not in css]
    assert (len(groups), len(dishes)) == (3, 9 if measure == "units" else 8)
    for part in (groups, dishes):
        assert [sum(column) for column in zip(*part, strict=True)] == total
    assert all(sum(row[:-1]) == row[-1] for row in [*groups, *dishes, total])


def test_the_days_above_say_the_same_totals_as_the_table(portal: Client, run: Run) -> None:
    page = portal.get("/forecast/").context["page"]
    assert [day.units for day in page.days] == page.grid.totals.cells
    money = portal.get("/forecast/?in=money").context["page"]
    assert [day.net for day in money.days] == money.grid.totals.cells
    assert money.unpriced == 1


def test_the_kitchen_cannot_switch_to_money(kitchen_portal: Client, run: Run) -> None:
    answer = kitchen_portal.get("/forecast/?in=money")
    assert answer.context["page"].measure == "units"
    assert "in=money" not in answer.content.decode()


def test_a_gap_in_the_sales_is_told_in_words(portal: Client, run: Run) -> None:
    run.report = {"missing_days": [{"first": "2026-03-01", "last": "2026-03-09", "days": 9}]}
    run.save()
    page = " ".join(portal.get("/forecast/").content.decode().split())
    assert "No sales are known from Sun 1 Mar to Mon 9 Mar (9 days)." in page


def test_tenths_are_written_small_and_only_where_there_are_some() -> None:
    assert [str(tags.tenths(steps)) for steps in (0, 4, 120, 12_345, None)] == [
        "0", "0<small>.4</small>", "12", "1,234<small>.5</small>", "–",
    ]  # fmt: skip


def test_cells_are_shaded_by_the_greatest_of_the_table() -> None:
    line = Line("Soup", [None, 0, 100])
    grid = Grid([], frozenset(), [], line, 10)
    assert tags.cells(line, grid, 100) == '<td class="closed">–</td><td class="q0">0</td><td class="q8">10</td>'
    assert tags.cells(line, grid, 0) == '<td class="closed">–</td><td>0</td><td>10</td>'
    assert tags.total(line, grid) == "10"


def test_the_signs_of_a_day_say_in_words_what_it_is() -> None:
    fair, hand = (Happening(name, over, "all", "", None) for name, over in (("Fair <b>", False), ("by hand", True)))
    day = Occasion(DAY, None, "All Saints’ Day", "", (fair, hand))
    assert tags.special(day) == ("override", "event", "holiday")
    assert tags.tells(day) == "All Saints’ Day, Fair <b>, by hand"
    assert "<b>" not in tags.day_signs(day)
    assert tags.day_signs(Occasion(DAY)) == ""
    assert tags.tells(Occasion(DAY, "Staff outing")) == "closed: Staff outing"
