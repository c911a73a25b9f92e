"""Who works where: making people, giving and taking roles."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tenants.models import Membership, Restaurant, User


class LastOwner(Exception):
    """The restaurant would be left without an owner."""


class NoMember(Exception):
    """The person has no role in the restaurant."""


def find(email: str) -> User | None:
    """The person with this e-mail address, in whatever case it is written."""
    return User.objects.filter(email__iexact=email.strip()).first()


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


def give_role(user: User, restaurant: Restaurant, role: str) -> Membership:
    """Make `user` a member with `role`, or change the role; raises `LastOwner` rather than leave no owner."""
    with transaction.atomic():
        _keep_an_owner(user, restaurant, role)
        membership, _ = Membership.objects.update_or_create(user=user, restaurant=restaurant, defaults={"role": role})
    return membership


def take_role(user: User, restaurant: Restaurant) -> None:
    """End the membership of `user`; raises `NoMember`, or `LastOwner` rather than leave no owner."""
    with transaction.atomic():
        _keep_an_owner(user, restaurant, None)
        ended, _ = Membership.objects.filter(user=user, restaurant=restaurant).delete()
        if not ended:
            raise NoMember(f"{user.email} is no member of {restaurant.name}.")


def _keep_an_owner(user: User, restaurant: Restaurant, role: str | None) -> None:
    """Raise `LastOwner` where `role` would leave the restaurant without an owner. Of two who try at once, one waits."""
    owners = restaurant.memberships.filter(role=Membership.Role.OWNER).select_for_update()
    if role != Membership.Role.OWNER and [owner.user_id for owner in owners] == [user.pk]:
        raise LastOwner(f"{user.email} is the only owner of {restaurant.name}: name another one first.")
