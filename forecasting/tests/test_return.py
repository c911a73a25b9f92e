"""A dish that was taken off the menu and put back is expected at its old level before it sells anything again."""

from dataclasses import replace

import numpy as np

from forecasting import engine
from forecasting.tests import generated

N_DAYS, AWAY_SINCE, DISH = 260, 200, 1


def test_days_off_the_menu_do_not_wear_its_level_away():
    """Seen: 72 units a week where 90 are true; without the mark next to none."""
    sales = generated.sales(N_DAYS, 5)
    sales.sold[AWAY_SINCE:, DISH] = 0
    away = np.zeros_like(sales.sold, dtype=bool)
    away[AWAY_SINCE:, DISH] = True
    true = generated.expected(N_DAYS + 7, 5)[N_DAYS:, DISH].sum()
    marked, unmarked = (
        engine.forecast(replace(sales, special=mask), horizon_days=7).mean[:, DISH].sum()
        for mask in (away, ~away & away)
    )
    assert 0.7 * true < marked < 1.2 * true
    assert unmarked < 0.1 * true
