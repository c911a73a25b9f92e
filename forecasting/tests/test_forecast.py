"""Runs: asking for one, computing it, losing it, and what it says."""

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest

from forecasting import engine, forecast, tasks
from forecasting.models import Forecast, Run
from forecasting.tests.factories import NOW, TODAY, sell, trade
from menu.tests.factories import MenuItemFactory
from tenants.actors import FLUX
from tenants.office.models import Closure, OpeningHours
from tenants.tasks import enqueue


def test_a_run_forecasts_every_item_on_the_menu_for_35_days(restaurant):
    soup, gone = trade(40, 2)
    gone.is_active = False
    gone.save()
    run = forecast.make(restaurant, now=NOW)
    rows = Forecast.objects.filter(run=run).order_by("date")
    assert {row.menu_item_id for row in rows} == {soup.pk}
    assert [row.date for row in rows] == [TODAY + dt.timedelta(days=n) for n in range(35)]
    assert all(0 <= row.q10 <= row.q25 <= row.q50 <= row.q75 <= row.q90 <= row.q95 for row in rows)
    assert all(row.mean > 0 for row in rows)


def test_a_completed_run_says_what_it_rests_on(restaurant):
    trade(40, 2)
    run = forecast.make(restaurant, now=NOW)
    run.refresh_from_db()
    yesterday = TODAY - dt.timedelta(days=1)
    assert (run.status, run.cutoff_on, run.model_version) == ("completed", yesterday, engine.MODEL_VERSION)
    assert (run.started_at, run.error, run.progress) == (NOW, "", 1.0)
    assert run.finished_at >= NOW
    assert sorted(run.timings) == ["compute", "read", "write"]
    assert (run.report["method"], run.report["history_days"], run.report["weeks"]) == ("smoother", 40, 3)
    assert run.report["scores"]["smoother"]["wape"] > 0
    assert run.report["notes"] == [
        "The model is used from 84 days of sales on: 56 to learn from and 4 weeks to be tried on. "
        "There are 40 days so far."
    ]
    assert run == Run.objects.current()


def test_a_day_without_opening_hours_sells_nothing(restaurant):
    trade(60, 1)
    for weekday in (0, 1, 2, 3, 5, 6):
        OpeningHours.objects.create(weekday=weekday, opens_at="12:00", closes_at="22:00")
    run = forecast.make(restaurant, now=NOW)
    days = {row.date.weekday(): row.mean for row in run.forecasts.all()}
    assert (run.report["closed_weekdays"], days[4]) == ([4], 0)
    assert min(mean for weekday, mean in days.items() if weekday != 4) > 0


def test_planned_closures_and_closed_weekdays_sell_nothing(restaurant):
    trade(60, 1, closed_weekdays=(6,))  # generated weeks begin on a Monday; the last of these days is a Saturday
    Closure.objects.create(on=TODAY + dt.timedelta(days=2))
    run = forecast.make(restaurant, now=NOW)
    means = dict(Forecast.objects.filter(run=run).values_list("date", "mean"))
    closed = {day for day, mean in means.items() if mean == 0}
    weekly = {day for day in means if day.weekday() == run.report["closed_weekdays"][0]}
    assert closed == weekly | {TODAY + dt.timedelta(days=2)}
    assert len(weekly) == 5


def test_a_second_worker_does_not_take_a_run_again(restaurant):
    trade(20, 1)
    run = forecast.start(restaurant, now=NOW)
    assert forecast.run(run.pk, restaurant=restaurant, now=NOW) == run
    assert forecast.run(run.pk, restaurant=restaurant, now=NOW) is None
    assert Forecast.objects.filter(run=run).count() == 35


def test_asking_twice_before_the_work_begins_is_asking_once(restaurant):
    trade(20, 1)
    assert forecast.start(restaurant, now=NOW) == forecast.start(restaurant, now=NOW)


def test_without_sales_of_a_complete_day_there_is_no_run(restaurant):
    sell(MenuItemFactory(), TODAY, 5)
    with pytest.raises(forecast.NoSales, match="no sales of a complete day"):
        forecast.start(restaurant, now=NOW)
    assert not Run.objects.exists()


def test_a_run_that_breaks_says_so_in_words_and_keeps_no_rows(restaurant, monkeypatch):
    trade(20, 1)

    def broken(*args, **kwargs):
        raise ArithmeticError("no way")

    monkeypatch.setattr(engine, "forecast", broken)
    run = forecast.start(restaurant, now=NOW)
    with pytest.raises(ArithmeticError):
        forecast.run(run.pk, restaurant=restaurant, now=NOW)
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", forecast.FAULT)
    assert not Forecast.objects.exists()


def test_a_run_whose_worker_was_killed_fails_and_the_next_one_is_new(restaurant):
    trade(20, 1)
    killed = Run.objects.create(status="in_progress", created_at=NOW, started_at=NOW)
    lost = Run.objects.create(created_at=NOW)
    later = NOW + dt.timedelta(minutes=31)
    fresh = forecast.start(restaurant, now=later)
    for run in (killed, lost):
        run.refresh_from_db()
        assert (run.status, run.finished_at, run.error) == ("failed", later, forecast.ABANDONED)
    assert (fresh.status, fresh.created_at) == ("pending", later)


def test_old_sales_are_forecast_from_where_they_end(restaurant):
    trade(40, 1, last_on=dt.date(2015, 12, 31))
    run = forecast.make(restaurant, now=NOW)
    assert (run.cutoff_on, run.last_day) == (dt.date(2015, 12, 31), dt.date(2016, 2, 4))


def test_the_model_is_worth_its_name_on_a_year_of_sales(restaurant):
    trade(200, 6)
    run = forecast.make(restaurant, now=NOW)
    scores = run.report["scores"]
    assert run.report["method"] == "model"
    assert scores["model"]["wape"] < scores["same_weekday"]["wape"]
    assert run.report["coverage_80"] == pytest.approx(0.8, abs=0.12)


def test_an_integrators_forecast_is_a_run_of_its_own_that_feeds_no_orders(restaurant):
    soup = MenuItemFactory()
    kept = forecast.record(
        soup,
        date=TODAY + dt.timedelta(days=3),
        predicted_quantity=Decimal("12.5"),
        confidence=Decimal("0.7"),
        today=TODAY,
        now=NOW,
        by=FLUX,
    )
    assert (kept.run.origin, kept.run.status, kept.run.feeds_orders) == ("integrator", "completed", False)
    assert (kept.run.cutoff_on, kept.run.last_day) == (TODAY - dt.timedelta(days=1), kept.date)
    assert Run.objects.current() is None


def test_the_task_computes_the_run(restaurant, django_capture_on_commit_callbacks):
    trade(20, 1)
    run = forecast.start(restaurant, now=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(tasks.run_forecast, restaurant, run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "completed"


def test_the_web_server_starts_without_numpy():
    program = (
        "import sys, json, django; django.setup(); import flux.wsgi, flux.urls, flux.urls_public, flux.tasks;"
        "heavy = {'numpy', 'scipy', 'sklearn', 'holidays', 'boto3', 'forecasting.engine'};"
        "print(json.dumps(sorted(set(sys.modules) & heavy)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"SECRET_KEY": "of a process that only starts", "EMAIL_URL": "dummymail://",
                          "DJANGO_SETTINGS_MODULE": "flux.settings"},
    )  # fmt: skip
    assert json.loads(answer.stdout.splitlines()[-1]) == []
