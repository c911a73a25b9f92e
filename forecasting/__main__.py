"""python -m forecasting: a forecast from files, without a database.

The history is a CSV with columns date, item, quantity; a date without any row is a closed day. Rows later than the
cutoff are ignored. The answer has one row per day and item: mean, quantiles, confidence.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from forecasting import engine, panel
from forecasting.almanac import public_holidays
from forecasting.intervals import QUANTILES

COLUMNS = ("date", "item", "mean", *(f"q{round(100 * q)}" for q in QUANTILES), "confidence")
HOLIDAY_YEARS = 4


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m forecasting", description=__doc__)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--cutoff", type=date.fromisoformat, required=True, help="last day whose sales are known")
    parser.add_argument("--horizon", type=int, required=True, help="days to forecast")
    parser.add_argument("--items", type=Path, help="CSV with a column item; by default every item of the history")
    parser.add_argument("--country", default="", help="for public holidays: ISO code, such as FR")
    parser.add_argument("--subdiv", default="", help="its subdivision, such as ENG")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args(argv)


def read_history(path: Path) -> Iterator[tuple[date, str, float]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield date.fromisoformat(row["date"]), row["item"], float(row["quantity"])


def read_items(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [row["item"] for row in csv.DictReader(file)]


def write(outlook: engine.Outlook, wanted: Sequence[str], path: Path) -> None:
    column = {item: i for i, item in enumerate(outlook.items)}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for d, day in enumerate(outlook.days):
            for item in wanted:
                i = column[item]
                numbers = (outlook.mean[d, i], *outlook.quantiles[d, i], outlook.confidence[d, i])
                writer.writerow([day, item, *(f"{number:.4f}" for number in numbers)])


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    items = read_items(args.items) if args.items else []
    sales = panel.build(read_history(args.history), until=args.cutoff, items=items)
    years = range(args.cutoff.year - HOLIDAY_YEARS, args.cutoff.year + 2)
    holidays = public_holidays(args.country, args.subdiv, years) if args.country else {}
    outlook = engine.forecast(sales, horizon_days=args.horizon, holidays=holidays)
    write(outlook, items or [str(item) for item in sales.items], args.output)


if __name__ == "__main__":
    main()
