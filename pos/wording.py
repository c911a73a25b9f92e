"""What the report on a file says, in a manager's words."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pos.providers import csv

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ORDERS_OF_DATES = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}
KINDS = {csv.ORDERS: "by order number", csv.TIMES: "by time, one order per moment", csv.DAYS: "a product mix by date"}


def describe(report: Mapping[str, Any]) -> dict[str, Any]:
    """The sentences of the file's page; a report on an unreadable file has few of them."""
    found: dict[str, Any] = {"delimiter": DELIMITERS.get(report.get("delimiter", ""), report.get("delimiter"))}
    if "rows" not in report:
        return found
    return found | {
        "accepted": f"{report['accepted']:,} can be imported, {_kind(report)}",
        "refused": f"{report['voided']:,} more are voided" if report["voided"] else "",
        "dates": _range(report),
        "units": Decimal(report["units"]),
        "returns": f"{report['returns']:,} rows are returns" if report["returns"] else "",
        "date_order": f"Dates are read {ORDERS_OF_DATES[report['date_order']]}: {_range(report)}.",
        "kept": [
            f"{_range(kept)}: {_days_count(kept['days'])} from {kept['source']}, until you change that."
            for kept in report["kept"]
        ],
    }


def _kind(report: Mapping[str, Any]) -> str:
    return KINDS[report["kind"]] + (", which begins anew each day" if report["order_numbers_restart"] else "")


def _range(report: Mapping[str, Any]) -> str:
    if not report["first_on"]:
        return ""
    first, last = (date.fromisoformat(report[name]) for name in ("first_on", "last_on"))
    return _day(first) if first == last else f"{_day(first)} – {_day(last)}"


def _days_count(days: int) -> str:
    return "1 day counts" if days == 1 else f"{days:,} days count"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
