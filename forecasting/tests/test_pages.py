"""The forecast in the portal."""

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from forecasting import outlook
from forecasting.models import Forecast, Run
from menu.models import MenuItem, SoldOut
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


def test_quality_compares_with_the_same_weekday(run: Run) -> None:
    quality = outlook.quality(run.report)
    assert (quality.error, quality.baseline_error, quality.less_error) == (0.26, 0.52, 0.5)
    assert outlook.quality({"method": "smoother", "scores": {}}) is None


def test_the_look_ahead_begins_after_old_sales(restaurant: Restaurant) -> None:
    run = Run(cutoff_on=dt.date(2015, 12, 31), horizon_days=35)
    assert run.first_day(DAY) == dt.date(2016, 1, 1)
    assert run.first_day(dt.date(2016, 1, 20)) == dt.date(2016, 1, 20)


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


def test_a_dish_that_is_not_sold_any_more_says_so_instead_of_zeros(portal: Client, run: Run) -> None:
    soup, pie = (MenuItem.objects.create(name=name) for name in ("Soup", "Pie"))
    today = timezone.localdate()
    first = run.first_day(today)
    expect(run, soup, first, 0)
    expect(run, pie, first, 4)
    sold_on = first - dt.timedelta(days=50)
    for item in (soup, pie):
        DailySales.objects.create(menu_item=item, business_date=sold_on, quantity=1)
    DailySales.objects.create(menu_item=soup, business_date=sold_on + dt.timedelta(days=1), quantity=0)
    page = " ".join(portal.get(f"/forecast/{soup.pk}/").content.decode().split())
    assert f"Not sold since {sold_on:%a} {sold_on.day} {sold_on:%b} though the house was open" in page
    assert "Confidence" not in page
    assert "Not sold since" not in portal.get(f"/forecast/{pie.pk}/").content.decode()
    assert portal.get("/forecast/").content.decode().count("none expected") == 1


def test_made_again_from_here_it_leads_back_here_and_shows_how_far_it_is(portal: Client, run: Run) -> None:
    button = '<input type="hidden" name="next" value="/forecast/"><button class="button">'
    assert button in portal.get("/forecast/").content.decode()
    answer = portal.post("/run/", {"next": "/forecast/"}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [("/forecast/", 302)]
    assert "Waiting for its turn" in page
    assert 'hx-trigger="every 2s"' in page
    assert button not in page


def test_a_dish_that_is_out_now_says_so(portal: Client, restaurant: Restaurant, run: Run) -> None:
    soup = MenuItem.objects.create(name="Soup")
    now = timezone.now()
    row = SoldOut.objects.create(menu_item=soup, business_date=restaurant.business_date(now), from_at=now)
    assert "Out now," in portal.get(f"/forecast/{soup.pk}/").content.decode()
    row.until_at = now
    row.save()
    page = portal.get(f"/forecast/{soup.pk}/").content.decode()
    assert ("Out now," in page, 'id="sold-out"' in page) == (False, True)


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "https://evil.example/", "javascript:alert(1)", ""])
def test_it_leads_nowhere_else(portal: Client, run: Run, elsewhere: str) -> None:
    assert portal.post("/run/", {"next": elsewhere})["Location"] == "/"


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_ask_as_much_for_three_dishes_as_for_one(
    portal: Client, run: Run, rows: int, django_assert_num_queries: object
) -> None:
    for number in range(rows):
        dish = MenuItem.objects.create(name=f"Dish {number}")
        expect(run, dish, run.first_day(timezone.localdate()), 5)
    portal.get("/forecast/")
    with django_assert_num_queries(18):
        portal.get("/forecast/")
    with django_assert_num_queries(21):
        portal.get(f"/forecast/{dish.pk}/")


def test_the_section_shows_its_pages_as_tabs_with_the_current_one_marked(portal: Client, run: Run) -> None:
    soup = MenuItem.objects.create(name="Soup")
    for address in ("/forecast/", f"/forecast/{soup.pk}/"):
        assert '<a href="/forecast/" aria-current="page">Overview</a>' in portal.get(address).content.decode()
