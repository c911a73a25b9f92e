"""How a day spreads over its parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.arithmetic import splitting
from forecasting.arithmetic.splitting import Shares

weights = st.lists(st.floats(0, 1000), min_size=1, max_size=6).filter(lambda found: sum(found) > 0)


@given(st.integers(0, 10_000_000), weights)
def test_parts_add_up_to_the_day_to_the_thousandth(day: int, found: list[float]) -> None:
    shares = [weight / sum(found) for weight in found]
    parts = splitting.split(day, shares)
    assert sum(parts) == day
    assert all(abs(part - share * day) < 1 + 1e-3 for part, share in zip(parts, shares, strict=True))


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 6)), st.lists(st.floats(-5, 500), min_size=3, max_size=3)
    ),
    st.integers(0, 4),
    st.integers(0, 6),
)
def test_shares_are_shares_whatever_was_sold(sold: dict, dish: int, weekday: int) -> None:
    shares = Shares.learn(sold, {0: "Mains", 1: "Mains"}, 3).of(dish, "Mains", weekday)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0


def test_much_evidence_speaks_for_itself() -> None:
    sold = {("soup", 5): [900.0, 100.0], ("steak", 5): [0.0, 5000.0]}
    learnt = Shares.learn(sold, {}, 2)
    assert learnt.of("soup", "", 5) == pytest.approx([0.9, 0.1], abs=0.03)


def test_a_new_dish_is_like_its_category_and_then_like_the_house() -> None:
    sold = {("soup", 0): [400.0, 0.0], ("steak", 0): [0.0, 600.0]}
    learnt = Shares.learn(sold, {"soup": "Starters", "steak": "Mains"}, 2)
    assert learnt.of("stew", "Mains", 0)[1] > 0.95
    assert learnt.of("stew", "Desserts", 0) == pytest.approx([0.4, 0.6])


def test_a_weekday_on_which_the_house_serves_no_dinner_has_none() -> None:
    lunch_only, both = [300.0, 0.0], [150.0, 150.0]
    sold = {("soup", weekday): both for weekday in range(6)} | {("soup", 6): lunch_only, ("bread", 6): lunch_only}
    sold |= {("rare", weekday): [0.5, 0.5] for weekday in range(6)}
    learnt = Shares.learn(sold, {}, 2)
    assert learnt.of("rare", "", 6)[1] < 0.06
    assert learnt.of("rare", "", 0) == pytest.approx([0.5, 0.5], abs=0.1)


def test_without_any_sale_every_part_is_alike() -> None:
    assert Shares.learn({}, {}, 2).of("soup", "", 0) == [0.5, 0.5]
