"""Overrides in the portal: made on the forecast's pages, shown with author and reason, followed by the orders."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from forecasting.models import Forecast, Override, Run
from menu.models import MenuItem
from menu.tests.factories import IngredientFactory
from procurement import suggestions
from procurement.models import PurchaseOrderLine
from procurement.tests.factories import CountFactory, SupplierFactory, SupplierItemFactory, dish_with
from tenants.models import Restaurant, User

PAGE, MAKE = "/forecast/overrides/", "/forecast/overrides/make/"
TODAY = timezone.localdate()
TOMORROW = TODAY + dt.timedelta(days=1)
SAID = {"date": f"{TOMORROW}", "about": "all", "effect": "percent", "amount": "50", "reason": "Concert next door"}


def text(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]


@pytest.fixture
def soup(restaurant: Restaurant) -> MenuItem:
    now = timezone.now()
    yesterday = restaurant.business_date(now) - dt.timedelta(days=1)
    run = Run.objects.create(status="completed", started_at=now, finished_at=now, cutoff_on=yesterday)
    soup = dish_with(IngredientFactory(name="Peas", shelf_life_days=7), 100, name="Soup", category="Starters")
    Forecast.objects.bulk_create(
        Forecast(
            run=run, menu_item=soup, date=TODAY + dt.timedelta(days=n), mean=40, confidence="0.7",
            q10=30, q25=35, q50=40, q75=45, q90=50, q95=55,
        )
        for n in range(30)
    )  # fmt: skip
    return soup


def expected(soup: MenuItem) -> float:
    return float(Forecast.objects.get(menu_item=soup, date=TOMORROW).mean)


def test_an_override_is_made_shown_with_author_and_reason_and_undone(
    portal: Client, manager: User, soup: MenuItem
) -> None:
    answer = portal.post(MAKE, SAID | {"next": "/forecast/"})
    assert (answer.status_code, answer["Location"], expected(soup)) == (302, "/forecast/", 60)
    for page in ("/forecast/", f"/forecast/{soup.pk}/", PAGE):
        shown = text(portal.get(page))
        assert ("all dishes +50 %" in shown, "Concert next door" in shown, str(manager) in shown) == (True, True, True)
    undo = f"{PAGE}{Override.objects.get().pk}/undo/"
    assert "Undone: " in text(portal.post(undo, {"next": f"/forecast/{soup.pk}/"}, follow=True))
    assert expected(soup) == 40
    assert "This override has been undone already." in text(portal.post(undo, follow=True))


def test_the_form_of_a_dish_speaks_of_the_dish(portal: Client, soup: MenuItem) -> None:
    assert f'type="hidden" name="about" value="item:{soup.pk}"' in text(portal.get(f"/forecast/{soup.pk}/"))
    portal.post(MAKE, SAID | {"about": f"item:{soup.pk}", "effect": "units", "amount": "72"})
    assert expected(soup) == 72


def test_the_forms_choices_reach_from_everything_to_a_dish(portal: Client, soup: MenuItem) -> None:
    shown = text(portal.get(PAGE))
    for choice in ("All dishes", "Starters: all of them", "Soup"):
        assert f">{choice}</option>" in shown
    portal.post(MAKE, SAID | {"about": "category:Starters"})
    assert expected(soup) == 60


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"date": "2020-01-04"}, "Sat 4 Jan 2020 is over"),
        ({"reason": ""}, "This field is required."),
        ({"reason": "  "}, "This field is required."),
        ({"amount": "-150"}, "Percent lies between −100 (nothing) and 1,000."),
        ({"amount": "lots"}, "Enter a number."),
        ({"about": "item:nobody"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_entered(
    portal: Client, soup: MenuItem, wrong: dict[str, str], said: str
) -> None:
    answer = portal.post(MAKE, SAID | wrong)
    assert (answer.status_code, said in text(answer), expected(soup)) == (422, True, 40)


def test_the_kitchen_reads_overrides_and_makes_none(kitchen_portal: Client, portal: Client, soup: MenuItem) -> None:
    portal.post(MAKE, SAID)
    shown = text(kitchen_portal.get("/forecast/"))
    assert ("Concert next door" in shown, "Override a day" in shown, "/undo/" in shown) == (True, False, False)
    assert kitchen_portal.post(MAKE, SAID).status_code == 403


def test_the_form_sends_nobody_elsewhere(portal: Client, soup: MenuItem) -> None:
    assert portal.post(MAKE, SAID | {"next": "//elsewhere.example/"})["Location"] == PAGE


def test_past_overrides_are_counted_and_shown_with_their_verdict(portal: Client, soup: MenuItem) -> None:
    for days, verdict in ((3, "helped"), (4, "helped"), (5, "hurt")):
        Override.objects.create(
            date=TODAY - dt.timedelta(days=days), amount=10, reason="Rain", author="Ada", verdict=verdict,
            units_before=100, units_after=110, units_sold=112, scored_at=timezone.now(),
        )  # fmt: skip
    shown = text(portal.get(PAGE))
    assert 'Your 3 overrides: <strong class="good">2 helped</strong>, <strong class="bad">1 hurt</strong>.' in shown
    assert shown.count('<span class="badge good">helped</span>') == 2


def test_draft_orders_follow_an_override(
    portal: Client, restaurant: Restaurant, soup: MenuItem, django_capture_on_commit_callbacks: object
) -> None:
    peas = soup.recipe_lines.get().ingredient
    CountFactory(ingredient=peas)
    SupplierItemFactory(ingredient=peas, supplier=SupplierFactory())
    suggestions.suggest(restaurant, timezone.now())
    before = PurchaseOrderLine.objects.get()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        portal.post(MAKE, SAID | {"amount": "900"})
    after = PurchaseOrderLine.objects.get()
    assert after.needed > before.needed
    assert after.packs > before.packs


def test_an_override_of_a_category_follows_dishes_that_change_theirs(
    portal: Client, soup: MenuItem, django_capture_on_commit_callbacks
) -> None:
    portal.post(MAKE, SAID | {"about": "category:Starters", "effect": "units", "amount": "60"})
    empty = "touches nothing: no dish is in this category now"
    assert (expected(soup), empty in text(portal.get(PAGE))) == (60, False)
    with django_capture_on_commit_callbacks(execute=True):
        portal.post(f"/menu/{soup.pk}/edit/", {"category": "Mains", "is_active": "on"})
    assert (expected(soup), empty in text(portal.get(PAGE))) == (40, True)
    portal.post(f"/menu/{soup.pk}/edit/", {"category": "Starters", "is_active": "on"})
    assert (expected(soup), empty in text(portal.get(PAGE))) == (60, False)
