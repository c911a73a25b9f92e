"""Scores: what was expected before a day, beside what came; and whether people knew better."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from forecasting import final, scoring
from forecasting.models import CalendarEvent, Forecast, Override, Run, Score
from forecasting.tests.factories import NOW, TODAY, sell
from menu.models import SoldOut
from menu.tests.factories import MenuItemFactory
from pos.models import DailySales
from tenants.context import restaurant_context
from tenants.office.models import Closure

YESTERDAY = TODAY - dt.timedelta(days=1)  # a Saturday
RANGE = {"q10": 6, "q25": 8, "q50": 10, "q75": 12, "q90": 14, "q95": 16}


@pytest.fixture
def soup(restaurant):
    return MenuItemFactory(category="starters")


def a_run(cutoff_on=TODAY - dt.timedelta(days=2), **fields):
    return Run.objects.create(status="completed", started_at=NOW, finished_at=NOW, cutoff_on=cutoff_on, **fields)


def expect(run, item, mean=10, day=YESTERDAY):
    return Forecast.objects.create(run=run, menu_item=item, date=day, mean=mean, confidence="0.7", **RANGE)


def override(amount, effect="units", day=YESTERDAY, **about):
    return Override.objects.create(date=day, effect=effect, amount=amount, reason="Concert", author="Ada", **about)


def score(restaurant):
    return scoring.catch_up(restaurant, now=NOW)


def test_a_day_is_scored_by_what_the_newest_run_before_it_said(restaurant, soup):
    runs = {days: a_run(TODAY - dt.timedelta(days=days)) for days in (9, 2, 3, 1)}  # the last one knew what was sold
    for days, run in runs.items():
        expect(run, soup, mean=days)
    a_run(TODAY - dt.timedelta(days=2), origin="integrator")
    sell(soup, YESTERDAY, 11)
    assert score(restaurant) == scoring.Scored((YESTERDAY,), ())
    (made,) = Score.objects.all()
    assert (made.run_id, made.days_ahead, made.mean, made.engine_mean) == (runs[2].pk, 1, 2, 2)
    assert (made.q10, made.q90, made.sold, made.was_sold_out) == (6, 14, 11, False)


def test_what_is_scored_stays_scored(restaurant, soup):
    expect(a_run(), soup)
    sell(soup, YESTERDAY, 11)
    score(restaurant)
    before = list(Score.objects.values())
    assert score(restaurant) == scoring.Scored((), ())
    assert list(Score.objects.values()) == before


def test_missed_days_are_caught_up(restaurant, soup):
    run, days = a_run(TODAY - dt.timedelta(days=4)), [TODAY - dt.timedelta(days=n) for n in (3, 2, 1)]
    for day in days:
        expect(run, soup, day=day)
        sell(soup, day, 11)
    sell(soup, TODAY, 2)
    assert score(restaurant).new == tuple(days)
    assert list(Score.objects.order_by("date").values_list("days_ahead", flat=True)) == [1, 2, 3]


def test_a_day_without_sales_and_a_closed_one_have_no_score(restaurant, soup):
    run = a_run(TODAY - dt.timedelta(days=4))
    for days in (1, 2):
        expect(run, soup, day=TODAY - dt.timedelta(days=days))
    sell(soup, YESTERDAY, 3)
    Closure.objects.create(on=YESTERDAY)
    assert score(restaurant).new == ()


def test_a_dish_that_was_expected_and_not_sold_counts_with_nothing(restaurant, soup):
    expect(run := a_run(), soup)
    expect(run, bread := MenuItemFactory())
    expect(run, MenuItemFactory(is_active=False))
    sell(bread, YESTERDAY, 5)
    score(restaurant)
    assert dict(Score.objects.values_list("menu_item_id", "sold")) == {soup.pk: 0, bread.pk: 5}


def test_late_sales_change_the_actual_and_never_the_expectation(restaurant, soup):
    row = expect(a_run(), soup)
    row_sold = sell(soup, YESTERDAY, 4)
    made = override(12)
    score(restaurant)
    Override.objects.filter(pk=made.pk).update(verdict="hurt")
    DailySales.objects.filter(pk=row_sold.pk).update(quantity=13, net_sales=26)
    Forecast.objects.filter(pk=row.pk).update(mean=99)
    assert score(restaurant) == scoring.Scored((), (YESTERDAY,))
    (found,) = Score.objects.all()
    assert (found.mean, found.sold, found.unit_price) == (10, 13, 2)


def test_a_day_that_turns_out_to_have_been_closed_loses_its_scores(restaurant, soup):
    expect(a_run(), soup)
    sell(soup, YESTERDAY, 4)
    score(restaurant)
    Closure.objects.create(on=YESTERDAY)
    score(restaurant)
    assert not Score.objects.exists()


def test_the_baseline_is_the_mean_of_four_same_weekdays_before_the_cutoff(restaurant, soup):
    bread = MenuItemFactory()
    for weeks, units in ((1, 8), (2, 10), (4, 12), (5, 14), (6, 99)):  # three weeks ago the house was closed
        sell(soup, YESTERDAY - dt.timedelta(weeks=weeks), units)
    sell(bread, YESTERDAY - dt.timedelta(weeks=2), 6)
    cutoff = YESTERDAY - dt.timedelta(days=1)
    assert scoring.baseline(cutoff, YESTERDAY) == {soup.pk: 11, bread.pk: 3}
    assert scoring.baseline(YESTERDAY - dt.timedelta(days=8), YESTERDAY)[soup.pk] == Decimal("33.75")
    assert scoring.baseline(cutoff, TODAY) == {}


def test_sold_out_dishes_are_marked_and_prices_kept(restaurant, soup):
    expect(a_run(), soup)
    DailySales.objects.create(menu_item=soup, business_date=YESTERDAY, quantity=4, net_sales=10)
    SoldOut.objects.create(menu_item=soup, business_date=YESTERDAY, from_at=timezone.now())
    score(restaurant)
    (made,) = Score.objects.all()
    assert (made.was_sold_out, made.unit_price) == (True, Decimal("2.5"))
    SoldOut.objects.update(dismissed_at=timezone.now())
    assert score(restaurant).corrected == (YESTERDAY,)
    assert not Score.objects.get().was_sold_out


@pytest.mark.parametrize(("units", "net"), [(0, -2500), (4, -2500)])
def test_returns_make_no_price(restaurant, soup, units, net):
    expect(a_run(), soup)
    sell(MenuItemFactory(), YESTERDAY, 1)
    score(restaurant)
    DailySales.objects.create(menu_item=soup, business_date=YESTERDAY, quantity=units, net_sales=net)
    score(restaurant)
    assert Score.objects.get().unit_price is None
    Score.objects.all().delete()
    score(restaurant)
    assert Score.objects.get().unit_price is None


def scored_override(restaurant, soup, amount, sold, **about):
    run = a_run()
    expect(run, soup)
    expect(run, MenuItemFactory(category="mains"), mean=30)
    made = override(amount, **about)
    final.adjust(run, [YESTERDAY])
    sell(soup, YESTERDAY, sold)
    score(restaurant)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(
    ("amount", "sold", "verdict"),
    [(16, 15, "helped"), (16, 11, "hurt"), (16, 13, "even"), (Decimal("10.4"), 15, "even")],
)
def test_an_override_is_compared_with_what_would_have_been_said(restaurant, soup, amount, sold, verdict):
    made = scored_override(restaurant, soup, amount, sold, scope="item", menu_item=soup)
    assert (made.units_before, made.units_after, made.units_sold, made.verdict) == (10, amount, sold, verdict)
    row = Score.objects.get(menu_item=soup)
    assert (row.mean, row.engine_mean) == (amount, 10)


def test_a_wide_override_is_judged_by_its_sum(restaurant, soup):
    made = scored_override(restaurant, soup, -50, 18, effect="percent")
    assert (made.units_before, made.units_after, made.units_sold, made.verdict) == (40, 20, 18, "helped")


def test_calendar_events_are_no_merit_of_the_override(restaurant, soup):
    CalendarEvent.objects.create(name="Fair", starts_on=YESTERDAY, ends_on=YESTERDAY, amount=100)
    made = scored_override(restaurant, soup, 25, 24, scope="item", menu_item=soup)
    assert (made.units_before, made.units_after, made.verdict) == (20, 25, "helped")
    assert Score.objects.get(menu_item=soup).engine_mean == 20


def test_an_override_of_what_sold_out_cannot_be_judged(restaurant, soup):
    SoldOut.objects.create(menu_item=soup, business_date=YESTERDAY, from_at=timezone.now())
    made = scored_override(restaurant, soup, 16, 9, scope="item", menu_item=soup)
    assert (made.verdict, made.scored_at) == ("", None)


def test_an_override_that_was_undone_is_not_judged(restaurant, soup):
    made = override(16, scope="item", menu_item=soup)
    Override.objects.update(undone_at=NOW)
    expect(a_run(), soup)
    sell(soup, YESTERDAY, 9)
    score(restaurant)
    made.refresh_from_db()
    assert made.verdict == ""


def test_scores_are_each_restaurants_own(restaurant, soup, other_restaurant):
    expect(a_run(), soup)
    sell(soup, YESTERDAY, 11)
    score(restaurant)
    with restaurant_context(other_restaurant):
        assert scoring.catch_up(other_restaurant, now=NOW) == scoring.Scored((), ())
        assert not Score.objects.exists()


def test_a_night_costs_the_same_few_statements_whatever_the_menu(restaurant, soup, django_assert_num_queries):
    expect(run := a_run(), soup)
    sell(soup, YESTERDAY, 11)
    with django_assert_num_queries(17):
        score(restaurant)
    Score.objects.all().delete()
    for _ in range(2):
        expect(run, bread := MenuItemFactory())
        sell(bread, YESTERDAY, 11)
    with django_assert_num_queries(17):
        score(restaurant)
