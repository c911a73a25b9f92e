"""python -m forecasting: a forecast from files, without a database.

The history is a CSV with the columns date, item, quantity: units sold, a return below 0; rows of one day and item add
up, and a date without any row is a closed day. Rows later than the cutoff are ignored, and so are those that are older
than the engine looks back. The answer has one row per day and item: mean and quantiles, in units. An item that has not
been sold up to the cutoff gets 0 and a warning. What cannot be read is named by file, row, field and value; then, the
command ends with 2 and leaves no output behind.
"""

import argparse
import csv
import math
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO

from forecasting import engine
from forecasting.arithmetic.almanac import public_holidays
from forecasting.engine import panel
from forecasting.engine.features import YEAR_DAYS
from forecasting.engine.intervals import QUANTILES

COLUMNS = ("date", "item", "mean", *(f"q{round(100 * q)}" for q in QUANTILES))
HOLIDAY_YEARS = 4
MOST_UNITS = 1_000_000  # of one item on one day
UNUSABLE = 2  # exit code


class Unusable(Exception):
    """Input that no forecast can be made from; the text names file, row, field and value."""


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    try:
        _forecast(args)
    except Unusable as problem:
        _warn(str(problem))
        raise SystemExit(UNUSABLE) from None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the options; argparse ends with 2 where they cannot be."""
    parser = argparse.ArgumentParser(prog="python -m forecasting", description=__doc__)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--cutoff", type=_day, required=True, help="last day whose sales are known")
    parser.add_argument("--horizon", type=_horizon, required=True, help=f"days to forecast, 1 to {YEAR_DAYS}")
    parser.add_argument("--items", type=Path, help="CSV with a column item; by default every item of the history")
    parser.add_argument("--country", default="", help="for public holidays: ISO code, such as FR")
    parser.add_argument("--subdiv", default="", help="its subdivision, such as ENG")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args(argv)


def _day(text: str) -> date:
    """A date with room for a year before it and one after it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is not a date such as 2026-11-22.") from None
    if not 1900 <= day.year <= 2200:
        raise argparse.ArgumentTypeError(f"“{text}” is not in the years 1900 to 2200.")
    return day


def _horizon(text: str) -> int:
    if not (text.isdecimal() and len(text) < 10 and 1 <= int(text) <= YEAR_DAYS):
        raise argparse.ArgumentTypeError(f"“{text}” is not a whole number of days from 1 to {YEAR_DAYS}.")
    return int(text)


def _forecast(args: argparse.Namespace) -> None:
    items = read_items(args.items) if args.items else []
    sales = panel.build(read_history(args.history, until=args.cutoff), until=args.cutoff, items=items)
    if not sales.sold.any():
        raise Unusable(
            f"{args.history} has no sales in the {engine.MEMORY_DAYS} days up to {args.cutoff}: "
            "there is nothing to forecast from."
        )
    outlook = engine.forecast(sales, horizon_days=args.horizon, holidays=_holidays(args))
    wanted = items or [str(item) for item in sales.items]
    for item in sorted(set(wanted) & _never_sold(sales)):
        _warn(f"{item} was not sold up to {args.cutoff}: its forecast is 0.")
    write(outlook, wanted, args.output)


def _never_sold(sales: panel.Panel) -> set[str]:
    return {str(item) for i, item in enumerate(sales.items) if not sales.sold[:, i].any()}


def _holidays(args: argparse.Namespace) -> Collection[date]:
    years = range(args.cutoff.year - HOLIDAY_YEARS, args.cutoff.year + 2)
    found = public_holidays(args.country, args.subdiv, years) if args.country else {}
    if args.country and not found:
        _warn(f"the public holidays of {args.country} are not known: none are used.")
    return found


def _warn(text: str) -> None:
    sys.stderr.write(f"python -m forecasting: {text}\n")


def read_history(path: Path, *, until: date) -> Iterator[tuple[date, str, float]]:
    """The rows that a forecast made at the end of `until` rests on. Raises Unusable."""
    since = until - timedelta(days=engine.MEMORY_DAYS - 1)
    for place, row in _rows(path, ("date", "item", "quantity")):
        day = _history_day(row["date"], place)
        if since <= day <= until:
            yield day, _name(row["item"], place), _units(row["quantity"], place)


def last_day(path: Path) -> date:
    """The last date of the file. Raises Unusable."""
    days = [_history_day(row["date"], place) for place, row in _rows(path, ("date", "item", "quantity"))]
    if not days:
        raise Unusable(f"{path} has no rows.")
    return max(days)


def read_items(path: Path) -> list[str]:
    """The names in the file, each once, in their order. Raises Unusable."""
    names = list(dict.fromkeys(_name(row["item"], place) for place, row in _rows(path, ("item",))))
    if not names:
        raise Unusable(f"{path} names no item.")
    return names


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(where it stands, its fields) of each row; a field that is cut off is empty."""
    with _readable(path) as file:
        reader = csv.DictReader(file, restval="")
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise Unusable(f"{path} has no column {' and no column '.join(missing)} in its first row.")
        for row in reader:
            yield f"{path}, row {reader.line_num}", row


@contextmanager
def _readable(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield file
    except OSError as problem:
        raise Unusable(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path} is not text in UTF-8.") from None
    except csv.Error as problem:
        raise Unusable(f"{path} is not a CSV file: {problem}.") from None


def _history_day(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Unusable(f"{place}: date “{text}” is not a date such as 2026-11-22.") from None


def _name(text: str, place: str) -> str:
    if not text.strip():
        raise Unusable(f"{place}: item is empty.")
    return text


def _units(text: str, place: str) -> float:
    try:
        units = float(text)
    except ValueError:
        units = math.nan
    if not math.isfinite(units):
        raise Unusable(f"{place}: quantity “{text}” is not a number.")
    if abs(units) > MOST_UNITS:
        raise Unusable(f"{place}: quantity “{text}” is more than the {MOST_UNITS:,} of an item that a day can sell.")
    return units


def write(outlook: engine.Outlook, wanted: Sequence[str], path: Path) -> None:
    """Write the answer, whole or not at all. Raises Unusable."""
    column = {item: i for i, item in enumerate(outlook.items)}
    with _replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for d, day in enumerate(outlook.days):
            for item in wanted:
                i = column[item]
                numbers = (outlook.mean[d, i], *outlook.quantiles[d, i])
                writer.writerow([day, item, *(f"{number:.4f}" for number in numbers)])


@contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """A file beside `path` that takes its place once all has been written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            yield file
        draft.replace(path)
    except OSError as problem:
        raise Unusable(f"{path} cannot be written: {problem.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
