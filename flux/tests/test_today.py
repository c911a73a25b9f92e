"""Today: what has been sold, what is expected, and what to do next."""

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from flux.pages import today
from forecasting.models import Forecast, Run
from menu.models import Ingredient, MenuItem, RecipeLine
from pos.models import Connection, DailySales, DaySource, Order, OrderLine
from procurement.models import PurchaseOrder, PurchaseOrderLine, Supplier, SupplierItem
from tenants.models import Restaurant
from tenants.office import jobs
from tenants.office.models import Closure, Job

NOW = dt.datetime(2026, 11, 21, 13, 30, tzinfo=dt.UTC)  # Saturday, 14:30 in Paris
SATURDAY = dt.date(2026, 11, 21)


def a_run(cutoff_on: dt.date = SATURDAY - dt.timedelta(days=1)) -> Run:
    """A completed run that feeds orders."""
    return Run.objects.create(status="completed", started_at=NOW, finished_at=NOW, cutoff_on=cutoff_on, horizon_days=35)


def a_dish(name: str = "Soup", *, with_recipe: bool = True) -> MenuItem:
    dish = MenuItem.objects.create(name=name)
    if with_recipe:
        flour = Ingredient.objects.get_or_create(name="Flour", base_unit="g")[0]
        RecipeLine.objects.create(menu_item=dish, ingredient=flour, quantity=100, unit="g")
    return dish


def sell(dish: MenuItem, day: dt.date, units: int, net: int | None = None) -> None:
    DailySales.objects.create(menu_item=dish, business_date=day, quantity=units, net_sales=net)


def expect(run: Run, dish: MenuItem, day: dt.date, mean: int) -> None:
    low, high = Decimal(mean) * Decimal("0.8"), Decimal(mean) * Decimal("1.2")
    Forecast.objects.create(
        run=run, menu_item=dish, date=day, mean=mean, q10=low, q25=low, q50=mean, q75=high, q90=high, q95=high,
        confidence=Decimal("0.7"),
    )  # fmt: skip


def an_order(status: str = "draft", order_by_at: dt.datetime = NOW + dt.timedelta(hours=1)) -> PurchaseOrder:
    supplier = Supplier.objects.create(name="Verdura", delivery_weekdays=[1], cutoff=dt.time(14))
    flour = Ingredient.objects.get_or_create(name="Flour", base_unit="g")[0]
    item = SupplierItem.objects.create(
        supplier=supplier, ingredient=flour, name="Flour 25 kg", pack_size=25, pack_unit="kg", price=20
    )
    order = PurchaseOrder.objects.create(
        number=1, supplier=supplier, order_by_at=order_by_at, deliver_on=SATURDAY, covers_until_on=SATURDAY
    )
    PurchaseOrderLine.objects.create(order=order, supplier_item=item, packs=2, pack_quantity=25000, price=20)
    PurchaseOrder.objects.filter(pk=order.pk).update(**({"status": status} if status == "draft" else {}))
    return order


def test_sold_so_far_stands_beside_what_is_expected(restaurant: Restaurant) -> None:
    soup, run = a_dish(), a_run()
    sell(soup, SATURDAY - dt.timedelta(days=1), 20, 100)
    sell(soup, SATURDAY, 12, 60)
    expect(run, soup, SATURDAY, 48)
    page = today.today_page(restaurant, NOW, role="manager")
    assert (page.sold.units, page.sold.net, page.reached) == (12, 60, 0.25)
    assert (page.expected.units, page.expected.net) == (48, 240)
    assert 0 < page.expected.low80 < page.expected.low50 < 48 < page.expected.high50 < page.expected.high80


def test_the_range_of_the_house_is_narrower_than_the_sum_of_its_dishes_ranges(restaurant: Restaurant) -> None:
    run = a_run()
    for number in range(9):
        expect(run, a_dish(f"Dish {number}"), SATURDAY, 100)
    day = today.today_page(restaurant, NOW, role="manager").expected
    assert day.units == 900
    assert day.high80 < 9 * 120


def test_sales_that_end_long_ago_move_the_look_ahead_behind_them(restaurant: Restaurant) -> None:
    soup, cutoff = a_dish(), dt.date(2015, 12, 31)
    run = a_run(cutoff)
    sell(soup, cutoff, 20)
    expect(run, soup, cutoff + dt.timedelta(days=1), 30)
    page = today.today_page(restaurant, NOW, role="manager")
    assert page.is_old
    assert (page.first, page.week, page.expected) == (dt.date(2016, 1, 1), 30, None)
    assert [action.what for action in page.actions] == ["Upload sales"]


def test_usual_by_hour_is_the_mean_of_the_same_weekday(restaurant: Restaurant) -> None:
    soup = a_dish()
    till = Connection.objects.create(provider="csv", name="Till", prices_include_tax=False)
    for weeks, hour, units in [(0, 12, 3), (1, 12, 4), (2, 12, 8), (2, 19, 10)]:
        day = SATURDAY - dt.timedelta(weeks=weeks)
        DaySource.objects.get_or_create(business_date=day, defaults={"connection": till})
        opened_at = dt.datetime.combine(day, dt.time(hour), tzinfo=restaurant.zone)
        order = Order.objects.create(
            connection=till, external_id=f"{weeks}-{hour}", opened_at=opened_at, business_date=day
        )
        OrderLine.objects.create(order=order, position=1, menu_item=soup, quantity=units)
    page = today.today_page(restaurant, NOW, role="manager")
    assert [(bar.label, bar.value, bar.usual) for bar in page.hours if bar.value or bar.usual] == [
        ("12:00", 3, 6),
        ("19:00", 0, 5),
    ]
    assert len(page.hours) == 8
    assert page.usual_so_far == 6


def test_a_new_restaurant_is_shown_the_way_in(portal: Client) -> None:
    page = portal.get("/").content.decode()
    for step in ("Upload sales", "See the forecast", "Add recipes", "Add suppliers and what they sell"):
        assert step in page


def test_drafts_before_their_cutoff_come_first(restaurant: Restaurant) -> None:
    soup, bread, run = a_dish(), a_dish("Bread", with_recipe=False), a_run()
    sell(soup, SATURDAY, 3)
    sell(bread, SATURDAY, 1)
    expect(run, soup, SATURDAY, 5)
    an_order()
    actions = today.today_page(restaurant, NOW, role="manager").actions
    assert [(action.what, action.why.replace("\N{NO-BREAK SPACE}", " "), action.is_urgent) for action in actions] == [
        ("Approve 1 order before 15:30", "Verdura · €40.00", True),
        ("Add recipes: 1 dish without a complete recipe", "25 % of units", False),
    ]


def test_a_missed_cutoff_is_named(restaurant: Restaurant) -> None:
    soup = a_dish()
    a_run()
    sell(soup, SATURDAY, 3)
    an_order(order_by_at=NOW - dt.timedelta(minutes=1))
    actions = today.today_page(restaurant, NOW, role="manager").actions
    assert [action.what for action in actions] == ["Approve 1 order: the cutoff has passed"]


def test_sources_with_prices_are_asked_about_tax_once(restaurant: Restaurant) -> None:
    Connection.objects.create(provider="csv", name="Till", layout="a", reading={"has_amounts": True})
    Connection.objects.create(provider="csv", name="Product mix", layout="b", reading={"has_amounts": False})
    Connection.objects.create(
        provider="csv", name="Old till", layout="c", reading={"has_amounts": True}, prices_include_tax=False
    )
    actions = today.today_page(restaurant, NOW, role="manager").actions
    assert [action.why for action in actions if "tax" in action.what] == ["Till: net sales are not known until then"]


def test_the_kitchen_sees_the_numbers_and_nothing_to_decide(kitchen_portal: Client) -> None:
    sell(a_dish(), SATURDAY, 3)
    page = kitchen_portal.get("/").content.decode()
    assert "What to do" not in page
    assert "Upload sales" not in page
    assert "Run it now" not in page
    assert kitchen_portal.post("/run/").status_code == 403


def test_running_jobs_are_polled_and_the_page_is_loaded_again_at_their_end(portal: Client) -> None:
    sell(a_dish(), SATURDAY, 3)
    job = jobs.claim(jobs.request(Job.Kind.PIPELINE, now=NOW).pk, now=NOW)
    jobs.progress(job, 1, 3, "Reading sales")
    assert 'hx-get="/jobs/"' in portal.get("/").content.decode()
    fragment = portal.get("/jobs/", headers={"hx-request": "true"})
    assert "Reading sales" in fragment.content.decode()
    assert "HX-Refresh" not in fragment
    jobs.finish(job, note="All done.")
    assert portal.get("/jobs/", headers={"hx-request": "true"})["HX-Refresh"] == "true"


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_as_much_for_three_dishes_as_for_one(
    portal: Client, rows: int, django_assert_num_queries: object
) -> None:
    run = a_run(dt.date(2020, 1, 1))
    for number in range(rows):
        dish = a_dish(f"Dish {number}")
        sell(dish, dt.date(2020, 1, 1), 5, 10)
        expect(run, dish, dt.date(2020, 1, 2), 5)
    portal.get("/")
    with django_assert_num_queries(22):
        portal.get("/")


def test_a_closed_day_is_called_closed(portal: Client, restaurant: Restaurant) -> None:
    date = restaurant.business_date(timezone.now())
    soup, run = a_dish(), a_run(date - dt.timedelta(days=1))
    sell(soup, date - dt.timedelta(days=1), 5)
    assert '<p class="detail">no forecast yet</p>' in portal.get("/").content.decode()
    expect(run, soup, date, 8)
    Closure.objects.create(on=date)
    assert '<p class="detail">closed</p>' in portal.get("/").content.decode()
    Closure.objects.all().delete()
    run.report = {"closed_weekdays": [date.weekday()]}
    run.save()
    assert '<p class="detail">closed</p>' in portal.get("/").content.decode()
