"""Dishes that stopped selling too early to be chance, on the sales of an invented restaurant."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pos import last_sales

HOUR = 3600
WEEK = (0.7, 0.8, 0.9, 1.0, 1.3, 1.6, 0.7)
RATES = (4, 6, 8, 10, 12, 15, 18, 22, 28, 35, 45, 60)  # orders of each dish on an ordinary day
GROUPS = {f"dish {n}": ("Mains", "Sides", "Drinks")[n % 3] for n in range(len(RATES))}
LUNCH, DINNER = (12.0, 15.0), (18.0, 23.0)


def a_day(rng: random.Random, n: int) -> dict[str, list[int]]:
    """Orders by dish: lunch and dinner, weekdays, a factor that the house shares and one of each dish's own."""
    house = rng.lognormvariate(0, 0.12)
    return {dish: _orders(rng, rate * WEEK[n % 7] * house) for dish, rate in zip(GROUPS, RATES, strict=True)}


def _orders(rng: random.Random, mean: float) -> list[int]:
    left, times = mean * rng.gammavariate(9, 1 / 9), []
    while (left := left - rng.expovariate(1)) > 0:
        begin, end = LUNCH if rng.random() < 0.35 else DINNER
        times.append(int(HOUR * (begin + (end - begin) * rng.betavariate(2, 2.2))))
    return sorted(times)


def weeks_before(days: list, n: int) -> list:
    return [days[n - 7 * week] for week in range(1, 9)]


def found(days: list, n: int, today: dict | None = None) -> set:
    return {one.item for one in last_sales.ran_out(today or days[n], weeks_before(days, n), GROUPS)}


def with_stockouts(rng: random.Random, day: dict) -> tuple[dict, dict[str, int]]:
    """The day with dishes that ran out in its course, and how many orders each of them lost."""
    left, lost = dict(day), {}
    for dish, times in day.items():
        if len(times) > 2 and rng.random() < 0.1:
            left[dish] = times[: rng.randint(len(times) // 3, len(times) - 1) or 1]
            lost[dish] = len(times) - len(left[dish])
    return left, lost


def test_chance_alone_is_hardly_ever_taken_for_running_out():
    """On days on which nothing ran out, at most one night in fifty: 0.2 % of the dish-days of this house."""
    rng = random.Random(7)
    days = [a_day(rng, n) for n in range(56 + 360)]
    wrong = sum(len(found(days, n)) for n in range(56, len(days)))
    assert wrong <= 360 / 50


def test_what_lost_many_orders_is_found():
    """Of dishes that lost 20 orders and more nearly all, of 10 to 19 half, of fewer hardly any; one in ten is wrong."""
    rng = random.Random(11)
    days = [a_day(rng, n) for n in range(56 + 240)]
    seen: dict[str, list[bool]] = {"many": [], "some": [], "few": []}
    wrong = 0
    for n in range(56, len(days)):
        today, lost = with_stockouts(rng, days[n])
        guessed = found(days, n, today)
        wrong += len(guessed - lost.keys())
        for dish, orders in lost.items():
            seen["many" if orders >= 20 else "some" if orders >= 10 else "few"].append(dish in guessed)
    rates = {size: sum(hits) / len(hits) for size, hits in seen.items()}
    assert rates["many"] >= 0.95
    assert rates["some"] >= 0.5
    assert wrong <= 0.1 * (wrong + sum(map(sum, seen.values())))


def test_a_house_that_closed_early_ran_out_of_nothing():
    rng = random.Random(3)
    days = [a_day(rng, n) for n in range(60)]
    early = {dish: [at for at in times if at < 19 * HOUR] for dish, times in days[59].items()}
    assert found(days, 59, early) == set()


def test_a_kitchen_that_closed_early_while_the_bar_went_on():
    rng = random.Random(3)
    days = [a_day(rng, n) for n in range(60)]
    food = {dish for dish, group in GROUPS.items() if group != "Drinks"}
    early = {dish: [at for at in times if dish not in food or at < 19 * HOUR] for dish, times in days[59].items()}
    assert found(days, 59, early) == set()


def test_a_dish_that_sells_at_lunch_only_has_not_run_out_at_night():
    times = {
        "soup": [int((12 + n / 10) * HOUR) for n in range(25)],
        "wine": [int((12 + n / 4) * HOUR) for n in range(40)],
    }
    assert last_sales.ran_out(times, [times] * 8, {"soup": "", "wine": ""}) == []


def test_a_new_dish_is_not_judged():
    today = {"soup": [12 * HOUR], "wine": [n * HOUR for n in range(12, 22)]}
    usual = {"soup": [n * HOUR // 4 for n in range(48, 88)], "wine": today["wine"]}
    groups = {"soup": "Starters", "wine": "Drinks"}
    assert [one.item for one in last_sales.ran_out(today, [usual] * 8, groups)] == ["soup"]
    assert last_sales.ran_out(today, [usual] * 3, groups) == []


@given(st.floats(0, 200), st.floats(0, 200), st.floats(0, 200), st.floats(0, 50))
def test_the_more_was_to_come_the_less_likely_is_silence(sold, usual, rest, more):
    chance = last_sales.chance_of_none(sold, usual, rest)
    assert 0 < chance <= 1
    assert last_sales.chance_of_none(sold, usual, rest + more) <= chance
    assert last_sales.chance_of_none(sold, usual, 0) == 1
