"""The forecast in the portal."""

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from forecasting import outlook
from forecasting.models import Forecast, Run
from menu.models import MenuItem
from pos.models import DailySales
from tenants.models import Restaurant
from tenants.office.models import Closure

NOW = dt.datetime(2026, 11, 21, 13, 30, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 21)
SCORES = {"model": {"wape": 0.26}, "same_weekday": {"wape": 0.52}, "smoother": {"wape": 0.4}}


@pytest.fixture
def run(restaurant: Restaurant) -> Run:
    report = {"method": "model", "weeks": 4, "scores": SCORES, "coverage_80": 0.82, "notes": []}
    return Run.objects.create(
        status="completed", started_at=NOW, finished_at=NOW, cutoff_on=DAY - dt.timedelta(days=1), report=report
    )


def expect(run: Run, item: MenuItem, day: dt.date, mean: int) -> None:
    Forecast.objects.create(run=run, menu_item=item, date=day, mean=mean, confidence=Decimal("0.71"))


def test_totals_are_the_sum_of_all_dishes_most_wanted_first(run: Run) -> None:
    soup, bread = MenuItem.objects.create(name="Soup"), MenuItem.objects.create(name="Bread")
    gone = MenuItem.objects.create(name="Gone", is_active=False)
    expect(run, soup, DAY, 4)
    expect(run, bread, DAY, 9)
    expect(run, bread, DAY + dt.timedelta(days=2), 1)
    expect(run, gone, DAY, 50)
    table = outlook.table(run, DAY, 3)
    assert [(row.name, row.units) for row in table.rows] == [("Bread", [9, None, 1]), ("Soup", [4, None, None])]
    assert (table.totals, table.total, table.peak) == ([13, 0, 1], 14, 9)


def test_a_day_without_any_sale_is_a_gap_in_the_past(run: Run) -> None:
    soup, bread = MenuItem.objects.create(name="Soup"), MenuItem.objects.create(name="Bread")
    DailySales.objects.create(menu_item=soup, business_date=DAY - dt.timedelta(days=1), quantity=3)
    DailySales.objects.create(menu_item=bread, business_date=DAY - dt.timedelta(days=2), quantity=3)
    days = outlook.item_days(run, soup, DAY, 1)
    assert [day.sold for day in days[-4:]] == [None, 0, 3, None]
    assert len(days) == outlook.PAST_DAYS + 1


def test_quality_compares_with_the_same_weekday(run: Run) -> None:
    quality = outlook.quality(run.report)
    assert (quality.error, quality.baseline_error, quality.less_error) == (0.26, 0.52, 0.5)
    assert outlook.quality({"method": "smoother", "scores": {}}) is None


def test_the_look_ahead_begins_after_old_sales(restaurant: Restaurant) -> None:
    run = Run(cutoff_on=dt.date(2015, 12, 31), horizon_days=35)
    assert run.first_day(DAY) == dt.date(2016, 1, 1)
    assert run.first_day(dt.date(2016, 1, 20)) == dt.date(2016, 1, 20)


def test_closed_days_have_no_number_even_where_the_run_says_zero(run: Run) -> None:
    soup = MenuItem.objects.create(name="Soup")
    run.report["closed_weekdays"] = [DAY.weekday()]
    Closure.objects.create(on=DAY + dt.timedelta(days=1))
    for ahead, mean in enumerate([0, 0, 5]):
        expect(run, soup, DAY + dt.timedelta(days=ahead), mean)
    table = outlook.table(run, DAY, 3)
    assert table.rows[0].units == [None, None, 5]
    assert [day in table.closed for day in table.days] == [True, True, False]
    assert [day.mean for day in outlook.item_days(run, soup, DAY, 3)[-3:]] == [None, None, 5]


def test_pages_without_a_forecast_say_how_to_get_one(portal: Client) -> None:
    soup = MenuItem.objects.create(name="Soup")
    assert "No forecast yet" in portal.get("/forecast/").content.decode()
    assert "No forecast yet" in portal.get(f"/forecast/{soup.pk}/").content.decode()


def test_a_planned_closure_is_shown_as_one(portal: Client, run: Run) -> None:
    soup = MenuItem.objects.create(name="Soup")
    first = run.first_day(timezone.localdate())
    expect(run, soup, first, 4)
    Closure.objects.create(on=first + dt.timedelta(days=1), note="Wedding")
    assert portal.get("/forecast/").content.decode().count(">closed<") == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_ask_as_much_for_three_dishes_as_for_one(
    portal: Client, run: Run, rows: int, django_assert_num_queries: object
) -> None:
    for number in range(rows):
        dish = MenuItem.objects.create(name=f"Dish {number}")
        expect(run, dish, run.first_day(timezone.localdate()), 5)
    portal.get("/forecast/")
    with django_assert_num_queries(5):
        portal.get("/forecast/")
    with django_assert_num_queries(8):
        portal.get(f"/forecast/{dish.pk}/")


def test_the_section_shows_its_pages_as_tabs_with_the_current_one_marked(portal: Client, run: Run) -> None:
    soup = MenuItem.objects.create(name="Soup")
    for address in ("/forecast/", f"/forecast/{soup.pk}/"):
        assert '<a href="/forecast/" aria-current="page">Overview</a>' in portal.get(address).content.decode()
