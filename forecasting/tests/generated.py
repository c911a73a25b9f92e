"""Sales of an invented restaurant, whose true demand is therefore known."""

import datetime as dt

import numpy as np

from forecasting.panel import Panel, weekday

FIRST = dt.date(2024, 1, 1)  # a Monday
WEEK = np.array([0.7, 0.8, 0.9, 1.0, 1.3, 1.6, 0.7])


def expected(n_days: int, n_items: int, *, season: float = 0.0, biggest: float = 30.0) -> np.ndarray:
    """(n_days, n_items) mean units: items from `biggest` down to about one a day, a weekday shape and a yearly wave."""
    at = np.arange(n_days)
    sizes = np.geomspace(biggest, 1.0, n_items)
    wave = 1 + season * np.sin(2 * np.pi * at / 365.25)
    days = np.datetime64(FIRST, "D") + at
    return np.outer(WEEK[weekday(days)] * wave, sizes)


def sales(
    n_days: int, n_items: int, *, seed: int = 5, dispersion: float = 1.6, closed_weekdays: tuple[int, ...] = (), **shape
) -> Panel:
    """A panel of negative binomial counts round `expected`."""
    rng = np.random.default_rng(seed)
    mean = expected(n_days, n_items, **shape)
    sold = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)
    days = np.datetime64(FIRST, "D") + np.arange(n_days)
    is_open = ~np.isin(weekday(days), closed_weekdays)
    sold[~is_open] = 0
    return Panel(days, tuple(f"item {i}" for i in range(n_items)), sold, is_open)


def until(panel: Panel, n_days: int) -> Panel:
    """Its first `n_days` days."""
    return panel.rows(slice(n_days))
