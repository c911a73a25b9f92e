"""The commands that forecast for the benchmark: Flux's own, and other forecasters' in an environment of their own.

That environment holds exactly what `peers/requirements.txt` pins by hash, and is none of the product's dependencies.
What the others said when they were last measured is kept in `peers/measured.json`, by set of sales and its digest.
"""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from flux.bench._judging import COLUMNS, HORIZON_DAYS, Array, Sales

HERE = Path(__file__).resolve().parent / "peers"
ROOT = HERE.parents[2]
LOCK, MEASURED = HERE / "requirements.txt", HERE / "measured.json"
METHODS = {
    "auto_ets": "AutoETS",
    "prophet": "Prophet",
    "lightgbm": "LightGBM",
    "croston_sba": "Croston SBA",
    "tsb": "TSB",
}
ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"], "1")
MB = 1_000_000

Said = dict[tuple[date, str], Array]
Measured = dict[str, dict[str, float]]


class NoEnvironment(Exception):
    """The rivals' packages cannot be installed here."""


@dataclass(frozen=True)
class Answer:
    """What a command said, and what that took: CPU seconds of start and forecast, largest memory."""

    said: Said
    cpu_seconds: float
    start_seconds: float
    megabytes: float


def flux() -> list[str]:
    """The product's command line, in this environment."""
    return [sys.executable, "-m", "forecasting"]


def rivals(folder: Path) -> dict[str, list[str]]:
    """A command for each rival, in an environment that is made in `folder`. Raises NoEnvironment."""
    uv, python = Path(sys.prefix) / "bin" / "uv", folder / "bin" / "python"
    quiet = {"env": {"UV_SYSTEM_CERTS": "1"} | os.environ, "stdout": subprocess.DEVNULL}
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", folder],
        [uv, "pip", "install", "--quiet", "--require-hashes", "-r", LOCK, "--python", python],
    ):
        if subprocess.run(command, check=False, **quiet).returncode != 0:  # type: ignore[call-overload]
            raise NoEnvironment("The other forecasters' packages cannot be installed: see above. Is there a network?")
    return {method: [str(python), str(HERE / "rival.py"), method] for method in METHODS}


def ask(command: list[str], sales: Sales, cutoff: date) -> Answer:
    """Let `command` forecast from files that hold nothing later than `cutoff`; one thread, a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "history.csv", ("date", "item", "quantity"), (row for row in sales.rows if row[0] <= cutoff))
        _write(folder / "items.csv", ("item",), ([sales.items[column]] for column in sales.active(cutoff)))
        asked = {
            "history": folder / "history.csv",
            "cutoff": cutoff,
            "horizon": HORIZON_DAYS,
            "items": folder / "items.csv",
            "country": sales.country,
            "output": folder / "forecast.csv",
        }
        arguments = [f"--{key}={value}" for key, value in asked.items()]
        with (folder / "said.txt").open("w+") as output:
            process = subprocess.Popen([*command, *arguments], stdout=output, cwd=ROOT, env=os.environ | ONE_THREAD)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            start = re.search(r"^([\d.]+)\s*\Z", output.read(), re.M)
        if process.returncode != 0:
            raise RuntimeError(f"{command} failed at {cutoff}: its words are above.")
        return Answer(
            said=_read(folder / "forecast.csv"),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            start_seconds=float(start[1]) if start else 0.0,
            megabytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MB,
        )


def start_of_flux() -> float:
    """CPU seconds of an engine that starts, loads its libraries and is given nothing to do."""
    loads = "import forecasting.__main__, sklearn.ensemble, scipy.stats, holidays"
    process = subprocess.Popen([sys.executable, "-c", loads], cwd=ROOT, env=os.environ | ONE_THREAD)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _write(path: Path, header: tuple[str, ...], rows: Iterable[Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _read(path: Path) -> Said:
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (date.fromisoformat(row["date"]), row["item"]): np.array([float(row[name] or "nan") for name in COLUMNS])
            for row in csv.DictReader(file)
        }


def digest(sales: Sales) -> str:
    """What tells whether stored figures are of these very sales."""
    text = "".join(f"{day},{item},{units:g}\n" for day, item, units in sales.rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stored(sales: Sales, every: int) -> Measured:
    """The figures by method as they were measured last; none where they were never measured on these sales."""
    kept = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    found = kept.get(sales.name, {})
    return found.get(f"every_{every}", {}) if found.get("digest") == digest(sales) else {}


def store(sales: Sales, every: int, measured: Measured) -> None:
    """Keep the figures; those of other sales under the same name are dropped."""
    kept = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    if kept.get(sales.name, {}).get("digest") != digest(sales):
        kept[sales.name] = {"digest": digest(sales)}
    kept[sales.name][f"every_{every}"] = measured
    MEASURED.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
