"""Opening a restaurant: its row, its host, its owner, and a schema with all tables.

Schemas are made before they are needed. A spare one has its final opaque name and its role; opening a restaurant takes
it by writing rows alone, which the app may do. Only the database's owner can make a schema.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now

from tenants import catalog, template
from tenants.context import public_context
from tenants.db import roles
from tenants.hosts import forget_hosts
from tenants.models import Domain, Membership, Restaurant, Schema, User, new_schema_name


class NoSpare(Exception):
    """No schema is ready, and whoever asks may not make one; in a minute there will be one."""


def open_restaurant(restaurant: Restaurant, *, owner: User | None = None) -> Restaurant:
    """Save a new `restaurant` with a schema, its `<slug>.<domain>` host and, where given, its owner.

    Takes a spare schema; where there is none, the database's owner makes one, and anybody else gets `NoSpare`.
    Raises `ValidationError` naming each wrong field. One transaction: a failure leaves nothing behind, and of two who
    take the same slug at once the second is told that it is taken.
    """
    with public_context():
        # Random keys are not looked for, and what the constraints say, the fields have said: somebody waits here.
        restaurant.full_clean(exclude={"id", "schema_name"}, validate_constraints=False)
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
    schema = _spare() or make_schema()
    restaurant.schema_name = schema.name
    # Past the models' own `save`, which looks for a clash of random names and other main hosts of a new restaurant.
    Restaurant.objects.bulk_create([restaurant])
    schema.restaurant, schema.taken_at = restaurant, now()
    schema.save(update_fields=["restaurant", "taken_at"])
    host = Domain(tenant=restaurant, domain=f"{restaurant.slug}.{settings.FLUX_DOMAIN}", is_primary=True)
    host.full_clean(exclude={"tenant"})
    Domain.objects.bulk_create([host])
    if owner is not None:
        Membership.objects.create(user=owner, restaurant=restaurant, role=Membership.Role.OWNER)


def _spare() -> Schema | None:
    """A spare that nobody else is taking, locked; None where the caller may make one. Raises `NoSpare`."""
    spares = Schema.objects.spare(template.version()).select_for_update(skip_locked=True)
    spare: Schema | None = spares.first()
    if spare is None and connection.takes_roles:  # type: ignore[attr-defined]
        raise NoSpare("No restaurant can be opened this minute; one is being prepared.")
    return spare


def make_schema() -> Schema:
    """A new spare: role, schema and tables from the template, and its row. Only for the database's owner.

    All of it is one message to the server, and one transaction there: it is made, or nothing is.
    """
    name = new_schema_name()
    note = "INSERT INTO tenants_schema (name, version, created_at) VALUES ('{}', '{}', clock_timestamp())"
    statements = [*roles.schema_statements(name), template.sql_for(name), note.format(name, template.version())]
    with public_context(), connection.cursor() as cursor:
        cursor.execute(";\n".join(statements))
    return Schema(name=name, version=template.version())


def drop_schema(name: str) -> None:
    """Remove a schema, its role and its row at once. Only for the database's owner, and for small schemas."""
    with public_context(), transaction.atomic(), connection.cursor() as cursor:
        Schema.objects.filter(pk=name).delete()
        cursor.execute(_drop(name))


def _drop(name: str) -> str:
    return f"DROP SCHEMA IF EXISTS {template.quote(name)} CASCADE; DROP ROLE IF EXISTS {template.quote(name)}"


def remove(restaurant: Restaurant) -> None:
    """Remove a restaurant that nobody needs, with its schema and whatever the platform keeps about it.

    For demos, tests and benchmarks: everything at once, unlike `tenants.erasing`. Only for the database's owner.
    """
    with public_context(), transaction.atomic():
        name = restaurant.schema_name
        restaurant.delete()
        drop_schema(name)
    forget_hosts()


def keep_spares(wanted: int, *, at_most: int) -> int:
    """Bring the spares to `wanted`, by making or replacing `at_most`; returns how many still lack. Only for the owner.

    A spare of another version is taken by nobody: it gets the new version's name where it has been migrated meanwhile,
    and is removed otherwise. Each step is a transaction of its own, so that stopping it anywhere does no harm.
    """
    with public_context():
        for _ in range(at_most):
            if not _replace_one_of_another_version():
                break
        lacking = wanted - Schema.objects.spare(template.version()).count()
        for _ in range(min(lacking, at_most)):
            make_schema()
    return max(lacking - at_most, 0)


def _replace_one_of_another_version() -> bool:
    """Bring one such spare up to date in name, or remove it; whether there was one."""
    with transaction.atomic():
        old = Schema.objects.filter(restaurant=None).exclude(version=template.version())
        spare: Schema | None = old.select_for_update(skip_locked=True).first()
        if spare is None:
            return False
        if template.version_of(catalog.migrations(spare.name)) == template.version():
            spare.version = template.version()
            spare.save(update_fields=["version"])
        else:
            drop_schema(spare.name)
    return True


@contextmanager
def made_by_migrations() -> Iterator[str]:
    """A schema that Django's migrations have made from nothing, for the length of the block; its name.

    It works in a database that has no other tables. Only for the database's owner.
    """
    name = new_schema_name()
    with public_context():
        with connection.cursor() as cursor:
            cursor.execute("; ".join(roles.schema_statements(name)))
        try:
            with public_context():  # django-tenants' command leaves its schema chosen
                call_command("migrate_schemas", schema_name=name, tenant=True, interactive=False, verbosity=0)
            yield name
        finally:
            with connection.cursor() as cursor:
                cursor.execute(_drop(name))
