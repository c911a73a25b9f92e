"""`bench forecast [--file F]`: the forecast against the same-weekday mean, on days that are already known.

Every two weeks the forecast of the next 14 days is made from what was known then, and days 1 to 7 are scored against
what was sold: items that sold in the four weeks before, on days when the restaurant was open. `--file` is a CSV of
date, item, quantity (gzip or not), where a date without rows was closed; without it the demo bistro's sales are used.
"""

import argparse
import csv
import gzip
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from forecasting.panel import Panel

STEP_DAYS, HORIZON_DAYS, SCORED_DAYS, ACTIVE_DAYS, WEEKS = 14, 14, 7, 28, 4
HOLIDAY_YEARS = 4
DEMO_JOINED_ON = date(2026, 11, 22)

Row = tuple[date, str, float]


@dataclass(frozen=True)
class Judged:
    """What was said of the scored item-days of one cutoff, (n,) each, and what it took."""

    sold: "np.ndarray"
    mean: "np.ndarray"
    usual: "np.ndarray"
    quantiles: "np.ndarray"  # (n, 6)
    confidence: "np.ndarray"
    cpu_seconds: float


def run(argv: list[str]) -> dict[str, float]:
    """Score the last cutoffs of the sales; print a table and return the figures."""
    parser = argparse.ArgumentParser(prog="bench forecast")
    parser.add_argument("--file", type=Path, help="sales: date,item,quantity")
    parser.add_argument("--country", default="FR", help="for public holidays")
    parser.add_argument("--subdiv", default="")
    parser.add_argument("--cutoffs", type=int, default=4)
    asked = parser.parse_args(argv)
    rows = list(read(asked.file) if asked.file else demo_sales())
    last = max(row[0] for row in rows) - timedelta(days=HORIZON_DAYS)
    cutoffs = [last - timedelta(days=STEP_DAYS * back) for back in reversed(range(asked.cutoffs))]
    figures = total([judge(rows, cutoff, asked.country, asked.subdiv) for cutoff in cutoffs])
    tell(figures, cutoffs)
    return figures


def read(path: Path) -> Iterator[Row]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")
    for row in csv.DictReader(io.StringIO(text)):
        yield date.fromisoformat(row["date"]), row["item"], float(row["quantity"])


def demo_sales() -> Iterator[Row]:
    from flux.demo import bistro, trade

    sales = trade.Trade(bistro.read(), joined_on=DEMO_JOINED_ON)
    for line in sales.between(sales.first_on, DEMO_JOINED_ON - timedelta(days=1)):
        yield line.business_date, line.item, float(line.quantity)


def judge(rows: list[Row], cutoff: date, country: str, subdivision: str) -> Judged:
    """Forecast from `cutoff` with nothing later in sight, then look."""
    import numpy as np

    from forecasting import engine, panel
    from forecasting.almanac import public_holidays

    began = time.process_time()
    known = panel.build((row for row in rows if row[0] <= cutoff), until=cutoff)
    holidays = public_holidays(country, subdivision, range(cutoff.year - HOLIDAY_YEARS, cutoff.year + 2))
    outlook = engine.forecast(known, horizon_days=HORIZON_DAYS, holidays=holidays)
    seconds = time.process_time() - began
    truth = panel.build(rows, until=cutoff + timedelta(days=SCORED_DAYS), items=known.items)
    scored = truth.is_open[-SCORED_DAYS:, None] & np.any(known.sold[-ACTIVE_DAYS:] > 0, axis=0, keepdims=True)
    usual = np.stack([same_weekday_mean(known, weekday) for weekday in panel.weekday(outlook.days[:SCORED_DAYS])])
    return Judged(
        sold=truth.sold[-SCORED_DAYS:, : len(known.items)][scored],
        mean=outlook.mean[:SCORED_DAYS][scored],
        usual=usual[scored],
        quantiles=outlook.quantiles[:SCORED_DAYS][scored],
        confidence=outlook.confidence[:SCORED_DAYS][scored],
        cpu_seconds=seconds,
    )


def same_weekday_mean(known: "Panel", weekday: int) -> "np.ndarray":
    """Mean of the last four open days of that weekday, from each item's first sale on; computed here independently."""
    import numpy as np

    born = (known.sold > 0).cumsum(axis=0) > 0
    rows = known.is_open & (known.weekdays == weekday)
    last = np.where(born[rows], known.sold[rows], np.nan)[-WEEKS:]
    counts = np.maximum((~np.isnan(last)).sum(axis=0), 1)
    return np.nansum(last, axis=0) / counts


def total(parts: list[Judged]) -> dict[str, float]:
    """The figures over all cutoffs."""
    import numpy as np

    from forecasting import backtest
    from forecasting.intervals import CLOSE_SHARE, CLOSE_UNITS, QUANTILES

    def every(name: str) -> "np.ndarray":
        return np.concatenate([getattr(part, name) for part in parts])

    sold, mean, usual, quantiles = every("sold"), every("mean"), every("usual"), every("quantiles")
    close = np.abs(sold - mean) <= np.maximum(CLOSE_UNITS, CLOSE_SHARE * mean)
    return {
        "wape": round(float(np.abs(sold - mean).sum() / sold.sum()), 4),
        "same_weekday_wape": round(float(np.abs(sold - usual).sum() / sold.sum()), 4),
        "bias": round(float((mean - sold).sum() / sold.sum()), 4),
        "pinball": round(backtest.pinball(quantiles, QUANTILES, sold), 4),
        "coverage_80": round(backtest.coverage(quantiles[:, 0], quantiles[:, 4], sold) or 0.0, 4),
        "confidence": round(float(every("confidence").mean()), 4),
        "close": round(float(close.mean()), 4),
        "cpu_seconds": round(sum(part.cpu_seconds for part in parts) / len(parts), 2),
        "item_days": len(sold),
    }


def tell(figures: dict[str, float], cutoffs: list[date]) -> None:
    """The table that people read."""
    print(f"{len(cutoffs)} cutoffs, {cutoffs[0]} to {cutoffs[-1]}; days 1 to {SCORED_DAYS} of each")
    print(f"{figures['item_days']:,} forecasts of an item and day")
    for label, value in (
        ("error (WAPE) of the forecast", figures["wape"]),
        ("error (WAPE) of the same-weekday mean", figures["same_weekday_wape"]),
        ("bias: forecast too high (+) or low (−)", figures["bias"]),
        ("pinball loss over the quantiles", figures["pinball"]),
        ("sales inside the 80 % range", figures["coverage_80"]),
        ("confidence claimed", figures["confidence"]),
        ("forecasts that came close (±20 %, ±2 units)", figures["close"]),
    ):
        print(f"  {label:<45} {value:7.3f}")
    print(f"  {'CPU seconds for one restaurant, one cutoff':<45} {figures['cpu_seconds']:7.2f}")
