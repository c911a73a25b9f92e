"""The demo: Postgres, Valkey, the web server, the Celery workers with their beat, and a restaurant to look at."""

import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from flux import embedded, processes, visit
from flux.demo import bistro
from flux.embedded import Services
from flux.processes import Child
from flux.visit import Place

ROOT = Path(__file__).resolve().parent.parent
USUAL_PORT = 8000
PATIENCE_S = 120
ROUTINE = re.compile(
    r"\[(info|debug) *\](?!.*\[(flux|procurement|forecasting|pos|menu|tenants)\.)"
)  # others' log lines
NOTE = "demo.json"  # in the var directory while the demo answers


class DemoFailed(Exception):
    """A part of the demo did not start or has ended; the message holds the end of its log."""


class Progress:
    """Prints what has been reached, with the seconds since the start."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)


def demo(var: Path, *, once: bool = False, fresh: bool = False, port: int | None = None) -> int:
    """Run the demo in `var` until Ctrl-C or, with `once`, until its main pages have been checked; answer the exit code.

    Where a demo runs already, print (or check) that one and end.
    """
    progress = Progress()
    try:
        with embedded.services(var, fresh=fresh) as services:
            progress("PostgreSQL and Valkey answer")
            with running(services, var, port, progress, fresh=fresh) as (place, children):
                print(introduction(place), flush=True)
                return visit.main_pages(place, progress) if once else keep(children)
    except embedded.InUse as error:
        return follow(var, error, once=once, fresh=fresh, progress=progress)
    except DemoFailed as error:
        print(error, file=sys.stderr)
        return 1
    except processes.Stopped:
        progress("Stopped. The data is kept: the next start finds it, `demo --fresh` starts over.")
        return 0


@contextlib.contextmanager
def running(
    services: Services, var: Path, port: int | None, progress: Progress, *, fresh: bool
) -> Iterator[tuple[Place, list[Child]]]:
    """The demo's processes, answering, for the length of the block. Raises DemoFailed.

    The web server starts first: it loads while the database is migrated.
    """
    place = place_on(free_port(port))
    env = services.environ() | {"FLUX_DEMO": "1", "PYTHONUNBUFFERED": "1"}
    children: list[Child] = []

    def launch(name: str, *command: str, **more: str) -> None:
        children.append(processes.start(name, [sys.executable, "-m", *command], var=var, env=env | more, cwd=ROOT))

    try:
        launch("web", *web_command(place.port))
        run("migrate", ["migrate_restaurants"], var, env, children)
        progress("The database is up to date")
        launch("worker", *worker_command())
        run("restaurant", ["demo_restaurant", *(["--fresh"] if fresh else [])], var, env, children)
        progress("The restaurant is open; its sales go on loading in the background")
        wait_for_page(place, children)
        progress(f"{place.restaurant} answers")
        launch("upkeep", *upkeep_command(var), FLUX_IDENTITY="owner")
        (var / NOTE).write_text(json.dumps(asdict(place)))
        yield place, children
    finally:
        (var / NOTE).unlink(missing_ok=True)
        processes.stop(children)


def place_on(port: int) -> Place:
    facts = bistro.read()
    manager = facts.person("manager")
    return Place(port, os.environ.get("FLUX_DOMAIN", "flux.localhost"), facts.slug, manager.email, facts.password)


def web_command(port: int) -> list[str]:
    options = {"bind": f"127.0.0.1:{port}", "worker-class": "gthread", "threads": 8, "graceful-timeout": 2}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return ["gunicorn", "flux.wsgi", "--no-control-socket", *flags]


def worker_command(concurrency: int = 2) -> list[str]:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    threads = ["--pool", "threads", "--concurrency", str(concurrency)]
    return ["celery", "--quiet", "-A", "flux", "worker", "--loglevel", "INFO", *threads, *quiet]


def upkeep_command(var: Path) -> list[str]:
    """The timetable, and a worker for what only the database's owner may do."""
    beat = ["--beat", "--schedule", str(var / "beat")]
    return [*worker_command(concurrency=1), "--queues", "upkeep", "--hostname", "upkeep@%h", *beat]


def run(name: str, command: list[str], var: Path, env: dict[str, str], others: list[Child]) -> None:
    """Run a management command to its end. Raises DemoFailed when it fails."""
    child = processes.start(name, [sys.executable, "manage.py", *command], var=var, env=env, cwd=ROOT)
    others.append(child)
    if child.process.wait() != 0:
        raise DemoFailed(f"manage.py {' '.join(command)} failed:\n{child.last_lines(40)}")
    processes.stop([child])
    others.remove(child)


def wait_for_page(place: Place, children: list[Child]) -> None:
    """Wait until the restaurant's host shows its sign-in. Raises DemoFailed."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        look_after(children)
        with contextlib.suppress(OSError):
            page = visit.Browser(place.port).get(f"{place.restaurant}/")
            if page.status == 200:
                return
            raise DemoFailed(f"{page.url} answers {page.status}:\n{children[0].last_lines(40)}")
        time.sleep(0.1)
    raise DemoFailed(f"{place.restaurant} does not answer:\n{children[0].last_lines(40)}")


def keep(children: list[Child]) -> int:
    """Stay until a signal comes, showing what is worth reading of the logs. Raises DemoFailed when a child ends."""
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context(child.log.open(errors="replace")) for child in children]
        for log in logs:
            log.seek(0, os.SEEK_END)
        while True:
            for line in (line for log in logs for line in log if not ROUTINE.search(line)):
                print(line, end="", flush=True)
            look_after(children)
            time.sleep(0.5)


def look_after(children: list[Child]) -> None:
    for child in children:
        if child.has_ended():
            raise DemoFailed(f"{child.name} has ended:\n{child.last_lines(40)}")


def free_port(wanted: int | None) -> int:
    """`wanted`, or else the usual port or the next free one. Raises DemoFailed when `wanted` is taken or no port."""
    if wanted is not None and not 0 < wanted < 2**16:
        raise DemoFailed(f"{wanted} is no port: they go from 1 to 65535.")
    for port in [wanted] if wanted else range(USUAL_PORT, USUAL_PORT + 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise DemoFailed(f"Port {wanted or USUAL_PORT} is taken: name another one with --port.")


def follow(var: Path, error: embedded.InUse, *, once: bool, fresh: bool, progress: Progress) -> int:
    """What a second start does: point at the first one, waiting for it to answer."""
    if fresh:
        print(f"{error} Stop it first; then start over.", file=sys.stderr)
        return 1
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            place = Place(**json.loads((var / NOTE).read_text()))
            print(f"Flux is running already.\n{introduction(place)}")
            return visit.main_pages(place, progress) if once else 0
        time.sleep(0.2)
    print(f"{error} It shows no page.", file=sys.stderr)
    return 1


def introduction(place: Place) -> str:
    """Where to look, how to sign in, what to click."""
    return f"""
  Open       {place.restaurant}
  Sign in    {place.email}   password {place.password}
             owner@, kitchen@ and, at the platform, staff@flux.example have the same one

  Today      what was sold so far, what is expected, what to do next
  Forecast   every dish and day with its range; open a dish to see how good its forecast was
  Orders     a draft for each supplier, with a reason on each line: change it, approve it, send it
  Sales      upload a file of your own: the preview says what would change
  API        {place.restaurant}/api/docs/
  Platform   {place.platform}   choose a restaurant

The sales of the last months are loaded in the background; forecast and orders follow by themselves.
E-mails and what the restaurant does appear below; the whole logs are in .flux/demo/logs/. Stop with Ctrl-C.
"""
