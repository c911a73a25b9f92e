"""The page of the proof, in each of its states."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from forecasting import proven
from forecasting.arithmetic import enough
from forecasting.models import Backtest, Run
from forecasting.tests.factories import sell
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from tenants.context import restaurant_context
from tenants.office.models import Job

PAGE = "/forecast/proof/"


@pytest.fixture
def today(restaurant):
    return restaurant.business_date(timezone.now())


@pytest.fixture
def enough_sales(restaurant, today):
    """One dish, sold on every day of eight weeks."""
    item = MenuItemFactory(name="Lentil soup")
    for days in range(1, enough.ENOUGH_DAYS + 1):
        sell(item, today - dt.timedelta(days=days), 5)
    return item


@pytest.fixture
def make(restaurant, today):
    """A backtest of dishes: (units, off by Flux, off by the same weekday's mean) each."""

    def made(*dishes, baseline=(), falls_back=False, last_on=None):
        items = [MenuItemFactory(name=f"Dish {n}") for n in range(len(dishes))]
        last_on = last_on or today - dt.timedelta(days=1)
        dates = [str(last_on - dt.timedelta(days=back)) for back in range(13, -1, -1)]
        series = {
            name: [None] + [float(n)] * 13 for n, name in enumerate(("sold", "flux", "low", "high", "same_weekday"))
        }
        units, flux, usual = (sum(column) for column in zip(*dishes, strict=True))
        score = {
            "items": len(items), "item_days": 13 * len(items), "units": units, "trimmed": None,
            "flux": {"wape": flux / units, "bias": 0.02, "weekly_wape": 0.1, "coverage_80": 0.81, "pinball": 0.2},
            "same_weekday": {"wape": usual / units, "bias": -0.03, "weekly_wape": 0.2},
        }  # fmt: skip
        result = {
            "weeks": 2, "methods": ["model"] * 2, "open_days": 13, "all": score, "top": score, "history_days": 80,
            "history_first_on": "2026-01-01", "seconds": 4.2, "falls_back": falls_back,
            "baseline_items": [str(items[n].pk) for n in baseline],
            "items": [
                {"item": str(item.pk), "days": 13, "units": sold, "expected": sold, "inside_80": 10,
                 "off": {"flux": off, "same_weekday": off_usual, "trimmed": None}}
                for item, (sold, off, off_usual) in zip(items, dishes, strict=True)
            ],
            "days": {
                "dates": dates,
                "all": series,
                "items": {str(item.pk): series | {"left_out": [dates[3]]} for item in items},
            },
        }  # fmt: skip
        return Backtest.objects.create(
            first_on=dates[0], last_on=last_on, model_version="menu-1", result=result, created_at=timezone.now()
        )

    return made


def text_of(client, path=PAGE):
    page = client.get(path)
    assert page.status_code == 200
    return " ".join(page.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def test_with_too_little_history_it_says_how_many_days_are_missing(portal, restaurant, today):
    item = MenuItemFactory()
    for days in range(1, 31):
        sell(item, today - dt.timedelta(days=days), 5)
    page = text_of(portal)
    assert "26 more days of sales" in page
    assert "needs 56 days of sales and has 30" in page
    assert reverse("forecasting:proof_run") not in page


def test_with_enough_a_manager_can_start_it_and_the_kitchen_cannot(portal, kitchen_portal, enough_sales):
    assert "Hide my last weeks and predict them" in text_of(portal)
    assert "<form" not in text_of(kitchen_portal).split("Not tried yet")[1]


def test_the_button_asks_for_one(portal, enough_sales, manager):
    answer = portal.post("/forecast/proof/run/")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    job = Job.objects.get()
    assert (job.kind, job.status, job.asked["by"]["pk"]) == ("backtest", "pending", str(manager.pk))


def test_the_button_says_why_not(portal, restaurant):
    page = portal.post("/forecast/proof/run/", follow=True).content.decode()
    assert "Flux needs 56 days of sales to hide the last of them and predict them, and has 0." in page
    assert not Job.objects.exists()


def test_a_running_one_shows_its_progress_and_asks_again(portal, enough_sales):
    job = Job.objects.create(kind="backtest", progress_done=1, progress_total=4, note="Predicting hidden week 2 of 4")
    page = text_of(portal)
    assert "Predicting hidden week 2 of 4 · 25 %" in page
    assert 'hx-get="/forecast/proof/progress/" hx-trigger="every 2s"' in page
    assert "HX-Refresh" not in portal.get("/forecast/proof/progress/")
    Job.objects.filter(pk=job.pk).update(status="done", finished_at=timezone.now())
    assert portal.get("/forecast/proof/progress/")["HX-Refresh"] == "true"


def test_a_failed_one_says_why_and_can_be_tried_again(portal, enough_sales):
    Job.objects.create(kind="backtest", status="failed", error="It broke.", finished_at=timezone.now())
    page = text_of(portal)
    assert "The last try failed." in page
    assert "It broke." in page
    assert "Try again" in page


def test_the_verdict_in_figures_and_words(portal, make):
    make((100, 24, 36), (50, 12, 18))
    page = text_of(portal)
    assert "We hid your last 2 weeks and predicted them" in page
    assert "Flux was off by <strong>24 %</strong> of units; the mean of the same weekday by" in page
    assert "<strong>36 %</strong>: a third less error." in page
    assert "The mean of 8 weeks needs 8 weeks of sales before the hidden ones." in page
    assert "is worse" not in page


def test_where_flux_is_worse_it_says_so_and_what_it_does(portal, make):
    make((100, 20, 40), (60, 30, 20), (50, 20, 18), baseline=[1])
    page = text_of(portal)
    assert "For 1 of 3 dishes the mean of the same weekday is clearly better, so Flux uses that for it." in page
    assert page.count("Worse here: uses the weekday’s mean") == 1
    assert page.count("Worse here, perhaps by chance") == 1


def test_where_flux_lost_as_a_whole_it_says_so(portal, make):
    make((100, 44, 40), falls_back=True)
    page = text_of(portal)
    assert "10 % more error" in page
    assert "every dish gets the mean of the same weekday" in page


def test_an_old_one_is_called_old(portal, make, today):
    newest = make((100, 20, 40), last_on=today - dt.timedelta(days=56))
    assert "This is old." not in text_of(portal)
    Backtest.objects.filter(pk=newest.pk).update(last_on=today - dt.timedelta(days=57))
    assert "This is old." in text_of(portal)


def test_a_dish_can_be_looked_at(portal, make):
    made = make((100, 20, 40), (90, 20, 40))
    item = made.result["items"][1]["item"]
    page = text_of(portal, f"{PAGE}?dish={item}")
    assert "Dish 1, day by day" in page
    assert f'<option value="{item}" selected>' in page
    assert "All dishes, day by day" in text_of(portal, f"{PAGE}?dish=nonsense")


def test_a_dish_that_sold_nothing_is_not_among_the_most_sold(portal, make):
    make((100, 24, 36), (0, 0, 0))
    page = text_of(portal)
    assert "the one most sold" in page
    assert [name for name in ("Dish 0", "Dish 1") if f'#days">{name}</a>' in page] == ["Dish 0"]


def rows_of(page):
    """The page's words without its marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_the_forecast_says_the_figures_of_the_proof_and_its_days(portal, make, today):
    made = make((100, 24, 36), (50, 12, 24))
    rehearsal = {"method": "model", "weeks": 2, "scores": {"model": {"wape": 0.22}, "same_weekday": {"wape": 0.39}}}
    rehearsal["items"] = {row["item"]: {"wape": 0.2, "bias": 0, "coverage_80": 0.9} for row in made.result["items"]}
    now = timezone.now()
    Run.objects.create(status="completed", started_at=now, finished_at=now, cutoff_on=made.last_on, report=rehearsal)
    item, other = (f"/forecast/{row['item']}/" for row in made.result["items"])
    for page in (text_of(portal, "/forecast/"), text_of(portal, item)):
        said = rows_of(page[page.index('id="quality"') :])
        assert "Flux was off by 24 % of units The same weekday’s mean was off by 40 % of units Less error 40 %" in said
        assert 'href="/forecast/proof/">See the proof' in page
        assert "hidden and predicted" in said
        assert "22 %" not in page
    assert "hidden and predicted 24 % 36 % 77 % All dishes, in the proof 24 % 40 % 81 %" in rows_of(
        text_of(portal, item)
    )
    assert "hidden and predicted 24 % 48 % 77 %" in rows_of(text_of(portal, other))
    Backtest.objects.all().delete()
    said = rows_of(text_of(portal, item))
    assert "tried by this forecast itself on the last 2 weeks 20 % – 90 % All dishes, tried likewise 22 % 39 %" in said
    assert "not proven yet" in said


def test_another_restaurants_proof_is_not_shown(portal, other_restaurant, make):
    make((100, 20, 40))
    with restaurant_context(other_restaurant):
        assert Backtest.objects.newest() is None
        assert proven.state(other_restaurant, now=timezone.now()).proven is None


@pytest.mark.parametrize("n_dishes", [1, 3])
def test_the_number_of_queries_does_not_grow(portal, make, n_dishes, django_assert_num_queries):
    make(*[(100, 20, 40)] * n_dishes)
    portal.get(PAGE)
    with django_assert_num_queries(6):
        portal.get(PAGE)


@pytest.mark.parametrize(
    ("less", "words"),
    [
        (None, ""),
        (0.01, "about the same"),
        (-0.019, "about the same"),
        (0.33, "a third less error"),
        (0.5, "half the error"),
        (0.4, ""),
        (-0.3, ""),
    ],
)
def test_a_plain_word_stands_only_where_it_fits(less, words):
    assert proven.in_words(less) == words


def test_a_dish_that_is_gone_has_no_name(make):
    made = make((100, 20, 40))
    MenuItem.objects.all().delete()
    assert [row.name for row in proven.Proven(made, {}).rows] == [proven.GONE]
