"""The proof for programs."""

import datetime as dt

import pytest
from django.utils import timezone

from forecasting import proof
from forecasting.models import Backtest
from forecasting.tests.factories import trade
from tenants.context import restaurant_context
from tenants.office.models import Job

LIST = "/api/v1/backtests/"


@pytest.fixture
def sales(restaurant):
    yesterday = restaurant.business_date(timezone.now()) - dt.timedelta(days=1)
    return trade(63, 2, last_on=yesterday)


@pytest.fixture
def made(restaurant, sales):
    return proof.work_off(restaurant, proof.request(restaurant, now=timezone.now()).pk)


def test_the_list_has_the_scores_and_the_detail_every_item(api, made, sales):
    (row,) = api.get(LIST).json()["results"]
    assert (row["id"], row["weeks"], row["last_on"]) == (str(made.pk), 2, str(made.last_on))
    assert row["all"]["flux"]["wape"] == made.result["all"]["flux"]["wape"]
    assert row["all"]["same_weekday"].keys() == {"wape", "bias", "weekly_wape"}
    assert row["all"]["trimmed"] is None
    assert "items" not in row
    detail = api.get(f"{LIST}{made.pk}/").json()
    assert {item["item"] for item in detail["items"]} == {str(item.pk) for item in sales}
    assert detail["items"][0].keys() == {"item", "days", "units", "expected", "inside_80", "off"}


def test_posting_starts_one_and_posting_again_answers_it(api, sales):
    first, second = api.post(LIST), api.post(LIST)
    assert (first.status_code, second.status_code) == (202, 202)
    assert (first.json()["status"], first.json()["progress"], first.json()["backtest"]) == ("pending", 0.0, None)
    assert Job.objects.count() == 1


def test_its_progress_ends_with_what_it_made(api, made):
    answer = api.get(f"{LIST}progress/").json()
    assert (answer["status"], answer["progress"], answer["backtest"]) == ("done", 1.0, str(made.pk))


def test_without_any_there_is_no_progress(api, restaurant):
    assert api.get(f"{LIST}progress/").status_code == 404


def test_too_little_history_is_a_conflict_in_words(api, restaurant):
    answer = api.post(LIST)
    assert answer.status_code == 409
    assert (
        answer.json()["detail"] == "Flux needs 56 days of sales to hide the last of them and predict them, and has 0."
    )


def test_another_restaurants_are_not_there(api, made, other_restaurant, restaurant):
    with restaurant_context(other_restaurant):
        other = Backtest.objects.create(first_on="2026-01-01", last_on="2026-01-14", model_version="menu-1")
    with restaurant_context(restaurant):
        assert api.get(f"{LIST}{other.pk}/").status_code == 404
        assert [row["id"] for row in api.get(LIST).json()["results"]] == [str(made.pk)]
