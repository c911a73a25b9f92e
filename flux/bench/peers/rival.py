"""One forecast by another forecaster, from files, in an environment of its own: nothing of Flux is imported here.

    python rival.py METHOD --history H.csv --cutoff YYYY-MM-DD --horizon N --items I.csv --country CC --output F.csv

takes and gives what `python -m forecasting` does. Each method is set up as its makers' guides do it for daily sales
with a week in them. Closed days get the mean of the same weekday before and after where a method knows no gaps. Items
with too little history for a method are left out of the answer. What is printed last are the CPU seconds of the start.
"""

import argparse
import logging
import os
import time
import warnings
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pandas as pd

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
COLUMNS = [f"q{round(100 * q)}" for q in QUANTILES]
BOUNDS = {"q10": "lo-80", "q25": "lo-50", "q75": "hi-50", "q90": "hi-80", "q95": "hi-90"}
LEVELS = [50, 80, 90]
ETS_DAYS, MEMORY_DAYS = 400, 730
PROPHET_DAYS, LIGHTGBM_DAYS, YEAR = 15, 80, 365
SEED = 1


def matrix(args: argparse.Namespace, max_days: int) -> pd.DataFrame:
    """Days × items up to the cutoff: NaN on closed days and before an item's first sale."""
    rows = pd.read_csv(args.history, parse_dates=["date"], dtype={"item": str})
    items = pd.read_csv(args.items, dtype={"item": str})["item"].head(args.at_most)
    sold = rows.pivot_table(index="date", columns="item", values="quantity", aggfunc="sum", fill_value=0)
    sold = sold.reindex(columns=items).reindex(pd.date_range(rows["date"].min(), args.cutoff))
    return sold.where((sold.fillna(0) > 0).cumsum() > 0).iloc[-max_days:]


def without_gaps(sold: pd.DataFrame) -> pd.DataFrame:
    """The same with closed days filled from both sides, and still NaN before the first sale."""
    started = sold.notna().cumsum() > 0
    by_weekday = sold.groupby(sold.index.dayofweek)
    before, after = by_weekday.ffill(), by_weekday.bfill()
    return sold.fillna((before.fillna(after) + after.fillna(before)) / 2).where(started)


def long(sold: pd.DataFrame) -> pd.DataFrame:
    """A row per item and day, as Nixtla's libraries want it."""
    rows = sold.rename_axis(index="ds", columns="unique_id").stack().rename("y").reset_index()
    return rows[["unique_id", "ds", "y"]]


def named(answer: pd.DataFrame, model: str) -> pd.DataFrame:
    """Their columns under our names; the median is the mean, since their ranges are symmetric."""
    found = {"date": answer["ds"], "item": answer["unique_id"], "mean": answer[model], "q50": answer[model]}
    return pd.DataFrame(found | {name: answer[f"{model}-{bound}"] for name, bound in BOUNDS.items()})


def by_statsforecast(args: argparse.Namespace, model: str) -> pd.DataFrame:
    """AutoETS with its own ranges; Croston and TSB, which have none, with normal ones as wide as the item varies."""
    from statsforecast import StatsForecast, models

    made = {
        "auto_ets": lambda: models.AutoETS(season_length=7, alias="it"),
        "croston_sba": lambda: models.CrostonSBA(alias="it"),
        "tsb": lambda: models.TSB(0.1, 0.1, alias="it"),
    }
    sold = without_gaps(matrix(args, ETS_DAYS if model == "auto_ets" else MEMORY_DAYS))
    fit = StatsForecast(models=[made[model]()], freq="D", n_jobs=1, fallback_model=models.SeasonalNaive(7, alias="it"))
    if model == "auto_ets":
        return named(fit.forecast(df=long(sold), h=args.horizon, level=LEVELS), "it")
    answer = fit.forecast(df=long(sold), h=args.horizon)
    found = pd.DataFrame({"date": answer["ds"], "item": answer["unique_id"], "mean": answer["it"]})
    spread = found["item"].map(sold.std())
    return found.assign(
        **{c: found["mean"] + NormalDist().inv_cdf(q) * spread for c, q in zip(COLUMNS, QUANTILES, strict=True)}
    )


def lightgbm(args: argparse.Namespace) -> pd.DataFrame:
    """One recursive LightGBM for all items by mlforecast, with conformal ranges from two windows."""
    import lightgbm
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import ExponentiallyWeightedMean, RollingMean, SeasonalRollingMean
    from mlforecast.utils import PredictionIntervals

    rows = long(without_gaps(matrix(args, MEMORY_DAYS)))
    rows = rows[rows.groupby("unique_id")["y"].transform("size") >= LIGHTGBM_DAYS]
    model = lightgbm.LGBMRegressor(
        objective="tweedie",
        tweedie_variance_power=1.2,
        n_estimators=300,
        learning_rate=0.05,
        num_leaves=31,
        min_child_samples=40,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        verbosity=-1,
        n_jobs=1,
        random_state=0,
    )
    transforms = {
        1: [RollingMean(7), RollingMean(28), ExponentiallyWeightedMean(0.1)],
        7: [SeasonalRollingMean(7, 4), SeasonalRollingMean(7, 8)],
    }
    fit = MLForecast(
        models={"it": model},
        freq="D",
        lags=[1, 2, 3, 7, 14, 21, 28],
        lag_transforms=transforms,
        date_features=["dayofweek", "month", "day"],
    )
    fit.fit(rows, prediction_intervals=PredictionIntervals(n_windows=2, h=args.horizon, method="conformal_error"))
    return named(fit.predict(args.horizon, level=LEVELS), "it")


def prophet(args: argparse.Namespace) -> pd.DataFrame:
    """Prophet for each item, with the country's holidays and, from a year on, the season of the year."""
    from prophet import Prophet

    np.random.seed(SEED)  # Prophet samples from the global generator
    sold = matrix(args, MEMORY_DAYS)
    ahead = pd.DataFrame({"ds": pd.date_range(args.cutoff, periods=args.horizon + 1)[1:]})
    answers = []
    for item in sold:
        known = sold[item].dropna()
        if len(known) < PROPHET_DAYS:
            continue
        model = Prophet(
            weekly_seasonality=True,
            yearly_seasonality=len(known) > YEAR,
            daily_seasonality=False,
            uncertainty_samples=200,
        )
        if args.country:
            model.add_country_holidays(args.country)
        model.fit(pd.DataFrame({"ds": known.index, "y": known.to_numpy()}), seed=SEED)
        samples = np.quantile(model.predictive_samples(ahead)["yhat"], QUANTILES, axis=1)
        said = {"date": ahead["ds"], "item": item, "mean": model.predict(ahead)["yhat"]}
        answers.append(pd.DataFrame(said | dict(zip(COLUMNS, samples, strict=True))))
    return pd.concat(answers)


METHODS: dict[str, Callable[[argparse.Namespace], pd.DataFrame]] = {
    "auto_ets": lambda args: by_statsforecast(args, "auto_ets"),
    "croston_sba": lambda args: by_statsforecast(args, "croston_sba"),
    "tsb": lambda args: by_statsforecast(args, "tsb"),
    "lightgbm": lightgbm,
    "prophet": prophet,
}
LIBRARIES = {"lightgbm": "mlforecast", "prophet": "prophet"}


def warm_up(args: argparse.Namespace) -> None:
    """Load the library; statsforecast also compiles itself at its first series, which is its start and not its work."""
    if args.method in LIBRARIES:
        __import__(LIBRARIES[args.method])
    else:
        args.at_most = 1
        METHODS[args.method](args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    for name in ("history", "items", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--cutoff", type=pd.Timestamp, required=True)
    parser.add_argument("--horizon", type=int, required=True)
    parser.add_argument("--country", default="")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.ERROR)
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
    warm_up(args)
    start = time.process_time()
    args.at_most = None
    answer = METHODS[args.method](args)[["date", "item", "mean", *COLUMNS]]
    answer.to_csv(args.output, index=False, date_format="%Y-%m-%d")
    print(round(start, 3))


if __name__ == "__main__":
    main()
