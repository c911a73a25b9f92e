"""The calendar's addresses, as a program sees them."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.test import Client

from forecasting.models import CalendarEvent, DailyFact, Holiday
from forecasting.tests.factories import sell
from menu.models import MenuItem
from tenants import tokens
from tenants.context import restaurant_context
from tenants.models import Restaurant, User

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC)
TODAY = NOW.date()
EVENTS, HOLIDAYS, FACTS = "/api/v1/calendar-events/", "/api/v1/holidays/", "/api/v1/daily-facts/"


def day(ahead: int) -> dt.date:
    return TODAY + dt.timedelta(days=ahead)


@pytest.fixture
def api(restaurant: Restaurant, member: Callable[..., User]):
    with mock.patch("django.utils.timezone.now", return_value=NOW):
        token = tokens.issue(member(restaurant, "manager"), restaurant)
        yield Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {token}"})


def event(**given: Any) -> dict[str, Any]:
    return {"name": "Fair", "starts_on": str(day(3)), "ends_on": str(day(4)), "amount": "20"} | given


def send(api: Client, address: str, body: Any, method: str = "post"):
    return getattr(api, method)(address, body, content_type="application/json")


def errors(answer) -> list[tuple[str, str]]:
    assert answer.status_code == 400
    return [(error["field"], error["detail"]) for error in answer.json()["errors"]]


def test_an_event_is_created_changed_and_deleted(api: Client) -> None:
    made = send(api, EVENTS, event())
    assert made.status_code == 201
    address = made["Location"].removeprefix("http://bistro.flux.localhost")
    assert api.get(address).json()["amount"] == 20
    changed = send(api, address, {"amount": "-5", "note": "Rain"}, "patch").json()
    assert (changed["amount"], changed["note"], changed["name"]) == (-5, "Rain", "Fair")
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_events_are_listed_by_range_kind_and_scope(api: Client, django_assert_num_queries) -> None:
    soup = MenuItem.objects.create(name="Soup")
    for n, given in enumerate(({}, {"kind": "promotion", "scope": "item", "menu_item": soup}, {"kind": "catering"})):
        CalendarEvent.objects.create(name=f"Fair {n}", starts_on=day(n), ends_on=day(n + 1), amount=1, **given)

    def names(query: str) -> list[str]:
        return [row["name"] for row in api.get(f"{EVENTS}?{query}").json()["results"]]

    assert names(f"date_from={day(1)}&date_to={day(1)}") == ["Fair 0", "Fair 1"]
    assert names("kind=catering") == ["Fair 2"]
    assert names("scope=item") == names(f"menu_item={soup.pk}") == ["Fair 1"]
    assert api.get(f"{EVENTS}?sort=name").status_code == 400


def test_an_event_tells_what_its_look_alikes_did(api: Client) -> None:
    soup = MenuItem.objects.create(name="Soup")
    for back in range(1, 71):
        sell(soup, day(-back), 150 if back == 14 else 100)
    CalendarEvent.objects.create(name="FAIR", starts_on=day(-14), ends_on=day(-14), amount=0)
    made = send(api, EVENTS, event(effect="like", amount=None)).json()
    assert api.get(f"{EVENTS}{made['id']}/").json()["like_last_time"] == {
        "measured_percent": 50.0,
        "counted_percent": 36.0,
        "days": [{"date": str(day(-14)), "sold": 150.0, "usual": 100.0}],
    }


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [
        ({"ends_on": str(day(1))}, "ends_on", "The last day lies before the first."),
        ({"amount": "1e9"}, "amount", "Ensure that there are no more than 8 digits before the decimal point."),
        ({"scope": "category", "category": "Sushi"}, "category", "No dish is in a category “Sushi”."),
        ({"efect": "like"}, "efect", "There is no such member."),
        ({"kind": "party"}, "kind", '"party" is not a valid choice.'),
    ],
)
def test_what_cannot_be_is_named_by_field(api: Client, given, field, why) -> None:
    assert (field, why) in errors(send(api, EVENTS, event(**given)))
    assert not CalendarEvent.objects.exists()


def test_rows_of_another_restaurant_do_not_exist(api: Client, other_restaurant: Restaurant) -> None:
    with restaurant_context(other_restaurant):
        theirs = MenuItem.objects.create(name="Their soup")
        fair = CalendarEvent.objects.create(name="Their fair", starts_on=day(-3), ends_on=day(-3), amount=1)
    found = errors(send(api, EVENTS, event(scope="item", menu_item=str(theirs.pk))))
    assert [field for field, _ in found] == ["menu_item"]
    found = errors(send(api, EVENTS, event(effect="like", amount=None, like=str(fair.pk))))
    assert [field for field, _ in found] == ["like"]
    assert api.delete(f"{EVENTS}{fair.pk}/").status_code == 404


def test_holidays_are_those_of_the_house(api: Client) -> None:
    Holiday.objects.create(kind="public", name="Armistice Day", starts_on="2026-11-11", ends_on="2026-11-11", is_off=1)
    Holiday.objects.create(kind="school", name="Autumn", starts_on="2026-10-30", ends_on="2026-11-02")
    assert api.get(f"{HOLIDAYS}?date_from=2026-11-01&date_to=2026-11-30").json() == [
        {"date": "2026-11-01", "kind": "public", "name": "All Saints' Day"},
        {"date": "2026-11-01", "kind": "school", "name": "Autumn"},
        {"date": "2026-11-02", "kind": "school", "name": "Autumn"},
    ]
    assert errors(api.get(f"{HOLIDAYS}?date_from=2020-01-01"))[0][0] == "date_to"
    assert errors(api.get(f"{HOLIDAYS}?since=2026-01-01"))[0] == ("since", "There is no such member.")


def test_facts_are_kept_all_or_none_and_twice_without_harm(api: Client) -> None:
    given = {"facts": [{"date": str(day(n)), "kind": "bookings", "value": 30 + n} for n in (-1, 1)]}
    assert send(api, FACTS, given).json() == {"new": 2, "changed": 0, "same": 0, "late": 1}
    assert send(api, FACTS, given).json() == {"new": 0, "changed": 0, "same": 2, "late": 0}
    rows = api.get(f"{FACTS}?date_from={TODAY}&kind=bookings").json()["results"]
    assert [(row["date"], row["value"], row["source"]) for row in rows] == [(str(day(1)), 31, "api")]
    assert rows[0]["known_at"] == "2026-11-23T12:00:00+01:00"  # in Paris
    given["facts"].append({"date": str(day(2)), "kind": "No Kind", "value": 1})
    assert [field for field, _ in errors(send(api, FACTS, given))] == ["facts.2.kind"]
    given["facts"][2] = {"date": str(day(2)), "kind": "bookings", "value": 1, "known_at": "2027-01-01T00:00:00Z"}
    assert [field for field, _ in errors(send(api, FACTS, given))] == ["facts.2.known_at"]
    assert DailyFact.objects.count() == 2


def test_dates_that_have_no_day_before_them_are_refused(api: Client) -> None:
    first = {"starts_on": "0001-01-01", "effect": "like", "amount": None}
    assert [name for name, _ in errors(send(api, EVENTS, event(**first)))] == ["ends_on"]
    known = {"date": str(day(0)), "kind": "rain", "value": 1, "known_at": "0001-01-01T05:00:00Z"}
    refused = errors(send(api, FACTS, {"facts": [known]}))
    assert refused == [("facts.0.known_at", "this lies outside the years 2000 to 2100")]
    assert not DailyFact.objects.exists()


def test_half_a_surrogate_pair_as_a_member_is_told_back(api: Client) -> None:
    assert errors(send(api, EVENTS, event(**{"\ud800": 1}))) == [("\ud800", "There is no such member.")]
    assert errors(send(api, EVENTS, event(effect="\ud800")))[0][0] == "effect"


@pytest.mark.parametrize("first", ["0001-01-01", "9998-01-01"])
def test_holidays_of_any_year_can_be_asked_for(api: Client, first: str) -> None:
    assert api.get(f"{HOLIDAYS}?date_from={first}&date_to={first[:4]}-12-31").status_code in {200, 400}
