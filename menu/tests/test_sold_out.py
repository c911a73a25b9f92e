"""86: taps, what a point of sale says, and what Flux infers."""

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from conftest import as_owner
from menu import board, sold_out
from menu.models import MenuItem, SoldOut
from menu.tests.factories import MenuItemFactory
from tenants.actors import FLUX, Actor
from tenants.context import restaurant_context
from tenants.office.models import AuditEntry

NOW = dt.datetime(2026, 11, 23, 18, 42, tzinfo=dt.UTC)  # 19:42 in Paris, on a Monday
TODAY = NOW.date()
HOUR = dt.timedelta(hours=1)
KEIKO, MAREK = Actor(None, "Keiko", "pin"), Actor(None, "Marek", "portal")


@pytest.fixture
def hake(restaurant):
    return MenuItemFactory(name="Hake")


@pytest.fixture
def tap(restaurant):
    def tapped(verb, dish, *, by=KEIKO, at=NOW):
        return verb(dish, restaurant=restaurant, by=by, at=at)

    return tapped


def trail() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "actor"))


def test_two_taps_by_two_people_are_one(hake, tap):
    first = tap(sold_out.mark, hake)
    again = tap(sold_out.mark, hake, by=MAREK, at=NOW + HOUR)
    assert (again.pk, SoldOut.objects.count(), again.from_at) == (first.pk, 1, NOW)
    assert trail() == [("soldout.marked", "Keiko")]


def test_the_database_keeps_it_to_one_at_a_time(hake, tap):
    tap(sold_out.mark, hake)
    with pytest.raises(IntegrityError, match="menu_soldout_once_at_a_time"), transaction.atomic():
        SoldOut.objects.create(menu_item=hake, business_date=TODAY, from_at=NOW + HOUR)


def test_no_end_before_its_begin(hake):
    with pytest.raises(IntegrityError, match="menu_soldout_ends_after_start"), transaction.atomic():
        SoldOut.objects.create(menu_item=hake, business_date=TODAY, from_at=NOW, until_at=NOW - HOUR)


def test_a_dish_is_back_and_out_again(hake, tap):
    tap(sold_out.mark, hake)
    ended = tap(sold_out.back, hake, by=MAREK, at=NOW + HOUR)
    assert (ended.until_at, ended.dismissed_at) == (NOW + HOUR, None)
    assert tap(sold_out.back, hake, at=NOW + HOUR) is None
    tap(sold_out.mark, hake, at=NOW + 2 * HOUR)
    assert SoldOut.objects.counting().count() == 2
    assert sold_out.days_of(hake, TODAY, TODAY) == {TODAY: NOW}
    assert [verb for verb, _ in trail()] == ["soldout.marked", "soldout.ended", "soldout.marked"]


def test_a_slip_of_a_finger_never_was(hake, tap):
    tap(sold_out.mark, hake)
    tap(sold_out.back, hake, at=NOW + dt.timedelta(seconds=20))
    assert not SoldOut.objects.counting().exists()
    assert trail()[-1] == ("soldout.dismissed", "Keiko")


def test_it_ends_with_the_business_date(hake, tap, restaurant):
    after_midnight = dt.datetime(2026, 11, 24, 1, 30, tzinfo=dt.UTC)  # 2:30 in Paris, before closeout
    assert tap(sold_out.mark, hake, at=after_midnight).business_date == TODAY
    next_day = after_midnight + 4 * HOUR
    assert not SoldOut.objects.out_on(restaurant.business_date(next_day)).exists()
    assert tap(sold_out.mark, hake, at=next_day).business_date == TODAY + dt.timedelta(days=1)


def test_a_dish_off_the_menu_cannot_run_out(tap, restaurant):
    with pytest.raises(sold_out.NotOnTheMenu, match="Eel is off the menu"):
        tap(sold_out.mark, MenuItemFactory(name="Eel", is_active=False))


def test_another_restaurants_dish_stays_to_be_had(hake, tap, other_restaurant):
    tap(sold_out.mark, hake)
    with restaurant_context(other_restaurant):
        assert not SoldOut.objects.exists()
        MenuItemFactory(name="Hake")
        assert board.out_now(TODAY) == []


# What a point of sale says


def said(item, restaurant, from_at, until_at=None, at=NOW):
    return sold_out.from_pos(item, from_at=from_at, until_at=until_at, restaurant=restaurant, at=at)


def test_a_point_of_sale_says_it_again_and_then_that_it_is_over(hake, restaurant):
    (row,) = said(hake, restaurant, NOW - HOUR)
    assert (row.source, row.from_at, row.until_at) == ("pos", NOW - HOUR, None)
    assert said(hake, restaurant, NOW - HOUR) == [row]
    (ended,) = said(hake, restaurant, NOW - HOUR, NOW)
    assert (ended.pk, ended.until_at, SoldOut.objects.count()) == (row.pk, NOW, 1)
    assert said(hake, restaurant, NOW - HOUR, NOW) == [ended]
    assert trail() == [("soldout.marked", "Flux"), ("soldout.ended", "Flux")]


def test_what_a_person_said_goes_before_the_till(hake, restaurant, tap):
    tapped = tap(sold_out.mark, hake)
    assert said(hake, restaurant, NOW - HOUR) == []
    sold_out.dismiss(tapped.pk, by=MAREK, at=NOW)
    (row,) = said(hake, restaurant, NOW - HOUR)
    sold_out.dismiss(row.pk, by=MAREK, at=NOW)
    said(hake, restaurant, NOW - HOUR)
    assert not SoldOut.objects.counting().exists()


def test_a_span_over_several_days_is_a_row_for_each(hake, restaurant):
    rows = said(hake, restaurant, NOW, NOW + 40 * HOUR, at=NOW + 41 * HOUR)
    closeout = dt.datetime(2026, 11, 24, restaurant.closeout_hour, tzinfo=restaurant.zone)
    assert [(row.business_date, row.from_at, row.until_at) for row in rows] == [
        (TODAY, NOW, None),
        (TODAY + dt.timedelta(days=1), closeout, None),
        (TODAY + dt.timedelta(days=2), closeout + dt.timedelta(days=1), NOW + 40 * HOUR),
    ]
    assert said(hake, restaurant, NOW, NOW + 40 * HOUR, at=NOW + 41 * HOUR) == rows


# What Flux infers


def test_what_is_inferred_is_asked_once_and_never_again_once_dismissed(hake, restaurant):
    yesterday = TODAY - dt.timedelta(days=1)
    found = [(hake.pk, yesterday, NOW - 24 * HOUR)]
    (row,) = sold_out.suspect(found, at=NOW)
    assert (row.is_suspected, board.suspected(TODAY)) == (True, [row])
    assert sold_out.suspect(found, at=NOW) == []
    for _ in range(2):
        sold_out.dismiss(row.pk, by=MAREK, at=NOW)
    assert sold_out.suspect(found, at=NOW) == []
    assert (board.suspected(TODAY), sold_out.days_of(hake, yesterday, TODAY)) == ([], {})
    assert trail() == [("soldout.inferred", "Flux"), ("soldout.dismissed", "Marek")]


def test_what_is_confirmed_is_asked_no_more_and_counts(hake, manager):
    (row,) = sold_out.suspect([(hake.pk, TODAY, NOW)], at=NOW)
    for _ in range(2):
        sold_out.confirm(row.pk, by=manager, at=NOW)
    assert (board.suspected(TODAY), sold_out.days_of(hake, TODAY, TODAY)) == ([], {TODAY: NOW})
    assert [verb for verb, _ in trail()] == ["soldout.inferred", "soldout.confirmed"]


def test_a_tap_is_nothing_to_confirm(hake, tap):
    row = tap(sold_out.mark, hake, by=FLUX)
    assert sold_out.confirm(row.pk, by=MAREK, at=NOW).by_id is None
    assert len(trail()) == 1


# The board


def page(client: Client, **asked: str) -> str:
    return client.get(reverse("menu:sold_out_board"), asked).content.decode()


def test_the_kitchen_taps_and_everybody_sees_since_when_and_by_whom(kitchen_portal, portal, hake):
    MenuItemFactory(name="Soup", category="")
    kitchen_portal.post(reverse("menu:sold_out_mark", args=[hake.pk]))
    shown = page(portal)
    assert "Out now: 1" in shown
    assert "Kitchen" in shown.split("since ")[1][:30]
    assert shown.index("Mains") < shown.index("Other dishes")
    assert "86’d since" in portal.get(reverse("menu:item", args=[hake.pk])).content.decode()
    kitchen_portal.post(reverse("menu:sold_out_back", args=[hake.pk]))
    assert "Nothing is out" in page(portal)


def test_a_tap_with_htmx_answers_with_the_board_and_keeps_the_search(portal, hake):
    MenuItemFactory(name="Soup")
    answer = portal.post(reverse("menu:sold_out_mark", args=[hake.pk]), {"q": "hak"}, headers={"hx-request": "true"})
    text = answer.content.decode()
    assert ("Out now: 1" in text, "<html" in text, "Soup" in text) == (True, False, False)


def test_a_tap_on_the_dishs_page_leads_back_to_it(portal, hake):
    answer = portal.post(reverse("menu:sold_out_mark", args=[hake.pk]), {"from": "dish"})
    assert answer["Location"] == reverse("menu:item", args=[hake.pk])


def test_only_managers_are_asked_whether_it_ran_out(portal, kitchen_portal, hake, restaurant):
    day = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    (row,) = sold_out.suspect([(hake.pk, restaurant.business_date(day), day)], at=day)
    assert "Did these run out?" in page(portal)
    assert "Did these run out?" not in page(kitchen_portal)
    assert kitchen_portal.post(reverse("menu:sold_out_confirm", args=[row.pk])).status_code == 403
    portal.post(reverse("menu:sold_out_confirm", args=[row.pk]))
    assert "Did these run out?" not in page(portal)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_board_asks_as_much_for_three_dishes_as_for_one(portal, rows, restaurant, django_assert_num_queries):
    dishes = [MenuItemFactory() for _ in range(rows)]
    for dish in dishes:
        sold_out.mark(dish, restaurant=restaurant, by=KEIKO, at=dt.datetime.now(dt.UTC))
    page(portal)
    with django_assert_num_queries(5):
        page(portal)


# The API


def test_the_api_marks_once_lists_and_ends(api, hake):
    first = api.post("/api/v1/sold-out/", {"menu_item": str(hake.pk)}, content_type="application/json")
    again = api.post("/api/v1/sold-out/", {"menu_item": str(hake.pk)}, content_type="application/json")
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert first["Location"].endswith(f"/api/v1/sold-out/{first.json()['id']}/")
    assert api.get("/api/v1/sold-out/", {"open": "true", "source": "tap"}).json()["count"] == 1
    assert api.get("/api/v1/sold-out/", {"source": "pos"}).json()["count"] == 0
    SoldOut.objects.update(from_at=dt.datetime.now(dt.UTC) - HOUR)
    ended = api.post(f"/api/v1/sold-out/{first.json()['id']}/back/").json()
    assert (ended["until_at"] is None, ended["dismissed_at"]) == (False, None)
    dismissed = api.post(f"/api/v1/sold-out/{first.json()['id']}/dismiss/").json()
    assert dismissed["dismissed_at"] is not None
    assert api.get("/api/v1/sold-out/", {"dismissed": "false"}).json()["count"] == 0


def test_the_api_refuses_a_dish_that_is_off_the_menu(api, restaurant):
    eel = MenuItemFactory(name="Eel", is_active=False)
    answer = api.post("/api/v1/sold-out/", {"menu_item": str(eel.pk)}, content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (409, "Eel is off the menu.")


@pytest.fixture
def bistro(committed):
    """A restaurant whose rows are really committed, and gone after the test."""
    with restaurant_context(committed[0]):
        yield committed[0]
        with as_owner():
            for model in (SoldOut, MenuItem, AuditEntry):
                model.objects.all().delete()


def test_taps_of_many_hands_at_once_wait_for_each_other(bistro):
    hake, faults = MenuItemFactory(name="Hake"), []

    def tap_it(turn: int) -> None:
        with restaurant_context(bistro):
            for n in range(20):
                verb = sold_out.back if (turn + n) % 2 else sold_out.mark
                try:
                    verb(hake, restaurant=bistro, by=KEIKO, at=NOW)
                except IntegrityError as fault:
                    faults.append(fault)
        connection.close()

    hands = [threading.Thread(target=tap_it, args=[turn]) for turn in range(4)]
    for each in hands:
        each.start()
    for each in hands:
        each.join()
    assert faults == []
    assert SoldOut.objects.out_on(TODAY).count() <= 1
