"""The whole engine, on restaurants it has to survive and on one where it has to be good."""

import csv
import gzip
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecasting import __main__ as command
from forecasting import engine
from forecasting.engine import panel
from forecasting.tests import generated

FRENCH_BAKERY = Path(__file__).parents[3] / "shared/data/french_bakery/daily.csv.gz"


def check_sane(outlook: engine.Outlook) -> None:
    for numbers in (outlook.mean, outlook.quantiles, outlook.confidence):
        assert np.isfinite(numbers).all()
        assert (numbers >= 0).all()
    assert (np.diff(outlook.quantiles, axis=2) >= 0).all()
    assert (outlook.confidence <= 1).all()


@pytest.fixture(scope="module")
def bistro() -> tuple[panel.Panel, engine.Outlook]:
    """470 days of ten items, the last 14 of them held back and forecast."""
    whole = generated.sales(484, 10, season=0.3)
    return whole, engine.forecast(generated.until(whole, 470), horizon_days=35)


def test_the_model_beats_the_same_weekday_mean_and_says_so(bistro):
    whole, outlook = bistro
    truth = generated.expected(505, 10, season=0.3)[470:505]
    assert outlook.report["method"] == engine.MODEL
    scores = outlook.report["scores"]
    assert scores["model"]["wape"] < scores["same_weekday"]["wape"]
    assert np.abs(outlook.mean - truth).sum() / truth.sum() < 0.1
    assert whole.days[470] == outlook.days[0]


def test_eight_in_ten_sales_fall_into_the_band(bistro):
    whole, outlook = bistro
    sold, quantiles = whole.sold[470:], outlook.quantiles[:14]
    inside = (sold >= quantiles[..., 0]) & (sold <= quantiles[..., 4])
    assert inside.mean() == pytest.approx(0.8, abs=0.12)
    assert outlook.report["coverage_80"] == pytest.approx(0.8, abs=0.12)


def test_confidence_is_borne_out_on_held_out_days(bistro):
    whole, outlook = bistro
    sold, mean = whole.sold[470:], outlook.mean[:14]
    close = np.abs(sold - mean) <= np.maximum(2, 0.2 * mean)
    assert outlook.confidence[:14].mean() == pytest.approx(close.mean(), abs=0.1)
    check_sane(outlook)


@pytest.mark.parametrize("n_days", [1, 2, 6, 7, 13, 14, 20, 27, 28, 35, 56, 70, 90])
def test_short_histories_get_an_answer(n_days):
    outlook = engine.forecast(generated.sales(n_days, 4), horizon_days=35)
    check_sane(outlook)
    assert outlook.mean[:7].sum() > 0


def test_no_sales_at_all():
    outlook = engine.forecast(panel.build([], until=date(2024, 1, 1), items=["soup"]), horizon_days=3)
    check_sane(outlook)
    assert outlook.mean.tolist() == [[0], [0], [0]]
    assert outlook.report["notes"] == ["Nothing has been sold yet."]


def odd_restaurants() -> dict[str, panel.Panel]:
    hole = generated.sales(150, 3)
    hole.sold[40:120], hole.is_open[40:120] = 0, False
    long_closed = generated.sales(150, 3)
    long_closed.sold[70:], long_closed.is_open[70:] = 0, False
    outlier = generated.sales(150, 3)
    outlier.sold[140, 1] = 1e6
    silent = generated.sales(150, 3)
    silent.sold[:, 2] = 0
    return {
        "single item": generated.sales(150, 1),
        "hole": hole,
        "closed since": long_closed,
        "outlier": outlier,
        "item never sold": silent,
        "one day a week": generated.sales(150, 3, closed_weekdays=(0, 1, 2, 3, 4, 6)),
    }


@pytest.mark.parametrize("name", odd_restaurants())
def test_odd_restaurants_get_a_sane_answer(name):
    check_sane(engine.forecast(odd_restaurants()[name], horizon_days=35))


def test_one_bulk_order_moves_the_next_two_weeks_by_less_than_a_tenth():
    calm = generated.sales(160, 3, dispersion=1.1)
    bulk = generated.sales(160, 3, dispersion=1.1)
    bulk.sold[150, 0] *= 20
    before, after = (engine.forecast(p, horizon_days=14).mean[:, 0].sum() for p in (calm, bulk))
    assert after == pytest.approx(before, rel=0.1)


def test_an_item_that_stopped_selling_fades():
    sales = generated.sales(160, 4)
    sales.sold[-21:, 0] = 0
    outlook = engine.forecast(sales, horizon_days=7)
    assert outlook.mean[:, 0].mean() < 0.1 * sales.sold[:-21, 0].mean()


def test_chosen_items_get_the_same_weekday_mean_with_a_range():
    sales = generated.sales(160, 3)
    plain, chosen = (engine.forecast(sales, horizon_days=7, baseline_items=b) for b in ((), {"item 1"}))
    means = [sales.sold[sales.weekdays == d][-4:, 1].mean() for d in panel.weekday(chosen.days)]
    assert chosen.mean[:, 1].tolist() == means
    assert chosen.mean[:, 0].tolist() == plain.mean[:, 0].tolist()
    assert (chosen.quantiles[:, 1, 0] < chosen.mean[:, 1]).all()
    check_sane(chosen)


def test_what_is_known_of_the_weather_moves_the_forecast():
    sales = generated.sales(300, 4, dispersion=1.2)
    wet = np.random.default_rng(2).random(307) < 0.3
    sales.sold[wet[:300]] = np.round(sales.sold[wet[:300]] / 2)
    wet[300:] = [True, False, True, False, True, False, True]
    rain = {(sales.days[0] + i).item(): float(w) for i, w in enumerate(wet)}
    blind, told = (engine.forecast(sales, horizon_days=7, facts=f).mean.sum(axis=1) for f in (None, {"rain_mm": rain}))
    moved, is_wet = told / blind, wet[300:]
    assert moved[is_wet].max() < 0.9
    assert moved[~is_wet].min() > 1


def write_history(path: Path, sales: panel.Panel) -> None:
    with path.open("w") as file:
        file.write("date,item,quantity\n")
        for d, i in zip(*np.nonzero(sales.sold), strict=True):
            file.write(f"{sales.days[d]},{sales.items[i]},{sales.sold[d, i]:g}\n")


def test_the_command_gives_the_same_bytes_with_or_without_later_rows(tmp_path):
    sales = generated.sales(130, 4)
    cutoff = str(sales.days[119])
    answers = []
    for name, history in (("all", sales), ("known", generated.until(sales, 120))):
        write_history(tmp_path / f"{name}.csv", history)
        (tmp_path / "items.csv").write_text("item\nitem 1\nnever sold\n")
        options = {"history": f"{name}.csv", "items": "items.csv", "output": f"{name}.out"}
        paths = [part for key, file in options.items() for part in (f"--{key}", str(tmp_path / file))]
        command.main([*paths, "--cutoff", cutoff, "--horizon", "9", "--country", "GB", "--subdiv", "SCT"])
        answers.append((tmp_path / f"{name}.out").read_bytes())
    assert answers[0] == answers[1]
    lines = answers[0].decode().splitlines()
    assert lines[0] == "date,item,mean,q10,q25,q50,q75,q90,q95"
    assert len(lines) == 1 + 9 * 2
    assert lines[2] == f"{sales.days[120]},never sold" + 7 * ",0.0000"


@pytest.mark.skipif(not FRENCH_BAKERY.exists(), reason="no real sales at ../shared/data/french_bakery")
def test_real_sales_are_forecast_better_than_by_the_same_weekday_mean():
    with gzip.open(FRENCH_BAKERY, "rt") as file:
        rows = [(date.fromisoformat(r["date"]), r["item"], float(r["quantity"])) for r in csv.DictReader(file)]
    cutoff = date(2022, 9, 2)
    known = panel.build(rows, until=cutoff)
    outlook = engine.forecast(known, horizon_days=7)
    truth = panel.build(rows, until=cutoff + timedelta(7), items=known.items).sold[-7:, : len(known.items)]
    baseline = np.array(
        [[known.sold[known.is_open & (known.weekdays == d)][-4:, i].mean() for i in range(len(known.items))]
         for d in panel.weekday(outlook.days)]
    )  # fmt: skip
    is_open = truth.any(axis=1)
    assert np.abs(outlook.mean - truth)[is_open].sum() < 0.8 * np.abs(baseline - truth)[is_open].sum()


@pytest.mark.parametrize(("n_items", "n_days"), [(0, 800), (2_000, 800), (5_000, 320), (50_000, 180)])
def test_thousands_of_items_are_looked_at_for_fewer_days(n_items, n_days):
    assert engine._days_that_fit(n_items) == n_days


def test_days_before_those_that_fit_change_nothing(monkeypatch):
    monkeypatch.setattr(engine, "_MOST_ITEM_DAYS", 1_000)
    monkeypatch.setattr(engine, "_LEAST_DAYS", 50)
    whole = generated.sales(200, 20)
    long, short = (engine.forecast(p, horizon_days=7) for p in (whole, whole.tail(50)))
    assert long.mean.tobytes() == short.mean.tobytes()
    assert long.report["history_days"] == 50
