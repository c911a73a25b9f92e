"""Who works where: making people, giving and taking roles."""

import datetime as dt
from collections.abc import Collection, Iterable
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tenants.actors import By
from tenants.context import public_context, restaurant_context
from tenants.models import ApiKey, Membership, Restaurant, User
from tenants.office import audit


class LastOwner(Exception):
    """The restaurant would be left without an owner."""


class NoMember(Exception):
    """The person has no role in the restaurant."""


def find(email: str) -> User | None:
    """The person with this e-mail address, in whatever case it is written."""
    return User.objects.filter(email__iexact=email.strip()).first()


@public_context()
def names(ids: Collection[UUID]) -> dict[UUID, str]:
    """What those who did something are called, by what stands in `…_by_id`: people, and integrators' keys."""
    found = {person.pk: str(person) for person in User.objects.filter(pk__in=ids)}
    others = set(ids) - found.keys()
    keys = ApiKey.objects.filter(pk__in=others) if others else []
    return found | {key.pk: f"key {key}" for key in keys}


def join(email: str, password: str, *, name: str = "") -> User:
    """Make a person who signs in with `email` and `password`; raises `ValidationError` naming what is wrong."""
    email = email.strip().lower()
    problems: dict[str, list[str]] = {}
    try:
        validate_email(email)
    except ValidationError as error:
        problems["e-mail"] = error.messages
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        problems["password"] = error.messages
    if problems:
        raise ValidationError(problems)
    return User.objects.create_user(email, password, name=name)


@public_context()
def with_second_factor(user_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these people need more than a password to sign in."""
    found = Authenticator.objects.filter(user_id__in=list(user_ids)).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return set(found.values_list("user_id", flat=True))


@public_context()
def forget_unproven(*, before: dt.datetime) -> int:
    """Remove who signed up before then and never proved the address, so that it is free for whoever has the mailbox.

    Returns how many. Nobody else is touched: whom others brought in, and who has signed in once, has a proven address.
    """
    unproven = User.objects.filter(joined_at__lt=before, last_login=None, is_staff=False, memberships=None)
    unproven = unproven.exclude(emailaddress__verified=True)
    _, removed = unproven.delete()
    return removed.get(User._meta.label, 0)


@public_context()
def appoint(user: User, restaurant: Restaurant, role: str, *, by: By, at: dt.datetime) -> Membership:
    """Make `user` a member with `role`, or change the role, without an invitation: the word of the platform's staff.

    Raises `LastOwner` rather than leave no owner.
    """
    with transaction.atomic():
        _keep_an_owner(user.pk, restaurant, role)
        had = Membership.objects.of_staff_of(restaurant).filter(user=user).select_for_update(of=("self",)).first()
        member = give_role(user, restaurant, role)
        member.user, member.restaurant = user, restaurant
        if had is None:
            _record("person.added", member, by=by, at=at, after={"role": role})
        else:
            _record("person.role_changed", member, by=by, at=at, before={"role": had.role}, after={"role": role})
    return member


def give_role(user: User, restaurant: Restaurant, role: str) -> Membership:
    """Make `user` a member with `role`, or change the role; raises `LastOwner` rather than leave no owner.

    Somebody whom support access lets in, or once did, gets a membership of its own, which wakes no session of that one.
    Who calls this writes down in the restaurant's audit trail what it was for.
    """
    with transaction.atomic():
        _keep_an_owner(user.pk, restaurant, role)
        Membership.objects.support().filter(user=user, restaurant=restaurant).delete()
        membership, _ = Membership.objects.update_or_create(user=user, restaurant=restaurant, defaults={"role": role})
    return membership


@public_context()
def take_role(user: User, restaurant: Restaurant, *, by: By, at: dt.datetime) -> None:
    """End the membership of `user`; raises `NoMember`, or `LastOwner` rather than leave no owner."""
    with transaction.atomic():
        _keep_an_owner(user.pk, restaurant, None)
        member = Membership.objects.filter(user=user, restaurant=restaurant).select_for_update(of=("self",)).first()
        if member is None:
            raise NoMember(f"{user.email} is no member of {restaurant.name}.")
        member.user, member.restaurant = user, restaurant
        _record("person.removed", member, by=by, at=at, before={"role": member.role})
        Membership.objects.filter(pk=member.pk).delete()


@public_context()
def change_role(member_id: UUID, restaurant: Restaurant, role: str, *, by: User, at: dt.datetime) -> Membership:
    """Give a member another role; raises `NoMember`, or `LastOwner` rather than leave no owner."""
    with transaction.atomic():
        member = _locked(member_id, restaurant, role)
        before, member.role = member.role, role
        member.save(update_fields=["role"])
        _record("person.role_changed", member, by=by, at=at, before={"role": before}, after={"role": role})
    return member


@public_context()
def remove(member_id: UUID, restaurant: Restaurant, *, by: User, at: dt.datetime) -> Membership:
    """End a membership, and with it every session, token and PIN that rests on it; raises as `change_role` does.

    Who removes themselves leaves.
    """
    with transaction.atomic():
        member = _locked(member_id, restaurant, None)
        verb = "person.left" if member.user_id == by.pk else "person.removed"
        _record(verb, member, by=by, at=at, before={"role": member.role})
        Membership.objects.filter(pk=member.pk).delete()
    return member


def _locked(member_id: UUID, restaurant: Restaurant, role: str | None) -> Membership:
    """The member, until the end of the transaction nobody else's to change; raises where `role` is not to be had."""
    staff = Membership.objects.of_staff_of(restaurant).filter(pk=member_id)
    user_id = staff.values_list("user_id", flat=True).first()
    if user_id is not None:
        _keep_an_owner(user_id, restaurant, role)
    member: Membership | None = staff.select_for_update(of=("self",)).first()
    if member is None:
        raise NoMember(f"This person is no member of {restaurant.name} any more.")
    member.restaurant = restaurant
    return member


def _keep_an_owner(user_id: UUID, restaurant: Restaurant, role: str | None) -> None:
    """Raise `LastOwner` where `role` would leave nobody who can sign in as owner. Of two who try at once, one waits."""
    owners = Membership.objects.of_staff_of(restaurant).filter(role=Membership.Role.OWNER).order_by("pk")
    by_user = {owner.user_id: owner.user for owner in owners.select_for_update(of=("self",))}
    if role == Membership.Role.OWNER or user_id not in by_user:
        return
    if not any(user.is_active for other, user in by_user.items() if other != user_id):
        raise LastOwner(f"{by_user[user_id].email} is the only owner of {restaurant.name}: name another one first.")


def _record(verb: str, member: Membership, *, by: By, at: dt.datetime, **values: audit.Values) -> None:
    with restaurant_context(member.restaurant):
        audit.record(verb, audit.Subject("person", str(member.user_id), str(member.user)), by=by, at=at, **values)
