"""What a trial says: errors as the field defines them, and which items are given the plain mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.engine import verdict
from forecasting.engine.trial import Hidden


def hidden(sold, flux, usual, *, scored=None, is_open=None):
    """Two or four weeks of (d, i) units; ranges of two units to both sides of what Flux said."""
    sold, flux, usual = (np.array(values, dtype=float) for values in (sold, flux, usual))
    n_days, n_items = sold.shape
    bands = np.stack([flux - 2, flux - 1, flux, flux + 1, flux + 2, flux + 3], axis=2)
    return Hidden(
        days=np.datetime64("2026-03-02", "D") + np.arange(n_days),
        items=tuple(f"item {i}" for i in range(n_items)),
        is_open=np.ones(n_days, dtype=bool) if is_open is None else is_open,
        sold=sold,
        scored=np.ones(sold.shape, dtype=bool) if scored is None else scored,
        mean=flux,
        quantiles=bands,
        total_low=flux.sum(axis=1) - 5,
        total_high=flux.sum(axis=1) + 5,
        same_weekday=usual,
        trimmed=usual,
        methods=("model",) * (n_days // 7),
    )


def errors(n_items, *, of_flux, of_mean, n_days=28, seed=3):
    """Items that sell 100 a day, missed by about so many units on either side."""
    rng = np.random.default_rng(seed)
    sold = np.full((n_days, n_items), 100.0)
    return hidden(
        sold, sold + rng.normal(0, of_flux, sold.shape), sold + rng.normal(0, of_mean, sold.shape)
    )  # fmt: skip


def test_errors_are_shares_of_what_was_sold():
    found = verdict.scores(hidden([[10.0]] * 14, [[12.0]] * 7 + [[9.0]] * 7, [[15.0]] * 14), [0])
    assert found["flux"] == {
        "wape": 0.15,
        "bias": 0.05,
        "weekly_wape": 0.15,
        "coverage_80": 1.0,
        "pinball": 0.0775,
    }
    assert found["same_weekday"] == {"wape": 0.5, "bias": 0.5, "weekly_wape": 0.5}
    assert (found["items"], found["item_days"], found["units"]) == (1, 14, 140.0)


def test_errors_of_a_week_cancel_out_within_it():
    sold, flux = np.full((14, 1), 10.0), np.tile([[12.0], [8.0]], (7, 1))
    found = verdict.scores(hidden(sold, flux, flux), [0])["flux"]
    assert (found["wape"], found["weekly_wape"]) == (0.2, round(4 / 140, 4))


def test_days_that_are_not_scored_count_nowhere():
    scored = np.ones((14, 1), dtype=bool)
    scored[3] = False
    found = verdict.scores(
        hidden([[10.0]] * 14, [[10.0]] * 3 + [[90.0]] + [[10.0]] * 10, [[10.0]] * 14, scored=scored), [0]
    )
    assert (found["flux"]["wape"], found["item_days"]) == (0.0, 13)


def test_where_nothing_was_sold_there_is_no_score():
    assert verdict.scores(hidden([[0.0]] * 14, [[1.0]] * 14, [[1.0]] * 14), [0]) is None


def test_the_plain_mean_gets_the_items_for_which_it_is_clearly_better():
    good, bad = errors(3, of_flux=5, of_mean=20), errors(3, of_flux=20, of_mean=5)
    mixed = hidden(
        good.sold,
        np.where([True, False, True], good.mean, bad.mean),
        np.where([True, False, True], good.same_weekday, bad.same_weekday),
    )
    assert verdict.report(mixed)["baseline_items"] == ["item 1"]


def test_equally_good_items_are_left_alone_however_many_there_are():
    """Of 200 such items about 30 look better by a standard error, by chance."""
    assert len(verdict.better_with_mean(errors(200, of_flux=10, of_mean=10))) <= 2


def test_a_sure_but_small_gain_is_not_worth_a_change():
    sold = np.full((28, 1), 100.0)
    wobble = np.tile([[0.1], [-0.1]], (14, 1))
    assert verdict.better_with_mean(hidden(sold, sold + 10 + wobble, sold + 9.7)) == []
    assert verdict.better_with_mean(hidden(sold, sold + 10 + wobble, sold + 9.0)) == [0]


def test_few_days_prove_nothing():
    worse = errors(1, of_flux=30, of_mean=1, n_days=14)
    scored = np.zeros((14, 1), dtype=bool)
    scored[:9] = True
    assert verdict.better_with_mean(hidden(worse.sold, worse.mean, worse.same_weekday, scored=scored)) == []


@pytest.mark.parametrize(("flux", "falls_back"), [(101.0, False), (102.1, True)])
def test_everything_falls_back_where_flux_is_worse_by_more_than_2_percent(flux, falls_back):
    """The mean is off by 100 of 1,000."""
    found = verdict.report(hidden([[1000.0]] * 14, [[1000.0 + flux]] * 14, [[1100.0]] * 14))
    assert (found["falls_back"], found["baseline_items"]) == (falls_back, [])


def test_items_come_with_their_own_numbers_the_biggest_first():
    found = verdict.report(hidden([[1.0, 9.0]] * 14, [[2.0, 9.0]] * 14, [[1.0, 7.0]] * 14))["items"]
    assert [row["item"] for row in found] == ["item 1", "item 0"]
    assert found[1] == {
        "item": "item 0",
        "days": 14,
        "units": 14.0,
        "expected": 28.0,
        "inside_80": 14,
        "off": {"flux": 14.0, "same_weekday": 0.0, "trimmed": 0.0},
    }


def test_closed_days_are_gaps():
    is_open = np.ones(14, dtype=bool)
    is_open[0] = False
    days = verdict.report(hidden([[5.0]] * 14, [[5.0]] * 14, [[5.0]] * 14, is_open=is_open))["days"]
    assert (days["dates"][0], days["all"]["sold"][:2], days["all"]["low"][:2]) == (
        "2026-03-02",
        [None, 5.0],
        [None, 0.0],
    )


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_the_parts_add_up(n_items, seed):
    rng = np.random.default_rng(seed)
    sold, flux, usual = rng.poisson(5, (3, 14, n_items)).astype(float)
    sold[0] += 1
    found = verdict.report(hidden(sold, flux, usual))
    for method in ("flux", "same_weekday"):
        off = sum(row["off"][method] for row in found["items"])
        assert found["all"][method]["wape"] == pytest.approx(off / found["all"]["units"], abs=1e-3)
    assert found["top"] == found["all"]
