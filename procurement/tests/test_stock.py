import datetime as dt
from decimal import Decimal

import pytest

from menu import recipes
from menu.tests.factories import IngredientFactory
from menu.units import NoConversion
from pos.models import DailySales, DaySource, Order, OrderLine
from procurement import stock
from procurement.models import StockMovement
from procurement.stock import DayShape, NegativeCount
from procurement.tests.factories import NOW, SUNDAY, CountFactory, SourceFactory, dish_with, sold

pytestmark = pytest.mark.usefixtures("restaurant")
SATURDAY = SUNDAY - dt.timedelta(days=1)


def paris(day, hour, minute=0):
    from zoneinfo import ZoneInfo

    return dt.datetime.combine(day, dt.time(hour, minute), tzinfo=ZoneInfo("Europe/Paris"))


def ring_up(dish, source, *moments, quantity=1):
    """Orders as the till has them, and the rollup made from them."""
    for moment in moments:
        day = (moment - dt.timedelta(hours=4)).date()
        order = Order.objects.create(
            connection=source, external_id=moment.isoformat(), opened_at=moment, business_date=day
        )
        OrderLine.objects.create(order=order, position=0, menu_item=dish, quantity=quantity)
        DaySource.objects.get_or_create(business_date=day, defaults={"connection": source})
        total, _ = DailySales.objects.get_or_create(menu_item=dish, business_date=day, defaults={"quantity": 0})
        total.quantity += quantity
        total.save()


def level(restaurant, ingredient, now=NOW):
    return stock.on_hand(restaurant, now, recipes.book()).levels[ingredient.pk]


def test_stock_is_the_last_count_less_what_was_sold_since(restaurant):
    flour = IngredientFactory()
    pizza = dish_with(flour, 250)
    sold(pizza, SATURDAY - dt.timedelta(days=2), 100)
    sold(pizza, SATURDAY - dt.timedelta(days=1), 4)
    sold(pizza, SATURDAY, 6)
    CountFactory(ingredient=flour, quantity=1, at=paris(SATURDAY - dt.timedelta(days=9), 10))
    CountFactory(ingredient=flour, quantity=6000, at=paris(SATURDAY - dt.timedelta(days=2), 23))
    found = level(restaurant, flour)
    assert (found.on_hand, found.counted, found.used) == (3500, 6000, 2500)
    assert found.known_until == paris(SUNDAY, 4)


def test_receipts_and_waste_after_the_count_move_it(restaurant):
    flour = IngredientFactory()
    for kind, quantity, hour in (("receipt", 500, 9), ("receipt", 5000, 11), ("waste", 300, 12)):
        StockMovement.objects.create(ingredient=flour, kind=kind, quantity=quantity, at=paris(SATURDAY, hour))
    CountFactory(ingredient=flour, quantity=1000, at=paris(SATURDAY, 10))
    assert level(restaurant, flour).on_hand == 5700


def test_on_the_day_of_the_count_only_later_orders_use_anything(restaurant):
    flour = IngredientFactory()
    pizza, source = dish_with(flour, 250), SourceFactory()
    ring_up(pizza, source, paris(SATURDAY, 12), paris(SATURDAY, 19), paris(SATURDAY, 20), paris(SUNDAY, 1))
    CountFactory(ingredient=flour, quantity=1000, at=paris(SATURDAY, 15))
    assert level(restaurant, flour).on_hand == 250


def test_orders_of_a_source_that_does_not_count_use_nothing(restaurant):
    flour = IngredientFactory()
    pizza = dish_with(flour, 250)
    ring_up(pizza, SourceFactory(), paris(SATURDAY, 19))
    double = Order.objects.create(connection=SourceFactory(), external_id="x", business_date=SATURDAY)
    OrderLine.objects.create(order=double, position=0, menu_item=pizza, quantity=50)
    CountFactory(ingredient=flour, quantity=1000, at=paris(SATURDAY, 15))
    assert level(restaurant, flour).on_hand == 750


@pytest.mark.parametrize(("hour", "left"), [(10, 0), (23, 1000)])
def test_sales_without_a_time_follow_a_count_in_the_morning_and_precede_one_in_the_evening(restaurant, hour, left):
    flour, source = IngredientFactory(), SourceFactory()
    pizza = dish_with(flour, 250)
    order = Order.objects.create(connection=source, external_id="day", business_date=SATURDAY)
    OrderLine.objects.create(order=order, position=0, menu_item=pizza, quantity=4)
    sold(pizza, SATURDAY, 4)
    DaySource.objects.update(connection=source)
    CountFactory(ingredient=flour, quantity=1000, at=paris(SATURDAY, hour))
    assert level(restaurant, flour).on_hand == left


def test_while_the_day_runs_sales_are_known_until_the_last_order(restaurant):
    flour = IngredientFactory()
    pizza = dish_with(flour, 250)
    CountFactory(ingredient=flour, quantity=1000, at=paris(SATURDAY, 10))
    ring_up(pizza, SourceFactory(), paris(SUNDAY, 12), paris(SUNDAY, 13))
    found = level(restaurant, flour, paris(SUNDAY, 14))
    assert (found.on_hand, found.known_until) == (500, paris(SUNDAY, 13))


def test_more_used_than_counted_leaves_nothing_and_says_so(restaurant):
    flour = IngredientFactory()
    sold(dish_with(flour, 250), SATURDAY, 10)
    CountFactory(ingredient=flour, quantity=1000, at=paris(SATURDAY - dt.timedelta(days=1), 10))
    found = level(restaurant, flour)
    assert (found.on_hand, found.balance) == (0, -1500)


def test_the_rest_of_a_day_is_what_usually_comes_after_that_hour(restaurant):
    shape = DayShape(tuple(0.5 if hour in {8, 16} else 0.0 for hour in range(24)))  # 12:00 and 20:00
    assert shape.after(paris(SUNDAY, 4), restaurant) == 1
    assert shape.after(paris(SUNDAY, 12, 30), restaurant) == 0.75
    assert shape.after(paris(SUNDAY, 15), restaurant) == 0.5
    assert shape.after(paris(SUNDAY, 23), restaurant) == 0


def test_a_count_is_written_in_any_unit_that_converts(manager):
    oil = IngredientFactory(name="Oil", base_unit="ml", grams_per_ml=Decimal("0.92"))
    assert stock.record_count(oil.pk, Decimal("1.84"), "kg", by=manager, at=NOW).quantity == 2000
    assert stock.record_count(oil.pk, Decimal("3"), "l", by=manager, at=NOW).by_id == manager.pk
    with pytest.raises(NoConversion):
        stock.record_count(oil.pk, Decimal(1), "each", by=manager, at=NOW)
    with pytest.raises(NegativeCount):
        stock.record_count(oil.pk, Decimal(-1), "l", by=manager, at=NOW)


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_the_same_queries_for_one_ingredient_and_for_three(restaurant, count, django_assert_num_queries):
    for _ in range(count):
        flour = IngredientFactory()
        sold(dish_with(flour), SATURDAY, 1)
        CountFactory(ingredient=flour, at=paris(SATURDAY - dt.timedelta(days=1), 10))
    book = recipes.book()
    with django_assert_num_queries(6):
        stock.on_hand(restaurant, NOW, book)
