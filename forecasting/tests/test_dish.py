"""One dish with its past."""

import datetime as dt
from decimal import Decimal

import pytest

from forecasting import dish, outlook
from forecasting.dish import Scored
from forecasting.models import CalendarEvent, Forecast, Override, Run, Score
from forecasting.tests.factories import NOW, TODAY, sell
from menu.models import SoldOut
from menu.tests.factories import MenuItemFactory
from tenants.models import Restaurant
from tenants.office.models import Closure

YESTERDAY = TODAY - dt.timedelta(days=1)


def days_ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


@pytest.fixture
def run(restaurant: Restaurant) -> Run:
    return Run.objects.create(status="completed", started_at=NOW, finished_at=NOW, cutoff_on=YESTERDAY)


def test_a_day_without_any_sale_is_a_gap_in_the_past(restaurant: Restaurant, run: Run) -> None:
    soup, bread = MenuItemFactory(), MenuItemFactory()
    sell(soup, days_ago(4), 1)
    sell(bread, days_ago(2), 3)
    sell(soup, YESTERDAY, 3)
    story = dish.read(restaurant, run, soup, TODAY, 1)
    assert [day.sold for day in story.days[-6:]] == [None, 1, None, 0, 3, None]
    assert len(story.days) == dish.PAST_DAYS + 1


def test_the_baseline_is_the_mean_of_the_last_four_same_weekdays(restaurant: Restaurant, run: Run) -> None:
    sold = {days_ago(7 * week): float(week) for week in (1, 2, 4, 5, 6)}
    assert dish.baseline(TODAY, sold, YESTERDAY) == 3
    assert dish.baseline(TODAY + dt.timedelta(days=28), sold, YESTERDAY) == 3
    assert dish.baseline(days_ago(14), sold, days_ago(15)) == 5
    assert dish.baseline(TODAY + dt.timedelta(days=1), sold, YESTERDAY) is None


def test_days_say_what_was_sold_out_changed_and_closed(restaurant: Restaurant, run: Run) -> None:
    soup, bread = MenuItemFactory(category="Starters"), MenuItemFactory(category="Sides")
    sell(soup, YESTERDAY, 3)
    SoldOut.objects.create(menu_item=soup, business_date=YESTERDAY, from_at=NOW)
    Override.objects.create(date=TODAY, scope="category", category="Starters", amount=50, reason="x", author="Ana")
    Override.objects.create(date=TODAY, scope="item", menu_item=bread, amount=50, reason="x", author="Ana")
    CalendarEvent.objects.create(
        name="Bread fair", starts_on=TODAY, ends_on=TODAY, amount=5, scope="item", menu_item=bread
    )
    Closure.objects.create(on=TODAY + dt.timedelta(days=1))
    for ahead in range(2):
        Forecast.objects.create(
            run=run, menu_item=soup, date=TODAY + dt.timedelta(days=ahead), mean=6, confidence=Decimal("0.5"),
            engine_numbers=[Decimal(4)] * 7,
        )  # fmt: skip
    past, today, closed = dish.read(restaurant, run, soup, TODAY, 2).days[-3:]
    assert (past.sold_out, past.is_changed) == (True, False)
    assert (today.mean, today.is_changed, today.words) == (6, True, ["Sunday", "changed by hand +50\xa0%"])
    assert (closed.mean, closed.occasion.closed) == (None, "")


def test_what_people_saw_is_measured_by_its_scores(restaurant: Restaurant, run: Run) -> None:
    soup = MenuItemFactory()
    assert dish.measured(soup, TODAY) is None
    common = {"menu_item": soup, "run_id": run.pk, "days_ahead": 1, "engine_mean": 1}
    Score.objects.create(date=YESTERDAY, mean=12, baseline=15, sold=10, **common)
    Score.objects.create(date=days_ago(2), mean=9, baseline=10, sold=10, **common)
    Score.objects.create(date=days_ago(3), mean=90, baseline=10, sold=10, was_sold_out=True, **common)
    Score.objects.create(date=days_ago(40), mean=90, baseline=10, sold=10, **common)
    found = dish.measured(soup, TODAY)
    assert found is not None
    assert (found.days, found.error, found.baseline_error, found.bias) == (2, 0.15, 0.25, 0.05)


def test_a_baseline_that_is_not_known_for_every_day_is_not_compared() -> None:
    rows = [Scored(1, None, 2), Scored(2, 2, 2, 1, 3), Scored(2, 2, 4, 1, 3)]
    assert dish.fared(rows) == dish.Measured(3, 0.375, None, -0.375, 0.5)
    assert dish.fared([Scored(1, 1, 0)]) is None


def test_the_run_says_how_it_did_on_the_dish() -> None:
    soup, bread = MenuItemFactory.build(), MenuItemFactory.build()
    of_soup = {"wape": 0.31, "bias": -0.02, "n": 28, "coverage_80": None}
    report = {"weeks": 4, "items": {str(soup.pk): of_soup}}
    assert outlook.quality_of(report, soup.pk) == outlook.DishQuality(4, 0.31, None, None)
    assert outlook.quality_of(report, bread.pk) is None
    assert outlook.quality_of({}, soup.pk) is None


def test_missing_stretches_are_read_from_the_report() -> None:
    report = {"missing_days": [{"first": "2026-03-01", "last": "2026-03-09", "days": 9}]}
    assert outlook.holes(report) == [outlook.Hole(dt.date(2026, 3, 1), dt.date(2026, 3, 9), 9)]
    assert outlook.holes({}) == []
