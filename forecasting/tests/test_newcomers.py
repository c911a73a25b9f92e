import numpy as np
import pytest

from forecasting import engine
from forecasting.engine import newcomers, panel
from forecasting.tests import generated

ITEMS = ("lasagne", "cannelloni")


def test_a_newcomer_sells_like_another_until_its_own_sales_are_known():
    mean = np.array([[20.0, 0.0], [30.0, 1.0]])
    said = {"cannelloni": ("lasagne", 0.6)}
    unsold = newcomers.blend(mean, np.array([100, 0]), ITEMS, said)
    assert unsold.tolist() == [[20, 12], [30, 18]]
    week_old = newcomers.blend(mean, np.array([100, 7]), ITEMS, said)
    assert week_old[0, 1] == pytest.approx(12 * 0.5 * 0.5 ** (1 / 3))
    grown_up = newcomers.blend(mean, np.array([100, 100]), ITEMS, said)
    assert grown_up[:, 1] == pytest.approx(mean[:, 1], abs=0.06)


def test_what_is_said_about_unknown_items_is_ignored():
    mean = np.array([[20.0, 5.0]])
    said = {"cannelloni": ("moussaka", 0.6), "moussaka": ("lasagne", 2.0), "lasagne": ("lasagne", 3.0)}
    assert newcomers.blend(mean, np.zeros(2), ITEMS, said).tolist() == mean.tolist()


def test_an_item_that_never_sold_is_forecast_like_another_with_a_range():
    known = generated.sales(60, 2)
    sales = panel.Panel(known.days, ITEMS, known.sold, known.is_open)
    sales.sold[:, 1] = 0
    alone, told = (engine.forecast(sales, horizon_days=7, likeness=said) for said in ({}, {ITEMS[1]: (ITEMS[0], 0.5)}))
    assert not alone.mean[:, 1].any()
    assert told.mean[:, 1] == pytest.approx(0.5 * told.mean[:, 0])
    assert (told.quantiles[:, 1, 4] > told.mean[:, 1]).all()
    assert told.mean[:, 0].tolist() == alone.mean[:, 0].tolist()
