import datetime as dt

from forecasting.tests import generated
from menu.models import MenuItem
from menu.tests.factories import MenuItemFactory
from pos.models import DailySales

TODAY = dt.date(2026, 11, 22)  # a Sunday
NOW = dt.datetime(2026, 11, 22, 11, tzinfo=dt.UTC)  # noon in Paris


def sell(item: MenuItem, day: dt.date, quantity: float) -> DailySales:
    return DailySales.objects.create(menu_item=item, business_date=day, quantity=quantity)


def trade(n_days: int, n_items: int, *, last_on: dt.date = TODAY - dt.timedelta(days=1), **how) -> list[MenuItem]:
    """Items with `n_days` of generated sales up to `last_on`."""
    panel = generated.sales(n_days, n_items, **how)
    items = [MenuItemFactory() for _ in range(n_items)]
    first = last_on - dt.timedelta(days=n_days - 1)
    DailySales.objects.bulk_create(
        DailySales(menu_item=item, business_date=first + dt.timedelta(days=d), quantity=panel.sold[d, i])
        for i, item in enumerate(items)
        for d in range(n_days)
        if panel.sold[d, i]
    )
    return items
