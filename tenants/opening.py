"""Opening a restaurant of one's own, once per form however often it is sent."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from tenants import provisioning
from tenants.context import restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office import audit

MOST_IN_A_DAY = 10


class TooMany(Exception):
    """The person has opened so many restaurants in a day that it may be a program."""


def open_once(restaurant: Restaurant, *, owner: User) -> Restaurant:
    """Open `restaurant` for `owner`, or return the one that was opened under the same key before.

    Raises `TooMany`, and what `provisioning.open_restaurant` raises. Of two who send the same form at once, the second
    waits for the first and gets its restaurant.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)
        opened = Restaurant.objects.of(owner).filter(pk=restaurant.pk).first()
        if opened is not None:
            return opened
        if _opened_lately(owner) >= MOST_IN_A_DAY:
            raise TooMany
        provisioning.open_restaurant(restaurant, owner=owner)
        with restaurant_context(restaurant):
            audit.record("restaurant.opened", restaurant, by=owner, at=timezone.now())
        return restaurant


def _opened_lately(owner: User) -> int:
    since = timezone.now() - dt.timedelta(days=1)
    owned = Membership.objects.filter(user=owner, role=Membership.Role.OWNER)
    return owned.filter(restaurant__created_at__gte=since).count()
