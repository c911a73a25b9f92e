"""`bench fanout [--restaurants N] [--workers 1,2]`: a night of many restaurants, by real Celery workers.

In a database of its own, dropped afterwards: restaurants with a generated history are made, beat's message is sent, and
the workers do what they do every night: sweep, sync, forecast. Each number of workers gets restaurants of its own, so
that all of them are forecast for the first time. A worker is one process that computes on one thread.
"""

import argparse
import datetime as dt
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection, transaction
from django.utils import timezone

from flux.bench import migrate
from flux.celery import app
from flux.processes import dies_with_parent
from flux.tasks import nightly
from forecasting.models import Backtest, Forecast, Run
from menu.models import MenuItem
from pos import sources
from pos.models import Connection
from tenants.context import restaurant_context
from tenants.migrator import waves
from tenants.models import Health, Restaurant
from tenants.office.models import Job

HISTORY = """
WITH days AS (
    INSERT INTO pos_order (connection_id, external_id, business_date)
    SELECT %(connection)s, day::date::text, day::date
    FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') day
    RETURNING id, business_date
)
INSERT INTO pos_orderline (order_id, position, menu_item_id, quantity, net)
SELECT d.id, i.place, i.id, greatest(1, round(
    (40.0 / i.place) * (0.7 + 0.1 * extract(isodow FROM d.business_date))
    * (0.7 + 0.6 * abs(hashint8(d.id * 1000 + i.place) %% 1000) / 1000.0)
)), 10
FROM days d, unnest(%(items)s::uuid[]) WITH ORDINALITY AS i (id, place)
"""
FACTS = """
SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn, xact_commit, blks_hit + blks_read
FROM pg_stat_database WHERE datname = current_database()
"""
START_SECONDS, STOP_SECONDS, WATCH_SECONDS = 120, 60, 0.25
SETTLED_SHARE = 0.1  # of the restaurants, during which workers load their libraries and sweep


@dataclass(frozen=True)
class Server:
    """What the database server has done so far."""

    size_bytes: int
    wal_bytes: int
    commits: int
    blocks: int
    cpu_seconds: float


@dataclass(frozen=True)
class Night:
    """What a number of workers did."""

    workers: int
    restaurants: int
    done: int
    wall_seconds: float
    per_minute: float
    worker_cpu_seconds: float
    before: Server
    after: Server
    load: float


def run(argv: list[str]) -> dict[str, float]:
    """Print a table and return the figures."""
    parser = argparse.ArgumentParser(prog="bench fanout")
    parser.add_argument("--restaurants", type=int, default=100, help="for each number of workers")
    parser.add_argument("--items", type=int, default=8)
    parser.add_argument("--days", type=int, default=84, help="of history")
    parser.add_argument("--workers", default="1,2", help="numbers of worker processes, parted by commas")
    asked = parser.parse_args(argv)
    numbers = [int(number) for number in asked.workers.split(",")]
    with migrate.throwaway_database():
        waves.migrate_public(say=lambda _line: None)
        making = migrate.seconds(lambda: migrate.make(asked.restaurants * len(numbers)))
        restaurants = list(Restaurant.objects.order_by("pk"))
        filling = migrate.seconds(lambda: fill_all(restaurants, asked.items, asked.days))
        nights = [
            night(number, restaurants[at * asked.restaurants : (at + 1) * asked.restaurants])
            for at, number in enumerate(numbers)
        ]
        figures = counted(nights, restaurants[0])
    made = len(restaurants)
    figures |= {"making_ms": round(1000 * making / made, 1), "filling_ms": round(1000 * filling / made, 1)}
    tell(asked, nights, figures)
    return figures


def fill_all(restaurants: list[Restaurant], n_items: int, n_days: int) -> None:
    for restaurant in restaurants:
        fill(restaurant, n_items, n_days)


def fill(restaurant: Restaurant, n_items: int, n_days: int) -> None:
    """A menu, and one order a day up to yesterday with a line of each item; counted as an import counts them."""
    now = timezone.now()
    today = restaurant.business_date(now)
    days = [today - dt.timedelta(days=back) for back in range(n_days, 0, -1)]
    with restaurant_context(restaurant), transaction.atomic():
        items = MenuItem.objects.bulk_create(MenuItem(name=f"Dish {n}", price=10) for n in range(n_items))
        source = Connection.objects.create(provider=Connection.Provider.CSV, name="Generated")
        asked: dict[str, Any] = {
            "connection": source.pk,
            "first": days[0],
            "last": days[-1],
            "items": [item.pk for item in items],
        }
        with connection.cursor() as cursor:
            cursor.execute(HISTORY, asked)
        sources.settle(days, now=now)
        # A proof of the forecast is made once a month, and so not in the night that is measured.
        known = {"history_first_on": days[0].isoformat()}
        Backtest.objects.create(first_on=days[-1], last_on=days[-1], model_version="none", result=known)


def night(workers: int, restaurants: list[Restaurant]) -> Night:
    """Let that many workers do the night of these restaurants alone."""
    chosen = [restaurant.pk for restaurant in restaurants]
    Restaurant.objects.update(status=Restaurant.Status.SUSPENDED)
    Restaurant.objects.filter(pk__in=chosen).update(status=Restaurant.Status.ACTIVE)
    with tempfile.TemporaryDirectory() as folder, working(workers, Path(folder)) as processes:
        before, began = server(), time.perf_counter()
        nightly.delay()
        finished = watch(len(restaurants), began, processes)
        cpu = sum(stop(process) for process in processes)
    settled = int(len(finished) * SETTLED_SHARE)
    since = finished[settled - 1] if settled else 0.0
    return Night(
        workers=workers,
        restaurants=len(restaurants),
        done=sum(is_done(restaurant) for restaurant in restaurants),
        wall_seconds=finished[-1],
        per_minute=60 * (len(finished) - settled) / (finished[-1] - since),
        worker_cpu_seconds=cpu,
        before=before,
        after=server(),
        load=os.getloadavg()[0],
    )


@contextmanager
def working(count: int, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes with the app's rights on the throwaway database, ready to work."""
    env = os.environ | {
        "FLUX_IDENTITY": "app",
        "OMP_NUM_THREADS": "1",
        "DATABASE_URL": in_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "flux", "worker", "--pool", "solo"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    processes = []
    try:
        for number in range(count):
            with (folder / f"{number}.log").open("wb") as log:
                name = ["--hostname", f"bench{number}@%h"]
                processes.append(
                    subprocess.Popen(
                        [*command, *name],
                        env=env,
                        stdout=log,
                        stderr=log,
                        preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 there are no threads here
                    )
                )
        wait_for(count)
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                process.wait()


def in_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def wait_for(count: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while len(app.control.ping(timeout=1.0)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError("The workers do not answer.")


def watch(count: int, began: float, processes: list[subprocess.Popen[bytes]]) -> list[float]:
    """Seconds from `began` at which one restaurant after the other had its forecast."""
    finished: list[float] = []
    while len(finished) < count:
        if all(process.poll() is not None for process in processes):
            raise RuntimeError("The workers have ended before their work.")
        time.sleep(WATCH_SECONDS)
        done = Health.objects.filter(
            restaurant__status=Restaurant.Status.ACTIVE, last_forecast_at__isnull=False
        ).count()
        finished += [time.perf_counter() - began] * (done - len(finished))
    return finished


def is_done(restaurant: Restaurant) -> bool:
    """Whether it had exactly one job of this night, which is done, and one forecast."""
    with restaurant_context(restaurant):
        jobs = list(Job.objects.values_list("status", flat=True))
        runs = list(Run.objects.values_list("status", flat=True))
    return (jobs, runs) == ([Job.Status.DONE], [Run.Status.COMPLETED])


def stop(process: subprocess.Popen[bytes]) -> float:
    """End a worker after what it is at; the CPU seconds of its life."""
    process.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def server() -> Server:
    """The database server's counters; its processes' CPU as far as they have ended, where the system tells."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(FACTS)
        size, wal, commits, blocks = cursor.fetchone()
    return Server(size, int(wal), commits, blocks, server_cpu())


def server_cpu() -> float:
    """CPU seconds of the server's ended processes, which are the connections that were closed; 0 if unknown."""
    url = os.environ.get("DATABASE_BOOTSTRAP_URL")
    if not url or sys.platform != "linux":
        return 0.0
    with psycopg.connect(url) as database:
        pid = database.execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0].split()[0]  # type: ignore[index]
    stat = re.sub(r"^.*\) ", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK")


def counted(nights: list[Night], sample: Restaurant) -> dict[str, float]:
    """The figures of all nights; what a restaurant costs is that of the night with the most workers."""
    last = nights[-1]
    each = last.restaurants
    with restaurant_context(sample):
        rows = Forecast.objects.count()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_total_relation_size('forecasting_forecast')")
            forecast_bytes = cursor.fetchone()[0]
    figures = {
        "restaurants": each,
        "done": sum(found.done for found in nights),
        "worker_cpu_s_each": round(last.worker_cpu_seconds / each, 3),
        "server_cpu_ms_each": round(1000 * (last.after.cpu_seconds - last.before.cpu_seconds) / each, 1),
        "db_kb_each": round((last.after.size_bytes - last.before.size_bytes) / each / 1000, 1),
        "wal_kb_each": round((last.after.wal_bytes - last.before.wal_bytes) / each / 1000, 1),
        "commits_each": round((last.after.commits - last.before.commits) / each, 1),
        "blocks_each": round((last.after.blocks - last.before.blocks) / each),
        "forecast_rows_each": rows,
        "bytes_per_forecast_row": round(forecast_bytes / max(rows, 1)),
        "load": round(statistics.mean(found.load for found in nights), 1),
    }
    for found in nights:
        figures[f"per_minute_{found.workers}"] = round(found.per_minute, 1)
        figures[f"wall_s_{found.workers}"] = round(found.wall_seconds, 1)
        figures[f"worker_cpu_s_each_{found.workers}"] = round(found.worker_cpu_seconds / found.restaurants, 3)
    if len(nights) > 1:
        figures["ratio"] = round(last.per_minute / nights[0].per_minute, 2)
    return figures


def tell(asked: argparse.Namespace, nights: list[Night], figures: dict[str, float]) -> None:
    """The table that people read."""
    print(f"{asked.items} items, {asked.days} days of history; made in {figures['making_ms']} ms and filled in")
    print(f"{figures['filling_ms']} ms each; load of the machine {figures['load']}, {os.cpu_count()} processors")
    for found in nights:
        print(
            f"  {found.workers} worker(s): {found.per_minute:8.1f} restaurants a minute;"
            f" {found.restaurants:,} in {found.wall_seconds:.1f} s, {found.done:,} of them done exactly once;"
            f" {found.worker_cpu_seconds / found.restaurants:.2f} CPU s each"
        )
    if "ratio" in figures:
        print(f"  ratio: {figures['ratio']}")
    print(
        f"each: {figures['server_cpu_ms_each']} ms CPU of the server, {figures['commits_each']} commits,"
        f" {figures['blocks_each']} blocks, {figures['wal_kb_each']} kB of WAL, {figures['db_kb_each']} kB of disk;"
        f" {figures['forecast_rows_each']} forecast rows of {figures['bytes_per_forecast_row']} bytes"
    )
