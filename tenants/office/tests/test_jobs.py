"""Jobs are done once, one of a kind at a time, and survive the death of their worker."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from tenants.context import restaurant_context
from tenants.office import jobs
from tenants.office.models import Job

NOW = dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC)
LATER = NOW + jobs.SILENT_AFTER + dt.timedelta(seconds=1)
PIPELINE = Job.Kind.PIPELINE

pytestmark = pytest.mark.usefixtures("restaurant")


def test_asking_twice_before_work_begins_is_asking_once():
    assert jobs.request(PIPELINE, now=NOW) == jobs.request(PIPELINE, now=NOW)


def test_asking_while_one_runs_makes_one_more():
    first = jobs.request(PIPELINE, now=NOW)
    jobs.claim(first.pk, now=NOW)
    second = jobs.request(PIPELINE, now=NOW)
    assert second != first
    assert second == jobs.request(PIPELINE, now=NOW)


def test_a_mark_is_carried_once_for_ever():
    job = jobs.claim(jobs.request(PIPELINE, now=NOW, mark="nightly:2026-11-23").pk, now=NOW)
    jobs.finish(job, note="Done.")
    assert jobs.request(PIPELINE, now=LATER, mark="nightly:2026-11-23") == job


def test_a_mark_of_one_restaurant_means_nothing_to_another(other_restaurant):
    job = jobs.request(PIPELINE, now=NOW, mark="nightly:2026-11-23")
    with restaurant_context(other_restaurant):
        assert jobs.request(PIPELINE, now=NOW, mark="nightly:2026-11-23") != job


def test_only_one_worker_gets_a_job():
    job = jobs.request(PIPELINE, now=NOW)
    assert jobs.claim(job.pk, now=NOW) == job
    assert jobs.claim(job.pk, now=NOW) is None


def test_two_pipelines_do_not_run_at_once_but_other_kinds_do():
    running = jobs.claim(jobs.request(PIPELINE, now=NOW).pk, now=NOW)
    waiting = jobs.request(PIPELINE, now=NOW)
    assert jobs.claim(waiting.pk, now=NOW) is None
    assert jobs.claim(jobs.request(Job.Kind.HISTORY, now=NOW).pk, now=NOW)
    jobs.finish(running, note="Done.")
    assert jobs.claim(waiting.pk, now=NOW) == waiting


def test_a_finished_job_is_not_taken_again():
    job = jobs.claim(jobs.request(PIPELINE, now=NOW).pk, now=NOW)
    jobs.finish(job, note="Done.")
    assert jobs.claim(job.pk, now=LATER) is None


def test_a_job_whose_worker_died_is_stuck_and_taken_over():
    job = jobs.claim(jobs.request(PIPELINE, now=NOW).pk, now=NOW)
    assert jobs.stuck(NOW) == []
    assert jobs.stuck(LATER) == [job]
    assert jobs.claim(job.pk, now=LATER).attempts == 2
    assert jobs.stuck(LATER) == []


def test_progress_is_a_sign_of_life():
    job = jobs.claim(jobs.request(PIPELINE, now=NOW).pk, now=NOW)
    jobs.progress(job, 1, 3, "Checking sales")
    job.refresh_from_db()
    assert (job.percent, job.note) == (33, "Checking sales")
    assert jobs.stuck(job.seen_at + dt.timedelta(minutes=1)) == []


def test_a_waiting_job_whose_message_was_lost_is_stuck():
    job = jobs.request(PIPELINE, now=NOW)
    assert jobs.stuck(NOW + jobs.LOST_AFTER) == []
    assert jobs.stuck(LATER) == [job]


def test_a_job_that_kills_its_worker_three_times_is_given_up():
    job, now = jobs.request(PIPELINE, now=NOW), NOW
    for _ in range(3):
        assert jobs.claim(job.pk, now=now)
        now += jobs.SILENT_AFTER * 2
    assert jobs.claim(job.pk, now=now) is None
    job.refresh_from_db()
    assert (job.status, job.error) == (Job.Status.FAILED, jobs.GIVEN_UP)


def test_when_no_worker_is_alive_a_running_job_is_free_at_once():
    job = jobs.claim(jobs.request(PIPELINE, now=NOW).pk, now=NOW)
    assert jobs.orphan_all() == 1
    assert jobs.claim(job.pk, now=NOW) == job


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("office_job_one_waiting", [{"kind": "pipeline"}, {"kind": "pipeline"}]),
        (
            "office_job_one_running",
            [{"kind": "history", "status": "running", "started_at": NOW}] * 2,
        ),
        ("office_job_once_per_mark", [{"kind": "import", "mark": "file:1"}] * 2),
        ("office_job_status_has_its_stamps", [{"kind": "import", "status": "running"}]),
    ],
)
def test_the_database_refuses(name, rows):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Job.objects.bulk_create(Job(**row) for row in rows)
