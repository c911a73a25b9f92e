import datetime as dt
import time
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import as_owner
from forecasting.models import Run
from menu.tests.factories import IngredientFactory
from procurement import orders, suggestions
from procurement.models import PurchaseOrder, PurchaseOrderLine, Suggestion
from procurement.tests.factories import (
    NOW,
    SUNDAY,
    THURSDAY,
    TUESDAY,
    CountFactory,
    LineFactory,
    PurchaseOrderFactory,
    RunFactory,
    SupplierFactory,
    SupplierItemFactory,
    dish_with,
    forecast,
    sold,
)
from tenants.office.models import Closure

pytestmark = pytest.mark.usefixtures("restaurant")


@pytest.fixture
def flour():
    """4 kg a day from now on, 6 kg on the shelf, sold in bags of 5 kg."""
    flour = IngredientFactory(name="Flour", shelf_life_days=7)
    pizza = dish_with(flour, 100, name="Pizza")
    sold(pizza, SUNDAY - dt.timedelta(days=1), 40)
    forecast(RunFactory(), pizza, 40)
    CountFactory(ingredient=flour)
    SupplierItemFactory(ingredient=flour, name="Flour 00", supplier=SupplierFactory(name="Molino"))
    return flour


def snapshot():
    return [list(model.objects.order_by("pk").values()) for model in (PurchaseOrder, PurchaseOrderLine, Suggestion)]


def the_line():
    return PurchaseOrderLine.objects.get(order__status="draft")


def test_a_draft_says_what_to_order_until_when_and_why(restaurant, flour):
    found = suggestions.suggest(restaurant, NOW)
    draft, line = PurchaseOrder.objects.get(), the_line()
    assert (found.created, found.changed, found.removed, found.problems) == (2, 0, 0, ())
    assert (draft.supplier.name, draft.deliver_on, draft.covers_until_on) == (
        "Molino", TUESDAY, THURSDAY - dt.timedelta(days=1),
    )  # fmt: skip
    assert draft.order_by_at == dt.datetime(2026, 11, 23, 15, tzinfo=dt.UTC)
    assert (line.packs, line.needed, line.on_hand, line.arriving, line.quantile) == (
        3, 17200, 6000, 0, Decimal("0.800"),
    )  # fmt: skip
    assert line.reason == "Need 17.2 kg until Thu 26 Nov (P80), have 6.0 → 11.2 kg → 3 × 5 kg"
    assert line.drivers[0]["name"] == "Pizza"
    assert (line.drivers[0]["portions"], line.drivers[0]["quantity"]) == (160.0, 16000.0)


def test_it_is_stamped_with_the_forecast_and_the_share_of_it_that_has_recipes(restaurant, flour):
    run = RunFactory()
    forecast(run, dish_with(flour, name="Bread"), 30)
    forecast(run, dish_with(flour, 1, "cup", name="Cake"), 10)
    suggestions.suggest(restaurant, NOW)
    assert Suggestion.objects.get().recipe_share == Decimal("0.75")
    assert Suggestion.objects.get().run == run


def test_running_it_twice_changes_nothing(restaurant, flour):
    suggestions.suggest(restaurant, NOW)
    before = snapshot()
    again = suggestions.suggest(restaurant, NOW + dt.timedelta(minutes=5))
    assert (again.created, again.changed, again.removed) == (0, 0, 0)
    assert snapshot() == before


def test_running_it_twice_writes_nothing(restaurant, flour):
    suggestions.suggest(restaurant, NOW)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        suggestions.suggest(restaurant, NOW)
    assert [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))] == []


@pytest.mark.parametrize("status", ["approved", "sent"])
def test_what_is_on_order_is_taken_off(restaurant, flour, status):
    item = flour.supplier_items.get()
    order = PurchaseOrderFactory(supplier=item.supplier, **{status: True})
    LineFactory(order=order, supplier_item=item, packs=1)
    suggestions.suggest(restaurant, NOW)
    assert the_line().reason == "Need 17.2 kg until Thu 26 Nov (P80), have 6.0, 5.0 arriving Tue → 6.2 kg → 2 × 5 kg"


def test_an_approved_order_is_not_suggested_again(restaurant, flour, manager):
    suggestions.suggest(restaurant, NOW)
    orders.approve(PurchaseOrder.objects.get().pk, by=manager, at=NOW)
    suggestions.suggest(restaurant, NOW)
    assert [order.status for order in PurchaseOrder.objects.all()] == ["approved"]


@pytest.mark.parametrize("packs", [0, 1])
def test_what_a_person_decided_for_a_delivery_is_not_suggested_again_for_it(restaurant, flour, manager, packs):
    cheese = IngredientFactory(name="Cheese")
    flour.recipe_lines.get().menu_item.recipe_lines.create(ingredient=cheese, quantity=50, unit="g")
    CountFactory(ingredient=cheese, quantity=0)
    SupplierItemFactory(ingredient=cheese, supplier=flour.supplier_items.get().supplier)
    suggestions.suggest(restaurant, NOW)
    line = PurchaseOrderLine.objects.get(supplier_item__ingredient=flour)
    orders.edit_line(line.order_id, line.pk, packs, by=manager, at=NOW)
    orders.approve(line.order_id, by=manager, at=NOW)
    suggestions.suggest(restaurant, NOW)
    assert PurchaseOrder.objects.drafts().count() == 0
    suggestions.suggest(restaurant, dt.datetime(2026, 11, 23, 15, 1, tzinfo=dt.UTC))
    assert PurchaseOrderLine.objects.filter(order__status="draft", supplier_item=line.supplier_item).count() == 1


def test_packs_that_a_person_chose_are_kept(restaurant, flour, manager):
    suggestions.suggest(restaurant, NOW)
    line = the_line()
    orders.edit_line(line.order_id, line.pk, 5, by=manager, at=NOW)
    CountFactory(ingredient=flour, quantity=11_000, at=NOW + dt.timedelta(minutes=1))
    suggestions.suggest(restaurant, NOW + dt.timedelta(minutes=2))
    line.refresh_from_db()
    assert (line.packs, line.suggested_packs, line.is_edited, line.on_hand) == (5, 2, True, 11_000)


def test_a_line_that_a_person_took_off_stays_off(restaurant, flour, manager):
    suggestions.suggest(restaurant, NOW)
    line = the_line()
    orders.edit_line(line.order_id, line.pk, 0, by=manager, at=NOW)
    suggestions.suggest(restaurant, NOW)
    line.refresh_from_db()
    assert (line.packs, line.is_edited) == (0, True)


def test_a_draft_with_nothing_needed_any_more_is_removed(restaurant, flour):
    suggestions.suggest(restaurant, NOW)
    CountFactory(ingredient=flour, quantity=90_000, at=NOW)
    found = suggestions.suggest(restaurant, NOW)
    assert (found.removed, PurchaseOrder.objects.count()) == (2, 0)


def test_after_the_cutoff_the_draft_moves_to_the_next_delivery(restaurant, flour):
    suggestions.suggest(restaurant, NOW)
    draft = PurchaseOrder.objects.get()
    suggestions.suggest(restaurant, dt.datetime(2026, 11, 23, 15, 1, tzinfo=dt.UTC))
    draft.refresh_from_db()
    assert (draft.deliver_on, draft.covers_until_on) == (THURSDAY, dt.date(2026, 11, 30))


def test_a_planned_closure_needs_nothing(restaurant, flour):
    Closure.objects.create(on=SUNDAY + dt.timedelta(days=1))
    suggestions.suggest(restaurant, NOW)
    assert the_line().drivers[0]["portions"] == 120.0


def test_days_without_sales_since_the_count_are_taken_from_the_forecast(restaurant, flour):
    tuesday_morning = NOW + dt.timedelta(days=2)
    suggestions.suggest(restaurant, tuesday_morning)
    assert the_line().drivers[0]["portions"] == 40.0 * 9  # Sunday until Tuesday 1 December


def test_each_supplier_gets_its_own_draft(restaurant, flour):
    cheese = IngredientFactory(name="Cheese")
    dish_with(cheese, 50, name="Toast")
    forecast(PurchaseOrder.run.get_queryset().get(), cheese.recipe_lines.get().menu_item, 40)
    CountFactory(ingredient=cheese, quantity=0)
    SupplierItemFactory(ingredient=cheese, supplier__name="Dairy")
    suggestions.suggest(restaurant, NOW)
    assert sorted(order.supplier.name for order in PurchaseOrder.objects.all()) == ["Dairy", "Molino"]
    assert len(set(PurchaseOrder.objects.values_list("number", flat=True))) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_looking_again_takes_the_same_queries_for_one_ingredient_and_for_three(
    restaurant, flour, count, django_assert_num_queries
):
    pizza = flour.recipe_lines.get().menu_item
    for _ in range(count - 1):
        more = IngredientFactory()
        pizza.recipe_lines.create(ingredient=more, quantity=50, unit="g")
        SupplierItemFactory(ingredient=more, supplier=flour.supplier_items.get().supplier)
        CountFactory(ingredient=more, quantity=0)
    suggestions.suggest(restaurant, NOW)
    with django_assert_num_queries(22):
        suggestions.suggest(restaurant, NOW)


def problems(restaurant):
    return [(problem.kind, problem.subject) for problem in suggestions.suggest(restaurant, NOW).problems]


def test_what_cannot_be_computed_is_named_and_left_out(restaurant, flour):
    pizza = flour.recipe_lines.get().menu_item
    for name in ("Basil", "Ham", "Oil", "Salt"):
        ingredient = IngredientFactory(name=name, base_unit="ml" if name == "Oil" else "g")
        pizza.recipe_lines.create(ingredient=ingredient, quantity=1, unit="cup" if name == "Basil" else "g")
        if name != "Ham":
            SupplierItemFactory(ingredient=ingredient, pack_unit="each" if name == "Salt" else "kg")
        if name != "Oil":
            CountFactory(ingredient=ingredient)
    SupplierItemFactory(ingredient=IngredientFactory(name="Napkins"))
    assert problems(restaurant) == [
        ("no_recipe", "Napkins"),
        ("no_supplier", "Ham"),
        ("pack", "Salt"),
        ("unit", "Basil"),
        ("unit", "Oil"),
    ]
    assert [line.supplier_item.name for line in PurchaseOrderLine.objects.all()] == ["Flour 00"]


def test_an_ingredient_that_was_never_counted_is_asked_for(restaurant, flour):
    with as_owner():
        flour.movements.all().delete()
    assert problems(restaurant) == [("no_count", "Flour")]
    assert PurchaseOrder.objects.count() == 0


def test_without_a_forecast_there_is_one_problem_and_no_draft(restaurant, flour):
    PurchaseOrder.run.get_queryset().update(feeds_orders=False)
    assert problems(restaurant) == [("no_forecast", "Forecast")]


def test_an_integrators_forecast_counts_where_it_was_chosen_and_nowhere_else(restaurant, flour):
    pizza = flour.recipe_lines.get().menu_item
    theirs = RunFactory(origin="integrator", feeds_orders=False)
    forecast(theirs, pizza, 80, days=3)  # until Tuesday; Flux says 40 a day until Wednesday
    suggestions.suggest(restaurant, NOW)
    assert the_line().drivers[0]["portions"] == 160.0
    Run.objects.filter(pk=theirs.pk).update(feeds_orders=True)
    suggestions.suggest(restaurant, NOW)
    assert the_line().drivers[0]["portions"] == 280.0
    assert the_line().order.run.origin == "flux"


def test_a_forecast_that_ends_too_early_is_a_problem(restaurant, flour):
    PurchaseOrder.run.get_queryset().update(cutoff_on=SUNDAY - dt.timedelta(days=34))
    flour.recipe_lines.get().menu_item.forecasts.filter(date__gt=TUESDAY).delete()
    assert problems(restaurant) == [("forecast_ends", "Flour")]


def test_more_used_than_there_was_counts_as_none_left_and_is_pointed_out(restaurant, flour):
    CountFactory(ingredient=flour, quantity=1000, at=NOW - dt.timedelta(days=1, hours=3))
    with as_owner():
        flour.movements.filter(quantity=6000).delete()
    assert problems(restaurant) == [("below_nothing", "Flour")]
    assert the_line().on_hand == 0


def test_an_order_that_never_came_is_pointed_out(restaurant, flour):
    order = PurchaseOrderFactory(sent=True, deliver_on=SUNDAY - dt.timedelta(days=3))
    LineFactory(order=order, supplier_item=flour.supplier_items.get())
    assert problems(restaurant) == [("overdue", str(order.supplier))]


def test_twenty_five_ingredients_of_four_suppliers_take_well_below_a_second(restaurant):
    run, suppliers = RunFactory(), SupplierFactory.create_batch(4)
    ingredients = IngredientFactory.create_batch(25)
    for n in range(40):
        dish = dish_with(ingredients[n % 25])
        for other in range(1, 5):
            dish.recipe_lines.create(ingredient=ingredients[(n + other * 5) % 25], quantity=50, unit="g")
        forecast(run, dish, 20)
        sold(dish, SUNDAY - dt.timedelta(days=1), 20)
    for n, ingredient in enumerate(ingredients):
        SupplierItemFactory(ingredient=ingredient, supplier=suppliers[n % 4])
        CountFactory(ingredient=ingredient, quantity=30_000, at=NOW - dt.timedelta(days=7, minutes=n))
    started = time.process_time()
    with CaptureQueriesContext(connection) as queries:
        found = suggestions.suggest(restaurant, NOW)
    assert time.process_time() - started < 0.5
    assert len(queries) < 50
    assert (len(found.drafts), found.problems) == (4, ())
