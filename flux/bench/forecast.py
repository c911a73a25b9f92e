"""`bench forecast [--data D] [--every 1|2] [--peers]`: the forecast beside what others say, on days already known.

`--data` holds a folder per restaurant with a `daily.csv.gz` of date, item, quantity, where a date without rows was
closed; without it, or where it is not there, the demo bistro's sales are used, which Flux made itself. Eight weekly
cutoffs, or every second one; days 1 to 7 of each are scored (`_judging.py` has the rules). Flux is called by its
command line, a process for each cutoff, with nothing later in sight. `--peers` calls the others likewise, in an
environment made for the run; without it their figures are those of the last time, kept beside their script.
"""

import argparse
import csv
import gzip
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from math import exp, log
from pathlib import Path
from typing import Any

from flux.bench import _judging, _rivals
from flux.bench._judging import Row, Sales
from flux.bench._rivals import Answer, Measured

# Public daily sales that the product does not hold, by folder: the country of their holidays, and their last day.
SETS = {
    "french_bakery": ("FR", date(2022, 9, 30)),
    "london_takeaway": ("GB", date(2019, 8, 3)),
    "pizza_place": ("US", date(2015, 12, 31)),
    "edinburgh_bakery": ("GB", date(2017, 4, 9)),
}
DEMO, DEMO_JOINED_ON = "demo_bistro", date(2026, 11, 22)
WEEKDAY = {"weekday_4": 4, "weekday_8": 8}
RATIOS = {
    "ets": "auto_ets",
    "prophet": "prophet",
    "lightgbm": "lightgbm",
    "weekday4": "weekday_4",
    "weekday8": "weekday_8",
}
LABELS = {"flux": "Flux", "weekday_4": "weekday, 4 weeks", "weekday_8": "weekday, 8 weeks"} | _rivals.METHODS
COMPARED = ("wape", "pinball")
HEADER = """| method | WAPE | pinball | week | bias | in range | at most q90 | CPU s |
|---|---|---|---|---|---|---|---|"""


def run(argv: list[str]) -> dict[str, Any]:
    """Score Flux and the others on every set; print a table for each and return the figures."""
    parser = argparse.ArgumentParser(prog="bench forecast")
    parser.add_argument("--data", type=Path, help="folders of daily.csv.gz; the demo bistro's sales without it")
    parser.add_argument("--sets", default=",".join(SETS), help="some of the folders, parted by commas")
    parser.add_argument("--every", type=int, choices=(1, 2), default=2, help="every k-th of eight weekly cutoffs")
    parser.add_argument("--peers", action="store_true", help="measure the others now, in an environment of their own")
    parser.add_argument("--methods", default=",".join(_rivals.METHODS), help="which of them")
    parser.add_argument("--keep", action="store_true", help="keep what --peers measures for the runs without it")
    asked = parser.parse_args(argv)
    start = _rivals.start_of_flux()
    with tempfile.TemporaryDirectory(prefix="flux-peers-") as folder:
        commands = _rivals.rivals(Path(folder)) if asked.peers else {}
        wanted = {method: commands[method] for method in asked.methods.split(",") if commands}
        found = {
            sales.name: measure(sales, asked.every, start, wanted, keep=asked.keep)
            for sales in chosen(asked.data, asked.sets.split(","))
        }
    figures = {
        "every": asked.every,
        "peers": "measured now" if asked.peers else "as measured last",
        "sets": {name: of_set["flux"] for name, of_set in found.items()},
    } | ratios(found)
    tell(found, figures)
    return figures


def chosen(data: Path | None, names: list[str]) -> Iterator[Sales]:
    """The sets that are there; the demo bistro's sales where none is."""
    files = {name: data / name / "daily.csv.gz" for name in names} if data else {}
    there = [name for name, file in files.items() if file.exists()]
    for name in there:
        country, until = SETS[name]
        yield Sales.of(name, country, [row for row in read(files[name]) if row[0] <= until])
    if missing := sorted(set(files) - set(there)):
        print(f"Not in {data}, so left out: {', '.join(missing)}")
    if not there:
        print("No real sales here: the demo bistro's, which Flux made itself and which prove little.")
        yield Sales.of(DEMO, "FR", list(demo_sales()))


def read(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield date.fromisoformat(row["date"]), row["item"], float(row["quantity"])


def demo_sales() -> Iterator[Row]:
    from flux.demo import bistro, trade

    sales = trade.Trade(bistro.read(), joined_on=DEMO_JOINED_ON)
    for line in sales.between(sales.first_on, DEMO_JOINED_ON - timedelta(days=1)):
        yield line.business_date, line.item, float(line.quantity)


def measure(sales: Sales, every: int, start: float, commands: dict[str, list[str]], *, keep: bool) -> Measured:
    """The figures of every method on one set."""
    cutoffs = sales.cutoffs(every)
    found = {"flux": scored(sales, cutoffs, _rivals.flux(), start=start)}
    for name, weeks in WEEKDAY.items():
        parts = [_judging.judge(sales, on, _judging.same_weekday(sales, on, weeks)) for on in cutoffs]
        found[name] = _judging.figures(parts)
    others = _rivals.stored(sales, every)
    if not others and not commands:
        print(f"{sales.name}: the others were not measured on these very sales; --peers does that.")
    for method, command in commands.items():
        others[method] = scored(sales, cutoffs, command)
        print(f"{sales.name}: {LABELS[method]} {others[method]}", flush=True)
        if keep:
            _rivals.store(sales, every, others)
    return found | others


def scored(sales: Sales, cutoffs: list[date], command: list[str], *, start: float | None = None) -> dict[str, float]:
    """What a command's answers are worth, and its CPU seconds for one cutoff, with its start and without.

    Flux's `start` was measured apart. The others tell theirs; an item that they leave out for its short history gets
    the same-weekday mean of four weeks, since somebody has to decide.
    """
    answers = {cutoff: _rivals.ask(command, sales, cutoff) for cutoff in cutoffs}
    parts = [
        _judging.judge(sales, cutoff, answer.said | ({} if start else left_out(sales, cutoff, answer)))
        for cutoff, answer in answers.items()
    ]
    starts = sum(answer.start_seconds if start is None else start for answer in answers.values())
    whole = sum(answer.cpu_seconds for answer in answers.values())
    return _judging.figures(parts) | {
        "cpu_s": round((whole - starts) / len(cutoffs), 2),
        "cpu_with_start_s": round(whole / len(cutoffs), 2),
        "mb": round(max(answer.megabytes for answer in answers.values())),
        "item_days": sum(len(part.sold) for part in parts),
    }


def left_out(sales: Sales, cutoff: date, answer: Answer) -> _rivals.Said:
    """The same-weekday mean for what the answer does not speak of."""
    usual = _judging.same_weekday(sales, cutoff, 4)
    return {key: usual[key] for key in usual.keys() - answer.said.keys()}


def ratios(found: dict[str, Measured]) -> dict[str, float]:
    """Geometric means over the sets of Flux ÷ another, for those that were measured on every set."""
    figures = {}
    for measure_name in COMPARED:
        for name, method in RATIOS.items():
            if all(method in of_set for of_set in found.values()):
                logs = [log(s["flux"][measure_name] / s[method][measure_name]) for s in found.values()]
                figures[f"geomean_{measure_name}_vs_{name}"] = round(exp(sum(logs) / len(logs)), 4)
    return figures


def tell(found: dict[str, Measured], figures: dict[str, Any]) -> None:
    """The tables that people read, as they stand in docs/benchmarks.md."""
    print(f"every {figures['every']}; the others {figures['peers']}; ranges: share of sales within 10–90 %, all / busy")
    for name, of_set in found.items():
        print(f"\n### {name}\n")
        print(HEADER)
        for method in [method for method in LABELS if method in of_set]:
            print(row_of(LABELS[method], of_set[method]))
    print("\nGeometric means over the sets of Flux ÷ the other; below 1 Flux is better\n")
    for name in [name for name in figures if name.startswith("geomean")]:
        print(f"  {name:<32} {figures[name]:.3f}")


def row_of(label: str, of: dict[str, float]) -> str:
    numbers = " | ".join(f"{of[name]:.3f}" for name in ("wape", "pinball", "week"))
    covered = f"{of['coverage']:.2f} / {of['coverage_busy']:.2f}"
    cpu = f"{of['cpu_s']:.1f}" if "cpu_s" in of else "–"
    return f"| {label} | {numbers} | {of['bias']:+.3f} | {covered} | {of['at_or_below_q90']:.2f} | {cpu} |"
