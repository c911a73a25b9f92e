"""The benchmark's own scoring, on sales that can be counted by hand; and what it keeps of other forecasters."""

import json
from datetime import date, timedelta

import numpy as np
import pytest

from flux.bench import _judging, _rivals, forecast
from flux.locks import faults_in

FIRST = date(2026, 1, 5)  # a Monday
DAYS = 70


def rows():
    """Ten weeks without Mondays: 4 soups a day and 8 on Saturdays; a cake on the first day alone."""
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    soup = [(day, "soup", 8.0 if day.weekday() == 5 else 4.0) for day in days if day.weekday() != 0]
    return [(FIRST + timedelta(days=1), "cake", 2.0), *soup]


@pytest.fixture(scope="module")
def sales():
    return _judging.Sales.of("ten weeks", "FR", rows())


def told(sales, cutoff, mean, low, high):
    numbers = np.array([mean, low, low, mean, high, high, high])
    return {(cutoff + timedelta(days=n), "soup"): numbers for n in range(1, 8)}


def test_cutoffs_are_weekly_and_the_last_leaves_two_weeks(sales):
    assert sales.cutoffs(1)[-1] == FIRST + timedelta(days=DAYS - 1 - 14)
    assert sales.cutoffs(2) == sales.cutoffs(1)[1::2]
    assert len(sales.cutoffs(1)) == 8


def test_only_open_days_and_active_items_count(sales):
    cutoff = sales.cutoffs(1)[-1]
    judged = _judging.judge(sales, cutoff, told(sales, cutoff, 5, 4, 6))
    assert [sales.items[i] for i in judged.item] == ["soup"] * 6
    assert sorted(judged.sold) == [4, 4, 4, 4, 4, 8]
    assert not judged.is_busy.any()  # the same day a week earlier was always right


def test_figures_are_what_a_hand_counts(sales):
    cutoff = sales.cutoffs(1)[-1]
    found = _judging.figures([_judging.judge(sales, cutoff, told(sales, cutoff, 5, 4, 6))])
    off = {0.1: (0, 4), 0.25: (0, 4), 0.5: (-1, 3), 0.75: (-2, 2), 0.9: (-2, 2), 0.95: (-2, 2)}
    loss = sum(5 * max(q * a, (q - 1) * a) + max(q * b, (q - 1) * b) for q, (a, b) in off.items())
    assert found["wape"] == round((5 * 1 + 3) / 28, 4)
    assert found["week"] == round(2 / 28, 4)
    assert found["bias"] == round(2 / 28, 4)
    assert found["pinball"] == round(2 * loss / 36 / (28 / 6), 4)
    assert (found["coverage"], found["at_or_below_q90"]) == (round(5 / 6, 4), round(5 / 6, 4))


def test_what_is_left_out_counts_as_nothing(sales):
    found = _judging.figures([_judging.judge(sales, sales.cutoffs(1)[-1], {})])
    assert (found["wape"], found["bias"]) == (1, -1)


def test_the_same_weekday_rule_knows_saturdays_and_closed_mondays(sales):
    cutoff = sales.cutoffs(1)[-1]
    said = _judging.same_weekday(sales, cutoff, 4)
    means = [said[cutoff + timedelta(days=n), "soup"][0] for n in range(1, 8)]
    assert [(cutoff + timedelta(days=n)).weekday() for n in range(1, 8)] == [0, 1, 2, 3, 4, 5, 6]
    assert means == [0, 4, 4, 4, 4, 8, 4]


def test_a_command_is_given_nothing_later_than_the_cutoff(sales, tmp_path):
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import sys, shutil, pathlib\n"
        "asked = dict(a.split('=', 1) for a in sys.argv[1:])\n"
        f"shutil.copy(asked['--history'], {str(tmp_path / 'seen.csv')!r})\n"
        "pathlib.Path(asked['--output']).write_text('date,item,mean,q10,q25,q50,q75,q90,q95\\n'\n"
        "    '2026-03-02,soup,1,1,1,1,1,1,1\\n')\n"
        "print('loading')\nprint(0.25)\n"
    )
    cutoff = sales.cutoffs(1)[-1]
    answer = _rivals.ask([_rivals.sys.executable, str(spy)], sales, cutoff)
    seen = (tmp_path / "seen.csv").read_text().splitlines()[1:]
    assert max(line.split(",")[0] for line in seen) == str(cutoff)
    assert list(answer.said) == [(date(2026, 3, 2), "soup")]
    assert answer.start_seconds == 0.25


def test_stored_figures_are_of_the_very_sales(sales, tmp_path, monkeypatch):
    monkeypatch.setattr(_rivals, "MEASURED", tmp_path / "measured.json")
    _rivals.store(sales, 2, {"auto_ets": {"wape": 0.5}})
    assert _rivals.stored(sales, 2) == {"auto_ets": {"wape": 0.5}}
    assert _rivals.stored(_judging.Sales.of("ten weeks", "FR", rows()[:-1]), 2) == {}


def test_ratios_are_geometric_means_over_the_sets():
    def of(own, other):
        return {"flux": {"wape": own, "pinball": own}, "auto_ets": {"wape": other, "pinball": 1.0}}

    found = forecast.ratios({"a": of(0.4, 0.8), "b": of(0.9, 0.45)})
    assert found == {"geomean_wape_vs_ets": 1.0, "geomean_pinball_vs_ets": 0.6}


def test_the_others_environment_is_pinned_by_hashes_and_names_no_host():
    text = _rivals.LOCK.read_text()
    wanted = (_rivals.HERE / "requirements.in").read_text().split()
    assert list(faults_in("peers", text, wanted)) == []
    kept = json.loads(_rivals.MEASURED.read_text())
    assert {*forecast.SETS, forecast.DEMO} >= set(kept)
    assert all(0 < row["wape"] < 2 for found in kept.values() for row in found["every_2"].values())
