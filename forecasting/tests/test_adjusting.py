import datetime as dt
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from forecasting.arithmetic.adjusting import THOUSANDTH, Effect, Numbers, apply, poisson_range

SATURDAY = dt.date(2026, 11, 28)
SOUP, STEW, CAKE = (UUID(int=number) for number in (1, 2, 3))
CATEGORIES = {SOUP: "starters", STEW: "mains", CAKE: "sweets"}


def numbers(*values: float | str) -> Numbers:
    return tuple(Decimal(str(value)).quantize(THOUSANDTH) for value in values)


ENGINE = {
    SOUP: numbers(10, 6, 8, 10, 12, 14, 16),
    STEW: numbers(30, 20, 25, 30, 35, 40, 44),
    CAKE: numbers(20, 12, 15, 20, 24, 28, 30),
}


def of_all(kind: str, amount: float | Decimal) -> Effect:
    return Effect(SATURDAY, "all", "", None, kind, amount, "Market day")


def of_category(category: str, kind: str, amount: float) -> Effect:
    return Effect(SATURDAY, "category", category, None, kind, Decimal(str(amount)), "Party")


def of_item(item: UUID, kind: str, amount: float) -> Effect:
    return Effect(SATURDAY, "item", "", item, kind, Decimal(str(amount)), "Ada")


def means(*, events: tuple[Effect, ...] = (), overrides: tuple[Effect, ...] = ()) -> list[Decimal]:
    return [after[0] for after in apply(ENGINE, CATEGORIES, events=events, overrides=overrides).values()]


def test_percents_of_events_multiply() -> None:
    assert means(events=(of_all("percent", 50), of_category("mains", "percent", -20))) == [15, 36, 30]


def test_units_of_an_event_are_spread_in_proportion_after_the_percents() -> None:
    assert means(events=(of_all("units", 60), of_item(SOUP, "percent", 100))) == [
        Decimal("37.143"), Decimal("55.714"), Decimal("37.143"),
    ]  # fmt: skip


def test_an_event_takes_no_more_than_there_is() -> None:
    assert means(events=(of_item(SOUP, "units", -25),)) == [0, 30, 20]


def test_mean_and_range_scale_by_one_factor() -> None:
    after = apply(ENGINE, CATEGORIES, overrides=[of_item(SOUP, "percent", 50)])

    assert after == ENGINE | {SOUP: numbers(15, 9, 12, 15, 18, 21, 24)}


def test_units_that_are_ordered_widen_no_range() -> None:
    after = apply(ENGINE, CATEGORIES, events=[of_item(SOUP, "ordered", 35), of_item(SOUP, "percent", 50)])

    assert after == ENGINE | {SOUP: numbers(50, 44, 47, 50, 53, 56, 59)}


def test_an_override_scales_what_is_ordered_too() -> None:
    after = apply(ENGINE, CATEGORIES, events=[of_item(SOUP, "ordered", 10)], overrides=[of_item(SOUP, "set", 40)])

    assert after[SOUP] == numbers(40, 32, 36, 40, 44, 48, 52)


def test_an_override_comes_on_top_of_the_events() -> None:
    assert means(events=(of_all("percent", 100),), overrides=(of_all("percent", -50),)) == [10, 30, 20]


def test_a_narrower_override_wins_for_its_items() -> None:
    own = of_item(SOUP, "percent", 10)

    assert means(overrides=(of_all("percent", 100), of_category("mains", "set", 6), own)) == [11, 6, 40]


def test_a_total_is_kept_by_the_rest() -> None:
    assert means(overrides=(of_all("set", 120), of_item(SOUP, "set", 20))) == [20, 60, 40]


def test_a_total_below_what_is_set_inside_it_leaves_the_rest_nothing() -> None:
    assert means(overrides=(of_all("set", 15), of_item(SOUP, "set", 20))) == [20, 0, 0]


def test_a_total_of_items_that_are_all_set_has_nothing_to_move() -> None:
    assert means(overrides=(of_category("mains", "set", 90), of_item(STEW, "set", 40))) == [10, 40, 20]


def test_the_last_override_of_the_same_target_counts() -> None:
    assert means(overrides=(of_all("set", 90), of_all("set", 120))) == [20, 60, 40]


def test_units_of_items_that_never_sell_are_spread_evenly_and_get_a_range() -> None:
    nothing = dict.fromkeys((SOUP, STEW), numbers(*[0] * 7))

    after = apply(nothing, CATEGORIES, overrides=[of_all("set", 20)])

    assert after == dict.fromkeys((SOUP, STEW), numbers(10, 6, 8, 10, 12, 14, 15))  # Poisson's, by any table


def test_an_item_without_a_range_gets_one_that_contains_its_units() -> None:
    rare = {SOUP: numbers("0.05", 0, 0, 0, 0, 0, 1)}

    assert apply(rare, CATEGORIES, overrides=[of_all("set", 5)])[SOUP] == numbers(5, 2, 3, 5, 6, 8, 9)


def test_a_large_range_is_near_the_counted_one() -> None:
    assert poisson_range(Decimal(400)) == (374, 387, 400, 413, 426, 433)


units = st.decimals(min_value=0, max_value=5000, places=3)
items = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.lists(units, min_size=7, max_size=7)), min_size=1)
target = st.sampled_from(["all", "a", "b", "c", 0, 1, 2])
change = st.one_of(
    st.tuples(st.just("percent"), st.decimals(min_value=-100, max_value=1000, places=2)),
    st.tuples(st.just("units"), st.decimals(min_value=-3000, max_value=3000, places=3)),
    st.tuples(st.just("ordered"), st.decimals(min_value=-3000, max_value=3000, places=3)),
    st.tuples(st.just("set"), units),
)
changes = st.lists(st.tuples(target, change), max_size=6)


def day_of(drawn: list[tuple[str, list[Decimal]]]) -> tuple[dict[UUID, Numbers], dict[UUID, str]]:
    """Items with ordered quantiles; UUID(int=n) is the n-th."""
    engine = {UUID(int=n): (values[0], *sorted(values[1:])) for n, (_, values) in enumerate(drawn)}
    return engine, {UUID(int=n): category for n, (category, _) in enumerate(drawn)}


def effects_of(drawn: list[tuple[object, tuple[str, Decimal]]], kinds: tuple[str, ...]) -> list[Effect]:
    made = []
    for aim, (kind, amount) in drawn:
        if kind not in kinds:
            continue
        scope = "item" if isinstance(aim, int) else "all" if aim == "all" else "category"
        item = UUID(int=aim) if isinstance(aim, int) else None
        made.append(Effect(SATURDAY, scope, str(aim) if scope == "category" else "", item, kind, amount, "x"))
    return made


@given(items, changes, changes)
def test_order_is_kept_and_nothing_is_negative(day, events, overrides) -> None:
    engine, categories = day_of(day)

    after = apply(
        engine,
        categories,
        events=effects_of(events, ("percent", "units", "ordered")),
        overrides=effects_of(overrides, ("percent", "set")),
    )

    assert list(after) == list(engine)
    for each in after.values():
        assert list(each[1:]) == sorted(each[1:])
        assert min(each) >= 0
        assert all(number == number.quantize(THOUSANDTH) for number in each)


@given(items, changes, units)
def test_a_total_that_is_set_is_met_to_the_thousandth(day, events, total) -> None:
    engine, categories = day_of(day)

    after = apply(
        engine, categories, events=effects_of(events, ("percent", "units", "ordered")), overrides=[of_all("set", total)]
    )

    assert sum(each[0] for each in after.values()) == total


@given(items, changes, units)
def test_a_total_holds_beside_narrower_ones_or_is_what_they_say(day, overrides, total) -> None:
    engine, categories = day_of(day)
    narrower = [each for each in effects_of(overrides, ("percent", "set")) if each.scope != "all"]
    named = {item for item in engine if any(each.touches(item, categories[item]) for each in narrower)}
    alone = apply(engine, categories, overrides=narrower)

    after = apply(engine, categories, overrides=[*narrower, of_all("set", total)])

    assert {item: after[item] for item in named} == {item: alone[item] for item in named}
    fixed = sum((after[item][0] for item in named), Decimal(0))
    wanted = fixed if len(named) == len(engine) else max(total, fixed)
    assert sum(each[0] for each in after.values()) == wanted


@given(items, units)
def test_setting_what_is_set_changes_nothing(day, total) -> None:
    engine, categories = day_of(day)
    once = apply(engine, categories, overrides=[of_all("set", total)])

    assert apply(once, categories, overrides=[of_all("set", total)]) == once


@given(items)
def test_without_effects_the_engine_speaks(day) -> None:
    engine, categories = day_of(day)

    assert apply(engine, categories) == engine
