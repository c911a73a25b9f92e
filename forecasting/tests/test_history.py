import datetime as dt

from forecasting import history
from forecasting.engine.panel import closed_weekdays
from forecasting.tests import generated
from forecasting.tests.factories import TODAY, sell, trade
from menu.tests.factories import MenuItemFactory
from tenants.office.models import Closure


def day(back: int) -> dt.date:
    return TODAY - dt.timedelta(days=back)


def test_sales_become_arrays_up_to_the_last_complete_day(restaurant):
    soup, cake = MenuItemFactory(name="Soup"), MenuItemFactory(name="Cake")
    sell(soup, day(3), 4)
    sell(soup, day(1), 5)
    sell(soup, day(0), 99)  # today is not over
    known = history.read(TODAY)
    assert known.items == (soup.pk, cake.pk)
    assert known.sold.tolist() == [[4, 0], [0, 0], [5, 0]]
    assert known.is_open.tolist() == [True, False, True]
    assert known.days[-1].item() == day(1)


def test_an_item_off_the_menu_still_counts_for_the_whole_house(restaurant):
    soup, gone = MenuItemFactory(), MenuItemFactory(is_active=False)
    sell(soup, day(1), 4)
    sell(gone, day(1), 2)
    assert history.read(TODAY).items == (soup.pk, gone.pk)
    assert history.on_the_menu() == [soup.pk]


def test_a_planned_closure_is_no_day_without_demand(restaurant):
    soup = MenuItemFactory()
    for back, quantity in ((3, 4), (2, 1), (1, 4)):
        sell(soup, day(back), quantity)
    Closure.objects.create(on=day(2))
    assert history.read(TODAY).is_open.tolist() == [True, False, True]


def test_it_ends_with_the_last_sales_or_the_closed_days_after_them(restaurant):
    sell(MenuItemFactory(), day(6), 4)
    assert history.read(TODAY).days[-1].item() == day(6)
    for back in (5, 4, 2):
        Closure.objects.create(on=day(back))
    assert history.read(TODAY).days[-1].item() == day(4)  # of day 3 nothing is known


def test_without_sales_it_is_empty(restaurant):
    MenuItemFactory()
    assert history.read(TODAY).sold.shape == (0, 1)


def test_as_many_queries_for_any_number_of_items(restaurant, django_assert_num_queries):
    trade(3, 1)
    # last day, ledger, marks, sales, closures, sold out, events, off the menu, menu, hours
    with django_assert_num_queries(10):
        history.read(TODAY)
    trade(3, 2)
    with django_assert_num_queries(10):
        history.read(TODAY)


def test_a_weekday_that_is_never_open_is_closed():
    assert closed_weekdays(generated.sales(80, 2, closed_weekdays=(0, 2))) == {0, 2}
    assert closed_weekdays(generated.sales(80, 2)) == frozenset()


def test_two_weeks_are_too_few_to_call_a_weekday_closed():
    assert closed_weekdays(generated.sales(14, 2, closed_weekdays=(0,))) == frozenset()


def test_a_long_holiday_closes_no_weekday():
    panel = generated.sales(150, 2)
    panel.sold[60:], panel.is_open[60:] = 0, False
    assert closed_weekdays(panel) == frozenset()
