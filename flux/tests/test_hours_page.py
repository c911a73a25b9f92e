"""Opening hours and closures in the portal."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from forecasting.models import Run
from tenants.models import Restaurant
from tenants.office import hours
from tenants.office.models import Closure, Job

PAGE, ADD, REMOVE = "/settings/hours/", "/settings/hours/closures/add/", "/settings/hours/closures/remove/"
MONDAY = {"opens-0-0": "11:30", "closes-0-0": "14:30", "opens-0-1": "18:00", "closes-0-1": "01:00"}


def text(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]


def test_hours_are_entered_and_shown(portal: Client, restaurant: Restaurant) -> None:
    assert "None are entered yet" in text(portal.get(PAGE))
    page = text(portal.post(PAGE, MONDAY, follow=True))
    assert "The opening hours are saved." in page
    assert [str(span) for span in hours.week()] == ["Monday 11:30–14:30", "Monday 18:00–01:00"]
    assert 'value="18:00"' in page


def test_there_is_room_for_more_times_a_day(portal: Client, restaurant: Restaurant) -> None:
    assert ("opens-0-1" in text(portal.get(PAGE)), "opens-0-2" in text(portal.get(PAGE))) == (True, False)
    assert "opens-0-2" in text(portal.get(f"{PAGE}?more"))
    third = {"opens-0-2": "08:00", "closes-0-2": "10:00"}
    assert portal.post(PAGE, MONDAY | third).status_code == 302
    assert len(hours.week()) == 3
    assert "opens-0-2" in text(portal.get(PAGE))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"opens-0-1": "14:00"}, "Monday 11:30–14:30 and Monday 14:00–01:00 overlap."),
        ({"opens-1-0": "00:30", "closes-1-0": "02:00"}, "Monday 18:00–01:00 and Tuesday 00:30–02:00 overlap."),
        ({"opens-2-0": "10:00"}, "Say also when it closes."),
        ({"closes-2-0": "10:00"}, "Say also when it opens."),
        ({"opens-2-0": "25:00", "closes-2-0": "10:00"}, "Enter a valid time."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    portal: Client, restaurant: Restaurant, wrong: dict[str, str], said: str
) -> None:
    answer = portal.post(PAGE, MONDAY | wrong)
    assert (answer.status_code, said in text(answer)) == (422, True)
    assert (hours.week(), 'value="11:30"' in text(answer)) == ([], True)


def test_a_closure_is_planned_and_taken_back(portal: Client, restaurant: Restaurant) -> None:
    first = timezone.localdate() + dt.timedelta(days=40)
    last = first + dt.timedelta(days=2)
    given = {"first_on": f"{first}", "last_on": f"{last}", "note": "Holidays"}
    assert "3 days" in text(portal.post(ADD, given, follow=True))
    assert Closure.objects.count() == 3
    answer = portal.post(ADD, given)
    assert (answer.status_code, "already" in text(answer)) == (422, True)
    assert "Open after all:" in text(portal.post(REMOVE, given, follow=True))
    assert "has been taken back already" in text(portal.post(REMOVE, given, follow=True))
    assert Closure.objects.count() == 0


def test_one_day_needs_no_last_one_and_the_past_is_refused(portal: Client, restaurant: Restaurant) -> None:
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    assert portal.post(ADD, {"first_on": f"{tomorrow}"}).status_code == 302
    assert portal.post(ADD, {"first_on": "2020-01-01"}).status_code == 422
    assert portal.post(ADD, {}).status_code == 422
    assert [closure.on for closure in Closure.objects.all()] == [tomorrow]


def test_a_new_forecast_follows_where_there_is_one(portal: Client, restaurant: Restaurant) -> None:
    portal.post(PAGE, MONDAY)
    assert not Job.objects.exists()
    Run.objects.create(status="failed", finished_at=timezone.now())
    portal.post(PAGE, {})
    assert [job.kind for job in Job.objects.all()] == ["pipeline"]
