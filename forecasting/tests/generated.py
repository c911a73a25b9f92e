"""Sales of an invented restaurant, whose true demand is therefore known."""

import datetime as dt

import numpy as np

from forecasting.engine.panel import Panel, weekday

FIRST = dt.date(2024, 1, 1)  # a Monday
WEEK = np.array([0.7, 0.8, 0.9, 1.0, 1.3, 1.6, 0.7])


def expected(
    n_days: int, n_items: int, *, season: float = 0.0, biggest: float = 30.0, smallest: float = 1.0
) -> np.ndarray:
    """(n_days, n_items) mean units: items from `biggest` down to `smallest`, a weekday shape and a yearly wave."""
    at = np.arange(n_days)
    sizes = np.geomspace(biggest, smallest, n_items)
    wave = 1 + season * np.sin(2 * np.pi * at / 365.25)
    days = np.datetime64(FIRST, "D") + at
    return np.outer(WEEK[weekday(days)] * wave, sizes)


def sales(
    n_days: int, n_items: int, *, seed: int = 5, dispersion: float = 1.6, closed_weekdays: tuple[int, ...] = (), **shape
) -> Panel:
    """A panel of negative binomial counts round `expected`."""
    mean = expected(n_days, n_items, **shape)
    is_open = ~np.isin(weekday(np.datetime64(FIRST, "D") + np.arange(n_days)), closed_weekdays)
    return drawn(mean, seed=seed, dispersion=dispersion, is_open=is_open)


def drawn(
    mean: np.ndarray, *, seed: int = 5, dispersion: float = 1.6, is_open: np.ndarray | None = None, **masks: np.ndarray
) -> Panel:
    """A panel of negative binomial counts round (n_days, n_items) means; `masks` as in Panel."""
    rng = np.random.default_rng(seed)
    n_days, n_items = mean.shape
    sold = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)
    is_open = np.ones(n_days, dtype=bool) if is_open is None else is_open
    sold[~is_open] = 0
    days = np.datetime64(FIRST, "D") + np.arange(n_days)
    return Panel(days, tuple(f"item {i}" for i in range(n_items)), sold, is_open, **masks)


def until(panel: Panel, n_days: int) -> Panel:
    """Its first `n_days` days."""
    return panel.rows(slice(n_days))
