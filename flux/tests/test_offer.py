"""A dish leaves the menu, or returns to it: every number that people see follows at once."""

import datetime as dt

import pytest
from django.test import Client

from flux import offer
from flux.pages import today
from forecasting import history
from forecasting.models import Forecast, Run
from menu import dishes, recipes
from menu.models import MenuItem
from menu.tests.factories import IngredientFactory
from procurement import needs, suggestions
from procurement.models import PurchaseOrderLine
from procurement.tests.factories import (
    NOW,
    SUNDAY,
    CountFactory,
    RunFactory,
    SupplierItemFactory,
    dish_with,
    forecast,
    sold,
)
from tenants.actors import FLUX
from tenants.office.models import AuditEntry, Job

DAY = dt.timedelta(days=1)


@pytest.fixture
def now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def soup(restaurant, now) -> MenuItem:
    """Ten a day are expected of each dish; of the soup's flour little is left."""
    run, flour = RunFactory(), IngredientFactory()
    found, bread = dish_with(flour, 1000, name="Soup"), dish_with(IngredientFactory(), name="Bread")
    SupplierItemFactory(ingredient=flour)
    CountFactory(ingredient=flour, quantity=0)
    for dish in (found, bread):
        forecast(run, dish, 10)
        sold(dish, SUNDAY - DAY, 10)
    suggestions.suggest(restaurant, NOW)
    return found


def put(dish: MenuItem, restaurant, *, on: bool, at: dt.datetime = NOW) -> None:
    dish.is_active = on
    offer.save(dish, restaurant, by=FLUX, at=at)


def test_a_dish_off_the_menu_is_out_of_every_number_at_once(
    restaurant, soup, portal: Client, api: Client, django_capture_on_commit_callbacks
):
    assert api.get("/api/v1/forecasts/").json()["count"] == 70
    assert today.today_page(restaurant, NOW, "manager").expected.units == 20
    assert PurchaseOrderLine.objects.count() == 1
    assert f"/forecast/{soup.pk}/" in portal.get("/forecast/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        portal.post(f"/menu/{soup.pk}/edit/", {"category": "", "price": ""})
    assert api.get("/api/v1/forecasts/").json()["count"] == 35
    assert today.today_page(restaurant, NOW, "manager").expected.units == 10
    assert PurchaseOrderLine.objects.count() == 0
    assert soup.pk not in needs.read(restaurant, NOW, recipes.book()).by_dish
    assert f"/forecast/{soup.pk}/" not in portal.get("/forecast/").content.decode()
    page = portal.get(f"/forecast/{soup.pk}/").content.decode()
    assert "This dish is off the menu" in page


def test_what_was_said_of_days_that_are_over_stays_in_the_api(restaurant, soup, api: Client):
    Forecast.objects.filter(menu_item=soup, date=SUNDAY).update(date=SUNDAY - DAY)
    put(soup, restaurant, on=False)
    found = api.get("/api/v1/forecasts/", {"menu_item": str(soup.pk)}).json()["results"]
    assert [row["date"] for row in found] == [str(SUNDAY - DAY)]


def test_it_returns_with_its_numbers_where_the_run_holds_them(restaurant, soup):
    put(soup, restaurant, on=False)
    put(soup, restaurant, on=True)
    assert today.today_page(restaurant, NOW, "manager").expected.units == 20
    assert PurchaseOrderLine.objects.count() == 1
    assert not Job.objects.filter(kind="pipeline").exists()


def test_it_returns_by_a_new_run_where_the_current_one_left_it_out(restaurant, soup):
    put(soup, restaurant, on=False)
    Forecast.objects.filter(menu_item=soup).delete()
    put(soup, restaurant, on=True)
    assert Job.objects.filter(kind="pipeline").count() == 1


def test_days_off_the_menu_teach_nothing(restaurant, soup):
    """So that it comes back at its old level, however long it was away."""
    put(soup, restaurant, on=False, at=NOW - 9 * DAY)
    put(soup, restaurant, on=True, at=NOW - 4 * DAY)
    put(soup, restaurant, on=False, at=NOW - 2 * DAY)
    away = {SUNDAY - n * DAY for n in (9, 8, 7, 6, 5, 2, 1)}
    assert dishes.off_the_menu(restaurant, SUNDAY - 30 * DAY, SUNDAY - DAY) == {(day, soup.pk) for day in away}
    assert dishes.off_the_menu(restaurant, SUNDAY - 6 * DAY, SUNDAY - 6 * DAY) == {(SUNDAY - 6 * DAY, soup.pk)}
    known = history.read(SUNDAY)
    column = known.items.index(soup.pk)
    assert known.special[-1, column]
    assert not known.special[-1, 1 - column]


def test_a_new_dish_is_added_before_its_first_sale(portal: Client, restaurant):
    answer = portal.post("/menu/new/", {"name": "Moussaka", "category": "Mains", "price": "14.5"})
    dish = MenuItem.objects.get()
    assert answer["Location"] == f"/menu/{dish.pk}/"
    assert (dish.name, dish.is_active, AuditEntry.objects.get().verb) == ("Moussaka", True, "menuitem.added")
    again = portal.post("/menu/new/", {"name": "moussaka"})
    assert (again.status_code, MenuItem.objects.count()) == (422, 1)
    assert "There is already an item of this name." in again.content.decode()


def test_a_change_of_price_asks_nothing_anew(restaurant, soup, django_assert_num_queries):
    run = Run.objects.current()
    soup.price = 9
    offer.save(soup, restaurant, by=FLUX, at=NOW)
    assert (Run.objects.current(), Job.objects.count()) == (run, 0)
