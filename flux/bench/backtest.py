"""`bench backtest`: how long the proof on a restaurant's own history takes, from the click to the stored result.

A restaurant is made for the measurement and dropped afterwards: 100 dishes and 18 months of invented daily sales, from
90 a day down to about one, with a weekday shape, a season and closed Mondays.
"""

import argparse
import datetime as dt
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.utils import timezone

from forecasting import proof
from forecasting.models import Backtest
from menu.models import MenuItem
from pos.models import DailySales
from tenants import provisioning
from tenants.context import restaurant_context
from tenants.keys import uuid7
from tenants.models import Restaurant

if TYPE_CHECKING:
    import numpy as np

CLOSED_WEEKDAY, DISPERSION, SEED = 0, 1.6, 7
WEEK = (0.7, 0.8, 0.9, 1.0, 1.3, 1.6, 0.7)


def run(argv: list[str]) -> dict[str, float]:
    """Make the sales, ask for a backtest, do the job; print and return what it took and found."""
    parser = argparse.ArgumentParser(prog="bench backtest")
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--days", type=int, default=548)
    asked = parser.parse_args(argv)
    with new_restaurant() as restaurant:
        sell(restaurant, asked.days, asked.items)
        began, cpu = time.perf_counter(), time.process_time()
        made = proof.work_off(restaurant, proof.request(restaurant, now=timezone.now()).pk)
        figures = told(made, time.perf_counter() - began, time.process_time() - cpu)
    print(f"{asked.items} items, {asked.days} days of sales: {figures['wall_s']} s, {figures['cpu_s']} CPU s")
    print(f"Flux was off by {figures['wape']:.1%} of units, the mean of the weekday by {figures['baseline_wape']:.1%}")
    return figures


def told(made: Backtest | None, wall: float, cpu: float) -> dict[str, float]:
    if made is None:
        raise SystemExit("The backtest failed: see the log above.")
    found = made.result["all"]
    return {
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "weeks": made.result["weeks"],
        "item_days": found["item_days"],
        "wape": found["flux"]["wape"],
        "baseline_wape": found["same_weekday"]["wape"],
    }


@contextmanager
def new_restaurant() -> Iterator[Restaurant]:
    slug = f"bench-{uuid7().hex[-12:]}"
    restaurant = provisioning.open_restaurant(
        Restaurant(
            slug=slug,
            name="Bench",
            timezone="Europe/Paris",
            currency="EUR",
            country="FR",
            status=Restaurant.Status.ACTIVE,
        )
    )
    try:
        with restaurant_context(restaurant):
            yield restaurant
    finally:
        provisioning.remove(restaurant)


def sell(restaurant: Restaurant, n_days: int, n_items: int) -> None:
    """Rows of the rollup for the days up to yesterday."""
    items = MenuItem.objects.bulk_create(MenuItem(name=f"Dish {number}") for number in range(n_items))
    first = restaurant.business_date(timezone.now()) - dt.timedelta(days=n_days)
    sold = invented(first, n_days, n_items)
    DailySales.objects.bulk_create(
        (
            DailySales(menu_item=item, business_date=first + dt.timedelta(days=d), quantity=int(sold[d, i]))
            for i, item in enumerate(items)
            for d in range(n_days)
            if sold[d, i]
        ),
        batch_size=5000,
    )


def invented(first: dt.date, n_days: int, n_items: int) -> "np.ndarray":
    """(n_days, n_items) negative binomial counts round a known mean; 0 on the closed weekday."""
    import numpy as np

    at = np.arange(n_days)
    weekdays = (first.weekday() + at) % 7
    season = 1 + 0.3 * np.sin(2 * np.pi * at / 365.25)
    mean = np.outer(np.array(WEEK)[weekdays] * season, np.geomspace(90, 1, n_items))
    sold = np.random.default_rng(SEED).negative_binomial(mean / (DISPERSION - 1), 1 / DISPERSION)
    sold[weekdays == CLOSED_WEEKDAY] = 0
    return sold
