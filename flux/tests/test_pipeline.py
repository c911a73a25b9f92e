"""The pipeline of one restaurant: every step is recorded, and one that fails does not stop those after it."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from structlog.testing import capture_logs

from flux import imports, pipeline, tasks
from flux.pipeline import NothingToDo, Step
from pos import importing
from pos.models import DailySales, OrderLine
from tenants.actors import FLUX
from tenants.context import restaurant_context
from tenants.office import jobs
from tenants.office.models import Job

NOW = dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC)


def says(text):
    return lambda restaurant, now: f"{text} of {restaurant.slug}."


def raises(error):
    def do(restaurant, now):
        raise error

    return do


def run(restaurant, *steps):
    job = jobs.claim(jobs.request(Job.Kind.PIPELINE, now=NOW).pk, now=NOW)
    pipeline.run(restaurant, now=NOW, job=job, steps=steps)
    job.refresh_from_db()
    return job


def test_each_step_leaves_its_sentence_and_its_time(restaurant):
    job = run(restaurant, Step("a", "Doing a", says("A")), Step("b", "Doing b", says("B")))
    assert (job.status, job.note, job.error, job.percent) == ("done", "A of bistro. B of bistro.", "", 100)
    assert [(step["name"], step["status"]) for step in job.result["steps"]] == [("a", "done"), ("b", "done")]
    assert all(step["seconds"] >= 0 for step in job.result["steps"])


def test_a_failing_step_is_told_in_plain_words_and_logged_with_its_traceback(restaurant):
    with capture_logs() as lines:
        job = run(restaurant, Step("a", "Doing a", raises(KeyError("secret"))), Step("b", "Doing b", says("B")))
    assert job.status == "failed"
    assert job.error == "Doing a did not work: a fault in Flux, which its log describes."
    assert job.note == "B of bistro."
    failed = next(line for line in lines if line["event"] == "pipeline_step_failed")
    assert (failed["step"], failed["exc_info"], failed["log_level"]) == ("a", True, "error")


def test_a_step_with_nothing_to_do_is_no_failure(restaurant):
    job = run(restaurant, Step("a", "Doing a", raises(NothingToDo("No sales yet."))))
    assert (job.status, job.result["steps"][0]["status"], job.result["steps"][0]["text"]) == (
        "done",
        "skipped",
        "No sales yet.",
    )


def test_a_job_asked_for_while_one_runs_is_done_by_the_same_worker(restaurant, monkeypatch):
    asked = []

    def ask_again(_restaurant, now):
        if not asked:
            asked.append(jobs.request(Job.Kind.PIPELINE, now=now))
        return "Done."

    monkeypatch.setattr(pipeline, "STEPS", (Step("a", "Doing a", ask_again),))
    pipeline.work_off(restaurant, jobs.request(Job.Kind.PIPELINE, now=NOW).pk)
    assert list(Job.objects.values_list("status", flat=True)) == ["done", "done"]


def test_a_task_that_comes_twice_runs_the_pipeline_once(restaurant, monkeypatch):
    runs = []
    monkeypatch.setattr(pipeline, "STEPS", (Step("a", "Doing a", lambda one, now: runs.append(one.slug) or "Done."),))
    job = jobs.request(Job.Kind.PIPELINE, now=NOW)
    tasks.run_pipeline(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    tasks.run_pipeline(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    assert runs == ["bistro"]


def test_a_job_of_one_restaurant_cannot_be_run_as_anothers(restaurant, other_restaurant, monkeypatch):
    monkeypatch.setattr(pipeline, "STEPS", (Step("a", "Doing a", raises(AssertionError("must not run"))),))
    job = jobs.request(Job.Kind.PIPELINE, now=NOW)
    tasks.run_pipeline(restaurant_id=str(other_restaurant.pk), job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status == "pending"
    with restaurant_context(other_restaurant):
        assert not Job.objects.exists()


def test_asking_twice_sends_two_messages_for_one_job(restaurant, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        first = tasks.ask_for_pipeline(restaurant, now=NOW)
        second = tasks.ask_for_pipeline(restaurant, now=NOW)
    assert first == second
    assert len(callbacks) == 2


@pytest.mark.parametrize(
    ("zone", "utc", "night"),
    [
        ("Europe/Paris", "2026-11-23T03:59:00+00:00", "2026-11-22"),  # 04:59: closeout at 4, an hour of rest
        ("Europe/Paris", "2026-11-23T04:00:00+00:00", "2026-11-23"),
        ("Europe/Paris", "2026-11-23T22:00:00+00:00", "2026-11-23"),  # a beat that was missed all day
        ("Europe/Paris", "2026-03-29T02:59:00+00:00", "2026-03-28"),  # 04:59 on the night that is an hour short
        ("Europe/Paris", "2026-03-29T03:00:00+00:00", "2026-03-29"),
        ("Europe/Paris", "2026-10-25T03:59:00+00:00", "2026-10-24"),  # 04:59 on the night that is an hour longer
        ("Europe/Paris", "2026-10-25T04:00:00+00:00", "2026-10-25"),
        ("America/New_York", "2026-11-23T09:59:00+00:00", "2026-11-22"),
        ("America/New_York", "2026-11-23T10:00:00+00:00", "2026-11-23"),
    ],
)
def test_the_night_turns_one_hour_after_closeout_by_the_wall_clock(restaurant, zone, utc, night):
    restaurant.timezone = zone
    assert pipeline.night_of(restaurant, dt.datetime.fromisoformat(utc)) == dt.date.fromisoformat(night)


@pytest.mark.parametrize(("zone", "closeout"), [("Europe/Paris", 1), ("America/New_York", 0), ("Europe/Dublin", 0)])
def test_every_night_of_a_year_comes_exactly_once_in_order(restaurant, zone, closeout):
    """Also where the hour of the nightly run is the one that a change of the clocks skips or repeats."""
    restaurant.timezone, restaurant.closeout_hour = zone, closeout
    start = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    seen = []
    for quarter in range(365 * 96):
        night = pipeline.night_of(restaurant, start + dt.timedelta(minutes=15 * quarter))
        if night not in seen[-2:]:
            seen.append(night)
    assert seen == [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(366)]


SALES = b"Order,Date,Time,Item,Quantity,Price\n1,2026-11-21,12:10,Soup,2,6.50\n2,2026-11-22,19:30,Tart,1,8.00\n"


def test_an_import_is_followed_by_the_pipeline(restaurant, other_restaurant, django_capture_on_commit_callbacks):
    file = importing.store(SALES, name="sales.csv", by=FLUX, at=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        asked = tasks.ask_for_import(restaurant, file, by=FLUX, now=NOW)
        assert tasks.ask_for_import(restaurant, file, by=FLUX, now=NOW) == asked
    file.refresh_from_db()
    assert (file.status, Job.objects.get(kind="import").status) == ("imported", "done")
    job = Job.objects.get(kind="pipeline")
    assert job.result["steps"][0] | {"seconds": 0} == {
        "name": "sync",
        "status": "done",
        "text": "Sales are in up to Sun 22 Nov.",
        "seconds": 0,
    }
    with restaurant_context(other_restaurant):
        assert not Job.objects.exists()


def test_a_file_that_cannot_be_read_says_so_on_its_row_and_starts_no_pipeline(
    restaurant, django_capture_on_commit_callbacks
):
    file = importing.store(b"Name;Street\nA;B\n", name="sales.csv", by=FLUX, at=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.ask_for_import(restaurant, file, by=FLUX, now=NOW)
    file.refresh_from_db()
    job = Job.objects.get()
    assert (file.status, job.kind, job.status) == ("failed", "import", "failed")
    assert job.error == file.error != ""


def test_a_fault_while_importing_is_told_at_once_and_loads_nothing(
    restaurant, monkeypatch, django_capture_on_commit_callbacks
):
    file = importing.store(SALES, name="sales.csv", by=FLUX, at=NOW)
    monkeypatch.setattr(importing, "run", lambda *_args, **_kwargs: 1 / 0)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.ask_for_import(restaurant, file, by=FLUX, now=NOW)
    file.refresh_from_db()
    assert (file.status, file.error, Job.objects.get().error) == ("failed", imports.FAULT, imports.FAULT)


def test_a_file_that_kills_its_worker_each_time_is_given_up_and_says_so(restaurant, monkeypatch):
    file = importing.store(SALES, name="sales.csv", by=FLUX, at=NOW)
    job = imports.request(file, by=FLUX, now=NOW)
    Job.objects.filter(pk=job.pk).update(status="running", started_at=NOW, attempts=jobs.MOST_ATTEMPTS)
    tasks.import_file(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    file.refresh_from_db()
    assert (file.status, file.error) == ("failed", jobs.GIVEN_UP)


def test_sync_counts_again_what_was_changed_past_an_import(restaurant):
    importing.run(importing.store(SALES, name="sales.csv", by=FLUX, at=NOW), restaurant=restaurant, by=FLUX, now=NOW)
    OrderLine.objects.filter(quantity=2).update(quantity=5)
    assert pipeline.sync(restaurant, NOW) == "Sales are in up to Sun 22 Nov."
    assert sorted(DailySales.objects.values_list("quantity", flat=True)) == [1, 5]


def test_a_restaurant_with_nothing_in_it_has_nothing_to_do(restaurant):
    job = jobs.claim(jobs.request(Job.Kind.PIPELINE, now=NOW).pk, now=NOW)
    outcomes = pipeline.run(restaurant, now=NOW, job=job)
    assert {outcome.status for outcome in outcomes} == {"skipped"}
    assert job.status == "done"


def test_the_command_tells_what_came_of_each_step_and_fails_with_it(restaurant, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "STEPS", (Step("a", "Doing a", says("A")), Step("b", "Doing b", raises(KeyError()))))
    with pytest.raises(CommandError, match="Doing b did not work"):
        call_command("run_pipeline", "--restaurant", "bistro")
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["a", "done"], ["b", "failed"]]


def test_the_command_can_work_as_of_a_day_in_the_past(restaurant, monkeypatch):
    moments = []
    step = pipeline.Step("look", "Looking", lambda _restaurant, now: moments.append(now) or "")
    monkeypatch.setattr(pipeline, "STEPS", (step,))
    call_command("run_pipeline", "--restaurant", "bistro", "--as-of", "2016-01-01")
    assert moments == [dt.datetime(2016, 1, 1, 4, tzinfo=dt.UTC)]
    assert pipeline.night_of(restaurant, moments[0]) == dt.date(2016, 1, 1)


def test_the_command_does_not_run_beside_a_worker(restaurant):
    jobs.claim(jobs.request(Job.Kind.PIPELINE, now=NOW).pk, now=NOW)
    with pytest.raises(CommandError, match="running already"):
        call_command("run_pipeline", "--restaurant", "bistro")


def test_the_command_names_a_restaurant_that_is_not_there(db):
    with pytest.raises(CommandError, match="no restaurant nowhere"):
        call_command("run_pipeline", "--restaurant", "nowhere")


@pytest.mark.parametrize("is_due", [True, False])
def test_the_proof_follows_the_pipeline_where_one_is_due(restaurant, monkeypatch, is_due):
    order = []
    monkeypatch.setattr(pipeline, "work_off", lambda *args: order.append("pipeline"))
    monkeypatch.setattr(tasks.proof, "is_due", lambda *args, **kwargs: is_due)
    monkeypatch.setattr(tasks, "ask_for_backtest", lambda *args, **kwargs: order.append("backtest"))
    job = jobs.request(Job.Kind.PIPELINE, now=NOW)
    tasks.run_pipeline(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    assert order == (["pipeline", "backtest"] if is_due else ["pipeline"])


def test_a_backtest_whose_worker_was_killed_is_sent_again(restaurant, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, _restaurant, **ids: sent.append((task.__name__, ids)))
    job = jobs.claim(jobs.request(Job.Kind.BACKTEST, now=NOW).pk, now=NOW)
    tasks.take_up_again(restaurant)
    assert sent == [("run_backtest", {"job_id": job.pk})]
