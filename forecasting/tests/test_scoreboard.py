"""The scoreboard and what it warns of."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from forecasting import scoreboard
from forecasting.models import Override, Score
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from tenants.context import restaurant_context
from tenants.keys import uuid7
from tenants.models import Restaurant

PAGE = "/forecast/accuracy/"
TODAY = timezone.localdate()
YESTERDAY = TODAY - dt.timedelta(days=1)


def score(item: MenuItem, back: int = 1, **said: object) -> Score:
    given = {"mean": 10, "engine_mean": 10, "baseline": 8, "q10": 6, "q90": 14, "sold": 10, "unit_price": 3}
    day = TODAY - dt.timedelta(days=back)
    return Score.objects.create(date=day, menu_item=item, run_id=uuid7(), days_ahead=1, **given | said)


def text(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]


@pytest.fixture
def soup(restaurant: Restaurant) -> MenuItem:
    return MenuItemFactory(name="Soup")


def test_weeks_are_told_from_monday_on_the_newest_first(soup: MenuItem) -> None:
    for back in (1, 8, 8 * 7 + 8):
        score(soup, back)
    board = scoreboard.board(YESTERDAY)
    monday = YESTERDAY - dt.timedelta(days=YESTERDAY.weekday())
    assert [week.monday for week in board.weeks] == [monday, monday - dt.timedelta(weeks=1)]
    assert (board.whole.sold, board.scored_to) == (20, YESTERDAY)


def test_days_on_which_a_dish_ran_out_count_nowhere(soup: MenuItem) -> None:
    score(soup, was_sold_out=True)
    assert scoreboard.board(YESTERDAY).rows == []


def test_dishes_are_ranked_by_the_units_that_flux_was_nearer(soup: MenuItem) -> None:
    score(soup, sold=10, engine_mean=10, baseline=5)
    score(MenuItemFactory(name="Cake"), sold=10, engine_mean=12, baseline=10)
    score(MenuItemFactory(name="Same"), sold=10, engine_mean=9, baseline=11)
    score(MenuItemFactory(name="Hardly"), sold=1000, engine_mean=1103, baseline=1099)
    board = scoreboard.board(YESTERDAY)
    assert [dish.name for dish in board.best] == ["Soup"]
    assert [dish.name for dish in board.worst] == ["Cake"]


def test_the_page_compares_the_three_ways(portal: Client, soup: MenuItem) -> None:
    score(soup, sold=20, mean=19, engine_mean=15, baseline=10)
    Override.objects.create(
        date=YESTERDAY, amount=10, reason="Rain", author="Ada", verdict="helped", scored_at=timezone.now()
    )
    shown = text(portal.get(PAGE))
    for said in ("25 %", "5 %", "50 %", "€15", "€3", "€30", "Your 1 override:", "1 helped"):
        assert said in shown


def test_the_kitchen_sees_no_money(kitchen_portal: Client, soup: MenuItem) -> None:
    score(soup, sold=20)
    shown = text(kitchen_portal.get(PAGE))
    assert ("Soup" in shown, "€" in shown, "Prepared too much" in shown) == (True, False, False)


def test_without_scores_the_page_says_when_they_come(portal: Client) -> None:
    assert "The first score comes a day after the first forecast." in text(portal.get(PAGE))


def test_the_page_asks_as_much_for_three_dishes_as_for_one(
    portal: Client, soup: MenuItem, django_assert_num_queries: object
) -> None:
    score(soup)
    portal.get(PAGE)
    with django_assert_num_queries(6):  # type: ignore[operator]
        portal.get(PAGE)
    for _ in range(2):
        score(MenuItemFactory())
    with django_assert_num_queries(6):  # type: ignore[operator]
        portal.get(PAGE)


def test_alerts_say_what_happened_and_what_to_do(soup: MenuItem) -> None:
    for back in range(1, 6):
        score(soup, back, sold=16)
    assert [(alert.what, alert.advice) for alert in scoreboard.alerts(YESTERDAY)] == [
        (
            "You sold more than forecast on 5 of the last 7 days",
            "each time by more than 10 %: override the coming days if you expect more again",
        ),
        (
            "Soup sold more than its range on 5 of the last 7 days",
            "override its coming days, or put what changed into the calendar",
        ),
    ]


def test_ranges_that_do_not_hold_are_told(soup: MenuItem) -> None:
    dishes = [soup, *(MenuItemFactory() for _ in range(3))]
    for back in range(1, 29):
        for number, dish in enumerate(dishes):
            score(dish, back, sold=(10, 16, 4)[back % 3] if number < 2 else 10)
    assert [alert.what for alert in scoreboard.alerts(YESTERDAY)] == [
        "The forecast’s ranges were too narrow: 66 % of the sales lay in them"
    ]


def test_a_dish_off_the_menu_alarms_nobody(soup: MenuItem) -> None:
    for back in range(1, 6):
        score(soup, back, sold=16)
        score(MenuItemFactory(name=f"Rest {back}"), back, sold=1000, mean=1000)
    soup.is_active = False
    soup.save()
    assert scoreboard.alerts(YESTERDAY) == []


def test_another_restaurant_has_its_own_board(soup: MenuItem, other_restaurant: Restaurant) -> None:
    score(soup)
    with restaurant_context(other_restaurant):
        assert scoreboard.board(YESTERDAY).rows == []
