"""Invitations: what the database holds about them, and what they let people do."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from conftest import PASSWORD
from tenants.context import public_context
from tenants.models import Invitation, Restaurant, User

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + dt.timedelta(days=7)


def stored(restaurant: Restaurant, **facts: Any) -> Invitation:
    with public_context(), transaction.atomic():
        return Invitation.objects.create(
            **{
                "restaurant": restaurant,
                "email": "cook@example.com",
                "role": "kitchen",
                "secret_hash": str(Invitation.objects.count()),
                "created_at": NOW,
                "expires_at": LATER,
                **facts,
            }
        )


def test_one_open_invitation_per_restaurant_and_address(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    first = stored(restaurant)
    stored(other_restaurant)
    with pytest.raises(IntegrityError, match="tenants_invitation_one_open"):
        stored(restaurant, email="Cook@Example.com")
    with public_context():
        Invitation.objects.filter(pk=first.pk).update(revoked_at=NOW)
    stored(restaurant, email="Cook@Example.com")


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"accepted_at": NOW, "revoked_at": NOW}, "accepted_or_revoked"),
        ({"role": "king"}, "known_role"),
        ({"expires_at": NOW}, "expires_after_it_was_made"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(restaurant: Restaurant, facts: dict[str, Any], rule: str) -> None:
    with pytest.raises(IntegrityError, match=f"tenants_invitation_{rule}"):
        stored(restaurant, **facts)


def test_nobody_has_accepted_at_no_time(restaurant: Restaurant) -> None:
    with public_context():
        cook = User.objects.create_user("cook@example.com", PASSWORD)
    with pytest.raises(IntegrityError, match="tenants_invitation_accepted_by_somebody_at_a_time"):
        stored(restaurant, accepted_by=cook)
