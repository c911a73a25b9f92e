import datetime as dt
import random

import pytest

from forecasting.arithmetic import shocks

MONDAY = dt.date(2026, 9, 7)


def weeks(share, persistence, days=70, seed=5):
    """Totals of a venue whose common day factor has this deviation and this correlation from day to day."""
    rng, factor, totals = random.Random(seed), 0.0, {}
    for n in range(days):
        factor = persistence * factor + (1 - persistence**2) ** 0.5 * rng.gauss(0, share)
        totals[MONDAY + dt.timedelta(days=n)] = (50_000 + 10_000 * (n % 7)) * (1 + factor)
    return totals


@pytest.mark.parametrize(("share", "persistence"), [(0.05, 0.0), (0.25, 0.0), (0.25, 0.6)])
def test_a_long_history_shows_how_much_days_move_together(share, persistence):
    found = shocks.venue_shock(weeks(share, persistence, days=1400))
    assert found.share == pytest.approx(share, rel=0.1)
    assert found.persistence == pytest.approx(persistence, abs=0.1)


def test_without_history_the_usual_values_stand():
    assert shocks.venue_shock({}) == shocks.USUAL
    assert shocks.venue_shock({MONDAY: 500.0}) == shocks.USUAL


def test_counting_noise_is_no_common_factor():
    rng = random.Random(3)
    totals = {MONDAY + dt.timedelta(days=n): rng.gauss(100, 10) for n in range(700)}
    assert shocks.venue_shock(totals).share < 0.04
