"""A closed restaurant is erased completely, whoever is stopped in the middle, and the others do not notice."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from django.apps import apps
from django.core.cache import cache, caches
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client, TestCase

from conftest import as_owner, signed_in
from flux.tests import filling
from menu.models import MenuItem
from tenants import catalog, erasing, provisioning, upkeep
from tenants.context import public_context, restaurant_context
from tenants.models import Erasure, Membership, Restaurant, Schema, User

NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)
FACTS = {"timezone": "Europe/Berlin", "currency": "EUR", "country": "DE"}


@pytest.fixture
def kantine(restaurant: Restaurant) -> Iterator[Restaurant]:
    """A closed restaurant full of rows."""
    with public_context():
        opened = provisioning.open_restaurant(Restaurant(slug="kantine", name="Kantine", status="closed", **FACTS))
        filling.fill(opened, "Kantinenmarke", first_id=7100)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as a commit does; a table with checks to come stays
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        yield opened


def traces(name: str) -> tuple[bool, bool, bool]:
    """Whether schema, role and the schema's row are there."""
    with public_context(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s),"
            " EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
            [name, name],
        )
        return (*cursor.fetchone(), Schema.objects.filter(pk=name).exists())


def in_public(restaurant: Restaurant) -> dict[str, int]:
    """How many rows of each of the platform's tables point to the restaurant."""
    found = {}
    for model in apps.get_models():
        for field in model._meta.fields:
            if isinstance(field, models.ForeignKey) and field.related_model is Restaurant:
                found[model.__name__] = model._default_manager.filter(**{field.name: restaurant.pk}).count()
    return found


def test_nothing_is_left_but_the_tombstone(
    kantine: Restaurant, restaurant: Restaurant, member: Callable[..., User]
) -> None:
    bo = member(kantine, Membership.Role.OWNER)
    before = filling.snapshot(restaurant)
    assert in_public(kantine)["Membership"] == 1
    erasure = erasing.request(kantine, by="ada@example.com", at=NOW)
    assert sum(in_public(kantine).values()) == 0
    assert not Restaurant.objects.filter(slug="kantine").exists()
    with as_owner():
        assert erasing.erase(erasure.pk, now=NOW)
    assert traces(kantine.schema_name) == (False, False, False)
    erasure.refresh_from_db()
    assert (erasure.restaurant_id, erasure.schema_name, erasure.by, erasure.erased_at) == (
        kantine.pk,
        "",
        "ada@example.com",
        NOW,
    )
    assert User.objects.filter(pk=bo.pk).exists()  # people keep their accounts
    assert filling.snapshot(restaurant) == before


def test_an_open_restaurant_is_not_erased(restaurant: Restaurant) -> None:
    with pytest.raises(erasing.NotClosed, match="Bistro is not closed"):
        erasing.request(restaurant, by="ada@example.com", at=NOW)
    with public_context():
        assert (Restaurant.objects.filter(pk=restaurant.pk).exists(), Erasure.objects.count()) == (True, 0)


def test_one_that_is_being_erased_is_not_erased_again(kantine: Restaurant) -> None:
    erasing.request(kantine, by="ada@example.com", at=NOW)
    with pytest.raises(erasing.BeingErased, match=f"{kantine.name} is being erased already"):
        erasing.request(kantine, by="bo@example.com", at=NOW)


def test_its_name_is_free_again(kantine: Restaurant) -> None:
    erasing.request(kantine, by="ada@example.com", at=NOW)
    again = provisioning.open_restaurant(Restaurant(slug="kantine", name="New", **FACTS))
    with restaurant_context(again):
        assert MenuItem.objects.count() == 0


@pytest.mark.parametrize("stopped_after", [1, 5, 1000])
def test_who_comes_after_one_that_was_stopped_goes_on(
    kantine: Restaurant, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    """A process that is killed between two steps leaves what the steps before have committed."""
    erasure = erasing.request(kantine, by="ada@example.com", at=NOW)
    names = catalog.table_names(kantine.schema_name)
    with as_owner():
        with monkeypatch.context() as patched:
            patched.setattr(catalog, "table_names", lambda _: names[:stopped_after])
            patched.setattr(provisioning, "drop_schema", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                erasing.erase(erasure.pk, now=NOW)
        assert len(catalog.table_names(kantine.schema_name)) == max(len(names) - stopped_after, 0)
        assert erasing.unfinished() == [kantine.pk]
        upkeep.go_on_erasing()
    assert (erasing.unfinished(), traces(kantine.schema_name)) == ([], (False, False, False))
    with as_owner():
        upkeep.erase(restaurant_id=str(kantine.pk))  # a message that comes twice


def test_its_sessions_and_cached_values_go_and_the_others_stay(
    kantine: Restaurant, restaurant: Restaurant, member: Callable[..., User]
) -> None:
    signed_in(member(kantine), kantine)
    guest = signed_in(member(restaurant), restaurant)
    with restaurant_context(kantine):
        cache.set_many({f"soup-{number}": "hot" for number in range(2500)})
    client = caches["default"]._cache.get_client(None)
    assert len(client.keys(f"*{kantine.schema_name}*")) == 2501
    erasure = erasing.request(kantine, by="ada@example.com", at=NOW)
    with as_owner():
        erasing.erase(erasure.pk, now=NOW)
    assert client.keys(f"*{kantine.schema_name}*") == []
    assert guest.get("/").status_code == 200


def test_its_host_leads_nowhere(kantine: Restaurant, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        erasing.request(kantine, by="ada@example.com", at=NOW)
    assert Client(headers={"host": "kantine.flux.localhost"}).get("/").status_code == 404


def test_a_table_that_somebody_reads_is_waited_for(
    committed: list[Restaurant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "LOCK_TIMEOUT", "50ms")
    kantine = provisioning.open_restaurant(Restaurant(slug="kantine", name="Kantine", status="closed", **FACTS))
    erasure = erasing.request(kantine, by="ada@example.com", at=NOW)
    reader = connection.copy()
    try:
        with as_owner(), reader.cursor() as cursor:
            cursor.execute(f"BEGIN; SELECT 1 FROM {kantine.schema_name}.menu_menuitem")  # noqa: S608
            assert not erasing.erase(erasure.pk, now=NOW)
            assert erasing.unfinished() == [kantine.pk]
            cursor.execute("ROLLBACK")
            assert erasing.erase(erasure.pk, now=NOW)
        assert traces(kantine.schema_name) == (False, False, False)
    finally:
        reader.close()
        with as_owner():
            erasure.delete()


class TestStaff:
    """The platform's admin."""

    FORM = {"slug": "kantine", "_form_submitted": "on"}

    @pytest.fixture
    def staff(self, db: None) -> Client:
        client = Client(headers={"host": "flux.localhost"})
        with public_context():
            client.force_login(User.objects.create_superuser("sam@flux.example"))
        return client

    def erase(self, client: Client, restaurant: Restaurant, form: dict[str, str]) -> int:
        with as_owner_in_tasks(), TestCase.captureOnCommitCallbacks(execute=True):
            return client.post(f"/admin/tenants/restaurant/{restaurant.pk}/erase/", form).status_code

    def test_they_erase_a_closed_one_by_its_slug(self, kantine: Restaurant, staff: Client) -> None:
        assert self.erase(staff, kantine, {"slug": "bistro", "_form_submitted": "on"}) == 302
        assert Restaurant.objects.filter(pk=kantine.pk).exists()
        assert self.erase(staff, kantine, self.FORM) == 302
        assert not Restaurant.objects.filter(pk=kantine.pk).exists()
        assert traces(kantine.schema_name) == (False, False, False)
        listed = staff.get("/admin/tenants/erasure/").content.decode()
        assert (str(kantine.pk) in listed, "sam@flux.example" in listed) == (True, True)

    def test_an_open_one_is_not_offered(self, kantine: Restaurant, staff: Client) -> None:
        Restaurant.objects.filter(pk=kantine.pk).update(status="suspended")
        page = staff.get(f"/admin/tenants/restaurant/{kantine.pk}/change/").content.decode()
        assert f"/admin/tenants/restaurant/{kantine.pk}/erase/" not in page
        assert self.erase(staff, kantine, self.FORM) == 403
        Restaurant.objects.filter(pk=kantine.pk).update(status="closed")
        page = staff.get(f"/admin/tenants/restaurant/{kantine.pk}/change/").content.decode()
        assert f"/admin/tenants/restaurant/{kantine.pk}/erase" in page

    def test_staff_without_the_right_may_not(self, kantine: Restaurant) -> None:
        intern = Client(headers={"host": "flux.localhost"})
        intern.force_login(User.objects.create_user("intern@flux.example", is_staff=True))
        assert self.erase(intern, kantine, self.FORM) == 403
        assert Erasure.objects.count() == 0


@contextmanager
def as_owner_in_tasks() -> Iterator[None]:
    """Tasks of the queue `upkeep` run as in their worker, which is the database's owner."""
    erase = erasing.erase

    def by_the_owner(*args: Any, **kwargs: Any) -> bool:
        with as_owner():
            return erase(*args, **kwargs)

    with mock.patch.object(erasing, "erase", by_the_owner):
        yield


def test_flux_keeps_no_files_outside_of_the_database() -> None:
    """Whoever adds the first one has to erase and export it too."""
    assert not [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.fields
        if isinstance(field, models.FileField)
    ]


class TestCommand:
    def run(self, **options: Any) -> str:
        out = StringIO()
        with public_context(), as_owner():
            call_command("erase_restaurant", "kantine", stdout=out, **options)
        return out.getvalue().strip()

    def test_it_asks_first_and_then_does_it(self, kantine: Restaurant) -> None:
        with pytest.raises(CommandError, match=r"Kantine \(closed\) would be erased with every row that it has"):
            self.run()
        assert traces(kantine.schema_name) == (True, True, True)
        said = self.run(yes=True)
        assert said == f"Kantine is erased. What stays: its id {kantine.pk}, when, and by whom."
        assert traces(kantine.schema_name) == (False, False, False)
        with pytest.raises(CommandError, match="There is no restaurant “kantine”"):
            self.run(yes=True)

    def test_an_open_one_is_refused(self, kantine: Restaurant) -> None:
        Restaurant.objects.update(status="suspended")
        with pytest.raises(CommandError, match="Kantine is not closed"):
            self.run(yes=True)
