"""Beat's sweep: each working restaurant once a night, whatever happens to beats, workers and other restaurants."""

import datetime as dt

import pytest
from celery import Celery

from flux import pipeline, tasks
from flux.celery import DEMO_TIMETABLE, TIMETABLE, app, use_timetable
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Job
from tenants.tasks import for_each_restaurant

PARIS_MORNING = dt.datetime(2026, 11, 23, 4, 10, tzinfo=dt.UTC)  # 05:10 in Paris, 23:10 of the day before in New York
QUARTER = dt.timedelta(minutes=15)


@pytest.fixture
def sent(monkeypatch):
    """What the sweep sends: (restaurant, task, job)."""
    messages = []

    def enqueue(task, restaurant, *, queue=None, **ids):
        messages.append((restaurant.slug, task.__name__, ids["job_id"]))

    monkeypatch.setattr(tasks, "enqueue", enqueue)
    return messages


@pytest.fixture
def sweep(monkeypatch, restaurant, other_restaurant):
    """What one beat leads to at a moment; returns the restaurants where it failed."""

    def beat(now):
        monkeypatch.setattr(tasks.timezone, "now", lambda: now)
        failed = []
        monkeypatch.setattr(tasks.sweep, "apply_async", lambda kwargs, **_: failed.extend(tasks.sweep(**kwargs)))
        tasks.nightly()
        return failed

    return beat


def marks(restaurant):
    with restaurant_context(restaurant):
        return list(Job.objects.order_by("created_at").values_list("mark", flat=True))


def test_every_restaurant_gets_the_night_of_its_own_clock(sweep, sent, restaurant, other_restaurant):
    assert sweep(PARIS_MORNING) == []
    assert [(slug, task) for slug, task, _ in sent] == [("bistro", "run_pipeline"), ("trattoria", "run_pipeline")]
    assert marks(restaurant) == ["nightly:2026-11-23"]
    assert marks(other_restaurant) == ["nightly:2026-11-22"]


def test_a_second_beat_does_nothing(sweep, sent):
    sweep(PARIS_MORNING)
    sent.clear()
    sweep(PARIS_MORNING + QUARTER / 2)
    assert sent == []


def test_the_next_night_is_the_next_job_even_if_beats_were_missed(sweep, sent, restaurant):
    sweep(PARIS_MORNING)
    _finish_all(restaurant)
    sweep(PARIS_MORNING + dt.timedelta(hours=40))
    assert marks(restaurant) == ["nightly:2026-11-23", "nightly:2026-11-24"]


def _finish_all(restaurant):
    with restaurant_context(restaurant):
        for job in Job.objects.all():
            jobs.finish(job, note="Done.")


def test_the_night_waits_while_history_is_loading(sweep, sent, restaurant):
    history = jobs.claim(jobs.request(Job.Kind.HISTORY, now=PARIS_MORNING).pk, now=PARIS_MORNING)
    sweep(PARIS_MORNING)
    assert [slug for slug, _, _ in sent] == ["trattoria"]
    jobs.finish(history, note="Done.")
    sweep(PARIS_MORNING)
    assert [slug for slug, _, _ in sent] == ["trattoria", "bistro"]


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_a_restaurant_that_does_not_work_is_left_alone(sweep, sent, restaurant, status):
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(status=status)
    sweep(PARIS_MORNING)
    assert [slug for slug, _, _ in sent] == ["trattoria"]


def test_a_restaurant_that_fails_is_named_and_stops_no_other(sweep, sent, monkeypatch):
    mark = pipeline.nightly_mark

    def broken(restaurant, now):
        if restaurant.slug == "bistro":
            raise ValueError("no such time zone")
        return mark(restaurant, now)

    monkeypatch.setattr(pipeline, "nightly_mark", broken)
    assert sweep(PARIS_MORNING) == ["bistro"]
    assert [slug for slug, _, _ in sent] == ["trattoria"]


def test_a_night_whose_worker_was_killed_is_sent_again(sweep, sent, restaurant):
    sweep(PARIS_MORNING)
    job = Job.objects.get()
    jobs.claim(job.pk, now=PARIS_MORNING)
    sent.clear()
    again = ("bistro", "run_pipeline", job.pk)
    sweep(PARIS_MORNING + QUARTER)
    assert again not in sent
    sweep(PARIS_MORNING + 2 * QUARTER)
    assert again in sent


def test_a_night_whose_message_was_lost_is_sent_again(sweep, sent):
    sweep(PARIS_MORNING)
    first = list(sent)
    sent.clear()
    sweep(PARIS_MORNING + QUARTER)
    assert sent == []  # it may be waiting behind those of a thousand other restaurants
    sweep(PARIS_MORNING + 5 * QUARTER)
    assert sent == first


def test_who_asks_does_not_wait_behind_the_night(monkeypatch, sweep, restaurant):
    queues = []
    monkeypatch.setattr(tasks, "enqueue", lambda *_, queue=None, **__: queues.append(queue))
    sweep(PARIS_MORNING)
    tasks.ask_for_pipeline(restaurant, now=PARIS_MORNING)
    assert queues == ["crowd", "crowd", None]
    assert [queue.name for queue in app.conf.task_queues] == ["celery", "crowd"]


def test_a_sweep_is_shared_by_workers(monkeypatch, restaurant, other_restaurant):
    batches = []
    monkeypatch.setattr(tasks, "LOOKED_AT_TOGETHER", 1)
    monkeypatch.setattr(tasks.sweep, "apply_async", lambda kwargs, expires: batches.append((kwargs, expires)))
    tasks.nightly()
    ids = sorted([str(restaurant.pk), str(other_restaurant.pk)])
    assert batches == [({"restaurant_ids": [pk]}, 840) for pk in ids]


def test_the_timetable_names_tasks_that_exist():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in (TIMETABLE | DEMO_TIMETABLE).values()} <= set(app.tasks)
    assert TIMETABLE["nightly"]["schedule"].minute == {0, 15, 30, 45}


@pytest.mark.parametrize(("demo", "guests"), [(False, set()), (True, {"demo-orders"})])
def test_only_a_demo_has_guests_on_its_timetable(settings, demo, guests):
    settings.DEMO = demo
    beat = Celery(set_as_current=False)
    use_timetable(beat)
    assert set(beat.conf.beat_schedule) == {"nightly", "spares", "unproven-people", "erasures"} | guests


def test_tasks_survive_the_loss_of_their_worker():
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)
    assert 0 < app.conf.task_soft_time_limit < app.conf.task_time_limit
    assert app.conf.task_time_limit < app.conf.broker_transport_options["visibility_timeout"]


def test_a_start_takes_up_every_unfinished_job_of_every_restaurant(sent, restaurant, other_restaurant):
    for place in (restaurant, other_restaurant):
        with restaurant_context(place):
            running = jobs.request(Job.Kind.PIPELINE, now=PARIS_MORNING)
            jobs.claim(running.pk, now=PARIS_MORNING)
            jobs.request(Job.Kind.PIPELINE, now=PARIS_MORNING)
    with public_context():
        assert for_each_restaurant(tasks.take_up_again) == []
    assert sorted(slug for slug, _, _ in sent) == ["bistro", "bistro", "trattoria", "trattoria"]
    with restaurant_context(other_restaurant):
        assert jobs.claim(Job.objects.get(status=Job.Status.RUNNING).pk, now=PARIS_MORNING)
