"""The proof as a job: asked for once, done once, kept together with its end, and renewed when there is news."""

import datetime as dt

import pytest

from forecasting import forecast, proof, remote
from forecasting.arithmetic import enough
from forecasting.engine import trial
from forecasting.models import Backtest, DailyFact, Forecast, Run
from forecasting.tasks import ask_for_backtest, run_backtest
from forecasting.tests.factories import NOW, TODAY, trade
from menu.models import MenuItem
from pos.models import DailySales
from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.office import jobs
from tenants.office.models import Job

DAYS = 70


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch):
    for module in (proof, forecast):
        monkeypatch.setattr(module.timezone, "now", lambda: NOW)


@pytest.fixture
def sales(restaurant):
    return trade(DAYS, 3)


@pytest.fixture
def stored(restaurant):
    """A backtest without computing one."""

    def make(last_on=TODAY - dt.timedelta(days=1), first_sale_on=TODAY - dt.timedelta(days=DAYS), **result):
        result = {"falls_back": False, "baseline_items": [], "history_first_on": str(first_sale_on)} | result
        return Backtest.objects.create(
            first_on=last_on - dt.timedelta(days=13), last_on=last_on, model_version="menu-1", result=result
        )

    return make


def do(restaurant):
    return proof.work_off(restaurant, proof.request(restaurant, now=NOW).pk)


def test_it_keeps_what_it_found_and_when(restaurant, sales):
    made = do(restaurant)
    assert (made.first_on, made.last_on) == (dt.date(2026, 11, 8), dt.date(2026, 11, 21))
    assert (made.result["weeks"], made.result["history_days"], made.result["history_first_on"]) == (2, 70, "2026-09-13")
    assert {row["item"] for row in made.result["items"]} == {str(item.pk) for item in sales}
    job = Job.objects.get()
    assert (job.status, job.percent, job.result) == ("done", 100, {"backtest": str(made.pk)})
    assert job.note == "The last 2 weeks have been hidden and predicted."


def test_another_restaurant_sees_nothing_of_it(restaurant, other_restaurant, sales):
    do(restaurant)
    with restaurant_context(other_restaurant):
        assert not Backtest.objects.exists()
        assert not Job.objects.exists()
        with pytest.raises(enough.TooShort, match="has 0"):
            proof.request(other_restaurant, now=NOW)


def test_too_little_history_is_refused_in_words(restaurant):
    trade(enough.ENOUGH_DAYS - 1, 2)
    with pytest.raises(enough.TooShort, match="has 55"):
        proof.request(restaurant, now=NOW)
    assert not Job.objects.exists()


def test_asking_twice_is_asking_once_also_while_it_runs(restaurant, sales):
    first = proof.request(restaurant, now=NOW)
    assert proof.request(restaurant, now=NOW) == first
    jobs.claim(first.pk, now=NOW)
    assert proof.request(restaurant, now=NOW) == first


def test_whoever_asked_is_kept(restaurant, sales):
    assert proof.request(restaurant, now=NOW, by=FLUX).asked["by"]["name"] == "Flux"


def test_a_task_that_comes_twice_does_it_once(restaurant, sales):
    job = ask_for_backtest(restaurant, now=NOW)
    assert proof.work_off(restaurant, job.pk) is not None
    run_backtest(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    assert Backtest.objects.count() == 1


def test_one_that_was_killed_is_taken_up_and_done_once(restaurant, sales, monkeypatch):
    job = proof.request(restaurant, now=NOW)
    hide = trial.hide

    def killed(*args, **kwargs):
        raise SystemExit  # as a worker's death: nothing is written any more

    monkeypatch.setattr(trial, "hide", killed)
    with pytest.raises(SystemExit):
        proof.work_off(restaurant, job.pk)
    assert (Job.objects.get().status, Backtest.objects.count()) == ("running", 0)
    monkeypatch.setattr(trial, "hide", hide)
    assert proof.work_off(restaurant, job.pk) is None  # who says that it is dead?
    jobs.orphan_all()
    assert proof.work_off(restaurant, job.pk) is not None
    again = Job.objects.get()
    assert (again.status, again.attempts, Backtest.objects.count()) == ("done", 2, 1)


def test_a_hidden_week_knows_of_facts_only_what_was_known_on_the_morning_before_it(restaurant, sales, monkeypatch):
    """Guests booked for a Saturday: known on the Sunday before in one week, a day later in the other."""
    saturdays = [dt.date(2026, 11, 14), dt.date(2026, 11, 21)]
    for day, days_before in zip(saturdays, (6, 5), strict=True):
        known_at = NOW.replace(day=day.day) - dt.timedelta(days=days_before)
        DailyFact.objects.create(date=day, kind="bookings", value=40, source="csv", updated_at=known_at)
    told = []
    compute = remote.forecast
    monkeypatch.setattr(remote, "forecast", lambda panel, **how: told.append(how["facts"]) or compute(panel, **how))
    do(restaurant)
    assert told == [{"bookings": {saturdays[0]: 40.0}}, {"bookings": {saturdays[0]: 40.0}}]


def test_the_end_of_the_job_and_the_backtest_are_written_together(restaurant, sales, monkeypatch):
    job = proof.request(restaurant, now=NOW)
    monkeypatch.setattr(jobs, "finish", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        proof.work_off(restaurant, job.pk)
    assert not Backtest.objects.exists()


def test_a_fault_is_told_in_plain_words(restaurant, sales, monkeypatch):
    monkeypatch.setattr(trial, "hide", lambda *args, **kwargs: 1 / 0)
    assert do(restaurant) is None
    job = Job.objects.get()
    assert (job.status, job.error) == ("failed", proof.FAULT)


def test_progress_is_told_week_by_week(restaurant, sales, monkeypatch):
    told = []
    monkeypatch.setattr(jobs, "progress", lambda job, *what: told.append(what))
    do(restaurant)
    assert told == [
        (0, 2, "Predicting hidden week 1 of 2"),
        (1, 2, "Predicting hidden week 2 of 2"),
        (2, 2, "Comparing with what was sold"),
    ]


def test_it_is_due_once_there_is_enough_history(restaurant):
    trade(enough.ENOUGH_DAYS - 1, 1)
    assert not proof.is_due(restaurant, now=NOW)
    first = TODAY - dt.timedelta(days=enough.ENOUGH_DAYS)
    DailySales.objects.create(menu_item=MenuItem.objects.get(), business_date=first, quantity=1)
    assert proof.is_due(restaurant, now=NOW)


@pytest.mark.parametrize(
    ("newest", "is_due"),
    [
        ({}, False),
        ({"last_on": TODAY - dt.timedelta(days=28)}, False),
        ({"last_on": TODAY - dt.timedelta(days=29)}, True),
        ({"first_sale_on": TODAY - dt.timedelta(days=DAYS - 27)}, False),
        ({"first_sale_on": TODAY - dt.timedelta(days=DAYS - 28)}, True),
    ],
)
def test_it_is_renewed_with_four_weeks_of_newer_sales_or_of_older_ones(restaurant, sales, stored, newest, is_due):
    stored(**newest)
    assert proof.is_due(restaurant, now=NOW) == is_due


@pytest.mark.parametrize(
    ("kind", "status", "finished_at"),
    [
        ("backtest", "pending", None),
        ("history", "pending", None),
        ("import", "pending", None),
        ("backtest", "failed", NOW - dt.timedelta(days=6)),
    ],
)
def test_it_is_not_due_while_sales_load_or_after_it_failed(restaurant, sales, kind, status, finished_at):
    job = Job.objects.create(kind=kind, status=status, finished_at=finished_at)
    assert not proof.is_due(restaurant, now=NOW)
    job.delete()
    assert proof.is_due(restaurant, now=NOW)


def test_the_next_forecast_uses_the_plain_mean_where_that_was_better_and_says_so(restaurant, sales, stored):
    chosen = str(sales[1].pk)
    stored(baseline_items=[chosen])
    run = forecast.make(restaurant, now=NOW)
    assert run.report["baseline"] == {"falls_back": False, "items": [chosen]}
    day = TODAY
    past = [DailySales.objects.get(menu_item=sales[1], business_date=day - dt.timedelta(weeks=w)) for w in (1, 2, 3, 4)]
    mean = Forecast.objects.get(run=run, menu_item=sales[1], date=day).mean
    assert float(mean) == pytest.approx(sum(float(row.quantity) for row in past) / 4, abs=0.001)


def test_where_flux_lost_every_item_gets_the_plain_mean(restaurant, sales, stored):
    made = stored(falls_back=True)
    assert made.baseline_items([item.pk for item in sales]) == {item.pk for item in sales}
    assert forecast.make(restaurant, now=NOW).report["baseline"] == {"falls_back": True, "items": []}


def test_a_forecast_follows_where_the_choice_is_another_one(restaurant, sales, stored):
    forecast.make(restaurant, now=NOW)
    assert not proof.changes_forecast(stored())
    assert proof.changes_forecast(stored(baseline_items=[str(sales[0].pk)]))
    assert proof.changes_forecast(stored(falls_back=True))


def test_without_a_forecast_none_follows(restaurant, stored):
    assert not Run.objects.exists()
    assert not proof.changes_forecast(stored(falls_back=True))
