"""What a manager expects of a day: made, undone, kept through new runs."""

import datetime as dt
import threading
from decimal import Decimal

import pytest
from django.db import connection

from conftest import as_owner
from forecasting import forecast, overrides
from forecasting.models import CalendarEvent, Forecast, Override, Run
from forecasting.tests.factories import NOW, TODAY, trade
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from tenants.actors import Actor
from tenants.context import restaurant_context
from tenants.office.models import AuditEntry, Closure

ADA = Actor(None, "Ada", "portal")
TOMORROW = TODAY + dt.timedelta(days=1)
RANGE = {"q10": 6, "q25": 8, "q50": 10, "q75": 12, "q90": 14, "q95": 16}


@pytest.fixture
def run(restaurant):
    return made_run()


def made_run(**fields):
    yesterday = TODAY - dt.timedelta(days=1)
    return Run.objects.create(
        status="completed", started_at=NOW, finished_at=NOW, created_at=NOW, cutoff_on=yesterday, **fields
    )


def expect(run, category="mains", mean=10, day=TOMORROW, **fields):
    item = fields.pop("item", None) or MenuItemFactory(category=category)
    Forecast.objects.create(run=run, menu_item=item, date=day, mean=mean, confidence="0.7", **RANGE)
    return item


def override(restaurant, **said):
    given = {"date": TOMORROW, "scope": "all", "effect": "percent", "amount": Decimal(20), "reason": "Concert"}
    return overrides.make(restaurant, **given | {"by": ADA, "now": NOW} | said)


def numbers(run, **about):
    names = ("mean", "q10", "q50", "q95")
    return [[float(getattr(row, name)) for name in names] for row in run.forecasts.filter(**about).order_by("id")]


def test_mean_and_range_follow_the_manager(restaurant, run):
    expect(run, "mains")
    expect(run, "sweets", mean=11)
    override(restaurant, scope="category", category="mains", effect="units", amount=Decimal(15))
    assert numbers(run) == [[15, 9, 15, 24], [11, 6, 10, 16]]
    assert run.forecasts.first().engine_numbers == [10, 6, 8, 10, 12, 14, 16]
    assert run.forecasts.last().engine_numbers is None


def test_a_total_that_is_set_is_the_sum_of_the_table_to_the_thousandth(restaurant, run):
    for mean in (3, 5, 9):
        expect(run, mean=mean)
    override(restaurant, effect="units", amount=Decimal("100.001"))
    assert sum(row.mean for row in run.forecasts.all()) == Decimal("100.001")


def test_undone_the_engine_speaks_again(restaurant, run):
    expect(run)
    before = list(run.forecasts.values())
    made = override(restaurant)
    assert list(run.forecasts.values()) != before
    overrides.undo(restaurant, made.pk, by=ADA, now=NOW)
    assert list(run.forecasts.values()) == before
    with pytest.raises(overrides.UndoneAlready, match="undone already"):
        overrides.undo(restaurant, made.pk, by=ADA, now=NOW)


def test_events_are_under_the_override_and_stay_when_it_is_undone(restaurant, run):
    expect(run)
    CalendarEvent.objects.create(name="Fair", starts_on=TODAY, ends_on=TOMORROW, amount=100)
    made = override(restaurant, amount=Decimal(-50))
    assert numbers(run) == [[10, 6, 10, 16]]
    overrides.undo(restaurant, made.pk, by=ADA, now=NOW)
    assert numbers(run) == [[20, 12, 20, 32]]


def test_an_event_and_an_override_survive_the_next_run(restaurant):
    soup, _ = trade(40, 2)
    forecast.make(restaurant, now=NOW)
    CalendarEvent.objects.create(name="Fair", starts_on=TOMORROW, ends_on=TOMORROW, amount=50)
    override(restaurant, scope="item", item=soup, effect="units", amount=Decimal(77))
    again = forecast.make(restaurant, now=NOW)
    by_hand, by_event = again.forecasts.filter(date=TOMORROW).order_by("menu_item_id")
    assert (by_hand.menu_item_id, by_hand.mean) == (soup.pk, 77)
    assert by_event.mean == pytest.approx(by_event.engine_numbers[0] * Decimal("1.5"), abs=Decimal("0.001"))
    assert not again.forecasts.exclude(date=TOMORROW).filter(engine_numbers__isnull=False).exists()


def test_cached_lists_of_forecasts_are_dropped(restaurant, run, django_capture_on_commit_callbacks):
    expect(run)
    before = forecast.list_version()
    with django_capture_on_commit_callbacks(execute=True):
        override(restaurant)
    assert forecast.list_version() != before


def test_closed_days_stay_empty(restaurant, run):
    expect(run, mean=0)
    CalendarEvent.objects.create(name="Fair", starts_on=TOMORROW, ends_on=TOMORROW, effect="units", amount=30)
    Closure.objects.create(on=TOMORROW)
    assert overrides.readjust(run, [TOMORROW]) == 0
    with pytest.raises(overrides.Refused, match="You are closed on Mon 23 Nov"):
        override(restaurant)


def test_a_dish_off_the_menu_takes_no_share(restaurant, run):
    expect(run)
    gone = expect(run)
    gone.is_active = False
    gone.save()
    override(restaurant, effect="units", amount=Decimal(40))
    assert [mean for mean, *_ in numbers(run)] == [40, 10]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"date": TODAY - dt.timedelta(days=1)}, "Sat 21 Nov is over: what was expected of it stays as it was."),
        ({"date": TODAY + dt.timedelta(days=40)}, "The forecast reaches from Sun 22 Nov to Sat 26 Dec."),
        ({"reason": "  "}, "Say why: the reason is shown beside the number."),
        ({"amount": Decimal(-101)}, "Percent lies between −100 (nothing) and 1,000."),
        ({"effect": "units", "amount": Decimal(-1)}, "Units lie between 0 and 1,000,000."),
        (
            {"scope": "category", "category": "fish"},
            "No dish of the category “fish” is in the forecast of that day.",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(restaurant, run, said, why):
    expect(run)
    with pytest.raises(overrides.Refused) as refused:
        override(restaurant, **said)
    assert str(refused.value) == why
    assert not Override.objects.exists()


UNITS = {"effect": "units"}


@pytest.fixture
def three(run):
    """Chips and salad, both sides, and soup: ten of each are expected."""
    return [
        expect(run, item=MenuItemFactory(name=name, category=category))
        for name, category in (("Chips", "Sides"), ("Salad", "Sides"), ("Soup", "Starters"))
    ]


def refusal(restaurant, **said):
    before = list(Forecast.objects.order_by("id").values_list("mean", flat=True))
    with pytest.raises(overrides.Refused) as refused:
        override(restaurant, **UNITS, **said)
    assert list(Forecast.objects.order_by("id").values_list("mean", flat=True)) == before
    assert refused.value.about == "amount"
    return str(refused.value)


@pytest.mark.parametrize("amount", [150, 200])
@pytest.mark.parametrize("wide", [{"scope": "all"}, {"scope": "category", "category": "Sides"}])
def test_a_total_that_one_dish_uses_up_is_refused(restaurant, run, three, wide, amount):
    override(restaurant, **UNITS, scope="item", item=three[0], amount=Decimal(200))
    assert refusal(restaurant, **wide, amount=Decimal(amount)) == (
        "Chips alone is set to 200 units that day: undo that first, or say more than 200 units."
    )
    override(restaurant, **UNITS, **wide, amount=Decimal(202))
    touched = run.forecasts.all() if wide["scope"] == "all" else run.forecasts.filter(menu_item__category="Sides")
    assert sum(row.mean for row in touched) == 202


def test_a_total_names_all_that_uses_it_up_and_a_dish_of_a_category_once(restaurant, run, three):
    override(restaurant, scope="category", category="Sides", amount=Decimal(400))
    override(restaurant, **UNITS, scope="item", item=three[0], amount=Decimal("20.5"))
    assert refusal(restaurant, amount=Decimal(60)) == (
        "Sides alone is set to 70.5 units that day: undo that first, or say more than 70.5 units."
    )
    override(restaurant, scope="item", item=three[2], amount=Decimal(0))
    assert refusal(restaurant, amount=Decimal(100)) == (
        "Every one of these dishes has been overridden that day, together 80.5 units: undo one of them first."
    )


def test_a_part_that_uses_up_a_total_is_refused(restaurant, run, three):
    override(restaurant, **UNITS, amount=Decimal(150))
    assert refusal(restaurant, scope="item", item=three[0], amount=Decimal(150)) == (
        "All dishes: 150 units that day, says Ada, and nothing would be left for the other dishes: "
        "undo that first, or say less."
    )
    override(restaurant, **UNITS, scope="category", category="Sides", amount=Decimal(100))
    assert "with yours" in refusal(restaurant, scope="item", item=three[2], amount=Decimal(60))
    override(restaurant, **UNITS, scope="item", item=three[2], amount=Decimal(50))
    assert sum(row.mean for row in run.forecasts.all()) == 150


def test_dishes_of_which_nothing_is_expected_may_be_left_with_nothing(restaurant, run):
    chips = expect(run)
    expect(run, mean=0)
    override(restaurant, **UNITS, scope="item", item=chips, amount=Decimal(40))
    override(restaurant, **UNITS, amount=Decimal(40))
    assert [mean for mean, *_ in numbers(run)] == [40, 0]


def test_nothing_at_all_may_be_said_of_a_dish_and_of_all(restaurant, run, three):
    override(restaurant, **UNITS, scope="item", item=three[0], amount=Decimal(0))
    override(restaurant, **UNITS, amount=Decimal(0))
    assert not any(row.mean for row in run.forecasts.all())


def test_a_dish_that_is_not_forecast_cannot_be_overridden(restaurant, run):
    expect(run)
    with pytest.raises(overrides.Refused, match="Goulash is not in the forecast of that day"):
        override(restaurant, scope="item", item=MenuItemFactory(name="Goulash"))


def test_without_a_forecast_there_is_nothing_to_override(restaurant):
    with pytest.raises(overrides.Refused, match="There is no forecast yet"):
        override(restaurant)


def test_the_second_of_two_is_told_who_was_first(restaurant, run):
    expect(run)
    override(restaurant, amount=Decimal("12.5"))
    with pytest.raises(overrides.MadeAlready) as refused:
        override(restaurant, by=Actor(None, "Bo", "portal"), amount=Decimal(-10))
    assert str(refused.value) == (
        "Ada has overridden Mon 23 Nov already: all dishes +12.5 % (Concert). Undo that first, then make yours."
    )


def test_a_day_that_is_over_keeps_its_override(restaurant, run):
    expect(run)
    made = override(restaurant)
    with pytest.raises(overrides.Refused, match="is over"):
        overrides.undo(restaurant, made.pk, by=ADA, now=NOW + dt.timedelta(days=2))


def test_who_did_what_is_written_down(restaurant, run):
    expect(run)
    made = override(restaurant, amount=Decimal(-30), reason="  Rain   all day ")
    overrides.undo(restaurant, made.pk, by=ADA, now=NOW)
    assert (made.author, made.reason) == ("Ada", "Rain all day")
    written = AuditEntry.objects.order_by("id").values_list("verb", "actor", "subject_label")
    assert list(written) == [
        ("override.made", "Ada", "Mon 23 Nov: all dishes −30 %"),
        ("override.undone", "Ada", "Mon 23 Nov: all dishes −30 %"),
    ]


def test_a_change_costs_the_same_few_statements_for_one_dish_and_for_three(restaurant, run, django_assert_num_queries):
    expect(run)
    made = override(restaurant)
    with django_assert_num_queries(15):
        overrides.undo(restaurant, made.pk, by=ADA, now=NOW)
    expect(run)
    expect(run)
    made = override(restaurant)
    with django_assert_num_queries(15):
        overrides.undo(restaurant, made.pk, by=ADA, now=NOW)


def test_another_restaurant_keeps_its_own_numbers(restaurant, run, other_restaurant):
    expect(run)
    with restaurant_context(other_restaurant):
        theirs = made_run()
        expect(theirs)
    override(restaurant)
    with restaurant_context(other_restaurant):
        assert numbers(theirs) == [[10, 6, 10, 16]]
        assert not Override.objects.exists()


@pytest.fixture
def bistro(committed):
    """A restaurant whose rows are really committed, and gone after the test."""
    with restaurant_context(committed[0]):
        yield committed[0]
        with as_owner():
            for model in (Override, Forecast, Run, MenuItem, AuditEntry):
                model.objects.all().delete()


def test_two_managers_at_once_wait_for_each_other(bistro):
    expect(run := made_run())
    outcomes = []

    def override_it(name):
        with restaurant_context(bistro):
            try:
                outcomes.append(override(bistro, by=Actor(None, name, "portal")).author)
            except overrides.MadeAlready as refused:
                outcomes.append(type(refused))
        connection.close()

    managers = [threading.Thread(target=override_it, args=[name]) for name in ("Ada", "Bo")]
    for each in managers:
        each.start()
    for each in managers:
        each.join()
    assert Override.objects.get().author in outcomes
    assert overrides.MadeAlready in outcomes
    assert numbers(run) == [[12, 7.2, 12, 19.2]]
