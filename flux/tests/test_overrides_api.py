"""Overrides and accuracy over the API."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from forecasting.models import Forecast, Override, Run, Score
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from tenants import tokens
from tenants.keys import uuid7
from tenants.models import Restaurant

OVERRIDES, ACCURACY = "/api/v1/overrides/", "/api/v1/forecast-accuracy/"
TODAY = timezone.localdate()
TOMORROW = TODAY + dt.timedelta(days=1)
SAID = {"date": f"{TOMORROW}", "effect": "percent", "amount": 50, "reason": "Concert"}


@pytest.fixture
def soup(restaurant: Restaurant) -> MenuItem:
    now = timezone.now()
    run = Run.objects.create(
        status="completed", started_at=now, finished_at=now, cutoff_on=TODAY - dt.timedelta(days=1)
    )
    soup = MenuItemFactory(name="Soup", category="Starters")
    Forecast.objects.create(
        run=run,
        menu_item=soup,
        date=TOMORROW,
        mean=40,
        confidence="0.7",
        q10=30,
        q25=35,
        q50=40,
        q75=45,
        q90=50,
        q95=55,
    )
    return soup


def ask(api: Client, **said: object) -> object:
    return api.post(OVERRIDES, SAID | said, content_type="application/json")


def test_an_override_is_made_listed_and_undone(api: Client, soup: MenuItem) -> None:
    made = ask(api, scope="item", menu_item=f"{soup.pk}", effect="units", amount=55.5)
    assert made.status_code == 201
    told = made.json()
    assert (told["scope"], told["menu_item"], told["amount"], told["verdict"]) == ("item", str(soup.pk), 55.5, "")
    assert api.get(made["Location"]).json() == told == api.get(f"{OVERRIDES}?date_from={TOMORROW}").json()["results"][0]
    assert Forecast.objects.get().mean == 55.5
    assert api.delete(made["Location"]).status_code == 204
    assert Forecast.objects.get().mean == 40
    again = api.delete(made["Location"])
    assert (again.status_code, again.json()["detail"]) == (409, "This override has been undone already.")
    assert api.get(f"{OVERRIDES}?undone=false").json()["count"] == 0


def test_the_second_of_a_day_is_a_conflict(api: Client, soup: MenuItem) -> None:
    ask(api)
    answer = ask(api, amount=20)
    assert (answer.status_code, "has overridden" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"date": "2020-01-01"}, "date"),
        ({"amount": -101}, "amount"),
        ({"reason": " "}, "reason"),
        ({"scope": "category"}, "category"),
        ({"category": "Starters"}, "category"),
        ({"scope": "category", "category": "Fish"}, "category"),
        ({"scope": "item"}, "menu_item"),
        ({"effect": "set"}, "effect"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(api: Client, soup: MenuItem, wrong: dict[str, object], field: str) -> None:
    answer = ask(api, **wrong)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert not Override.objects.exists()


def test_a_total_that_one_dish_uses_up_is_refused_in_words(api: Client, soup: MenuItem) -> None:
    cake = Forecast.objects.get()
    cake.pk, cake.menu_item = None, MenuItemFactory(name="Cake")
    cake.save(force_insert=True)
    ask(api, scope="item", menu_item=f"{soup.pk}", effect="units", amount=200)
    answer = ask(api, scope="all", effect="units", amount=150)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "amount")
    assert "Soup alone is set to 200 units that day" in str(answer.json())
    assert Override.objects.get().menu_item == soup
    assert sorted(Forecast.objects.values_list("mean", flat=True)) == [40, 200]


def score(item: MenuItem, back: int, **said: object) -> None:
    given = {"mean": 10, "engine_mean": 12, "baseline": 5, "q10": 6, "q90": 14, "sold": 10, "unit_price": 3}
    day = TODAY - dt.timedelta(days=back)
    Score.objects.create(date=day, menu_item=item, run_id=uuid7(), days_ahead=1, **given | said)


def test_accuracy_is_told_in_all_by_week_and_by_item(api: Client, soup: MenuItem) -> None:
    score(soup, 1)
    score(MenuItemFactory(name="Cake"), 9)
    told = api.get(ACCURACY).json()
    assert told["total"] == {
        "units_sold": 20.0,
        "item_days": 2,
        "item_days_compared": 2,
        "flux": {"wape": 0.2, "bias": 0.2, "over_prepared": 12.0, "under_prepared": 0.0},
        "final": {"wape": 0.0, "bias": 0.0, "over_prepared": 0.0, "under_prepared": 0.0},
        "same_weekday": {"wape": 0.5, "bias": -0.5, "over_prepared": 0.0, "under_prepared": 30.0},
        "coverage": 1.0,
    }
    assert len(told["weeks"]) == 2
    assert sorted(item["name"] for item in told["items"]) == ["Cake", "Soup"]


def test_accuracy_may_be_narrowed_to_days_and_an_item(api: Client, soup: MenuItem) -> None:
    for back in (1, 2, 3):
        score(soup, back)
    score(MenuItemFactory(), 2)
    day = TODAY - dt.timedelta(days=2)
    told = api.get(f"{ACCURACY}?date_from={day}&date_to={day}&menu_item={soup.pk}").json()
    assert (told["date_from"], told["date_to"], told["total"]["item_days"]) == (f"{day}", f"{day}", 1)
    assert api.get(f"{ACCURACY}?since=yesterday").status_code == 400
    assert api.get(f"{ACCURACY}?date_from=yesterday").status_code == 400


def test_the_kitchen_gets_no_money(restaurant: Restaurant, soup: MenuItem, member: object) -> None:
    score(soup, 1)
    bearer = f"Bearer {tokens.issue(member(restaurant, 'kitchen'), restaurant)}"  # type: ignore[operator]
    api = Client(headers={"host": "bistro.flux.localhost", "authorization": bearer})
    flux = api.get(ACCURACY).json()["total"]["flux"]
    assert (flux["wape"], flux["over_prepared"], flux["under_prepared"]) == (0.2, None, None)


@pytest.mark.parametrize("asked", ["date_to=0001-01-01", "date_from=9999-12-31", "date_from=0001-01-01"])
def test_accuracy_of_a_day_that_no_calendar_holds_is_refused(api: Client, asked: str) -> None:
    refused = api.get(f"{ACCURACY}?{asked}")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, asked.partition("=")[0])


@pytest.mark.parametrize("name", ["scope", "effect"])
def test_half_a_surrogate_pair_is_refused_and_told_back(api: Client, soup: MenuItem, name: str) -> None:
    refused = ask(api, **{name: "\ud800"})
    (told,) = refused.json()["errors"]
    assert (refused.status_code, told["field"], "\ud800" in told["detail"]) == (400, name, True)
