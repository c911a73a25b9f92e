"""What is changed about the restaurant itself: name, address, currency, business day, whether it is open.

By its owners and managers, and by the platform's staff.

The row lives in `public` and the entry that says who changed it in the restaurant's schema; both are written in one
transaction.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tenants.actors import By
from tenants.context import public_context, restaurant_context
from tenants.hosts import forget_hosts
from tenants.models import Domain, Restaurant
from tenants.office import audit

MOST_ADDRESSES = 10  # each keeps a name from everybody else


class AddressTaken(Exception):
    """Another restaurant has the address, or had it once."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"“{slug}” is taken. Choose another one.")


class TooManyAddresses(Exception):
    def __init__(self) -> None:
        super().__init__(
            f"This restaurant keeps {MOST_ADDRESSES} addresses already. Go back to one of them, or write to the "
            "platform's staff."
        )


class NameDiffers(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"That is not the restaurant's name. Type “{name}” to close it.")


class NotClosed(Exception):
    """Only a closed restaurant is opened again."""


class TooLate(Exception):
    """It was closed too long ago to be opened again."""


class StaysClosed(Exception):
    """A closed restaurant is opened again before anything else is made of it."""


class MainAddress(Exception):
    """A restaurant keeps the address that it is reached by."""


REFUSALS = (ValidationError, NotClosed, TooLate, StaysClosed, MainAddress)  # what staff can meet with


def rename(restaurant: Restaurant, name: str, *, by: By, at: dt.datetime) -> None:
    """Call the restaurant `name`. Raises `ValidationError`."""
    with _changing(restaurant) as row:
        _save(row, "restaurant.renamed", by=by, at=at, name=name)
    restaurant.name = name


def move(restaurant: Restaurant, slug: str, *, by: By, at: dt.datetime) -> None:
    """Give the restaurant the address that `slug` begins; the address until now leads on to it for ever.

    Nobody else gets an address that the restaurant has had, for as long as it exists; it may go back to one itself.
    Raises `ValidationError`, AddressTaken, TooManyAddresses.
    """
    try:
        with _changing(restaurant) as row:
            _save(row, "restaurant.moved", by=by, at=at, slug=slug)
            _lead_to(row, f"{slug}.{settings.FLUX_DOMAIN}")
    except IntegrityError as error:
        raise AddressTaken(slug) from error
    restaurant.slug = slug
    restaurant.__dict__.pop("host", None)


def _lead_to(row: Restaurant, host: str) -> None:
    """Make `host` the main one of the restaurant. Raises AddressTaken, TooManyAddresses."""
    with public_context():
        found = Domain.objects.filter(domain=host).first()
        if found is not None and found.tenant_id != row.pk:
            raise AddressTaken(host.partition(".")[0])
        mine = Domain.objects.filter(tenant=row)
        if found is None and mine.count() >= MOST_ADDRESSES:
            raise TooManyAddresses
        mine.exclude(domain=host).update(is_primary=False)
        Domain.objects.update_or_create(domain=host, defaults={"tenant": row, "is_primary": True})


def give_up_address(restaurant: Restaurant, host: str, *, by: By, at: dt.datetime) -> None:
    """Free an address that the restaurant had before, for the platform's staff: anybody may take it then.

    Raises MainAddress for the one that it is reached by. An address that it does not have is left alone.
    """
    with _changing(restaurant) as row:
        with public_context():
            domain = Domain.objects.filter(tenant=row, domain=host).first()
            if domain is None:
                return
            if domain.is_primary:
                raise MainAddress(f"{row.name} is reached by {host}.")
            domain.delete()
        with restaurant_context(row):
            audit.record("restaurant.address_given_up", row, by=by, at=at, before={"host": host})


def set_place(restaurant: Restaurant, *, country: str, subdivision: str, by: By, at: dt.datetime) -> None:
    """Say in which country and region it is, whose public holidays count. Raises `ValidationError`."""
    with _changing(restaurant) as row:
        _save(row, "restaurant.place_changed", by=by, at=at, country=country, subdivision=subdivision)
    restaurant.country, restaurant.subdivision = country, subdivision


def set_currency(restaurant: Restaurant, currency: str, *, by: By, at: dt.datetime) -> None:
    """Count in another currency. Whoever calls this has made sure that there are no amounts yet."""
    with _changing(restaurant) as row:
        _save(row, "restaurant.currency_changed", by=by, at=at, currency=currency)
    restaurant.currency = currency


def set_business_day(restaurant: Restaurant, *, timezone: str, closeout_hour: int, by: By, at: dt.datetime) -> None:
    """Let the business day be another one. Called by the rebuild of all business dates, in its transaction."""
    with _changing(restaurant) as row:
        _save(row, "calendar.changed", by=by, at=at, timezone=timezone, closeout_hour=closeout_hour)
    restaurant.timezone, restaurant.closeout_hour = timezone, closeout_hour


def close(restaurant: Restaurant, typed: str, *, by: By, at: dt.datetime) -> None:
    """Close the restaurant: nobody opens it any more and no job runs for it; `typed` is its name, as a confirmation.

    The platform's staff can open it again for a while (`Restaurant.reopens_until`). Raises NameDiffers.
    """
    if " ".join(typed.split()).casefold() != " ".join(restaurant.name.split()).casefold():
        raise NameDiffers(restaurant.name)
    set_status(restaurant, Restaurant.Status.CLOSED, by=by, at=at)


def reopen(restaurant: Restaurant, *, by: By, at: dt.datetime) -> None:
    """Open a closed restaurant again, for the platform's staff. Raises NotClosed, TooLate."""
    with _changing(restaurant) as row:
        if row.status != Restaurant.Status.CLOSED:
            raise NotClosed(f"{row.name} is not closed.")
        if row.reopens_until is not None and at > row.reopens_until:
            raise TooLate(f"{row.name} could be opened again until {row.reopens_until:%-d %B %Y}.")
        _save(row, "restaurant.reopened", by=by, at=at, status=Restaurant.Status.ACTIVE, closed_at=None)
    restaurant.status, restaurant.closed_at = Restaurant.Status.ACTIVE, None


def set_status(restaurant: Restaurant, status: str, *, by: By, at: dt.datetime) -> None:
    """Suspend the restaurant, let it work again, close it or open it again; nothing where that is its status.

    A closed one only becomes active, by `reopen`. Raises StaysClosed, TooLate, and `ValidationError` for no status.
    """
    with _changing(restaurant) as row:
        if row.status == Restaurant.Status.CLOSED != status:
            if status != Restaurant.Status.ACTIVE:
                raise StaysClosed(f"{row.name} is closed. Make it active first: that opens it again.")
            reopen(restaurant, by=by, at=at)
            return
        if row.status != status:
            closed_at = at if status == Restaurant.Status.CLOSED else None
            _save(row, _status_verb(row.status, status), by=by, at=at, status=status, closed_at=closed_at)
    restaurant.status, restaurant.closed_at = row.status, row.closed_at


def _status_verb(before: str, after: str) -> str:
    if after in {Restaurant.Status.CLOSED, Restaurant.Status.SUSPENDED}:
        return f"restaurant.{after}"
    return "restaurant.resumed" if before == Restaurant.Status.SUSPENDED else "restaurant.status_changed"


@contextmanager
def _changing(restaurant: Restaurant) -> Iterator[Restaurant]:
    """The restaurant's row, locked, in a transaction; what processes remember of it is forgotten afterwards."""
    with transaction.atomic():
        with public_context():
            row = Restaurant.objects.select_for_update(no_key=True).get(pk=restaurant.pk)
        yield row
        transaction.on_commit(forget_hosts)


def _save(row: Restaurant, verb: str, *, by: By, at: dt.datetime, **wanted: object) -> None:
    """Change fields of the row and write down what they were. Raises `ValidationError` naming the wrong ones."""
    before = audit.values(row, wanted)
    for name, value in wanted.items():
        setattr(row, name, value)
    with public_context():
        row.clean_fields(exclude={field.name for field in Restaurant._meta.fields} - wanted.keys())
        if before != wanted:
            Restaurant.objects.filter(pk=row.pk).update(**wanted)
    with restaurant_context(row):
        audit.record(verb, row, by=by, at=at, before=before, after=wanted)


def refusal(error: Exception) -> str:
    """What was refused, in words for a page."""
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
