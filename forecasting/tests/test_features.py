from datetime import date, timedelta

import numpy as np
import pytest

from forecasting.engine import features, levels
from forecasting.engine.features import Cases, Codes, Lookup, grid
from forecasting.tests import generated


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_distance_to_the_nearest_holiday_is_signed_and_cut():
    marks = [date(2024, 5, 1), date(2024, 5, 8)]
    asked = days("2024-04-30", "2024-05-01", "2024-05-03", "2024-05-06", "2024-06-20")
    assert features.holiday_distance(asked, marks).tolist() == [1, 0, -2, 2, -8]


def test_without_holidays_all_are_far():
    assert features.holiday_distance(days("2024-05-01"), []).tolist() == [8]


def test_features_know_nothing_after_their_origin():
    panel = generated.sales(500, 3, season=0.3)
    cases = grid(449, 3, np.arange(1, 15))
    whole, part = (Lookup(levels.track(p)).matrix(cases) for p in (panel, generated.until(panel, 450)))
    np.testing.assert_array_equal(whole, part)


def test_last_year_says_how_the_season_turns():
    panel = generated.sales(430, 5, season=0.5, dispersion=1.05, biggest=300)
    lookup = Lookup(levels.track(panel))
    truth = generated.expected(600, 5, season=0.5).sum(axis=1)
    ratio = lookup.year_ratio(np.array([429]), np.array([457]))
    assert ratio == pytest.approx(truth[454:461].mean() / truth[416:430].mean(), rel=0.1)


def test_without_a_year_the_season_is_unknown():
    lookup = Lookup(levels.track(generated.sales(100, 2)))
    assert np.isnan(lookup.year_ratio(np.array([99]), np.array([105]))).all()


def test_after_a_fortnight_without_sales_the_turn_of_the_season_is_unknown():
    panel = generated.sales(430, 2)
    panel.sold[20:60] = 0
    with np.errstate(all="raise"):
        assert np.isnan(Lookup(levels.track(panel)).year_ratio(np.array([50 + 364]), np.array([60 + 364]))).all()


def test_the_season_is_what_levels_of_former_years_missed():
    lookup = Lookup(levels.track(generated.sales(900, 5, season=0.5, dispersion=1.05, biggest=300)))
    truth = generated.expected(930, 5, season=0.5).sum(axis=1)
    ratio = lookup.season(np.array([899]), np.array([913]))[0]
    now = truth[910:917].mean()
    then = [(0.5 ** (np.arange(400) / half_life))[::-1] @ truth[500:900] for half_life in levels.HALF_LIVES]
    weight = [(0.5 ** (np.arange(400) / half_life)).sum() for half_life in levels.HALF_LIVES]
    assert ratio == pytest.approx(now / (np.array(then) / weight), rel=0.1)


def test_without_a_year_levels_stay_as_they_are():
    lookup = Lookup(levels.track(generated.sales(100, 2)))
    assert lookup.season(np.array([99]), np.array([105])).tolist() == [[1, 1, 1, 1]]


def test_an_items_age_does_not_name_the_day():
    lookup = Lookup(levels.track(generated.sales(300, 1)))
    age = lookup.matrix(Cases(np.array([30, 100, 290]), np.zeros(3, dtype=int), np.ones(3, dtype=int)))
    assert age[:, features.NAMES.index("age")].tolist() == [31, 60, 60]


def test_codes_keep_order_and_gaps_and_stay_few():
    values = np.column_stack([np.arange(1000.0), np.where(np.arange(1000) % 2, np.nan, 7.0), np.full(1000, np.nan)])
    codes = Codes().fit(values).transform(values)
    assert (np.diff(codes[:, 0]) >= 0).all()
    assert len(np.unique(codes[:, 0])) == 64
    assert np.isnan(codes[:, 1]).sum() == 500
    assert codes[:, 2].tolist() == [0] * 1000


def test_school_holidays_and_facts_add_columns_only_where_they_are_given():
    track = levels.track(generated.sales(60, 1))
    first = date(2024, 1, 1)
    rain = {first + timedelta(i): float(i % 2) for i in range(70)}
    cases = grid(59, 1, np.array([1, 12]))
    plain = Lookup(track).matrix(cases)
    more = Lookup(track, school_holidays=[first + timedelta(60)], facts={"rain_mm": rain, "bookings": {}}).matrix(cases)
    assert plain.shape == (2, len(features.NAMES))
    np.testing.assert_array_equal(more[:, : len(features.NAMES)], plain)
    np.testing.assert_array_equal(more[:, len(features.NAMES) :], [[1, 0, -0.5], [0, np.nan, np.nan]])
