"""What a restaurant's sales can do to a forecast, each with the limit of what may come of it.

The demand of the generated sales is known, so that a forecast is judged by what it should have said, not by chance.
"""

import csv
import gzip
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from forecasting import engine
from forecasting.arithmetic.almanac import public_holidays
from forecasting.engine import levels, panel
from forecasting.engine.backtest import pinball
from forecasting.engine.intervals import QUANTILES
from forecasting.engine.panel import Panel
from forecasting.tests import generated

FRENCH_BAKERY = Path(__file__).parents[3] / "shared/data/french_bakery/daily.csv.gz"
N, WEEK, FORTNIGHT = 230, 7, 14  # days of history, and days ahead that are judged
DISHES = {"biggest": 40.0, "smallest": 20.0}  # big enough to tell a bias of a few percent from chance


def demand(n_days: int = N + FORTNIGHT, n_items: int = 8, **how: float) -> np.ndarray:
    return generated.expected(n_days, n_items, **{**DISHES, **how})


def known(sales: Panel, n_days: int = N) -> Panel:
    return generated.until(sales, n_days)


def bias(forecast: np.ndarray, truth: np.ndarray) -> float:
    return float(forecast.sum() / truth.sum() - 1)


def wape(forecast: np.ndarray, sold: np.ndarray) -> float:
    return float(np.abs(forecast - sold).sum() / sold.sum())


def same_weekday(sales: Panel, ahead: int = WEEK) -> np.ndarray:
    """(ahead, n_items) means of the last four open days of the same weekday."""
    weekdays = panel.weekday(sales.days[-1] + np.arange(1, ahead + 1))
    return levels.track(sales).weekday_mean[-1][weekdays]


def sound(outlook: engine.Outlook) -> engine.Outlook:
    """What holds for any forecast, whatever happened."""
    for numbers in (outlook.mean, outlook.quantiles, outlook.confidence):
        assert np.isfinite(numbers).all()
        assert (numbers >= 0).all()
    assert (np.diff(outlook.quantiles, axis=2) >= 0).all()
    return outlook


def forecast(sales: Panel, ahead: int = WEEK, **told: object) -> engine.Outlook:
    return sound(engine.forecast(sales, horizon_days=ahead, **told))


@cache
def calm() -> tuple[Panel, np.ndarray]:
    """Nothing happens: the sales, and the forecast of the fortnight after them."""
    sales = generated.drawn(demand())
    return sales, forecast(known(sales), FORTNIGHT).mean


def test_after_a_holiday_the_first_week_is_as_before_it():
    mean, at = demand(), np.arange(N + FORTNIGHT)
    is_open = (at % 7 != 0) & ~((at >= N - 10) & (at < N))  # closed on Mondays, and for the last ten days
    sales = generated.drawn(mean, is_open=is_open)
    week = slice(N, N + WEEK)
    outlook = forecast(known(sales))
    assert bias(outlook.mean[is_open[week]], mean[week][is_open[week]]) == pytest.approx(0, abs=0.1)
    track = levels.track(known(sales))
    assert (track.level[N - 1] == track.level[N - 11]).all()


def ran_out() -> tuple[Panel, Panel]:
    """Each dish is made for seven days in ten: the sales with the marks of the other three, and without."""
    sales = generated.drawn(demand())
    usual = generated.WEEK[sales.weekdays][:, None]
    made = np.floor(np.quantile(sales.sold / usual, 0.7, axis=0) * usual)
    unmarked = replace(sales, sold=np.minimum(sales.sold, made))
    return replace(unmarked, sold_out=sales.sold > made), unmarked


def test_days_that_ran_out_do_not_lower_the_forecast():
    truth = demand()[N:]
    marked, unmarked = ran_out()
    assert marked.sold_out.mean() == pytest.approx(0.3, abs=0.04)
    assert bias(forecast(known(marked), FORTNIGHT).mean, truth) == pytest.approx(0, abs=0.03)
    assert bias(forecast(known(unmarked), FORTNIGHT).mean, truth) < -0.03


@pytest.mark.parametrize(("marked", "share"), [(7, 0.0), (28, 0.05), (90, np.nan)])
def test_a_dish_that_goes_on_selling_while_marked_as_out_is_forecast_near_its_level(marked, share):
    sales = generated.drawn(np.full((N, 3), 8.0), dispersion=1.01)
    out = np.arange(N)[:, None] >= N - marked
    outlook = forecast(replace(sales, sold_out=out, sold_out_share=np.where(out, share, np.nan)))
    week = outlook.mean.mean(axis=0)
    assert 7.5 <= week.min() <= week.max() <= 16


def test_a_new_dish_is_forecast_as_well_as_by_the_same_weekday_mean():
    mean, new = demand(N + WEEK, 20), np.arange(0, 20, 2)
    errors, plain, inside = [], [], []
    for age in (7, 21):
        sales = generated.drawn(mean)
        sales.sold[: N - age, new] = 0
        outlook, sold = forecast(known(sales)), sales.sold[N:, new]
        errors.append(wape(outlook.mean[:, new], mean[N:, new]))
        plain.append(wape(same_weekday(known(sales))[:, new], mean[N:, new]))
        band = outlook.quantiles[:, new]
        inside.append(((sold >= band[..., 0]) & (sold <= band[..., 4])).mean())
    assert np.mean(errors) <= np.mean(plain)
    assert min(inside) >= 0.75


def test_a_dish_that_is_no_longer_sold_fades():
    sales = known(generated.drawn(demand(biggest=30, smallest=1)))
    usual = sales.sold[:-21].mean(axis=0)
    sales.sold[-21:, [0, 3, 7]] = 0
    assert (forecast(sales).mean.mean(axis=0) < 0.1 * usual)[[0, 3, 7]].all()


def test_a_seasonal_dish_comes_back_with_last_seasons_level_and_week():
    mean = demand(600, 4)
    own = np.array([2.0, 1.5, 1.0, 0.7, 0.5, 0.5, 0.8])
    mean[:, 1] = 30 * own[panel.weekday(np.datetime64(generated.FIRST) + np.arange(600))]
    is_on = np.isin(np.arange(600), [*range(100, 230), *range(590, 600)])
    mean[~is_on, 1] = 1e-9
    track = levels.track(generated.drawn(mean, dispersion=1.1))
    assert track.level[592, levels.SHORT, 1] == pytest.approx(30, rel=0.2)  # after three days
    assert track.profile[599, :, 1] == pytest.approx(own / own.mean(), abs=0.25)


def promoted(*, marked: bool) -> tuple[Panel, np.ndarray]:
    """One dish sells twice as much for a week, and what is asked for in the week after it."""
    mean = demand()
    lifted = mean.copy()
    lifted[N - WEEK : N, 0] *= 2
    special = np.zeros(mean.shape, dtype=bool)
    special[N - WEEK : N, 0] = marked
    return known(generated.drawn(lifted, special=special)), mean[N : N + WEEK]


def test_a_promotion_is_not_taken_for_the_new_level():
    sales, truth = promoted(marked=True)
    mean = forecast(sales).mean
    assert bias(mean[:, 0], truth[:, 0]) == pytest.approx(0, abs=0.05)
    assert bias(mean, truth) == pytest.approx(0, abs=0.05)


def test_a_dish_that_takes_sales_from_another_does_not_raise_the_total():
    sales, before = calm()
    taken = np.zeros(N)
    taken[-21:] = np.random.default_rng(1).binomial(sales.sold[N - 21 : N, 0].astype(int), 0.5)
    sold = np.column_stack([sales.sold[:N], taken])
    sold[:, 0] -= taken
    shared = Panel(sales.days[:N], (*sales.items, "clone"), sold, sales.is_open[:N])
    assert bias(forecast(shared, FORTNIGHT).mean, before) < 0.02


@pytest.mark.parametrize(("dish", "back"), [(0, 1), (7, 4)])
def test_one_bulk_order_hardly_moves_the_next_fortnight(dish, back):
    sales, before = calm()
    sold = sales.sold[:N].copy()
    sold[N - back, dish] *= 20
    after = forecast(replace(known(sales), sold=sold), FORTNIGHT).mean
    assert bias(after[:, dish], before[:, dish]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("factor", [1.5, 1 / 1.5])
def test_a_new_level_is_reached_in_ten_open_days(factor):
    mean = demand(biggest=90, smallest=30)
    mean[N - 10 :, :4] *= factor
    outlook = forecast(known(generated.drawn(mean, dispersion=1.2)))
    assert bias(outlook.mean[:, :4], mean[N : N + WEEK, :4]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("days", "low", "high"), [(7, 1.0, 1.5), (10, 1.7, 2.2)])
def test_a_week_of_double_sales_is_not_yet_a_level_and_ten_days_are(days, low, high):
    mean = demand(biggest=90, smallest=30)
    lifted = mean.copy()
    lifted[N - days :, :4] *= 2
    before, after = (levels.track(known(generated.drawn(m, dispersion=1.2))).level[-1] for m in (mean, lifted))
    assert low < np.median(after[levels.MIDDLE, :4] / before[levels.MIDDLE, :4]) < high


def test_moving_holidays_are_forecast_nearly_as_well_as_other_days():
    days = np.datetime64(generated.FIRST, "D") + np.arange(840)
    holidays = public_holidays("FR", "", range(2024, 2028))
    marks = np.array(sorted(holidays), dtype="datetime64[D]")
    mean = demand(840, 4)
    mean[np.isin(days, marks)] *= 1.5
    mean[np.isin(days + 1, marks)] *= 1.25
    easter = np.datetime64("2026-04-06")  # after those of 2024-04-01 and 2025-04-21
    start = int((easter - days[0]).astype(int)) - 5
    outlook = forecast(generated.until(generated.drawn(mean), start), FORTNIGHT, holidays=holidays)
    truth = mean[start : start + FORTNIGHT]
    near = np.abs((outlook.days - easter).astype(int)) <= 3
    assert wape(outlook.mean[near], truth[near]) <= 1.5 * max(wape(outlook.mean[~near], truth[~near]), 0.06)
    assert bias(outlook.mean[5], truth[5]) == pytest.approx(0, abs=0.2)  # the day itself


def test_dishes_that_seldom_sell_are_forecast_better_than_by_the_same_weekday_mean():
    sales = generated.drawn(demand(n_items=12, biggest=1.0, smallest=0.1), dispersion=1.3)
    outlook, plain = forecast(known(sales), FORTNIGHT), same_weekday(known(sales), FORTNIGHT)
    sold = sales.sold[N:]
    steps = np.repeat(plain.reshape(-1, 1), len(QUANTILES), axis=1)  # a mean without a range
    assert pinball(outlook.quantiles.reshape(-1, 6), QUANTILES, sold.ravel()) < pinball(
        steps, QUANTILES, sold.ravel()
    )  # fmt: skip
    weeks, sold_weeks = outlook.mean.reshape(2, WEEK, -1).sum(axis=1), sold.reshape(2, WEEK, -1).sum(axis=1)
    assert wape(weeks, sold_weeks) <= 1.05 * wape(plain.reshape(2, WEEK, -1).sum(axis=1), sold_weeks)


def test_deleting_later_days_changes_no_byte_of_a_model_forecast():
    sales, before = calm()
    cut = Panel(sales.days[:N].copy(), sales.items, sales.sold[:N].copy(), sales.is_open[:N].copy())
    again = engine.forecast(cut, horizon_days=FORTNIGHT)
    assert again.report["method"] == engine.MODEL
    assert again.mean.tobytes() == before.tobytes()


@pytest.mark.parametrize("n_days", [14, 28, 56, 112])
def test_a_new_restaurant_is_forecast_as_well_as_by_the_same_weekday_mean(n_days):
    sales = generated.sales(n_days + FORTNIGHT, 6)
    outlook = forecast(known(sales, n_days), FORTNIGHT)
    sold = sales.sold[n_days:]
    assert wape(outlook.mean, sold) <= wape(same_weekday(known(sales, n_days), FORTNIGHT), sold)


@pytest.mark.parametrize(("n_days", "n_items"), [(0, 3), (1, 3), (1, 1), (30, 1)])
def test_the_smallest_restaurants_get_an_answer(n_days, n_items):
    outlook = forecast(known(generated.sales(30, n_items), n_days), 35)
    assert outlook.mean.shape == (35, n_items)
    assert (outlook.mean.sum() > 0) == (n_days > 0)


@pytest.mark.parametrize("mask", ["special", "sold_out"])
def test_nothing_but_marked_days_still_gives_an_answer(mask):
    sales = generated.sales(60, 2)
    forecast(replace(sales, **{mask: np.ones((60, 2), dtype=bool)}))


@cache
def bakery() -> Panel:
    """The twenty dishes that sell best."""
    with gzip.open(FRENCH_BAKERY, "rt") as file:
        rows = [(date.fromisoformat(row["date"]), row["item"], float(row["quantity"])) for row in csv.DictReader(file)]
    sales = panel.build(rows, until=date(2022, 9, 30))
    busiest = np.sort(np.argsort(-sales.sold.sum(axis=0))[:20])
    return replace(
        sales, items=tuple(sales.items[i] for i in busiest), sold=sales.sold[:, busiest],
        sold_out=False, special=False, sold_out_share=np.nan,
    )  # fmt: skip


def up_to(sales: Panel, day: date) -> Panel:
    return generated.until(sales, int((np.datetime64(day) - sales.days[0]).astype(int)) + 1)


@pytest.mark.skipif(not FRENCH_BAKERY.exists(), reason="no real sales at ../shared/data/french_bakery")
def test_a_hole_of_five_months_in_real_sales_is_named_and_survived():
    sales, cutoff = bakery(), date(2022, 6, 30)
    hole = (sales.days >= np.datetime64("2021-12-01")) & (sales.days < np.datetime64("2022-05-01"))
    cut = up_to(replace(sales, sold=sales.sold * ~hole[:, None], is_open=sales.is_open & ~hole), cutoff)
    outlook = forecast(cut)
    ahead = slice(len(cut.days), len(cut.days) + WEEK)
    sold, is_open = sales.sold[ahead], sales.is_open[ahead]
    assert wape(outlook.mean[is_open], sold[is_open]) <= wape(same_weekday(cut)[is_open], sold[is_open])
    assert [(gap["first"], gap["last"]) for gap in outlook.report["missing_days"]][-1] == ("2021-12-01", "2022-04-30")


@pytest.mark.skipif(not FRENCH_BAKERY.exists(), reason="no real sales at ../shared/data/french_bakery")
def test_real_dishes_that_are_new_are_forecast_as_well_as_by_the_same_weekday_mean():
    sales = up_to(bakery(), date(2022, 6, 30))
    busiest = np.argsort(-sales.sold[-120:].sum(axis=0))[2:10]
    first, errors, plain, inside = len(sales.days) - 28, [], [], []
    masked = sales.sold.copy()
    masked[:first, busiest] = 0
    for age in (7, 21):
        at, ahead = first + age, slice(first + age, first + age + WEEK)
        past = generated.until(replace(sales, sold=masked), at)
        outlook, sold = forecast(past), sales.sold[ahead][:, busiest]
        is_open = sales.is_open[ahead]
        band = outlook.quantiles[:, busiest]
        errors.append(np.abs(outlook.mean[:, busiest] - sold)[is_open].sum())
        plain.append(np.abs(same_weekday(past)[:, busiest] - sold)[is_open].sum())
        inside.append(((sold >= band[..., 0]) & (sold <= band[..., 4]))[is_open].mean())
    assert sum(errors) <= sum(plain)
    assert np.mean(inside) >= 0.75
