"""A dish comes onto the menu, changes its category, leaves it or returns: forecast and draft orders follow at once.

Whoever asks for the numbers of a run leaves out dishes that are off the menu; what has to be brought up to date are the
numbers that dishes share (an override of a category's total) and the draft orders. A dish that returns has its old
numbers back where the run still holds them; otherwise a new run is asked for.
"""

import datetime as dt

from django.db import transaction

from flux import tasks
from forecasting import forecast, overrides
from forecasting.models import Forecast, Run
from menu import dishes
from menu.models import MenuItem
from procurement import suggestions
from procurement.models import SupplierItem
from tenants.actors import By
from tenants.models import Restaurant


@transaction.atomic
def save(dish: MenuItem, restaurant: Restaurant, *, by: By, at: dt.datetime) -> None:
    """Keep what a form says of a dish, new or known."""
    was = MenuItem.objects.filter(pk=dish.pk).values_list("is_active", "category").first()
    dishes.save_dish(dish, by=by, at=at)
    if was is not None and was != (dish.is_active, dish.category):
        _follow(dish, restaurant, returns=dish.is_active and not was[0], by=by, now=at)


def _follow(dish: MenuItem, restaurant: Restaurant, *, returns: bool, by: By, now: dt.datetime) -> None:
    transaction.on_commit(forecast.drop_lists)
    run = Run.objects.current()
    if run is None:
        return
    today = restaurant.business_date(now)
    ahead = [today + dt.timedelta(days=n) for n in range((run.last_day - today).days + 1)]
    if returns and not Forecast.objects.filter(run=run, menu_item=dish, date__in=ahead).exists():
        tasks.ask_for_pipeline(restaurant, now=now, by=by)
        return
    overrides.readjust(run, ahead)
    if SupplierItem.objects.orderable().exists():
        suggestions.suggest(restaurant, now)
