"""In which currency the restaurant counts: a free choice until the first amount is in."""

import datetime as dt
from functools import cache

from babel import Locale
from babel.numbers import get_territory_currencies
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from menu.models import MenuItem
from pos import loading
from pos.models import OrderLine
from procurement.models import Supplier, SupplierItem
from tenants import restaurants
from tenants.actors import By
from tenants.models import Restaurant


class HasAmounts(Exception):
    """There are amounts already, which would mean other money afterwards."""

    def __init__(self, where: list[str]) -> None:
        super().__init__(f"The currency stays: {spoken(where)} are in it already, and Flux does not convert amounts.")


def spoken(names: list[str]) -> str:
    """ "sales, menu prices and minimum orders"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def amounts() -> list[str]:
    """What has amounts already, in words; empty where the currency may be changed."""
    found = {
        "sales": OrderLine.objects.filter(Q(gross__isnull=False) | Q(net__isnull=False)),
        "menu prices": MenuItem.objects.filter(price__isnull=False),
        "suppliers' prices": SupplierItem.objects.all(),
        "minimum orders": Supplier.objects.filter(minimum_order__isnull=False),
    }
    return [name for name, rows in found.items() if rows.exists()]


def change(restaurant: Restaurant, currency: str, *, by: By, at: dt.datetime) -> None:
    """Count in `currency`. Raises HasAmounts, `ValidationError`."""
    if currency == restaurant.currency:
        return
    if currency not in names():
        raise ValidationError(f"“{currency}” is no currency.")
    with transaction.atomic():
        loading.lock()  # no import brings in amounts meanwhile
        if where := amounts():
            raise HasAmounts(where)
        restaurants.set_currency(restaurant, currency, by=by, at=at)


@cache
def names() -> dict[str, str]:
    """English names, by code, of the currencies that people somewhere pay with today; in the names' order."""
    locale = Locale("en")
    places = [str(place) for place in locale.territories if len(str(place)) == 2]
    paid_with: set[str] = set()
    for place in places:
        paid_with.update(get_territory_currencies(place))
    return dict(sorted(((code, locale.currencies[code]) for code in paid_with), key=lambda pair: pair[1]))
