"""Opening a restaurant: its row, its schema with all tables, its host, its owner."""

from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from tenants.context import public_context
from tenants.db import roles
from tenants.hosts import forget_hosts
from tenants.models import Domain, Membership, Restaurant, User


def open_restaurant(restaurant: Restaurant, *, owner: User | None = None) -> Restaurant:
    """Save a new `restaurant` with its schema, its `<slug>.<domain>` host and, where given, its owner.

    Raises `ValidationError` naming each wrong field. One transaction: a failure leaves neither row nor schema, and of
    two who take the same slug at once the second is told that it is taken.
    """
    with public_context():
        restaurant.full_clean()
        try:
            with transaction.atomic():
                _make(restaurant, owner)
        except BaseException as error:
            restaurant._state.adding = True  # it is not saved after all, and may be tried again
            if isinstance(error, IntegrityError):
                restaurant.full_clean()  # says in words what somebody else took meanwhile
            raise
    forget_hosts()
    return restaurant


def _make(restaurant: Restaurant, owner: User | None) -> None:
    restaurant.save()
    host = Domain(tenant=restaurant, domain=f"{restaurant.slug}.{settings.FLUX_DOMAIN}", is_primary=True)
    host.full_clean()
    host.save()
    if owner is not None:
        Membership.objects.create(user=owner, restaurant=restaurant, role=Membership.Role.OWNER)
    with connection.cursor() as cursor:
        cursor.execute("; ".join(roles.schema_statements(restaurant.schema_name)))
    call_command("migrate_schemas", schema_name=restaurant.schema_name, tenant=True, interactive=False, verbosity=0)
