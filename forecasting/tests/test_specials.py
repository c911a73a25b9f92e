"""Special days that last for so long that they are the rule."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecasting import engine, history
from forecasting.engine import specials
from forecasting.models import CalendarEvent
from forecasting.tests import generated
from forecasting.tests.factories import TODAY, trade

N = 150


def marked(n_days: int, items: slice = slice(None)) -> generated.Panel:
    sales = generated.sales(N, 3, dispersion=1.1)
    special = np.zeros(sales.sold.shape, dtype=bool)
    special[N - n_days :, items] = True
    return replace(sales, special=special)


@pytest.mark.parametrize("n_days", [62, N])
def test_a_long_event_over_all_dishes_leaves_the_forecast_near_the_level(n_days):
    sales = marked(n_days)
    outlook = engine.forecast(sales, horizon_days=7)
    plain = engine.forecast(replace(sales, special=np.zeros((1, 1), dtype=bool)), horizon_days=7)
    assert outlook.mean.sum(axis=0) == pytest.approx(generated.expected(7, 3).sum(axis=0), rel=0.25)
    assert outlook.report["method"] == plain.report["method"]
    assert any("more than half of the last 56 open days." in note for note in outlook.report["notes"])


def test_only_the_dish_whose_days_are_mostly_special_is_named():
    sales = marked(40, slice(1))
    used = specials.heeded(sales)
    assert used.special[:, 0].sum() == 28
    assert "of 1 dish" in specials.notes(sales, used)[0]


def test_four_weeks_of_promotion_stay_special():
    sales = marked(28)
    assert (specials.heeded(sales).special == sales.special).all()
    assert not specials.notes(sales, specials.heeded(sales))


def test_weeks_off_the_menu_teach_nothing_though_they_are_many():
    sales = marked(60, slice(1))
    sales.sold[-60:, 0] = 0
    sales.sold[-1, 0] = 4
    assert specials.heeded(sales).special[-60:, 0].all()


def test_later_days_change_nothing():
    sales = marked(90)
    whole, cut = specials.heeded(sales), specials.heeded(generated.until(sales, N - 30))
    assert (whole.special[: N - 30] == cut.special).all()


def test_an_event_of_two_months_in_the_calendar_does_not_silence_the_house(restaurant):
    trade(100, 2)
    first, last = TODAY - dt.timedelta(days=100), TODAY - dt.timedelta(days=1)
    CalendarEvent.objects.create(name="Fair", starts_on=first, ends_on=last, amount=5)
    known = history.read(TODAY)
    assert known.special.all()
    assert (engine.forecast(known, horizon_days=7).mean.sum(axis=0) > 0).all()
