"""The demo restaurant opens once, loads its sales through the same verbs as a file, and goes on where it stopped."""

import datetime as dt
from collections import Counter
from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, Max, Sum

from conftest import as_owner
from flux import pipeline, tasks
from flux.demo import bistro, judgement, loading, opening, trade
from forecasting.models import Forecast, Override, Run, Score
from menu import explosion, recipes, units
from menu.models import Ingredient, MenuItem, RecipeLine
from pos.models import DailySales, DaySource, Order, OrderLine
from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Supplier, SupplierItem
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant
from tenants.office import jobs
from tenants.office.models import Closure, Job

NOW = dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 23)
YESTERDAY = TODAY - dt.timedelta(days=1)


@pytest.fixture
def facts(monkeypatch):
    """The bistro under another name (the tests have a bistro of their own) and with one month of history."""
    monkeypatch.setattr(trade, "HISTORY_MONTHS", 1)
    return replace(bistro.read(), slug="samphire")


@pytest.fixture
def demo(restaurant, facts, member, monkeypatch):
    """The tests' own restaurant, equipped as the demo's: quicker than another schema."""
    monkeypatch.setattr(bistro, "read", lambda: facts)
    restaurant.timezone, restaurant.created_at = facts.timezone, NOW
    member(restaurant, "owner")
    opening.equip(restaurant, facts, now=NOW)
    return restaurant


def load(restaurant, facts, now=NOW):
    job = jobs.claim(jobs.request(Job.Kind.HISTORY, now=now).pk, now=now)
    lines = loading.load_history(restaurant, facts, now=now, job=job)
    jobs.finish(job, note="Done.")
    return lines


def test_opening_makes_a_restaurant_with_people_who_can_sign_in_and_a_second_time_nothing(db, facts):
    with public_context(), as_owner():
        first = opening.open_bistro(facts, now=NOW)
        again = opening.open_bistro(facts, now=NOW + dt.timedelta(hours=2))
        assert first == again
        assert Restaurant.objects.filter(slug="samphire").count() == 1
        roles = Membership.objects.filter(restaurant=first).order_by("role")
        assert list(roles.values_list("role", flat=True)) == ["kitchen", "manager", "owner"]
        assert all(one.user.check_password(facts.password) for one in roles)
        assert EmailAddress.objects.filter(user__in=[one.user for one in roles], verified=True).count() == 3
    with restaurant_context(first):
        assert (MenuItem.objects.count(), Ingredient.objects.count(), Supplier.objects.count()) == (41, 25, 4)
        assert StockMovement.objects.count() == 25


def test_a_fresh_start_leaves_nothing_of_the_old_one(db, facts):
    with public_context(), as_owner():
        old = opening.open_bistro(facts, now=NOW)
        connection.check_constraints()  # those that wait for a commit, which a test does not have
        opening.close_for_good(facts)
        assert not Restaurant.objects.filter(slug="samphire").exists()
        assert opening.open_bistro(facts, now=NOW).schema_name != old.schema_name


def test_every_recipe_and_every_pack_converts_to_what_is_counted(demo):
    for line in RecipeLine.objects.select_related("ingredient"):
        of = recipes.substance(line.ingredient)
        assert explosion.per_portion(line.quantity, line.unit, line.yield_share, line.ingredient.base_unit, of) > 0
    for item in SupplierItem.objects.select_related("ingredient"):
        of = recipes.substance(item.ingredient)
        assert units.convert(item.pack_size, item.pack_unit, item.ingredient.base_unit, of) > 0


def test_one_order_is_on_its_way(demo):
    order = PurchaseOrder.objects.get()
    assert (order.status, order.lines.count()) == ("sent", 4)
    assert order.sent_at <= order.order_by_at
    assert order.deliver_on == TODAY + dt.timedelta(days=1)


def test_on_a_later_day_the_kitchen_has_taken_in_what_came_and_counted_anew(demo, facts, monkeypatch):
    monkeypatch.setattr(opening, "_employ", lambda *_: None)
    facts = replace(facts, slug="bistro")
    opening.open_bistro(facts, now=NOW + dt.timedelta(hours=2))
    assert StockMovement.objects.count() == 25
    later = NOW + dt.timedelta(days=6)
    opening.open_bistro(facts, now=later)
    assert PurchaseOrder.objects.get().status == "received"
    assert StockMovement.objects.filter(kind="receipt").count() == 4
    assert StockMovement.objects.filter(kind="count", at=later).count() == 25


def test_the_calendar_knows_the_closures(demo):
    assert set(Closure.objects.values_list("on", flat=True)) == set(trade.closures(TODAY))


def test_history_ends_yesterday_and_its_rollup_says_what_was_drawn(demo, facts):
    lines = load(demo, facts)
    drawn = list(opening.trade_of(demo, facts).between(dt.date(2026, 10, 23), YESTERDAY))
    assert lines == len(drawn) == OrderLine.objects.count()
    assert Order.objects.aggregate(last=Max("business_date"))["last"] == YESTERDAY
    units_of = Counter()
    for line in drawn:
        units_of[line.business_date, line.item] += line.quantity
    rollup = DailySales.objects.values_list("business_date", "menu_item__name", "quantity")
    assert {(day, item): int(quantity) for day, item, quantity in rollup} == units_of
    assert DaySource.objects.values("connection").distinct().count() == 1


def test_history_belongs_to_no_other_restaurant(demo, facts, other_restaurant):
    load(demo, facts)
    with restaurant_context(other_restaurant):
        assert not Order.objects.exists()
        assert not Job.objects.exists()


def test_the_newest_month_comes_first(demo, facts, monkeypatch):
    notes = []
    monkeypatch.setattr(jobs, "progress", lambda job, done, total, note: notes.append((done, total, note)))
    load(demo, facts)
    assert notes == [(0, 2, "Loading the sales of November 2026"), (1, 2, "Loading the sales of October 2026")]


def test_loading_again_changes_nothing(demo, facts):
    load(demo, facts)
    before = set(OrderLine.objects.values_list("pk", flat=True))
    assert loading.missing_days(demo, facts, now=NOW) == []
    loading.take_in(demo, facts, opening.trade_of(demo, facts).on(YESTERDAY), now=NOW)
    assert set(OrderLine.objects.values_list("pk", flat=True)) == before


def test_a_restart_on_a_later_day_fills_the_gap_and_completes_the_day_on_which_it_stopped(demo, facts):
    load(demo, facts)
    loading.let_orders_arrive(demo, facts, now=NOW)
    later = NOW + dt.timedelta(days=3)
    assert loading.missing_days(demo, facts, now=later) == [dt.date(2026, 11, day) for day in (25, 24, 23)]
    load(demo, facts, now=later)
    assert loading.missing_days(demo, facts, now=later) == []
    stopped = opening.trade_of(demo, facts).on(TODAY)
    assert OrderLine.objects.filter(order__business_date=TODAY).count() == len(stopped)


def test_orders_of_today_arrive_as_they_are_opened_and_once(demo, facts):
    load(demo, facts)
    arrived = loading.let_orders_arrive(demo, facts, now=NOW)
    assert arrived > 0
    assert loading.let_orders_arrive(demo, facts, now=NOW) == 0
    assert Order.objects.aggregate(last=Max("opened_at"))["last"] <= NOW
    assert loading.let_orders_arrive(demo, facts, now=NOW + dt.timedelta(hours=2)) > 0
    today = DailySales.objects.filter(business_date=TODAY).aggregate(units=Sum("quantity"))["units"]
    assert today == OrderLine.objects.filter(order__business_date=TODAY).aggregate(units=Sum("quantity"))["units"]


def test_the_task_finds_the_demo_and_leaves_other_restaurants_alone(demo, facts, other_restaurant, monkeypatch):
    monkeypatch.setattr(bistro, "read", lambda: replace(facts, slug="bistro"))
    monkeypatch.setattr(tasks.timezone, "now", lambda: NOW)
    tasks.let_demo_orders_arrive()
    assert Order.objects.filter(business_date=TODAY).exists()
    with restaurant_context(other_restaurant):
        assert not Order.objects.exists()


def test_without_the_demo_nobody_arrives(restaurant, facts, monkeypatch):
    monkeypatch.setattr(bistro, "read", lambda: facts)
    tasks.let_demo_orders_arrive()
    assert not Order.objects.exists()


def test_a_planned_closure_keeps_the_guests_away(demo, facts):
    Closure.objects.create(on=TODAY, note="Burst pipe")
    assert loading.let_orders_arrive(demo, facts, now=NOW) > 0  # yesterday's
    assert list(Order.objects.values("business_date").annotate(orders=Count("pk")).values_list("business_date")) == [
        (YESTERDAY,)
    ]


def test_the_task_loads_and_then_runs_the_pipeline(demo, facts, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(pipeline, "STEPS", ())
    monkeypatch.setattr(tasks.timezone, "now", lambda: NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.ask_for_demo_history(demo, now=NOW)
    assert list(Job.objects.order_by("created_at", "pk").values_list("kind", "status")) == [
        ("history", "done"),
        ("pipeline", "done"),
    ]
    assert OrderLine.objects.count() > 5_000
    assert Score.objects.exists()
    tasks.ask_for_demo_history(demo, now=NOW)
    assert Job.objects.count() == 2


def test_sales_become_forecasts_and_orders_that_count_what_is_on_its_way_and_a_second_run_changes_nothing(demo, facts):
    load(demo, facts)
    first = run_pipeline(demo)
    went = {step["name"]: step["status"] for step in first.result["steps"]}
    assert {name: went[name] for name in ("sync", "forecast", "suggest")} == dict.fromkeys(
        ("sync", "forecast", "suggest"), "done"
    )
    assert "failed" not in went.values()
    forecasts = Forecast.objects.values("menu_item", "date")
    assert forecasts.distinct().count() == 40 * 35  # the retired item has none
    drafts = PurchaseOrder.objects.drafts()
    assert 2 <= drafts.count() <= 4
    cream = PurchaseOrderLine.objects.get(order__in=drafts, supplier_item__ingredient__name="Cream")
    assert cream.arriving == 12_000
    assert "12.0 arriving Tue" in cream.reason
    before = lines_of_drafts()
    run_pipeline(demo)
    assert lines_of_drafts() == before


def run_pipeline(restaurant):
    job = jobs.claim(jobs.request(Job.Kind.PIPELINE, now=NOW).pk, now=NOW)
    pipeline.run(restaurant, now=NOW, job=job)
    job.refresh_from_db()
    return job


def lines_of_drafts():
    lines = PurchaseOrderLine.objects.filter(order__status="draft").order_by("pk")
    return list(lines.values_list("pk", "packs", "needed", "reason"))


def test_the_first_page_answers_while_history_is_loading(demo, facts, portal):
    job = jobs.claim(jobs.request(Job.Kind.HISTORY, now=NOW).pk, now=NOW)
    jobs.progress(job, 3, 18, "Loading the sales of August 2026")
    page = portal.get("/")
    assert page.status_code == 200
    assert "Loading the sales of August 2026" in page.content.decode()


def test_the_command_refuses_where_its_public_password_would_be_a_hole(db, settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="FLUX_DEMO=1"):
        call_command("demo_restaurant")


def test_past_weeks_are_really_forecast_and_scored_and_the_managers_overrides_judged(demo, facts, monkeypatch):
    monkeypatch.setattr(judgement, "WEEKS", 2)
    load(demo, facts)
    judgement.write_overrides(demo, facts, now=NOW)
    made = Override.objects.count()
    judgement.write_overrides(demo, facts, now=NOW)
    assert Override.objects.count() == made
    assert judgement.look_back(demo, now=NOW) == 2
    days = {TODAY - dt.timedelta(days=back) for back in range(1, 15)}
    assert set(Score.objects.values_list("date", flat=True)) == days
    assert set(Score.objects.values_list("days_ahead", flat=True)) == set(range(1, 8))
    judged = Override.objects.filter(date__in=days)
    assert judged.filter(verdict="").count() == 0 < judged.count()
    assert judgement.look_back(demo, now=NOW) == 0
    assert Run.objects.current() is None  # none of them is what pages show or orders rest on
