"""The audit trail: who did what, when, and what it was before."""

import datetime as dt
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction

from tenants.actors import API, FLUX, PORTAL, Actor, asking
from tenants.context import restaurant_context
from tenants.office import audit
from tenants.office.models import AuditEntry, Closure

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
TILL = Actor(None, "key till_12ab", API)

pytestmark = pytest.mark.usefixtures("restaurant")


@pytest.fixture
def closure():
    return Closure.objects.create(on=NOW.date(), note="Staff outing")


def test_an_entry_says_who_did_what_to_what(manager, closure):
    audit.record(
        "price.changed", closure, by=manager, at=NOW, before={"price": Decimal("8.50")}, after={"price": Decimal(9)}
    )
    [entry] = AuditEntry.objects.all()
    assert (entry.at, entry.user_id, entry.actor, entry.via) == (NOW, manager.pk, str(manager), PORTAL)
    assert (entry.verb, entry.subject_type, entry.subject_key) == ("price.changed", "closure", str(closure.pk))
    assert (entry.subject_label, entry.before, entry.after) == (str(closure), {"price": "8.5"}, {"price": "9"})


def test_only_what_changed_is_kept(manager, closure):
    old, new = {"price": 8, "category": "Starters", "gone": 1}, {"price": 9, "category": "Starters", "came": 2}
    audit.record("closure.changed", closure, by=manager, at=NOW, before=old, after=new)
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == ({"price": 8, "gone": 1}, {"price": 9, "came": 2})


def test_a_change_that_changes_nothing_writes_nothing(manager, closure):
    old, new = {"price": Decimal("9.0000")}, {"price": Decimal(9)}
    audit.record("price.changed", closure, by=manager, at=NOW, before=old, after=new)
    assert not AuditEntry.objects.exists()


def test_a_key_and_flux_itself_are_actors_too(closure):
    for by in (TILL, FLUX):
        audit.record("closure.added", closure, by=by, at=NOW)
    assert list(AuditEntry.objects.order_by("pk").values_list("actor", "user_id", "via")) == [
        ("key till_12ab", None, "api"),
        ("Flux", None, "job"),
    ]


def test_the_entry_goes_with_the_change(manager, closure):
    with transaction.atomic():
        audit.record("closure.added", closure, by=manager, at=NOW)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


def test_many_changes_are_one_statement(manager, closure, django_assert_num_queries):
    entries = [
        audit.entry("price.changed", closure, by=manager, at=NOW, before={"price": 1}, after={"price": price})
        for price in range(500)
    ]
    with django_assert_num_queries(1):
        audit.record_all(entries)
    assert AuditEntry.objects.count() == 499


def test_each_restaurant_has_its_own(manager, closure, other_restaurant):
    audit.record("closure.added", closure, by=manager, at=NOW)
    with restaurant_context(other_restaurant):
        assert not AuditEntry.objects.exists()


def test_the_request_says_who_asks_and_by_which_door(manager):
    assert asking(SimpleNamespace(user=manager)) == Actor(manager.pk, str(manager), PORTAL, manager.email)
    assert asking(SimpleNamespace(user=manager, successful_authenticator=object())).via == "api"
    assert asking(SimpleNamespace(user=manager, via="pin")).via == "pin"
    assert asking(SimpleNamespace(user=manager, actor=TILL)) == TILL


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("office_auditentry_says_who_and_what", {"actor": ""}),
        ("office_auditentry_says_who_and_what", {"verb": ""}),
        ("office_auditentry_known_via", {"via": "window"}),
    ],
)
def test_the_database_refuses(name, row):
    facts = {"at": NOW, "actor": "Ada", "via": "portal", "verb": "closure.added", "subject_type": "purchaseorder"}
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        AuditEntry.objects.create(**facts | row)
