#!/usr/bin/env python3
"""Everything that a newcomer needs, on a machine that has only Python 3.11, 3.12 or 3.13.

    python3 dev.py demo [--once] [--fresh] [--port N]   a restaurant to look at, until Ctrl-C
    python3 dev.py test [--python 3.13] [pytest's …]    the whole test suite
    python3 dev.py check                                formatter, linter, types, import contract, migrations, locks
    python3 dev.py manage COMMAND [its …]               a management command on the demo's services
    python3 dev.py bench NAME [its …]                   a benchmark: a table, then one line of JSON
    python3 dev.py lock                                 compile the locks from pyproject.toml

Standard library only: this file makes a virtual environment from the hashed locks, starts itself again inside it and
goes on there.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import itertools
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flux.embedded import Services

ROOT = Path(__file__).resolve().parent
VAR = ROOT / ".flux"
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
SUPPORTED = ("3.11", "3.12", "3.13")
DEMO, DEV = "requirements-demo.txt", "requirements-dev.txt"  # DEV holds all of DEMO
STAMP = "installed-lock.txt"
STARTED_AGAIN = "FLUX_DEV_STARTED_AGAIN"  # set for the second start, inside the environment


def main(argv: list[str]) -> int:
    asked = parse(argv)
    venv = virtual_environment(asked.python, DEMO if asked.command == "demo" else DEV)
    if not os.path.samefile(sys.prefix, venv):
        if os.environ.get(STARTED_AGAIN) == str(venv):
            sys.exit(f"{venv} is not a virtual environment any more: remove it, and start again.")
        python = str(venv / "bin" / "python")
        os.execve(python, [python, str(ROOT / "dev.py"), *argv], os.environ | {STARTED_AGAIN: str(venv)})  # noqa: S606
    os.environ.pop(STARTED_AGAIN, None)
    os.chdir(ROOT)
    return carry_out(asked)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="run a restaurant to look at, until Ctrl-C")
    demo.add_argument("--once", action="store_true", help="start, check the main pages as the manager, stop")
    demo.add_argument("--fresh", action="store_true", help="start over with an empty database")
    demo.add_argument("--port", type=int, help="the web server's port; 8000 or the next free one if left out")
    test = commands.add_parser(
        "test", help="run the test suite; pytest takes the arguments", allow_abbrev=False, add_help=False
    )
    test.add_argument("--python", help="another interpreter, such as 3.13; it gets an environment of its own")
    commands.add_parser("manage", help="run a management command", add_help=False)
    commands.add_parser("bench", help="run a benchmark", add_help=False)
    commands.add_parser("check", help="run all checks")
    commands.add_parser("lock", help="compile the locks from pyproject.toml")
    parser.set_defaults(python=None)
    if not argv:
        parser.print_help()
        sys.exit(2)
    if argv[:1] in (["manage"], ["bench"]):
        return argparse.Namespace(command=argv[0], rest=argv[1:], python=None)
    asked, rest = parser.parse_known_args(argv)
    asked.rest = rest
    if asked.rest and asked.command != "test":
        parser.error(f"unknown arguments: {' '.join(asked.rest)}")
    return asked


# The virtual environment


def virtual_environment(version: str | None, lock: str) -> Path:
    """The folder of a virtual environment that holds `lock`, made or completed first if need be."""
    import fcntl  # there is none on Windows, which the message at the end of this file is for

    venv = folder_for(version)
    if not is_complete(venv, lock):
        VAR.mkdir(exist_ok=True)
        with (VAR / "venv.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # of two first starts at once the second waits, and finds it done
            if not is_complete(venv, lock):
                install(venv, lock, version)
    return venv


def folder_for(version: str | None) -> Path:
    """`.venv`; or, for another Python than the one that `.venv` was made with, a folder named after the version."""
    usual, wanted = ROOT / ".venv", version or RUNNING
    settings = usual / "pyvenv.cfg"
    made_with = re.search(r"^version = (\d+\.\d+)", settings.read_text(), re.M) if settings.exists() else None
    if made_with[1] == wanted if made_with else version is None:
        return usual
    return ROOT / f".venv-{wanted}"


def interpreter(version: str | None) -> str:
    """The path of the Python to make an environment with: this one, or one of the version asked for."""
    if version in (None, RUNNING):
        return sys.executable
    if version not in SUPPORTED:
        sys.exit(f"Flux runs on Python {', '.join(SUPPORTED)}, not on {version}.")
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin"))
    for python in (folder / f"python{version}" for folder in folders):
        if version_of(python) == version:
            return str(python)
    sys.exit(f"There is no Python {version} on the PATH. Install it, or leave out --python.")


def version_of(python: Path) -> str:
    """Such as 3.13; empty for what does not run, as pyenv's shim of a version that is switched off."""
    print_it = "import sys; print('%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError):
        return subprocess.run([python, "-c", print_it], capture_output=True, text=True, check=False).stdout.strip()
    return ""


def is_complete(venv: Path, lock: str) -> bool:
    """Whether `venv` says that it holds `lock`, or the development lock, which holds all of the others."""
    with contextlib.suppress(OSError):
        held = (venv / STAMP).read_text()
        is_whole = (venv / "bin" / "python").exists() and (venv / "pyvenv.cfg").exists()
        return is_whole and held in (stamp(venv, lock), stamp(venv, DEV))
    return False


def stamp(venv: Path, lock: str) -> str:
    """What an environment that holds `lock` says of itself, and where it stands: its scripts name the place."""
    return f"{venv}\n{lock} {hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()}\n"


def install(venv: Path, lock: str, version: str | None) -> None:
    """Install `lock` into `venv`, made first if need be: by the pinned uv, or by pip where uv is not to be had."""
    began = time.monotonic()
    python = venv / "bin" / "python"
    moved = (venv / STAMP).exists() and not (venv / STAMP).read_text().startswith(f"{venv}\n")
    (venv / STAMP).unlink(missing_ok=True)
    if moved or not (venv / "pyvenv.cfg").exists() or not has_pip(python):
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            sys.exit(f"This Python lacks venv. On Debian and Ubuntu: apt install python{RUNNING}-venv")
        say(f"Making the virtual environment {venv.name}")
        make: list[str | Path] = [interpreter(version), "-m", "venv", "--clear", venv]
        run_or_exit(make, "The virtual environment cannot be made: see above.")
    say(f"Installing {lock}")
    packages: list[str | Path] = ["install", "--quiet", "--require-hashes", "-r", ROOT / lock]
    uv = find_uv(venv)
    trusting = {"UV_SYSTEM_CERTS": "1"} | os.environ  # certificates that the machine's owner has added
    if not uv or subprocess.run([uv, "pip", *packages, "--python", python], env=trusting, check=False).returncode != 0:
        say("uv cannot do it here; pip does it, slowly")
        by_pip = [python, "-m", "pip", *packages]
        run_or_exit(by_pip, f"The packages of {lock} cannot be installed: see above. Is there a network?")
    (venv / STAMP).write_text(stamp(venv, lock))
    say(f"Installed in {time.monotonic() - began:.1f} s")


def has_pip(python: Path) -> bool:
    """Whether this is an environment that was made to its end."""
    with contextlib.suppress(OSError):
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    return False


def find_uv(venv: Path) -> Path | None:
    """The uv that the development lock pins, installed by its hash if it is missing; None where that fails."""
    uv, pinned = venv / "bin" / "uv", pin_of("uv")
    with contextlib.suppress(OSError):
        answer = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False).stdout
        if answer.startswith(f"uv {pinned.split()[0].removeprefix('uv==')}"):
            return uv
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
        requirement.write(pinned)
        requirement.flush()
        flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", requirement.name]
        done = subprocess.run([venv / "bin" / "python", "-m", "pip", "install", *flags], check=False)
    return uv if done.returncode == 0 else None


def pin_of(package: str) -> str:
    """The lines of the development lock that pin `package`, with its hashes."""
    pin = re.search(rf"^{package}==(?:.*\\\n)*.*\n", (ROOT / DEV).read_text(), re.M)
    if pin is None:
        sys.exit(f"{DEV} does not pin {package}.")
    return pin[0]


def run_or_exit(command: list[str | Path], otherwise: str) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(otherwise)


def say(text: str) -> None:
    print(text, flush=True)


# The commands; from here on everything runs inside the environment.


def carry_out(asked: argparse.Namespace) -> int:
    """Run the command that was asked for, ending what it started however it ends; answer the exit code."""
    from flux import embedded, processes

    try:
        with processes.stoppable():
            return COMMANDS[asked.command](asked)
    except processes.Stopped as stopped:
        return 128 + stopped.signum
    except embedded.EmbeddedError as error:
        sys.exit(str(error))


def test(asked: argparse.Namespace) -> int:
    from flux import processes

    with free_services("test", fsync=False) as services:
        command = [sys.executable, "-m", "pytest", *pytest_arguments(asked.rest)]
        return processes.foreground(command, env=services.environ(), cwd=ROOT)


def pytest_arguments(asked: list[str]) -> list[str]:
    """Two workers for the whole suite; a choice of tests would not earn back the second one's database."""
    is_choice = any(not argument.startswith("-") for argument in asked)
    if is_choice or {"-s", "--pdb", "--lf", "--ff", "--sw", "--collect-only", "--version", "--help", "-h"} & set(asked):
        return asked
    return ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *asked]


def manage(asked: argparse.Namespace) -> int:
    """On the services of a demo that is running, or else on the same ones, started for this command."""
    from flux import embedded, processes

    var = VAR / "demo"
    with contextlib.ExitStack() as stack:
        services = embedded.running(var) or stack.enter_context(embedded.services(var))
        database_url, redis_url = embedded.named()
        meant = embedded.Services(database_url or services.database_url, redis_url or services.redis_url)
        return processes.foreground([sys.executable, "manage.py", *asked.rest], env=demo_environ(meant), cwd=ROOT)


def demo_environ(services: Services) -> dict[str, str]:
    return {"FLUX_DEMO": "1"} | services.environ()


def bench(asked: argparse.Namespace) -> int:
    """On a database of its own with the demo's settings, so that figures mean what a user would see."""
    from flux import processes

    with free_services("bench", fsync=True) as services:
        env = demo_environ(services)
        migrate = [sys.executable, "manage.py", "migrate_restaurants", "--verbosity", "0"]
        failed = processes.foreground(migrate, env=env, cwd=ROOT)
        return failed or processes.foreground([sys.executable, "-m", "flux.bench", *asked.rest], env=env, cwd=ROOT)


@contextlib.contextmanager
def free_services(name: str, *, fsync: bool) -> Iterator[Services]:
    """Services in the first var directory of that name that nobody uses, so that several runs go side by side."""
    from flux import embedded

    for number in itertools.count(1):
        with contextlib.ExitStack() as stack:
            try:
                services = stack.enter_context(embedded.services(VAR / f"{name}-{number}", fsync=fsync))
            except embedded.InUse:
                continue
            yield services
            return


def check(asked: argparse.Namespace) -> int:
    """Run every check, also after one has failed; a line each, and the output of those that fail."""
    from concurrent.futures import ThreadPoolExecutor

    with free_services("check", fsync=False) as services, ThreadPoolExecutor(2) as pool:
        env = demo_environ(services)
        outcomes = {name: pool.submit(run_check, command, env) for name, command in check_commands().items()}
        for name, outcome in outcomes.items():
            passed, output, seconds = outcome.result()
            say(f"{'passed' if passed else 'FAILED'}  {name} ({seconds:.1f} s){output}")
    return 0 if all(outcome.result()[0] for outcome in outcomes.values()) else 1


def check_commands() -> dict[str, list[str | Path]]:
    python = sys.executable
    return {
        "types": [python, "-m", "mypy", "."],
        "locks": [python, "-m", "flux.locks"],
        "formatter": [python, "-m", "ruff", "format", "--check", "."],
        "linter": [python, "-m", "ruff", "check", "."],
        "import contract": [Path(sys.prefix) / "bin" / "lint-imports"],
        "migrations": [python, "manage.py", "makemigrations", "--check", "--dry-run"],
        "additive migrations": [python, "manage.py", "lint_migrations"],
        "template": [python, "manage.py", "render_template", "--check"],
    }


def run_check(command: list[str | Path], env: dict[str, str]) -> tuple[bool, str, float]:
    """Whether it passed, what it said if that matters, and the seconds that it took."""
    began = time.monotonic()
    answer = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    said = answer.stdout + answer.stderr if answer.returncode != 0 else answer.stderr
    return answer.returncode == 0, textwrap.indent(f"\n{said.strip()}", "    ").rstrip(), time.monotonic() - began


def lock(asked: argparse.Namespace) -> int:
    from flux import locks

    for name in locks.EXTRAS:
        say(f"Compiling {name}")
        try:
            locks.compile_lock(ROOT, name, ROOT / name)
        except (ValueError, locks.Unreachable) as error:
            sys.exit(str(error))
    return 0


def demo(asked: argparse.Namespace) -> int:
    from flux import devserver

    return devserver.demo(VAR / "demo", once=asked.once, fresh=asked.fresh, port=asked.port)


COMMANDS = {"demo": demo, "test": test, "bench": bench, "check": check, "manage": manage, "lock": lock}


if __name__ == "__main__":
    if sys.platform == "win32":
        sys.exit("Flux runs on Linux and macOS; on Windows, in its Subsystem for Linux.")
    if RUNNING not in SUPPORTED:
        sys.exit(f"Flux runs on Python {', '.join(SUPPORTED)}; this is {RUNNING}. Try: python{SUPPORTED[-1]} dev.py")
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # while installing; later on, carry_out handles it
        sys.exit(130)
