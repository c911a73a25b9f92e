"""`bench memory`: what one connection's server process keeps in memory while requests touch many restaurants.

A session of PostgreSQL remembers every table that it has seen until it ends. A process of the app serves one request
for each restaurant, in turn: ten queries over as many tables. Between requests Django gives the connection a chance to
close, which Flux's takes after so many schemas. Once more with connections that are never closed, for comparison.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.apps import apps
from django.conf import settings
from django.db import connection

from flux.bench.migrate import throwaway_database
from tenants import provisioning
from tenants.context import public_context, restaurant_context
from tenants.db import base
from tenants.migrator import waves
from tenants.models import Restaurant

TABLES = 10
VISIT = """
import json, sys, django
django.setup()
from flux.bench import memory
print(json.dumps(memory.visit(keep="--keep" in sys.argv)))
"""


def run(argv: list[str]) -> dict[str, float]:
    """The most that one server process held, in MB of its own memory, and how many connections that took."""
    parser = argparse.ArgumentParser(prog="bench memory")
    parser.add_argument("--restaurants", type=int, default=1000)
    asked = parser.parse_args(argv)
    if not Path("/proc/self/smaps_rollup").exists():
        raise SystemExit("This needs Linux: the memory is read from /proc.")
    with throwaway_database():
        waves.migrate_public(say=print)
        for number in range(asked.restaurants):
            facts = {"timezone": "Europe/London", "currency": "GBP", "country": "GB", "status": "active"}
            provisioning.open_restaurant(Restaurant(slug=f"bench-{number}", name="Bench", **facts))
        kept, recycled = visit_all("--keep"), visit_all()
    figures = {
        "mb": recycled["mb"],
        "connections": recycled["connections"],
        "mb_never_closed": kept["mb"],
        "mb_one_restaurant": kept["first_mb"],
        "restaurants": asked.restaurants,
    }
    for name, value in figures.items():
        print(f"{name:20}{value:8}")
    return figures


def visit_all(*flags: str) -> dict[str, float]:
    """What the app's own process saw."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    env = os.environ | {"DATABASE_URL": urlunsplit(url), "FLUX_IDENTITY": "app"}
    command = [sys.executable, "-c", VISIT, *flags]
    answer = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def visit(*, keep: bool) -> dict[str, float]:
    """Serve every restaurant once. Memory is read before the connection may close."""
    from django.db import close_old_connections

    if keep:
        base.MOST_SCHEMAS = 10**9
    configs = [config for config in apps.get_app_configs() if config.name in settings.TENANT_APPS]
    models = [model for config in configs for model in config.get_models()]
    with public_context():
        restaurants = list(Restaurant.objects.order_by("slug"))
    held: list[float] = []
    pids = set()
    for restaurant in restaurants:
        with restaurant_context(restaurant):
            for model in models[:TABLES]:
                list(model.objects.all()[:1])  # type: ignore[attr-defined]
            pid = connection.connection.info.backend_pid
        pids.add(pid)
        held.append(private_mb(pid))
        close_old_connections()
    return {"mb": max(held), "first_mb": held[0], "connections": len(pids)}


def private_mb(pid: int) -> float:
    """Memory of a process that it shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return round(kilobytes / 1024, 1)
