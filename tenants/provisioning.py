"""Opening a restaurant: its row, its schema with all tables, its host."""

from django.conf import settings

from tenants.context import public_context
from tenants.middleware import forget_hosts
from tenants.models import Domain, Membership, Restaurant, User


def open_restaurant(restaurant: Restaurant, *, owner: User | None = None) -> Restaurant:
    """Save a new `restaurant` with its schema, its `<slug>.<domain>` host and, where given, its owner.

    Raises `ValidationError` naming each wrong field; a failure leaves neither row nor schema.
    """
    restaurant.full_clean()
    with public_context():
        restaurant.save(verbosity=0)
        Domain.objects.create(tenant=restaurant, domain=f"{restaurant.slug}.{settings.FLUX_DOMAIN}", is_primary=True)
        if owner is not None:
            Membership.objects.create(user=owner, restaurant=restaurant, role=Membership.Role.OWNER)
    forget_hosts()
    return restaurant
