"""The calendar's pages: the month, events, holidays, school holidays by file, and facts."""

import datetime as dt
from collections.abc import Callable
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conftest import signed_in
from flux import tasks
from flux.pages.overrides import OverrideForm
from forecasting import calendar, observances
from forecasting.models import CalendarEvent, DailyFact, Holiday, Run, WeatherPlace
from forecasting.observances import Break
from forecasting.tests.factories import sell
from menu.models import MenuItem
from tenants.actors import FLUX
from tenants.models import Restaurant, User
from tenants.office.models import AuditEntry, Closure

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC)
TODAY = NOW.date()
MONTH, ADD = "/forecast/calendar/", "/forecast/calendar/events/add/"
HOLIDAYS, FACTS = "/forecast/calendar/holidays/", "/forecast/calendar/facts/"


@pytest.fixture(autouse=True)
def at_noon():
    with mock.patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def manager(restaurant: Restaurant, member: Callable[..., User]) -> Client:
    return signed_in(member(restaurant, "manager"), restaurant)


@pytest.fixture
def kitchen(restaurant: Restaurant, member: Callable[..., User]) -> Client:
    return signed_in(member(restaurant, "kitchen"), restaurant)


def said(answer) -> str:
    return " ".join(answer.content.decode().split())


def day(ahead: int) -> dt.date:
    return TODAY + dt.timedelta(days=ahead)


def form(**given) -> dict[str, str]:
    values = {"kind": "event", "name": "Fair", "starts_on": day(3), "scope": "all", "effect": "percent", "amount": "20"}
    return values | given


def upload(client: Client, address: str, text: str, **more):
    return client.post(address, {"file": SimpleUploadedFile("table.csv", text.encode()), **more})


def test_the_month_shows_what_is_known_about_its_days(manager: Client, restaurant: Restaurant) -> None:
    Closure.objects.create(on=day(1), note="Staff outing")
    observances.add_school(Break(day(-2), day(2), "Autumn break"), today=TODAY, by=FLUX, at=NOW)
    CalendarEvent.objects.create(name="Fair", starts_on=day(2), ends_on=day(3), amount=30)
    page = said(manager.get(MONTH))
    for word in ("November 2026", "Armistice Day", ": Staff outing", "Autumn break", "Fair", "+30 %"):
        assert word in page
    assert "Fair" not in said(manager.get(f"{MONTH}?month=2026-12"))


def test_a_month_without_events_tells_of_the_next_ones(manager: Client) -> None:
    manager.post(ADD, form(name="Match night", starts_on=dt.date(2026, 12, 4)))
    assert "Match night</a>, Fri 4 Dec" in said(manager.get(MONTH))
    assert "Coming:" not in said(manager.get(f"{MONTH}?month=2026-12"))


def test_a_month_that_is_none_is_not_found(manager: Client) -> None:
    for month in ("2026-13", "soon", "1999-12", "9999-12"):
        assert manager.get(f"{MONTH}?month={month}").status_code == 404
    assert manager.get(f"{HOLIDAYS}?year=20266").status_code == 404


def test_the_kitchen_reads_and_changes_nothing(kitchen: Client) -> None:
    CalendarEvent.objects.create(name="Fair", starts_on=day(2), ends_on=day(3), amount=30)
    page = said(kitchen.get(MONTH))
    assert "Fair" in page
    assert ADD not in page
    for address in (HOLIDAYS, FACTS):
        assert '<button class="button primary"' not in said(kitchen.get(address))


def test_an_event_is_added_changed_and_removed(manager: Client) -> None:
    answer = manager.post(ADD, form(), follow=True)
    assert answer.redirect_chain == [(f"{MONTH}?month=2026-11", 302)]
    assert "Fair is in the calendar: +20 %." in said(answer)
    found = CalendarEvent.objects.get()
    assert (found.starts_on, found.ends_on, found.amount) == (day(3), day(3), 20)
    page = f"/forecast/calendar/events/{found.pk}/"
    assert 'value="20"' in said(manager.get(page))
    manager.post(page, form(amount="-5", ends_on=day(4)))
    found.refresh_from_db()
    assert (found.ends_on, found.amount) == (day(4), -5)
    manager.post(f"{page}remove/")
    assert not CalendarEvent.objects.exists()


def test_what_the_scope_and_effect_do_not_ask_for_is_dropped(manager: Client) -> None:
    soup = MenuItem.objects.create(name="Soup", category="Soups")
    manager.post(ADD, form(scope="item", menu_item=soup.pk, category="Soups"))
    found = CalendarEvent.objects.get()
    assert (found.scope, found.menu_item, found.category) == ("item", soup, "")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"ends_on": day(1)}, "The last day lies before the first."),
        ({"ends_on": day(4000)}, "At most 28 days."),
        ({"amount": "2000"}, "Percent lies between −100"),
        ({"scope": "category"}, "Choose the category that it is about."),
        ({"scope": "item", "menu_item": "0193d4a5-0000-7000-8000-000000000000"}, "Select a valid choice."),
        ({"effect": "like"}, "There are no sales of an earlier “Fair”"),
        ({"starts_on": "31.12.2026"}, "Enter a valid date."),
    ],
)
def test_an_event_that_cannot_be_is_answered_with_the_reason(manager: Client, given, why) -> None:
    answer = manager.post(ADD, form(**given))
    assert answer.status_code == 422
    assert why in said(answer)
    assert not CalendarEvent.objects.exists()


def test_a_past_event_is_measured_and_a_coming_one_is_like_it(manager: Client) -> None:
    soup = MenuItem.objects.create(name="Soup")
    for back in range(1, 71):
        sell(soup, day(-back), 150 if back == 14 else 100)
    answer = manager.post(ADD, form(starts_on=day(-14), amount="0"), follow=True)
    assert "Fair is in the calendar. 1 past day: +50 %, counted as +36 %" in said(answer)
    answer = manager.post(ADD, form(effect="like"), follow=True)
    assert "Fair is in the calendar: like last time: 1 past day: +50 %, counted as +36 %." in said(answer)


def test_changes_ask_for_a_new_forecast_where_there_is_one(manager: Client) -> None:
    with mock.patch.object(tasks, "ask_for_pipeline") as asked:
        manager.post(ADD, form())
        assert asked.call_count == 0
        Run.objects.create()
        manager.post(ADD, form(name="Feast", starts_on=day(-3)))
        manager.post(f"{HOLIDAYS}off/", {"on": "2026-11-11", "name": "Armistice Day"})
        assert asked.call_count == 2


def test_orders_follow_a_change_of_coming_days(manager: Client) -> None:
    with mock.patch.object(tasks, "ask_for_suggestions") as asked:
        manager.post(ADD, form())
        manager.post(f"/forecast/calendar/events/{CalendarEvent.objects.get().pk}/remove/")
    assert asked.call_count == 2


def test_public_holidays_are_switched_off_added_and_given_back(manager: Client, restaurant: Restaurant) -> None:
    manager.post(f"{HOLIDAYS}off/", {"on": "2026-11-11", "name": "Armistice Day"})
    answer = manager.post(f"{HOLIDAYS}keep/", {"on": "2026-06-02", "name": "Patron saint"}, follow=True)
    assert "Patron saint is a public holiday on 2 June 2026." in said(answer)
    assert "no holiday here" in said(answer)
    found = calendar.holidays(restaurant, [2026])
    assert dt.date(2026, 11, 11) not in found
    assert found[dt.date(2026, 6, 2)] == "Patron saint"
    off = Holiday.objects.get(is_off=True)
    for _ in range(2):
        manager.post(f"{HOLIDAYS}{off.pk}/remove/")
    assert dt.date(2026, 11, 11) in calendar.holidays(restaurant, [2026])


def test_a_file_of_school_holidays_is_shown_before_it_is_loaded(manager: Client) -> None:
    text = "start,end,name\n2026-12-19,2027-01-03,Winter\n"
    page = said(upload(manager, f"{HOLIDAYS}school/upload/", text))
    assert "1 new, 0 replaced, 0 there already" in page
    assert not Holiday.objects.exists()
    manager.post(f"{HOLIDAYS}school/upload/", {"text": text, "load": "yes"})
    assert Holiday.objects.get().name == "Winter"
    assert "All of it is in the calendar already." in said(upload(manager, f"{HOLIDAYS}school/upload/", text))


def test_a_file_that_does_not_read_changes_nothing_and_says_where(manager: Client) -> None:
    answer = upload(manager, f"{HOLIDAYS}school/upload/", "start,end,name\n2026-12-19,2026-12-01,Winter\n")
    assert answer.status_code == 422
    assert "The last day lies before the first." in said(answer)
    answer = upload(manager, f"{FACTS}upload/", "date,kind,value\n2026-12-19,rain,wet\n")
    assert answer.status_code == 422
    assert "this is not a number" in said(answer)
    assert not DailyFact.objects.exists()
    assert not Holiday.objects.exists()


def test_school_holidays_by_hand_do_not_overlap(manager: Client) -> None:
    given = {"name": "Winter", "starts_on": "2026-12-19", "ends_on": "2027-01-03"}
    assert manager.post(f"{HOLIDAYS}school/add/", given).status_code == 302
    answer = manager.post(f"{HOLIDAYS}school/add/", given)
    assert answer.status_code == 422
    assert "It overlaps with “Winter”" in said(answer)


def test_facts_are_brought_in_shown_and_taken_out(manager: Client) -> None:
    text = f"date,kind,value\n{day(1)},bookings,40\n{day(-3)},bookings,31\n"
    answer = manager.post(f"{FACTS}upload/", {"file": SimpleUploadedFile("f.csv", text.encode())}, follow=True)
    assert "2 facts are new, 0 changed, 0 stay as they were." in said(answer)
    assert "the forecast cannot learn from them: 1." in said(answer)
    manager.post(f"{FACTS}bookings/forget/")
    assert not DailyFact.objects.exists()
    assert list(AuditEntry.objects.order_by("id").values_list("verb", flat=True)) == ["fact.loaded", "fact.removed"]


def test_the_place_of_the_weather_is_asked_for_where_there_is_a_provider(manager: Client, settings) -> None:
    place = {"latitude": "53.349812", "longitude": "-6.26"}
    assert "Open-Meteo" not in said(manager.get(FACTS))
    assert manager.post(f"{FACTS}weather/", place).status_code == 422
    settings.WEATHER_PROVIDER = "open-meteo"
    assert manager.post(f"{FACTS}weather/", place | {"latitude": "91"}).status_code == 422
    assert manager.post(f"{FACTS}weather/", place).status_code == 302
    assert str(WeatherPlace.objects.get()) == "53.3498, -6.2600"
    assert "53.3498" in said(manager.get(FACTS))
    manager.post(f"{FACTS}weather/", {"leave": "yes"})
    assert not WeatherPlace.objects.exists()


def test_the_month_takes_as_many_queries_for_any_number_of_events(manager: Client, django_assert_num_queries) -> None:
    for n in range(3):
        CalendarEvent.objects.create(name=f"Fair {n}", starts_on=day(2), ends_on=day(3), amount=30)
        manager.get(MONTH)
        with django_assert_num_queries(8):
            manager.get(MONTH)


@pytest.mark.parametrize("written", ["10/12/2026", "12/10/26", "Oct 12 2026", "0001-13-01"])
def test_a_date_counts_only_as_browsers_send_it(manager: Client, written: str) -> None:
    """An American date would be another day."""
    assert manager.post(ADD, form(starts_on=written)).status_code == 422
    assert manager.post(f"{HOLIDAYS}keep/", {"on": written, "name": "Fair"}).status_code == 422
    assert (CalendarEvent.objects.count(), Holiday.objects.count()) == (0, 0)
    assert "Enter a valid date." in OverrideForm({"date": written}, run=None, today=TODAY).errors["date"]
