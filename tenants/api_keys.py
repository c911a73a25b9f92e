"""Integrators' keys: an owner makes one for another maker's program, and it works without a person.

A key is `flux_`, eight characters by which people tell keys apart, and a secret of 200 random bits. It is shown once;
the database keeps its SHA-256, which suffices for a secret that nobody can guess. A key belongs to one restaurant and
may do what its scopes say (`tenants.access.SCOPES`), never more than that, whatever its maker may do.
"""

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from tenants.actors import API, Actor
from tenants.context import public_context, restaurant_context
from tenants.models import ApiKey, Restaurant, User
from tenants.office import audit
from tenants.parsing import bearer
from tenants.throttles import WrongKeys

MARK = "flux_"
SHAPE = re.compile(r"flux_[a-z2-7]{8}_[a-z2-7]{40}")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
MOST_KEYS = 50
LIFETIMES_DAYS = (30, 90, 365)
OVERLAPS_DAYS = (0, 1, 7, 30)
BETWEEN_USES_NOTED = dt.timedelta(minutes=1)
REFUSED = "This key does not open this restaurant: it is unknown here, has ended, or was revoked."

log = structlog.get_logger(__name__)


class KeyProblem(Exception):
    """Why a key cannot be made, rotated or revoked, in an owner's words."""


class NoSuchKey(KeyProblem):
    """The restaurant has no such key."""


class AlreadyMade(KeyProblem):
    """The same form came twice: the key exists, and its secret has been shown."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new key and, this once, its `secret`: the whole text that the program sends."""

    key: ApiKey
    secret: str


def make(
    restaurant: Restaurant,
    *,
    name: str,
    scopes: Collection[str],
    days: int,
    by: User,
    at: dt.datetime,
    key_id: UUID | None = None,
) -> Made:
    """A key for `restaurant` that works for `days`; `key_id`, from the form, makes a form sent twice one key.

    Raises `KeyProblem`.
    """
    with public_context(), transaction.atomic():
        Restaurant.objects.select_for_update().get(pk=restaurant.pk)  # two at once do not pass the limit together
        if ApiKey.objects.working(at).filter(restaurant=restaurant).count() >= MOST_KEYS:
            raise KeyProblem(f"{MOST_KEYS} keys work already: revoke one that is not needed any more.")
        return _create(restaurant, name, scopes, dt.timedelta(days=days), by, at, key_id)


def rotate(
    key_id: UUID,
    restaurant: Restaurant,
    *,
    overlap_days: int,
    by: User,
    at: dt.datetime,
    new_id: UUID | None = None,
) -> Made:
    """A new key with the same name, scopes and lifetime; the old one works for `overlap_days` more, if so long.

    Raises `KeyProblem`.
    """
    with public_context(), transaction.atomic():
        old = _locked(key_id, restaurant)
        if not old.is_working(at):
            raise KeyProblem(f"“{old.name}” does not work any more: make a new key instead.")
        if old.replaced_by_id is not None and old.replaced_by_id != new_id:
            raise KeyProblem(f"“{old.name}” has a new key already.")
        made = _create(restaurant, old.name, old.scopes, old.expires_at - old.created_at, by, at, new_id)
        before = old.expires_at
        old.replaced_by = made.key
        old.expires_at = max(min(old.expires_at, at + dt.timedelta(days=overlap_days)), old.created_at)
        old.save(update_fields=["replaced_by", "expires_at"])
        _note("key.rotated", old, by, at, {"expires_at": before}, {"expires_at": old.expires_at})
    return made


def revoke(key_id: UUID, restaurant: Restaurant, *, by: User, at: dt.datetime) -> ApiKey:
    """End a key at once; one that was revoked before stays as it is. Raises `NoSuchKey`."""
    with public_context(), transaction.atomic():
        key = _locked(key_id, restaurant)
        if key.revoked_at is None:
            key.revoked_at = at
            key.save(update_fields=["revoked_at"])
            _note("key.revoked", key, by, at, {"revoked_at": None}, {"revoked_at": at})
    return key


def of(restaurant: Restaurant) -> list[ApiKey]:
    """Every key that the restaurant has or had, the newest first."""
    with public_context():
        return list(restaurant.api_keys.select_related("created_by", "replaced_by"))


def find(raw: str, restaurant: Restaurant, *, at: dt.datetime) -> ApiKey | None:
    """The restaurant's working key that `raw` is; None alike for one that is malformed, unknown, ended or another's."""
    if not SHAPE.fullmatch(raw):
        return None
    return ApiKey.objects.working(at).filter(restaurant=restaurant, sha256=fingerprint(raw)).first()


def note_use(key: ApiKey, *, at: dt.datetime) -> None:
    """Remember when the key was used last, once a minute at most: requests shall stay cheap."""
    if key.last_used_at is not None and at - key.last_used_at < BETWEEN_USES_NOTED:
        return
    with public_context():
        long_ago = Q(last_used_at=None) | Q(last_used_at__lte=at - BETWEEN_USES_NOTED)
        ApiKey.objects.filter(long_ago, pk=key.pk).update(last_used_at=at)


def fingerprint(raw: str) -> str:
    """What the database keeps of a key."""
    return hashlib.sha256(raw.encode()).hexdigest()


def _create(
    restaurant: Restaurant,
    name: str,
    scopes: Collection[str],
    lifetime: dt.timedelta,
    by: User,
    at: dt.datetime,
    key_id: UUID | None,
) -> Made:
    prefix = MARK + _random(8)
    secret = f"{prefix}_{_random(40)}"
    key = ApiKey(
        restaurant=restaurant,
        name=name,
        prefix=prefix,
        sha256=fingerprint(secret),
        scopes=sorted(scopes),
        created_by=by,
        created_at=at,
        expires_at=at + lifetime,
    )
    if key_id is not None:
        key.pk = key_id
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyMade(
            "This form was sent before: the key is in the list, and its secret has been shown."
        ) from error
    _note("key.made", key, by, at, {}, {"scopes": key.scopes, "expires_at": key.expires_at})
    return Made(key, secret)


def _locked(key_id: UUID, restaurant: Restaurant) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(pk=key_id, restaurant=restaurant).first()
    if key is None:
        raise NoSuchKey("There is no such key.")
    return key


def _note(verb: str, key: ApiKey, by: User, at: dt.datetime, before: Any, after: Any) -> None:
    """The change in the restaurant's audit trail."""
    with restaurant_context(key.restaurant):
        audit.record(verb, key, by=by, at=at, before=before, after=after)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


class ApiKeyAuthentication(BaseAuthentication):
    """Bearer keys. In place of a person stands the key itself, and what it does is written down under its name.

    It gives no role: what a key may do is decided by its scopes alone.
    """

    def authenticate(self, request: Request) -> tuple[ApiKey, ApiKey] | None:
        raw = bearer(request)
        if raw is None or not raw.startswith(MARK):
            return None
        restaurant: Restaurant | None = request._request.restaurant  # type: ignore[attr-defined]
        wrong, at = WrongKeys(), timezone.now()
        who = wrong.whom(request)
        if wrong.is_spent(who):
            raise Throttled(wait=wrong.wait())
        key = find(raw, restaurant, at=at) if restaurant else None
        if key is None:
            wrong.take(who)
            log.info("api_key_refused", prefix=raw[:13])
            raise AuthenticationFailed(REFUSED)
        note_use(key, at=at)
        structlog.contextvars.bind_contextvars(api_key=key.prefix)
        request._request.actor = Actor(key.pk, f"key {key}", API)  # type: ignore[attr-defined]
        return key, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'
