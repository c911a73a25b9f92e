import numpy as np
import pytest

from forecasting.engine import levels
from forecasting.tests import generated


def test_weekday_profiles_have_mean_one_whatever_the_season_does():
    # A profile that follows a rising or falling level would drift and count the season twice.
    track = levels.track(generated.sales(360, 6, season=0.6))
    assert track.profile[60:].mean(axis=1) == pytest.approx(np.ones((300, 6)))
    assert track.venue_profile[60:].mean(axis=1) == pytest.approx(np.ones(300))


def test_a_weekday_never_opened_is_left_out_of_the_mean():
    track = levels.track(generated.sales(200, 4, closed_weekdays=(0,)))
    assert track.profile[-1, 1:].mean(axis=0) == pytest.approx(np.ones(4))


def test_the_profile_finds_the_true_week():
    track = levels.track(generated.sales(400, 3, dispersion=1.1, biggest=200))
    assert track.venue_profile[-1] == pytest.approx(generated.WEEK / generated.WEEK.mean(), abs=0.08)


def test_levels_do_not_decay_while_closed():
    panel = generated.sales(200, 4)
    panel.sold[120:180], panel.is_open[120:180] = 0, False
    track = levels.track(panel)
    assert (track.level[179] == track.level[119]).all()
    assert (track.silence[179] == track.silence[119]).all()


def test_nothing_depends_on_later_days():
    panel = generated.sales(150, 4)
    whole, part = levels.track(panel), levels.track(generated.until(panel, 100))
    for name in ("level", "profile", "venue_level", "weekday_mean", "zero_share", "silence", "age", "dispersion"):
        assert (getattr(whole, name)[:100] == getattr(part, name)).all(), name


def test_one_bulk_order_hardly_moves_the_level():
    panel = generated.sales(200, 4, dispersion=1.1, biggest=40)
    calm = levels.track(panel).level[-1, :, 0]
    panel.sold[195, 0] *= 20
    assert levels.track(panel).level[-1, levels.MIDDLE, 0] == pytest.approx(calm[levels.MIDDLE], rel=0.12)


def test_a_real_step_is_followed_within_ten_open_days():
    panel = generated.sales(200, 1, dispersion=1.05, biggest=100)
    stepped = np.vstack([panel.sold[:188], panel.sold[188:] * 1.5])
    track = levels.track(generated.Panel(panel.days, panel.items, stepped, panel.is_open))
    assert track.level[-1, 0, 0] == pytest.approx(150 * generated.WEEK.mean(), rel=0.1)


def test_an_item_is_born_with_its_first_sale():
    panel = generated.sales(60, 2)
    panel.sold[:30, 1] = 0
    track = levels.track(panel)
    assert track.age[29].tolist() == [30, 0]
    assert track.level[29, :, 1].tolist() == [0, 0, 0, 0]


def masked(panel, **masks):
    return generated.Panel(panel.days, panel.items, panel.sold, panel.is_open, **masks)


def test_a_special_day_changes_nothing():
    calm = generated.sales(120, 3)
    busy = generated.sales(120, 3)
    busy.sold[80:84, 1] *= 3
    at = np.zeros(calm.sold.shape, dtype=bool)
    at[80:84, 1] = True
    tracks = [levels.track(masked(panel, special=at)) for panel in (calm, busy)]
    for name in ("level", "profile", "venue_level", "venue_profile", "weekday_mean", "dispersion", "counted", "age"):
        assert (getattr(tracks[0], name) == getattr(tracks[1], name)).all(), name


def test_days_that_ran_out_do_not_lower_the_level():
    panel = generated.sales(400, 2, dispersion=2.0, biggest=20)
    short = panel.sold[:, 0] > 22  # it ran out on the busier days
    cut = np.where(short[:, None] & [True, False], 22, panel.sold)
    out = np.zeros(panel.sold.shape, dtype=bool)
    out[:, 0] = short
    truth = levels.track(panel).level[100:, levels.LONG, 0].mean()
    unmarked = generated.Panel(panel.days, panel.items, cut, panel.is_open)
    marked = levels.track(masked(unmarked, sold_out=out)).level[100:, levels.LONG, 0].mean()
    assert levels.track(unmarked).level[100:, levels.LONG, 0].mean() < 0.95 * truth
    assert marked == pytest.approx(truth, rel=0.02)


def test_an_item_that_ran_out_before_its_first_sale_is_not_silent():
    panel = generated.sales(60, 2)
    panel.sold[40:, 1] = 0
    out = np.zeros(panel.sold.shape, dtype=bool)
    out[40:, 1] = True
    track = levels.track(masked(panel, sold_out=out))
    assert track.silence[-1, 1] == track.silence[39, 1]
    assert track.level[-1, levels.MIDDLE, 1] > 0.8 * track.level[39, levels.MIDDLE, 1]
