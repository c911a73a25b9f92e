"""Forecasts and runs over the API."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from forecasting import forecast
from forecasting.api.forecasts import ForecastViewSet
from forecasting.models import Forecast, Run
from forecasting.tests.factories import trade
from menu.tests.factories import MenuItemFactory
from pos.models import Connection, DaySource, Order, OrderLine
from tenants.office.models import Daypart

FORECASTS, RUNS = "/api/v1/forecasts/", "/api/v1/forecast-runs/"


@pytest.fixture(autouse=True)
def _no_lists_of_other_tests(restaurant):
    forecast.drop_lists()


@pytest.fixture
def today(restaurant) -> dt.date:
    return restaurant.business_date(timezone.now())


def completed(**fields) -> Run:
    now = timezone.now()
    return Run.objects.create(
        status="completed", cutoff_on=now.date(), started_at=now, finished_at=now, created_at=now, **fields
    )


def expect(run: Run, item, date, mean=10) -> Forecast:
    numbers = {"q10": 5, "q25": 7, "q50": 10, "q75": 12, "q90": 15, "q95": 17}
    return Forecast.objects.create(run=run, menu_item=item, date=date, mean=mean, confidence=Decimal("0.8"), **numbers)


def test_a_forecast_has_item_date_quantity_confidence_quantiles_and_run(api, today):
    soup = MenuItemFactory(name="Soup")
    row = expect(completed(), soup, today)
    assert api.get(FORECASTS).json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": row.pk,
                "menu_item": {"id": str(soup.pk), "name": "Soup", "category": "Mains"},
                "date": str(today),
                "predicted_quantity": 10.0,
                "engine_quantity": 10.0,
                "confidence": 0.8,
                "quantiles": {"q10": 5.0, "q25": 7.0, "q50": 10.0, "q75": 12.0, "q90": 15.0, "q95": 17.0},
                "run": str(row.run_id),
            }
        ],
    }
    assert api.get(f"{FORECASTS}{row.pk}/").json()["run"] == str(row.run_id)


def test_the_newest_run_comes_first_by_date(api, today):
    soup = MenuItemFactory()
    tomorrow = today + dt.timedelta(days=1)
    old, new = completed(), completed()
    for run, day in ((new, tomorrow), (old, today), (new, today)):
        expect(run, soup, day)
    rows = api.get(FORECASTS).json()["results"]
    assert [(row["run"], row["date"]) for row in rows] == [
        (str(new.pk), str(today)),
        (str(new.pk), str(tomorrow)),
        (str(old.pk), str(today)),
    ]


def test_a_run_of_the_past_that_was_written_later_comes_later(api, today):
    soup = MenuItemFactory()
    new, backfilled = completed(), completed()
    Run.objects.filter(pk=backfilled.pk).update(created_at=timezone.now() - dt.timedelta(days=9))
    for run in (backfilled, new):
        expect(run, soup, today)
    told = [row["run"] for row in api.get(FORECASTS, {"date": today}).json()["results"]]
    assert told == [str(new.pk), str(backfilled.pk)]


def test_the_current_run_is_the_one_that_pages_show(api, today):
    assert api.get(FORECASTS, {"run": "current"}).json()["count"] == 0
    soup = MenuItemFactory()
    old, new = completed(), completed()
    for run in (old, new, completed(origin="integrator")):
        expect(run, soup, today)
    forecast.drop_lists()
    assert [row["run"] for row in api.get(FORECASTS, {"run": "current"}).json()["results"]] == [str(new.pk)]
    assert api.get(FORECASTS, {"run": "newest"}).status_code == 400


def test_a_list_of_an_item_is_read_by_index(api, today):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    rows = ForecastViewSet.queryset.filter(menu_item=MenuItemFactory(), date=today)
    assert "forecasting_forecast_by_item" in rows.explain()


def test_lists_can_be_narrowed_and_paged(api, today):
    soup, cake = MenuItemFactory(), MenuItemFactory()
    days = [today + dt.timedelta(days=n) for n in range(4)]
    first, second = completed(), completed(origin="integrator", feeds_orders=False)
    for day in days:
        expect(first, soup, day)
    expect(second, cake, days[0])
    count = lambda **asked: api.get(FORECASTS, asked).json()["count"]  # noqa: E731
    assert count() == 5
    assert count(menu_item=cake.pk) == 1
    assert count(run=first.pk) == 4
    assert count(origin="integrator") == 1
    assert count(date_from=days[1], date_to=days[2]) == 2
    page = api.get(FORECASTS, {"limit": 2, "offset": 2}).json()
    assert (len(page["results"]), page["next"] is not None) == (2, True)
    assert api.get(FORECASTS, {"item": "x"}).status_code == 400


def test_a_list_takes_the_same_queries_for_any_number_of_rows(api, today, django_assert_num_queries):
    run = completed()
    expect(run, MenuItemFactory(), today)
    api.get("/api/v1/menu-items/")  # warm: who is asking, and where
    with django_assert_num_queries(3) as few:
        api.get(FORECASTS)
    for _ in range(2):
        expect(run, MenuItemFactory(), today)
    forecast.drop_lists()
    with django_assert_num_queries(len(few)):
        assert api.get(FORECASTS).json()["count"] == 3


def test_the_list_is_cached_per_address_until_something_is_written(api, today, django_capture_on_commit_callbacks):
    soup = MenuItemFactory()
    run = completed()
    expect(run, soup, today)
    assert api.get(FORECASTS).json()["count"] == 1
    expect(run, soup, today + dt.timedelta(days=1))  # behind the verbs' back
    assert api.get(FORECASTS).json()["count"] == 1
    assert api.get(FORECASTS, {"limit": 5}).json()["count"] == 2
    with django_capture_on_commit_callbacks(execute=True):
        post(api, soup, today)
    assert api.get(FORECASTS).json()["count"] == 3


def test_the_cache_keeps_lists_for_an_hour(api, today, monkeypatch):
    kept = {}
    monkeypatch.setattr(cache, "set", lambda key, value, seconds: kept.update({key.split(":")[0]: seconds}))
    api.get(FORECASTS)
    assert kept == {"forecasts": 3600}


def test_one_restaurants_list_is_not_anothers(api, other_restaurant, today):
    from tenants.context import restaurant_context

    soup = MenuItemFactory()
    expect(completed(), soup, today)
    api.get(FORECASTS)
    version = forecast.list_version()
    with restaurant_context(other_restaurant):
        forecast.drop_lists()
        assert forecast.list_version() != version
        assert Forecast.objects.count() == 0
    assert forecast.list_version() == version


def post(api, item, day, **changes):
    body = {"menu_item": str(item.pk), "date": str(day), "predicted_quantity": 12.5, "confidence": 0.9} | changes
    return api.post(FORECASTS, body, "application/json")


def test_an_integrator_records_a_forecast(api, manager, today):
    soup = MenuItemFactory(name="Soup")
    response = post(api, soup, today)
    assert response.status_code == 201
    answer = response.json()
    assert answer["menu_item"] == {"id": str(soup.pk), "name": "Soup", "category": "Mains"}
    assert (answer["predicted_quantity"], answer["confidence"], answer["quantiles"]) == (12.5, 0.9, None)
    assert api.get(response["Location"]).json() == answer
    run = Run.objects.get(pk=answer["run"])
    assert (run.origin, run.feeds_orders, run.requested_by_id) == ("integrator", False, manager.pk)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"predicted_quantity": 0}, "predicted_quantity"),
        ({"predicted_quantity": -1}, "predicted_quantity"),
        ({"predicted_quantity": 0.0004}, "predicted_quantity"),
        ({"predicted_quantity": 1e300}, "predicted_quantity"),
        ({"predicted_quantity": "NaN"}, "predicted_quantity"),
        ({"predicted_quantity": None}, "predicted_quantity"),
        ({"confidence": 1.01}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"date": "2020-01-01"}, "date"),
        ({"date": "9999-12-31"}, "date"),
        ({"date": "soon"}, "date"),
        ({"menu_item": "0193d4a5-0000-7000-8000-000000000000"}, "menu_item"),
        ({"menu_item": "soup"}, "menu_item"),
        ({"feed_orders": True}, "feed_orders"),
    ],
)
def test_a_wrong_value_is_named(api, today, changes, field):
    response = post(api, MenuItemFactory(), today, **changes)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Run.objects.exists()


def test_more_digits_than_are_kept_are_rounded(api, today):
    response = post(api, MenuItemFactory(), today, predicted_quantity=12.34567, confidence=2 / 3)
    answer = response.json()
    assert (response.status_code, answer["predicted_quantity"], answer["confidence"]) == (201, 12.346, 0.6667)


def test_a_forecast_feeds_orders_where_the_integrator_chooses_so(api, today):
    response = post(api, MenuItemFactory(), today, feeds_orders=True)
    assert Run.objects.get(pk=response.json()["run"]).feeds_orders
    assert Run.objects.current() is None  # pages go on showing Flux's own


@pytest.mark.parametrize("confidence", [0, 1])
def test_confidence_may_be_nothing_or_certain(api, today, confidence):
    assert post(api, MenuItemFactory(), today, confidence=confidence).status_code == 201


def test_a_run_is_started_in_the_background_and_tells_its_result(api, django_capture_on_commit_callbacks):
    trade(20, 1, last_on=timezone.now().date() - dt.timedelta(days=3))
    with django_capture_on_commit_callbacks() as sent:
        response = api.post(RUNS)
    assert response.status_code == 201
    started = response.json()
    assert (started["status"], started["progress"], started["url"]) == ("pending", 0, response["Location"])
    assert api.get(started["url"]).json()["status"] == "pending"
    for send in sent:
        send()
    done = api.get(started["url"]).json()
    assert (done["status"], done["progress"], done["report"]["method"]) == ("completed", 1, "smoother")
    assert api.get(done["forecasts"]).json()["count"] == 35
    assert api.get(RUNS, {"status": "completed"}).json()["count"] == 1


def test_without_sales_a_run_is_a_conflict(api):
    response = api.post(RUNS)
    assert (response.status_code, response["Content-Type"]) == (409, "application/problem+json")
    assert response.json()["detail"] == "There are no sales of a complete day yet."


def test_the_kitchen_reads_but_does_not_write(restaurant, member, client, today):
    from tenants import tokens

    cook = {"authorization": f"Bearer {tokens.issue(member(restaurant, 'kitchen'), restaurant)}"}
    host = {"host": "bistro.flux.localhost"}
    assert client.get(FORECASTS, headers=host | cook).status_code == 200
    assert client.post(RUNS, headers=host | cook).status_code == 403
    assert client.post(FORECASTS, {}, "application/json", headers=host | cook).status_code == 403
    assert client.get(FORECASTS, headers=host).status_code == 401


def test_lists_can_be_narrowed_to_a_day_and_a_category(api, today):
    run, soup, wine = completed(), MenuItemFactory(category="Starters"), MenuItemFactory(category="Drinks")
    rows = [expect(run, item, today + dt.timedelta(days=ahead)) for item in (soup, wine) for ahead in (0, 1)]
    wanted = api.get(f"{FORECASTS}?category=Drinks&date={today}").json()
    assert [row["id"] for row in wanted["results"]] == [rows[2].pk]


def test_what_the_engine_said_stands_beside_what_became_of_it(api, today):
    row = expect(completed(), MenuItemFactory(), today, mean=12)
    Forecast.objects.update(engine_numbers=[Decimal(10)] * 7)
    found = api.get(f"{FORECASTS}{row.pk}/").json()
    assert (found["predicted_quantity"], found["engine_quantity"]) == (12.0, 10.0)


class TestDayparts:
    ADDRESS = f"{FORECASTS}dayparts/"

    def test_parts_add_up_to_the_day(self, api, restaurant, today):
        soup, run = MenuItemFactory(), completed()
        expect(run, soup, today, mean=Decimal("10.001"))
        till = Connection.objects.create(provider="csv", name="Till")
        DaySource.objects.create(business_date=today, connection=till)
        for hour, units in [(12, 5), (18, 2)]:
            at = dt.datetime.combine(today, dt.time(hour), restaurant.zone)
            order = Order.objects.create(connection=till, external_id=str(hour), business_date=today, opened_at=at)
            OrderLine.objects.create(order=order, position=1, menu_item=soup, quantity=units)
        Daypart.objects.create(name="Dinner", begins_at="17:30")
        Daypart.objects.create(name="Lunch", begins_at="11:00")
        found = api.get(f"{self.ADDRESS}?date={today}").json()
        assert (found["date"], found["run"], found["is_known"]) == (str(today), str(run.pk), True)
        assert found["dayparts"] == [{"name": "Lunch", "begins_at": "11:00"}, {"name": "Dinner", "begins_at": "17:30"}]
        [item] = found["items"]
        assert item["predicted_quantity"] == 10.001
        assert sum(Decimal(str(units)) for units in item["quantities"]) == Decimal("10.001")

    def test_without_parts_or_a_run_it_says_so(self, api, today):
        assert api.get(f"{self.ADDRESS}?date={today}").json()["run"] is None
        expect(completed(), MenuItemFactory(), today)
        found = api.get(f"{self.ADDRESS}?date={today}").json()
        assert (found["is_known"], [item["quantities"] for item in found["items"]]) == (False, [[]])

    def test_the_day_is_today_unless_said_otherwise(self, api, today):
        assert api.get(self.ADDRESS).json()["date"] == str(today)
        assert api.get(f"{self.ADDRESS}?date=tomorrow").status_code == 400

    @pytest.mark.parametrize("rows", [1, 3])
    def test_it_asks_as_much_for_three_items_as_for_one(self, api, today, rows, django_assert_num_queries):
        run = completed()
        for _ in range(rows):
            expect(run, MenuItemFactory(), today)
        api.get(f"{self.ADDRESS}?date={today}")
        with django_assert_num_queries(4):
            api.get(f"{self.ADDRESS}?date={today}")
