"""What a new dish sells like: what is said, asked and suggested, and what the forecast makes of it."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from forecasting import forecast, likeness
from forecasting.models import Forecast, Likeness, Run
from forecasting.tests.factories import NOW, TODAY, sell, trade
from menu.tests.factories import MenuItemFactory
from tenants.actors import Actor
from tenants.context import restaurant_context
from tenants.office.models import AuditEntry

ADA = Actor(None, "Ada", "portal")


@pytest.fixture
def lasagne(restaurant):
    """It has sold ten a day for six weeks."""
    return sold_for(42, 10, name="Lasagne")


@pytest.fixture
def moussaka(restaurant):
    return MenuItemFactory(name="Moussaka")


def sold_for(n_days: int, units: int, **facts):
    dish = MenuItemFactory(**facts)
    for back in range(1, n_days + 1):
        sell(dish, TODAY - dt.timedelta(days=back), units)
    return dish


def likeness_now(restaurant):
    return likeness.known(restaurant, TODAY)


def say(item, like, share="0.6"):
    return likeness.say(item, like, Decimal(share), today=TODAY, by=ADA, at=NOW)


def test_saying_it_again_changes_it_and_saying_the_same_nothing(restaurant, lasagne, moussaka):
    for share in ("0.6", "0.6", "0.8"):
        say(moussaka, lasagne, share)
    assert likeness_now(restaurant) == {moussaka.pk: (lasagne.pk, 0.8)}
    assert likeness.forget(moussaka, by=ADA, at=NOW) is True
    assert likeness.forget(moussaka, by=ADA, at=NOW) is False
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", "subject_label", "before", "after")) == [
        ("likeness.said", "Moussaka", {}, {"like": "Lasagne", "share": "0.6"}),
        ("likeness.said", "Moussaka", {"share": "0.6"}, {"share": "0.8"}),
        ("likeness.forgotten", "Moussaka", {"like": "Lasagne", "share": "0.8"}, {}),
    ]


def test_what_cannot_be_said(lasagne, moussaka):
    for item, like, share, why in [
        (moussaka, moussaka, "1", "cannot be like itself"),
        (moussaka, lasagne, "0", "above 0 %"),
        (moussaka, lasagne, "10.1", "at or below 1,000 %"),
        (lasagne, moussaka, "1", "Lasagne is off the menu, or has 28 days of its own sales"),
        (moussaka, MenuItemFactory(name="Soup"), "1", "Soup has fewer than 28 days of sales itself"),
        (MenuItemFactory(is_active=False), lasagne, "1", "is off the menu"),
    ]:
        with pytest.raises(likeness.Refused, match=why):
            say(item, like, share)
    assert not Likeness.objects.exists()


@pytest.mark.parametrize(("share", "like", "name"), [("0", 1, "share"), ("10.1", 1, "share"), ("1", 0, "of_another")])
def test_the_database_refuses_it_too(lasagne, moussaka, share, like, name):
    with pytest.raises(IntegrityError, match=f"forecasting_likeness_{name}"), transaction.atomic():
        Likeness.objects.create(menu_item=moussaka, like=(moussaka, lasagne)[like], share=share)


def test_a_dish_is_new_for_its_first_28_open_days(lasagne, moussaka):
    assert likeness.newcomer(moussaka, TODAY).open_days == 0
    for back in (1, 3, 10):
        sell(moussaka, TODAY - dt.timedelta(days=back), 4)
    found = likeness.newcomer(moussaka, TODAY)
    assert (found.open_days, found.days_left) == (10, 18)
    sell(moussaka, TODAY - dt.timedelta(days=28), 4)
    assert likeness.newcomer(moussaka, TODAY) is None
    assert likeness.newcomer(MenuItemFactory(is_active=False), TODAY) is None


def test_the_middle_dish_of_the_category_is_suggested(lasagne, moussaka):
    stew, _, _ = sold_for(30, 20, name="Stew"), sold_for(30, 40, name="Fries"), sold_for(30, 3, category="Sides")
    sold_for(30, 90, is_active=False)
    found = likeness.pattern(moussaka, TODAY)
    assert (found.dish, found.units_a_day, found.n_dishes) == (stew, 20, 3)
    assert likeness.pattern(MenuItemFactory(category="Drinks"), TODAY) is None


def test_only_dishes_that_know_themselves_are_compared_with(lasagne, moussaka):
    sold_for(10, 5, name="Newer")
    assert likeness.comparable(moussaka, TODAY) == [lasagne]


def test_another_restaurants_likeness_is_its_own(lasagne, moussaka, other_restaurant):
    say(moussaka, lasagne)
    with restaurant_context(other_restaurant):
        assert likeness_now(other_restaurant) == {}


def test_what_was_said_later_was_not_known_then(restaurant, lasagne, moussaka):
    say(moussaka, lasagne)
    assert likeness.known(restaurant, TODAY - dt.timedelta(days=1)) == {}
    assert likeness_now(restaurant) == {moussaka.pk: (lasagne.pk, 0.6)}


def test_the_forecast_counts_on_it_from_the_first_day(restaurant):
    """End to end: the means are the share of the other's, and the quantiles spread round them."""
    known, *_ = trade(60, 2)
    special = MenuItemFactory()
    say(special, known, "0.6")
    run = forecast.make(restaurant, now=NOW)
    means = {
        item: dict(Forecast.objects.filter(run=run, menu_item=item).values_list("date", "mean"))
        for item in (known, special)
    }
    day = TODAY + dt.timedelta(days=1)
    assert means[known][day] > 1
    assert float(means[special][day]) == pytest.approx(0.6 * float(means[known][day]), abs=0.002)
    row = Forecast.objects.get(run=run, menu_item=special, date=day)
    assert row.q10 < row.q50 < row.q90


# Its pages


def card(client, dish):
    return client.get(reverse("forecasting:newcomer", args=[dish.pk]), headers={"hx-request": "true"}).content.decode()


@pytest.fixture
def now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.mark.usefixtures("now")
def test_a_dish_that_never_sold_says_what_would_help_and_takes_it(portal, restaurant, lasagne, moussaka):
    shown = card(portal, moussaka)
    assert "What would help: say which dish it sells like" in shown
    assert "Lasagne, the middle one of 1 other dish in Mains, sells 10 a day" in shown
    said = {"like": "lasag", "percent": "60"}
    answer = portal.post(reverse("forecasting:likeness_say", args=[moussaka.pk]), said)
    assert answer["Location"] == reverse("forecasting:item", args=[moussaka.pk])
    assert likeness_now(restaurant) == {moussaka.pk: (lasagne.pk, 0.6)}
    assert Run.objects.filter(status="pending").count() == 1
    assert "low confidence" in (shown := card(portal, moussaka))
    assert "at <strong>60\N{NO-BREAK SPACE}%</strong> of it" in shown
    portal.post(reverse("forecasting:likeness_forget", args=[moussaka.pk]))
    assert likeness_now(restaurant) == {}


@pytest.mark.usefixtures("now")
def test_a_name_that_is_none_or_several_is_asked_again(portal, restaurant, lasagne, moussaka):
    sold_for(42, 5, name="Green lasagne")
    for like, why in [("pizza", "No dish of that name"), ("asagn", "Several dishes are called so")]:
        answer = portal.post(reverse("forecasting:likeness_say", args=[moussaka.pk]), {"like": like, "percent": "60"})
        assert (answer.status_code, why in answer.content.decode()) == (422, True)
    portal.post(reverse("forecasting:likeness_say", args=[moussaka.pk]), {"like": "lasagne", "percent": "60"})
    assert likeness_now(restaurant) == {moussaka.pk: (lasagne.pk, 0.6)}


@pytest.mark.usefixtures("now")
def test_a_dish_that_knows_itself_has_no_card(portal, lasagne):
    assert card(portal, lasagne).strip() == ""
    assert "No new dish" in portal.get(reverse("forecasting:newcomer", args=[lasagne.pk])).content.decode()


@pytest.mark.usefixtures("now")
def test_the_kitchen_reads_it_and_says_nothing(kitchen_portal, lasagne, moussaka):
    say(moussaka, lasagne)
    shown = card(kitchen_portal, moussaka)
    assert ("Lasagne" in shown, "<form" in shown) == (True, False)


# The API


@pytest.mark.usefixtures("now")
def test_the_api_says_lists_and_forgets(api, lasagne, moussaka):
    asked = {"menu_item": str(moussaka.pk), "like": str(lasagne.pk), "share": 0.6}
    answer = api.post("/api/v1/likenesses/", asked, content_type="application/json")
    assert (answer.status_code, answer.json()["like_name"], answer.json()["share"]) == (201, "Lasagne", 0.6)
    address = f"/api/v1/likenesses/{moussaka.pk}/"
    assert answer["Location"].endswith(address)
    assert api.get("/api/v1/likenesses/").json()["count"] == 1
    refused = api.post("/api/v1/likenesses/", asked | {"like": str(moussaka.pk)}, content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "like")
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
