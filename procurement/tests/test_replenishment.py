import datetime
import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menu.explosion import Moments
from procurement import gamma, replenishment, wording
from procurement.deliveries import Slot
from procurement.replenishment import Arrival, ForecastTooShort, Pack, Position, Shock

SUNDAY = datetime.date(2026, 11, 22)
TUESDAY, THURSDAY = SUNDAY + datetime.timedelta(days=2), SUNDAY + datetime.timedelta(days=4)
SLOT = Slot(datetime.datetime(2026, 11, 23, 15, tzinfo=datetime.UTC), TUESDAY, THURSDAY)
CALM = Shock(0, 0)
FIVE_KILOS = Pack(Fraction(5000), "5 kg")


def days(count, mean, variance=0.0):
    return {SUNDAY + datetime.timedelta(days=n): Moments(mean, variance) for n in range(count)}


def propose(demand=None, **changes):
    facts = {
        "demand": days(35, 4600.0) if demand is None else demand,
        "forecast_ends_on": SUNDAY + datetime.timedelta(days=34),
        "start": SUNDAY,
        "slot": SLOT,
        "position": Position(Decimal(6000), (Arrival(TUESDAY, Decimal(5000)),)),
        "pack": FIVE_KILOS,
        "base_unit": "g",
        "shelf_life_days": 7,
        "shock": CALM,
    }
    return replenishment.propose(**facts | changes)


def test_a_line_says_why_with_its_own_numbers():
    proposal = propose()
    assert proposal.reason == ("Need 18.4 kg until Thu 26 Nov (P80), have 6.0, 5.0 arriving Tue → 7.4 kg → 2 × 5 kg")
    assert (proposal.packs, proposal.needed, proposal.on_hand, proposal.arriving, proposal.shortage) == (
        2,
        Decimal(18400),
        Decimal(6000),
        Decimal(5000),
        Decimal(7400),
    )
    assert (proposal.level, proposal.until) == (Decimal("0.80"), THURSDAY)


def test_what_arrives_after_the_interval_or_is_promised_does_not_help():
    late = Arrival(THURSDAY, Decimal(5000))
    proposal = propose(position=Position(Decimal(6000), (late,), committed=Decimal(1000)))
    assert proposal.reason == ("Need 18.4 kg until Thu 26 Nov (P80), have 6.0, 1.0 promised → 13.4 kg → 3 × 5 kg")


def test_many_deliveries_are_said_in_short():
    arrivals = tuple(Arrival(SUNDAY + datetime.timedelta(days=n), Decimal(500)) for n in range(-2, 4))
    assert propose(position=Position(Decimal(6000), arrivals)).reason == (
        "Need 18.4 kg until Thu 26 Nov (P80), have 6.0, 0.5 overdue since Fri 20 Nov, 0.5 overdue since Sat 21 Nov, "
        "0.5 arriving Sun, 1.5 more after that → 9.4 kg → 2 × 5 kg"
    )


def test_a_delivery_that_is_overdue_still_counts_as_coming():
    overdue = Arrival(SUNDAY - datetime.timedelta(days=1), Decimal(15000))
    proposal = propose(position=Position(Decimal(6000), (overdue,)))
    assert proposal.reason == (
        "Need 18.4 kg until Thu 26 Nov (P80), have 6.0, 15.0 overdue since Sat 21 Nov → 0.0 kg → 0 × 5 kg"
    )


def test_enough_on_the_shelf_orders_nothing():
    proposal = propose(position=Position(Decimal(90_000)))
    assert (proposal.packs, proposal.shortage) == (0, 0)


def test_stock_below_nothing_counts_as_nothing():
    assert propose(position=Position(Decimal(-400))).on_hand == 0


@pytest.mark.parametrize(("shelf_life", "level"), [(None, "0.90"), (30, "0.90"), (8, "0.90"), (7, "0.80"), (1, "0.80")])
def test_what_spoils_is_held_at_a_lower_level(shelf_life, level):
    assert replenishment.level_for(shelf_life) == Decimal(level)


def test_need_is_a_quantile_of_the_sum_and_not_the_sum_of_quantiles():
    proposal = propose(days(35, 4600.0, 2000.0**2), position=Position(Decimal(0)))
    of_the_sum = gamma.quantile(0.8, 4 * 4600, 4 * 2000.0**2)
    assert proposal.needed == wording.scale_for(of_the_sum, "g").round(of_the_sum)
    assert proposal.needed < Decimal(4 * gamma.quantile(0.8, 4600, 2000.0**2)) * Decimal("0.95")


def test_goods_that_go_off_before_the_next_delivery_are_ordered_until_then_only():
    weekly = Slot(SLOT.order_by, TUESDAY, TUESDAY + datetime.timedelta(days=7))
    proposal = propose(slot=weekly, shelf_life_days=3, position=Position(Decimal(0)))
    assert (proposal.until, proposal.needed) == (TUESDAY + datetime.timedelta(days=3), Decimal(23000))


def test_a_rounded_up_pack_must_be_usable_before_it_goes_off():
    demand = days(35, 2300.0)
    proposal = propose(demand, shelf_life_days=2, position=Position(Decimal(0)), pack=Pack(Fraction(8000), "8 kg"))
    assert proposal.reason == (
        "Need 9.2 kg until Thu 26 Nov (P80), have 0.0 → 9.2 kg → 1 × 8 kg"
        " (another pack would not be used up within 2 days)"
    ).replace("9.2 kg", "9.20 kg").replace("have 0.0", "have 0.00")
    assert (
        propose(demand, shelf_life_days=7, position=Position(Decimal(0)), pack=Pack(Fraction(8000), "8 kg")).packs == 2
    )


def test_one_pack_is_bought_even_where_some_of_it_may_spoil():
    proposal = propose(
        days(35, 300.0), shelf_life_days=2, position=Position(Decimal(0)), pack=Pack(Fraction(8000), "8 kg")
    )
    assert proposal.packs == 1


@pytest.mark.parametrize(
    ("shortage", "size", "tolerance", "packs"),
    [
        (5000, 5000, 0, 1),
        (5100, 5000, 200, 1),  # 1.02 packs
        (5100, 5000, 50, 2),  # the same, where 100 g matter
        (6300, 5000, 9000, 2),  # more than a quarter of a pack is never let go
        (100, 5000, 200, 0),
        (100, 5000, 0, 1),
        (0, 5000, 200, 0),
    ],
)
def test_packs_round_up_but_for_a_sliver(shortage, size, tolerance, packs):
    assert replenishment.whole_packs(Decimal(shortage), Fraction(size), Decimal(tolerance), None, None) == (packs, "")


def test_a_sliver_is_let_go_only_out_of_the_margin_above_the_expected_demand():
    assert propose(days(35, 2525.0), position=Position(Decimal(0)), shelf_life_days=None).packs == 3
    uncertain = days(35, 2300.0, 380.0**2)
    proposal = propose(uncertain, position=Position(Decimal(0)), shelf_life_days=None)
    assert (proposal.needed, proposal.packs) == (Decimal(10200), 2)


def test_a_forecast_that_ends_too_early_is_refused_not_stretched():
    with pytest.raises(ForecastTooShort) as refused:
        propose(forecast_ends_on=TUESDAY)
    assert str(refused.value) == (
        "The forecast ends on Tue 24 Nov, but this order must last until Thu 26 Nov. Make a new forecast."
    )


def test_days_that_move_together_widen_the_interval():
    """Simulated: each day's factor is half a lasting one, half its own."""
    rng = random.Random(11)
    share, persistence, mean = 0.2, 0.5, 100.0
    sums = []
    for _ in range(20_000):
        lasting = rng.gauss(0, 1) * math.sqrt(persistence)
        factors = (1 + share * (lasting + rng.gauss(0, 1) * math.sqrt(1 - persistence)) for _ in range(5))
        sums.append(sum(rng.gauss(mean * factor, 10) for factor in factors))
    simulated = sum((value - 500) ** 2 for value in sums) / len(sums)
    daily = Moments(mean, 10**2 + (share * mean) ** 2)
    found = replenishment.over_days([daily] * 5, Shock(share, persistence))
    assert found.mean == 500
    assert found.variance == pytest.approx(simulated, rel=0.04)


@pytest.mark.parametrize(
    ("on_hand", "share", "lasts", "runs_out"),
    [(0, 1, 0.0, 0), (50, 1, 0.5, 0), (250, 1, 2.5, 2), (100, 1, 1.0, 1), (25, 0.5, 0.25, 0), (100, 0.5, 1.0, 1)],
)
def test_stock_lasts_until_the_expected_demand_has_used_it_up(on_hand, share, lasts, runs_out):
    demand = replenishment.still_to_come(days(5, 100.0), SUNDAY, share)
    found = replenishment.cover(Decimal(on_hand), demand, SUNDAY, share)
    assert (found.days, found.runs_out_on) == (lasts, SUNDAY + datetime.timedelta(days=runs_out))


def test_what_nobody_needs_lasts_beyond_the_forecast():
    assert replenishment.cover(Decimal(1), {}, SUNDAY, 1) == replenishment.Cover(None, None)
    assert replenishment.cover(Decimal(600), days(5, 100.0), SUNDAY, 1) == replenishment.Cover(None, None)


def test_a_minimum_is_reached_with_what_would_be_used_up_first():
    lines = [
        replenishment.Extra(1, Decimal(20), Decimal(5000), Decimal(10_000), expected=10_000),
        replenishment.Extra(2, Decimal(30), Decimal(5000), Decimal(5_000), expected=10_000),
        replenishment.Extra(3, Decimal(10), Decimal(5000), Decimal(0), expected=0),
    ]
    assert replenishment.top_up(Decimal(60), lines) == {1: 1, 2: 2}
    assert replenishment.top_up(Decimal(60), lines[2:]) == {}
    assert replenishment.top_up(Decimal(0), lines) == {}


@given(
    mean=st.floats(0, 50_000),
    deviation=st.floats(0, 20_000),
    on_hand=st.decimals(-5000, 300_000, places=3),
    coming=st.lists(st.tuples(st.integers(-3, 10), st.decimals(0, 50_000, places=3)), max_size=3),
    size=st.integers(1, 30_000),
    shelf_life=st.one_of(st.none(), st.integers(1, 60)),
    base_unit=st.sampled_from(["g", "ml", "each"]),
)
def test_whatever_the_facts_the_figures_add_up(mean, deviation, on_hand, coming, size, shelf_life, base_unit):
    arrivals = tuple(Arrival(SUNDAY + datetime.timedelta(days=n), quantity) for n, quantity in coming)
    facts = {
        "demand": days(35, mean, deviation**2),
        "position": Position(on_hand, arrivals),
        "pack": Pack(Fraction(size), "pack"),
        "shelf_life_days": shelf_life,
        "base_unit": base_unit,
        "shock": Shock(0.1, 0.3),
    }
    proposal = propose(**facts)
    assert proposal == propose(**facts)
    assert proposal.shortage == max(0, proposal.needed - proposal.on_hand - proposal.arriving)
    assert 0 <= proposal.packs <= math.ceil(proposal.shortage / Decimal(size))
    assert min(proposal.needed, proposal.on_hand, proposal.arriving) >= 0
    if not proposal.shortage:
        assert proposal.packs == 0


@given(
    shortage=st.decimals(0, 100_000, places=3),
    size=st.fractions(min_value=1, max_value=50_000),
    tolerance=st.decimals(0, 10_000, places=2),
)
def test_rounding_down_lets_go_no_more_than_was_allowed(shortage, size, tolerance):
    packs, _ = replenishment.whole_packs(shortage, size, tolerance, None, None)
    missing = Fraction(shortage) - packs * size
    assert -size < missing <= min(Fraction(tolerance), size / 4) or missing == 0
