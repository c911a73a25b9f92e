"""`bench import --file F`: how fast a file of sales is imported, beside a bare COPY of the same rows.

A restaurant is made for the measurement and dropped afterwards. What is timed is the whole of `import_sales`: reading
the file, parsing, checks, upsert and rollup.
"""

import argparse
import io
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command
from django.db import connection as database
from django.db.models import Sum
from django.utils import timezone

from pos.models import DailySales, OrderLine
from pos.providers import csv, tables
from tenants import provisioning
from tenants.context import restaurant_context
from tenants.keys import uuid7
from tenants.models import Restaurant


def run(argv: list[str]) -> dict[str, float]:
    """Import the file into a new restaurant, a bare table, and once more with a line appended; ``rounds`` times."""
    parser = argparse.ArgumentParser(prog="bench import")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timezone", default="Europe/London")
    parser.add_argument("--closeout-hour", type=int, default=5)
    asked = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        rounds = [one_round(asked, Path(folder)) for _ in range(asked.rounds)]
    lines, units, items = (rounds[0][name] for name in ("lines", "units", "item_days"))
    first, copy, again = (statistics.median(each[name] for each in rounds) for name in ("first", "copy", "again"))
    figures = {
        "lines_per_s": round(lines / first),
        "copy_ratio": round(first / copy, 2),
        "reimport_ratio": round(first / again, 2),
        "lines": lines,
        "units": units,
        "item_days": items,
    }
    tell(asked, figures, first, copy, again)
    return figures


def one_round(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    appended = folder / "appended.csv"
    content = tables.expand(asked.file.read_bytes())
    appended.write_bytes(content + content.rstrip(b"\n").rpartition(b"\n")[2] + b"\n")
    with new_restaurant(asked) as restaurant:
        first = timed(asked.file, restaurant)
        lines = OrderLine.objects.count()
        rollup = DailySales.objects.aggregate(units=Sum("quantity"))
        item_days = DailySales.objects.count()
        copy = bare_copy(asked.file, restaurant)
        again = timed(appended, restaurant)
    return {
        "first": first, "copy": copy, "again": again,
        "lines": lines, "units": float(rollup["units"]), "item_days": item_days,
    }  # fmt: skip


@contextmanager
def new_restaurant(asked: argparse.Namespace) -> Iterator[Restaurant]:
    """A restaurant of its own for one round, dropped with its schema afterwards."""
    restaurant = Restaurant(
        slug=f"bench-{uuid7().hex[-12:]}",
        name="Benchmark",
        timezone=asked.timezone,
        currency="GBP",
        country="GB",
        closeout_hour=asked.closeout_hour,
        status=Restaurant.Status.ACTIVE,
    )
    provisioning.open_restaurant(restaurant)
    try:
        with restaurant_context(restaurant):
            yield restaurant
    finally:
        provisioning.remove(restaurant)


def timed(path: Path, restaurant: Restaurant) -> float:
    """Seconds that the whole command takes."""
    began = time.perf_counter()
    call_command("import_sales", str(path), restaurant=restaurant.slug, no_pipeline=True, stdout=io.StringIO())
    return time.perf_counter() - began


def bare_copy(path: Path, restaurant: Restaurant) -> float:
    """Seconds that psycopg's `write_row` takes for the same parsed rows into a table without any index."""
    rows = parsed(path, restaurant)
    with database.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bare (order_id text, opened_at timestamptz, business_date date, item text, "
            "quantity numeric(12, 3), unit_price numeric(12, 4), gross numeric(12, 4), net numeric(12, 4))"
        )
        began = time.perf_counter()
        with cursor.copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        seconds = time.perf_counter() - began
        cursor.execute("DROP TABLE bare")
    return seconds


def parsed(path: Path, restaurant: Restaurant) -> list[tuple[Any, ...]]:
    reading = csv.read(
        csv.inspect(path.read_bytes()),
        csv.Options(),
        zone=restaurant.zone,
        closeout_hour=restaurant.closeout_hour,
        today=restaurant.business_date(timezone.now()),
    )
    return [
        (order.external_id, order.opened_at, order.business_date, line.item, *line[1:5])
        for order in reading.orders(numbers_restart=reading.order_numbers_restart)
        for line in order.lines
    ]


def tell(asked: argparse.Namespace, figures: dict[str, float], first: float, copy: float, again: float) -> None:
    """The table that people read."""
    print(f"{asked.file}: {figures['lines']:,} lines, {figures['units']:,g} units, {figures['item_days']:,} item-days")
    print(f"median of {asked.rounds} rounds, each in a new restaurant")
    for what, seconds in (
        ("first import, the whole command", first),
        ("bare COPY of the same rows, write_row", copy),
        ("import again, one line appended", again),
    ):
        print(f"  {what:<40} {seconds:7.2f} s {figures['lines'] / seconds:12,.0f} lines/s")
