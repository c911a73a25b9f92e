"""PINs: four to six digits by which a member signs in on one of the kitchen's tablets, and nowhere else."""

import datetime as dt
import math
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, Tablet, User
from tenants.office import audit
from tenants.people import NoMember
from tenants.throttles import PinsOfPerson, PinsOfPersonInADay, PinsOnTablet, WindowThrottle

SHORTEST, LONGEST = 4, 6
RUNS = "01234567890", "09876543210"


class PinUnfit(Exception):
    """Not four to six digits, or such as everybody tries first; the message is for people."""


class WrongPin(Exception):
    """Not this person's PIN."""


class PinLocked(Exception):
    """Too many wrong PINs; `minutes` until the next attempt."""

    def __init__(self, seconds: float) -> None:
        self.minutes = max(1, math.ceil(seconds / 60))
        wait = f"{self.minutes} min" if self.minutes < 120 else f"{math.ceil(self.minutes / 60)} hours"
        super().__init__(f"Too many wrong PINs. Try again in {wait}, or sign in with your e-mail address.")


def check_fit(pin: str) -> None:
    """Raise PinUnfit where `pin` should not be anybody's."""
    if not (pin.isascii() and pin.isdigit() and SHORTEST <= len(pin) <= LONGEST):
        raise PinUnfit("A PIN has four to six digits.")
    if len(set(pin)) == 1 or any(pin in run for run in RUNS):
        raise PinUnfit("This PIN is the first that anybody would try: take another one.")


@public_context()
def choose(member_id: UUID, restaurant: Restaurant, pin: str, *, by: User, at: dt.datetime) -> None:
    """Give the member this PIN; sessions begun with the one before end. Raises PinUnfit, NoMember."""
    check_fit(pin)
    _set(member_id, restaurant, make_password(pin), "person.pin_set", by=by, at=at)


@public_context()
def take_away(member_id: UUID, restaurant: Restaurant, *, by: User, at: dt.datetime) -> None:
    """Leave the member without a PIN, and end the sessions begun with it. Raises NoMember."""
    _set(member_id, restaurant, "", "person.pin_removed", by=by, at=at)


@public_context()
def holders(restaurant: Restaurant) -> list[Membership]:
    """Who may sign in on a tablet, by name."""
    return list(Membership.objects.of_staff_of(restaurant).exclude(pin="").filter(user__is_active=True))


@public_context()
def check(pin: str, member_id: UUID, tablet: Tablet, *, at: dt.datetime) -> Membership:
    """The member whose PIN it is. Raises NoMember, WrongPin, or PinLocked before the PIN is even looked at.

    Attempts count for the person, wherever they are made, and for the tablet, whomever they are made for.
    """
    found = [member for member in holders(tablet.restaurant) if member.pk == member_id]
    if not found:
        raise NoMember("This person has no PIN here.")
    attempts = _take_attempts(member_id, tablet)
    [member] = found
    if not check_password(pin, member.pin):
        raise WrongPin("This is not the right PIN.")
    for counted in attempts:
        counted.give_back()
    Tablet.objects.filter(pk=tablet.pk).update(last_used_at=at)
    return member


def _take_attempts(member_id: UUID, tablet: Tablet) -> list[WindowThrottle]:
    """Count one attempt in every window; raises PinLocked where one of them is full."""
    counts = [(PinsOfPerson(), member_id), (PinsOfPersonInADay(), member_id), (PinsOnTablet(), tablet.pk)]
    full = [window.wait() for window, whom in counts if not window.take(str(whom))]
    if full:
        raise PinLocked(max(full))
    return [window for window, _ in counts]


def _set(member_id: UUID, restaurant: Restaurant, hashed: str, verb: str, *, by: User, at: dt.datetime) -> None:
    with transaction.atomic():
        staff = Membership.objects.of_staff_of(restaurant)
        member = staff.select_for_update(of=("self",)).filter(pk=member_id).first()
        if member is None:
            raise NoMember(f"This person is no member of {restaurant.name} any more.")
        member.pin = hashed
        member.save(update_fields=["pin"])
        with restaurant_context(restaurant):
            audit.record(verb, audit.Subject("person", str(member.user_id), str(member.user)), by=by, at=at)
