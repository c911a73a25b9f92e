"""What a trial on hidden weeks says: how far each method was off, and which dishes are better served by the plain mean.

Errors are WAPE: Σ|sold − forecast| / Σ sold, per item and day.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecasting.engine import backtest
from forecasting.engine.intervals import QUANTILES
from forecasting.engine.panel import Array
from forecasting.engine.trial import Hidden

TOP_ITEMS = 20
FLUX, SAME_WEEKDAY, TRIMMED = "flux", "same_weekday", "trimmed"
_TOLERATED = 0.02  # more error than the same-weekday mean has, on the whole
_WORTH_IT = 0.05  # less error, for an item to be given the mean
_FALSE_SHARE = 0.10  # of the items given the mean, those for which that may be chance
_MIN_DAYS = 10  # an item with fewer scored days stays with Flux
_LOW, _HIGH = QUANTILES.index(0.1), QUANTILES.index(0.9)


def report(hidden: Hidden) -> dict[str, Any]:
    """The trial as JSON values: scores of all and of the 20 items sold most, every item, and the days as they went.

    An item's `off` is units off by method; `days` of the series are the hidden ones, with null where closed.
    """
    order = _by_units(hidden)
    top = order[:TOP_ITEMS]
    plain = [] if falls_back(hidden) else better_with_mean(hidden)
    return {
        "weeks": len(hidden.methods),
        "methods": list(hidden.methods),
        "open_days": int(hidden.is_open.sum()),
        "all": scores(hidden, order),
        "top": scores(hidden, top),
        "items": [_item(hidden, i) for i in order],
        "falls_back": falls_back(hidden),
        "baseline_items": [str(hidden.items[i]) for i in plain],
        "days": _days(hidden, top),
    }


def scores(hidden: Hidden, items: Sequence[int]) -> dict[str, Any] | None:
    """WAPE, bias, weekly WAPE by method of these items, and of Flux coverage and pinball loss; None if none was sold.

    `trimmed` is None where it lacks eight weeks of sales before one of the hidden weeks.
    """
    chosen = np.zeros_like(hidden.scored)
    chosen[:, list(items)] = hidden.scored[:, list(items)]
    sold = hidden.sold[chosen]
    if not sold.sum():
        return None
    bands = hidden.quantiles[chosen]
    flux = _method(hidden, hidden.mean, chosen)
    flux["coverage_80"] = _rounded(backtest.coverage(bands[:, _LOW], bands[:, _HIGH], sold))
    flux["pinball"] = _rounded(backtest.pinball(bands, QUANTILES, sold))
    has_trimmed = not np.isnan(hidden.trimmed[chosen]).any()
    return {
        "items": int(chosen.any(axis=0).sum()),
        "item_days": int(chosen.sum()),
        "units": round(float(sold.sum()), 3),
        FLUX: flux,
        SAME_WEEKDAY: _method(hidden, hidden.same_weekday, chosen),
        TRIMMED: _method(hidden, hidden.trimmed, chosen) if has_trimmed else None,
    }


def falls_back(hidden: Hidden) -> bool:
    """Whether Flux had more error on the whole than the same-weekday mean, by over 2 %: then every item gets that."""
    flux, usual = (np.abs(hidden.sold - mean)[hidden.scored].sum() for mean in (hidden.mean, hidden.same_weekday))
    return bool(flux > (1 + _TOLERATED) * usual)


def better_with_mean(hidden: Hidden) -> list[int]:
    """The items for which the same-weekday mean is clearly better: 5 % less error at least, and not by chance.

    Chance is judged by a one-sided paired t-test of the daily absolute errors. Among many items some look worse by
    chance alone, so the tests are taken together as Benjamini and Hochberg (1995) do: of the items chosen, one in ten
    may be expected to be chosen wrongly.
    """
    chances = np.array([_chance(hidden, i) for i in range(len(hidden.items))])
    tested = np.flatnonzero(~np.isnan(chances))
    ranked = tested[np.argsort(chances[tested], kind="stable")]
    passes = np.flatnonzero(chances[ranked] <= _FALSE_SHARE * np.arange(1, len(ranked) + 1) / max(len(ranked), 1))
    convincing = ranked[: passes[-1] + 1] if passes.size else ranked[:0]
    return sorted(int(i) for i in convincing if _less_error_with_mean(hidden, i) >= _WORTH_IT)


def _chance(hidden: Hidden, item: int) -> float:
    """Probability that the mean looks so much better than Flux where they are equally good; NaN with too few days."""
    from scipy.special import stdtr

    days = hidden.scored[:, item]
    sold, flux, usual = (values[days, item] for values in (hidden.sold, hidden.mean, hidden.same_weekday))
    gain = np.abs(sold - flux) - np.abs(sold - usual)
    if len(gain) < _MIN_DAYS or not gain.std():
        return float("nan")
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return float(stdtr(len(gain) - 1, -gain.mean() / error))


def _less_error_with_mean(hidden: Hidden, item: int) -> float:
    """Share of Flux's error that the mean would have spared."""
    flux = _off(hidden, hidden.mean, item)
    return 1 - _off(hidden, hidden.same_weekday, item) / flux if flux else 0.0


def _off(hidden: Hidden, mean: Array, item: int) -> float:
    """Units off on the item's scored days."""
    days = hidden.scored[:, item]
    return float(np.abs(hidden.sold[days, item] - mean[days, item]).sum())


def _by_units(hidden: Hidden) -> list[int]:
    """Items that were scored, those with most units first."""
    units = (hidden.sold * hidden.scored).sum(axis=0)
    order = np.argsort(-units, kind="stable")
    return [int(i) for i in order if hidden.scored[:, i].any()]


def _method(hidden: Hidden, mean: Array, chosen: Array) -> dict[str, Any]:
    """Of item-days with sales."""
    sold = hidden.sold[chosen]
    gap = mean[chosen] - sold
    return {
        "wape": _rounded(np.abs(gap).sum() / sold.sum()),
        "bias": _rounded(gap.sum() / sold.sum()),
        "weekly_wape": _rounded(_weekly_wape(hidden, mean, chosen)),
    }


def _weekly_wape(hidden: Hidden, mean: Array, chosen: Array) -> float:
    """WAPE of each item's sum over a week, which is what an order needs."""
    gap = np.where(chosen, mean - hidden.sold, 0.0)
    weekly = [np.abs(gap[hidden.weeks == week].sum(axis=0)).sum() for week in np.unique(hidden.weeks)]
    return float(sum(weekly) / hidden.sold[chosen].sum())


def _item(hidden: Hidden, item: int) -> dict[str, Any]:
    days = hidden.scored[:, item]
    low, high = hidden.quantiles[days, item, _LOW], hidden.quantiles[days, item, _HIGH]
    has_trimmed = not np.isnan(hidden.trimmed[days, item]).any()
    return {
        "item": str(hidden.items[item]),
        "days": int(days.sum()),
        "units": round(float(hidden.sold[days, item].sum()), 3),
        "expected": round(float(hidden.mean[days, item].sum()), 3),
        "inside_80": int(((hidden.sold[days, item] >= low) & (hidden.sold[days, item] <= high)).sum()),
        "off": {
            FLUX: _rounded(_off(hidden, hidden.mean, item)),
            SAME_WEEKDAY: _rounded(_off(hidden, hidden.same_weekday, item)),
            TRIMMED: _rounded(_off(hidden, hidden.trimmed, item)) if has_trimmed else None,
        },
    }


def _days(hidden: Hidden, top: Sequence[int]) -> dict[str, Any]:
    """The hidden days one by one: of all items together, and of the biggest ones. Null where closed."""
    return {
        "dates": [str(day) for day in hidden.days],
        "all": {
            "sold": _series(hidden, hidden.sold.sum(axis=1)),
            FLUX: _series(hidden, hidden.mean.sum(axis=1)),
            "low": _series(hidden, hidden.total_low),
            "high": _series(hidden, hidden.total_high),
            SAME_WEEKDAY: _series(hidden, hidden.same_weekday.sum(axis=1)),
        },
        "items": {
            str(hidden.items[i]): {
                "sold": _series(hidden, hidden.sold[:, i]),
                FLUX: _series(hidden, hidden.mean[:, i]),
                "low": _series(hidden, hidden.quantiles[:, i, _LOW]),
                "high": _series(hidden, hidden.quantiles[:, i, _HIGH]),
                SAME_WEEKDAY: _series(hidden, hidden.same_weekday[:, i]),
                "left_out": [str(hidden.days[d]) for d in np.flatnonzero(hidden.is_open & ~hidden.scored[:, i])],
            }
            for i in top
        },
    }


def _series(hidden: Hidden, values: Array) -> list[float | None]:
    return [_rounded(value) if is_open else None for value, is_open in zip(values, hidden.is_open, strict=True)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
