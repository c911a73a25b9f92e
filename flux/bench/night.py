"""`bench night [--items 20,200] [--days N]`: what one restaurant's forecast costs, from its sales to the stored rows.

For each size of menu a restaurant in a database of its own, dropped afterwards, where every dish sells every day. The
first night reads the whole history; the one after it reads one new day. Both fit all models anew. CPU seconds are
those of this process on one thread, its libraries loaded; the database server's are not among them.
"""

import argparse
import datetime as dt
import resource
import time

from django.utils import timezone

from flux.bench import fanout, migrate
from forecasting import forecast
from forecasting.models import Forecast
from tenants.context import restaurant_context
from tenants.migrator import waves
from tenants.models import Restaurant

WARM_UP_ITEMS, WARM_UP_DAYS = 8, 120


def run(argv: list[str]) -> dict[str, float]:
    """Print a table and return the figures, each with the number of items in its name."""
    parser = argparse.ArgumentParser(prog="bench night")
    parser.add_argument("--items", default="20,200", help="sizes of menus, parted by commas")
    parser.add_argument("--days", type=int, default=800, help="of history")
    asked = parser.parse_args(argv)
    sizes = [int(size) for size in asked.items.split(",")]
    figures: dict[str, float] = {}
    with migrate.throwaway_database():
        waves.migrate_public(say=lambda _line: None)
        migrate.make(1 + len(sizes))
        spare, *restaurants = Restaurant.objects.order_by("pk")
        nights(spare, WARM_UP_ITEMS, WARM_UP_DAYS)
        for size, restaurant in zip(sizes, restaurants, strict=True):
            told = nights(restaurant, size, asked.days)
            print(f"{size} dishes, {asked.days} days:", ", ".join(f"{name} {value}" for name, value in told.items()))
            figures |= {f"{name}_{size}": value for name, value in told.items()}
    return figures


def nights(restaurant: Restaurant, n_items: int, n_days: int) -> dict[str, float]:
    """The first night, and the one after it."""
    fanout.fill(restaurant, n_items, n_days + 1)
    tonight = timezone.now()
    figures: dict[str, float] = {}
    for name, now in (("first", tonight - dt.timedelta(days=1)), ("nightly", tonight)):
        cpu, began = time.process_time(), time.perf_counter()
        with restaurant_context(restaurant):
            made = forecast.make(restaurant, now=now)
        figures[f"{name}_cpu_s"] = round(time.process_time() - cpu, 2)
        figures[f"{name}_wall_s"] = round(time.perf_counter() - began, 2)
        figures |= {f"{name}_{step}_s": round(seconds, 2) for step, seconds in made.timings.items()}
    with restaurant_context(restaurant):
        figures["rows"] = Forecast.objects.filter(run=made).count()
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return figures
