"""The demo's sales look like a restaurant's: judged by statistics that the generator does not compute."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from flux.demo import bistro, diary, trade
from pos import last_sales

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(scope="module")
def sales():
    return trade.Trade(bistro.read(), joined_on=TODAY)


@pytest.fixture(scope="module")
def history(sales):
    return list(sales.between(sales.first_on, YESTERDAY))


@pytest.fixture(scope="module")
def units(history):
    """Units by (business date, item)."""
    counts = Counter()
    for line in history:
        counts[line.business_date, line.item] += line.quantity
    return counts


def by_day(units, item=None):
    days = Counter()
    for (day, name), quantity in units.items():
        if item in (None, name):
            days[day] += quantity
    return days


def test_history_is_eighteen_months_that_end_yesterday(history):
    assert history[0].business_date == date(2025, 5, 23)
    assert history[-1].business_date == YESTERDAY


@pytest.mark.parametrize("seed", [1, trade.SEED])
@pytest.mark.parametrize("today", [date(2026, 2, 28), date(2026, 8, 31)])
def test_history_has_at_most_150_000_lines(seed, today):
    sales = trade.Trade(bistro.read(), joined_on=today, seed=seed)
    assert 90_000 < sum(1 for _ in sales.between(sales.first_on, today - timedelta(days=1))) <= 150_000


def test_same_seed_and_same_today_give_the_same_bytes(sales):
    again = trade.Trade(bistro.read(), joined_on=TODAY)
    other = trade.Trade(bistro.read(), joined_on=TODAY, seed=trade.SEED + 1)
    week = (YESTERDAY - timedelta(days=6), YESTERDAY)
    assert trade.as_csv(sales.between(*week)) == trade.as_csv(again.between(*week))
    assert trade.as_csv(sales.between(*week)) != trade.as_csv(other.between(*week))


def test_a_day_is_the_same_alone_and_within_a_month(sales, history):
    assert sales.on(YESTERDAY) == [line for line in history if line.business_date == YESTERDAY]


def test_closed_days_are_empty(history):
    closed = trade.closures(TODAY)
    past = [day for day in closed if date(2025, 5, 23) <= day <= YESTERDAY]
    assert len(past) == trade.REFIT_DAYS + 2
    traded = {line.business_date for line in history}
    assert traded.isdisjoint(closed)
    assert len(traded) == (TODAY - date(2025, 5, 23)).days - len(past)


def test_a_short_closure_lies_ahead_within_the_forecast_horizon():
    ahead = sorted(day for day, why in trade.closures(TODAY).items() if why == "Staff outing")
    assert ahead == [date(2026, 12, 7), date(2026, 12, 8)]


def test_saturday_is_the_busiest_day_and_monday_the_quietest(units):
    days = by_day(units)
    means = [np.mean([n for day, n in days.items() if day.weekday() == weekday]) for weekday in range(7)]
    assert np.argmax(means) == 5
    assert np.argmin(means) == 0
    assert 1.6 < means[5] / means[0] < 2.8


def test_counts_are_overdispersed_even_within_one_weekday_and_season(units):
    days = by_day(units, "Fish and Chips")
    fridays = np.array([days[day] for day in days if day.weekday() == 4 and day.month in (9, 10, 11)])
    assert 1.5 < fridays.var(ddof=1) / fridays.mean() < 8


def test_items_share_the_shock_of_a_day(units):
    """Were items independent, the variance of the day's total would be the sum of the items' variances."""
    items = ["Flat White", "Glass of House Red", "Chips", "Fish and Chips", "Samphire Burger", "Espresso"]
    days = [day for day in by_day(units) if day.weekday() == 4 and day.month in (2, 3, 4, 9, 10, 11)]
    counts = np.array([[units[day, item] for day in days] for item in items])
    assert counts.sum(axis=0).var(ddof=1) / counts.var(axis=1, ddof=1).sum() > 1.3


def test_season_moves_lemonade_to_summer_and_hot_chocolate_to_winter(units):
    def ratio(item):
        days = by_day(units, item)
        summer = np.mean([n for day, n in days.items() if day.month in (6, 7, 8)])
        return summer / np.mean([n for day, n in days.items() if day.month in (12, 1, 2)])

    assert ratio("House Lemonade") > 1.8
    assert ratio("Hot Chocolate") < 0.6


def test_one_item_is_new_and_one_is_retired(units):
    first = min(by_day(units, "Baked Hake with Tomato"))
    last = max(by_day(units, "Salmon Tartare"))
    assert abs((first - (TODAY - timedelta(days=120))).days) <= 7
    assert abs((last - (TODAY - timedelta(days=75))).days) <= 7


def test_dishes_that_ran_out_sell_no_more_on_that_day(history):
    last = {(line.business_date, line.item): line.opened_at for line in history}
    known = diary.shortages(TODAY)
    assert [one.item for one in known if not one.was_told] == ["Glass of House Red"]
    for one in known:
        ended = last[one.on, one.item]
        assert one.hour - 6 < ended.hour + ended.minute / 60 < one.hour


def test_flux_finds_the_one_that_nobody_told(sales):
    """House red on a Saturday night: its silence was not chance."""
    one = next(one for one in diary.shortages(TODAY) if not one.was_told)
    today, *past = (ordered_at(sales.on(one.on - timedelta(weeks=week))) for week in range(9))
    groups = {item.name: item.category for item in sales.bistro.items if not item.is_retired}
    usual = [{name: day.get(name, []) for name in groups} for day in past]
    assert [silence.item for silence in last_sales.ran_out(today, usual, groups)] == [one.item]


def ordered_at(lines):
    times = {}
    for line in lines:
        midnight = datetime.combine(line.business_date, datetime.min.time())
        times.setdefault(line.item, []).append(int((line.opened_at.replace(tzinfo=None) - midnight).total_seconds()))
    return times


def test_growth_shows_year_on_year(units):
    days = by_day(units, "Samphire Burger")
    autumn = [sum(n for day, n in days.items() if (day.year, day.month) == (year, 10)) for year in (2025, 2026)]
    assert 1.02 < autumn[1] / autumn[0] < 1.4


def test_orders_have_one_to_six_lines_and_no_item_twice(history):
    orders = {}
    for line in history:
        orders.setdefault(line.order_id, []).append(line.item)
    sizes = Counter(len(items) for items in orders.values())
    assert sorted(sizes) == [1, 2, 3, 4, 5, 6]
    assert all(len(items) == len(set(items)) for items in orders.values())


def test_orders_open_within_their_business_day(history):
    for line in history:
        closeout = datetime.combine(line.business_date, datetime.min.time(), line.opened_at.tzinfo) + timedelta(hours=4)
        assert closeout <= line.opened_at < closeout + timedelta(days=1)
    after_midnight = [line for line in history if line.opened_at.date() != line.business_date]
    assert {line.business_date.weekday() for line in after_midnight} <= {3, 4, 5}
    assert after_midnight


def test_only_orders_that_have_been_opened_arrive(sales):
    whole = sales.on(TODAY)
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    sofar = trade.arrived(whole, noon)
    assert 0 < len(sofar) < len(whole)
    assert max(line.opened_at for line in sofar) <= noon
    assert trade.arrived(whole, noon + timedelta(days=1)) == whole


def test_expected_units_are_the_mean_of_what_is_drawn(sales, units):
    """Over a quarter the noise cancels: drawn and expected units of the big sellers agree within 10 %."""
    days = [date(2026, 9, 1) + timedelta(days=n) for n in range(80)]
    for item in ("Flat White", "Samphire Burger", "Chips"):
        drawn = sum(units[day, item] for day in days)
        assert drawn == pytest.approx(sum(sales.expected(day)[item] for day in days), rel=0.1)


def test_the_bistro_has_the_promised_size():
    facts = bistro.read()
    assert (len(facts.items), len(facts.ingredients), len(facts.suppliers)) == (41, 25, 4)
    assert len({item.name.casefold() for item in facts.items}) == 41
    assert all(item.recipe for item in facts.items)
    assert {offer.ingredient for supplier in facts.suppliers for offer in supplier.offers} == {
        ingredient.name for ingredient in facts.ingredients
    }


def test_every_mail_address_of_the_bistro_is_reserved_for_examples():
    domains = {supplier.email.split("@")[1].split(".", 1)[1] for supplier in bistro.read().suppliers}
    assert domains <= {"example.com", "example.net", "example.org"}


def test_a_recipe_line_that_does_not_read_is_refused():
    with pytest.raises(bistro.FactsError, match="some flour"):
        bistro._portion("some flour")
