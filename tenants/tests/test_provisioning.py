"""Opening a restaurant, and the commands about restaurants and people."""

import threading
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DataError, connection

from conftest import PASSWORD, SPARES, as_owner, role_of
from tenants import people, provisioning, template
from tenants.context import public_context, restaurant_context
from tenants.models import Domain, Membership, Restaurant, Schema, User
from tenants.office.models import AuditEntry, Closure

FACTS = {"timezone": "Europe/Berlin", "currency": "EUR", "country": "DE", "status": "active"}


@pytest.fixture(autouse=True)
def _in_public(db: None) -> Any:
    with public_context(), as_owner():
        yield


def schemas() -> set[str]:
    """The restaurants' schemas that the database has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'r\\_%'")
        return {name for (name,) in cursor.fetchall()}


def create(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command("create_restaurant", *args, stdout=out, stderr=out, **options)
    return out.getvalue()


def trail(restaurant: Restaurant) -> list[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    with restaurant_context(restaurant):
        return list(AuditEntry.objects.order_by("pk").values_list("verb", "actor", "subject_label", "before", "after"))


def test_a_new_restaurant_has_tables_a_host_and_an_owner() -> None:
    said = create("kantine", timezone="Europe/Berlin", country="DE", owner="Ada@Example.com", password=PASSWORD)
    assert said == "Kantine is open at kantine.flux.localhost.\n"
    kantine = Restaurant.objects.get(slug="kantine")
    assert [(domain.domain, domain.is_primary) for domain in kantine.domains.all()] == [
        ("kantine.flux.localhost", True)
    ]
    assert [(found.user.email, found.role) for found in kantine.memberships.all()] == [("ada@example.com", "owner")]
    assert people.find("ADA@example.com").check_password(PASSWORD)
    with restaurant_context(kantine):
        assert Closure.objects.count() == 0
    assert trail(kantine) == [("person.added", "Flux", "ada@example.com", {}, {"role": "owner"})]


def test_somebody_known_becomes_owner_and_keeps_the_password(member: Any, restaurant: Restaurant) -> None:
    ada = member(restaurant, email="ada@example.com")
    with public_context():
        said = create("kantine", owner="ADA@example.com", password="something-else-2")
    assert said.splitlines()[0] == "ADA@example.com is known already and keeps the password that they have."
    assert role_of(ada, Restaurant.objects.get(slug="kantine")) == "owner"
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("slug", "options", "message"),
    [
        ("bistro", {}, "slug: “bistro” is taken. Choose another one."),
        ("admin", {}, "slug: “admin” is reserved."),
        ("xn--bistr-0ra", {}, "slug: “xn--bistr-0ra” is reserved."),
        ("Bistro Two", {}, "slug: Use a–z, 0–9 and hyphens."),
        ("kantine", {"timezone": "Mars/Base"}, "timezone: “Mars/Base” is not an IANA time zone such as Europe/Paris."),
        ("kantine", {"currency": "euro"}, "currency: Three letters, such as EUR. Ensure this value has at most 3"),
        ("kantine", {"closeout_hour": 13}, "closeout_hour: Ensure this value is less than or equal to 12."),
        ("kantine", {"owner": "ada", "password": PASSWORD}, "e-mail: Enter a valid email address."),
        ("kantine", {"owner": "a@b.example", "password": "short"}, "password: This password is too short."),
        ("kantine", {"owner": "a@b.example"}, "Nobody has the e-mail a@b.example yet: give --password."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(slug: str, options: dict[str, Any], message: str) -> None:
    before = schemas()
    with pytest.raises(CommandError) as refused:
        create(slug, **options)
    assert str(refused.value)[: len(message)] == message
    assert schemas() == before
    assert Restaurant.objects.count() == 2
    assert User.objects.count() == 0


@pytest.mark.parametrize("step", ["template", "Schema", "Domain", "Membership"])
def test_a_failure_in_the_middle_leaves_nothing(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = schemas()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(step)

    if step == "template":
        Schema.objects.spare(template.version()).delete()
        monkeypatch.setattr(template, "sql_for", lambda _: "SELECT 1/0")
    elif step == "Schema":
        monkeypatch.setattr(Schema, "save", fail)
    elif step == "Domain":
        monkeypatch.setattr(Domain.objects, "bulk_create", fail)
    else:
        monkeypatch.setattr(Membership.objects, "create", fail)
    restaurant = Restaurant(slug="kantine", name="Kantine", **FACTS)
    with pytest.raises((RuntimeError, DataError)):
        provisioning.open_restaurant(restaurant, owner=User.objects.create_user("ada@example.com"))
    assert schemas() == before
    assert Restaurant.objects.count() == Domain.objects.count() == 2
    monkeypatch.undo()
    provisioning.open_restaurant(restaurant)  # the same facts can be tried again
    assert schemas() == before | {restaurant.schema_name}
    assert restaurant.schema.taken_at is not None


def test_a_host_that_another_restaurant_has_is_refused(restaurant: Restaurant) -> None:
    with public_context():
        Domain.objects.create(tenant=restaurant, domain="kantine.flux.localhost", is_primary=False)
        with pytest.raises(CommandError, match="slug: “kantine” is taken"):
            create("kantine")


def test_a_member_is_added_changed_and_removed(restaurant: Restaurant) -> None:
    def add(*args: str, **options: Any) -> str:
        out = StringIO()
        call_command("add_member", "bistro", *args, stdout=out, stderr=out, **options)
        return out.getvalue().strip()

    with public_context():
        assert add("ada@example.com", role="owner", password=PASSWORD) == "ada@example.com is now owner of Bistro."
        assert add("bo@example.com", password=PASSWORD) == "bo@example.com is now manager of Bistro."
        assert add("Bo@Example.com", role="kitchen") == "bo@example.com is now kitchen of Bistro."
        assert add("bo@example.com", remove=True) == "bo@example.com is no longer a member of Bistro."
        only_owner = "ada@example.com is the only owner of Bistro: name another one first."
        for change in ({"role": "manager"}, {"remove": True}):
            with pytest.raises(CommandError, match=only_owner):
                add("ada@example.com", **change)
        with pytest.raises(CommandError, match=r"bo@example.com is no member of Bistro\."):
            add("bo@example.com", remove=True)
        with pytest.raises(CommandError, match=r"Nobody has the e-mail cy@example.com\."):
            add("cy@example.com", remove=True)
        with pytest.raises(CommandError, match=r"There is no restaurant “nowhere”\."):
            call_command("add_member", "nowhere", "ada@example.com")
        assert [found.role for found in restaurant.memberships.all()] == ["owner"]
    assert trail(restaurant) == [
        ("person.added", "Flux", "ada@example.com", {}, {"role": "owner"}),
        ("person.added", "Flux", "bo@example.com", {}, {"role": "manager"}),
        ("person.role_changed", "Flux", "bo@example.com", {"role": "manager"}, {"role": "kitchen"}),
        ("person.removed", "Flux", "bo@example.com", {"role": "kitchen"}, {}),
    ]


def test_djangos_own_command_makes_platform_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="Root@example.com", interactive=False, stdout=StringIO())
    root = people.find("root@example.com")
    assert root is not None
    assert (root.is_staff, root.is_superuser, root.check_password(PASSWORD)) == (True, True, True)


def test_a_person_is_known_whatever_the_case_of_the_address() -> None:
    people.join("Ada@Example.com", PASSWORD)
    with pytest.raises(ValidationError):
        User(email="ADA@example.com").full_clean(exclude=["password"])


class TestTwoAtOnce:
    """Committed, in two threads."""

    @pytest.fixture(autouse=True)
    def _in_public(self) -> None:
        """Takes the place of the module's fixture, which runs in a transaction."""

    def test_the_second_is_told_that_the_slug_is_taken(self, committed: list[Restaurant]) -> None:
        meet = threading.Barrier(2, timeout=20)
        answers: list[str] = []

        def take() -> None:
            restaurant = Restaurant(slug="kantine", name="Kantine", **FACTS)
            check = restaurant.full_clean

            def find_it_free_together(**options: Any) -> None:
                check(**options)
                meet.wait()

            restaurant.full_clean = find_it_free_together  # type: ignore[method-assign]
            try:
                with as_owner():
                    provisioning.open_restaurant(restaurant)
                answers.append("open")
            except ValidationError as error:
                answers.append(error.message_dict["slug"][0])
            finally:
                connection.close()

        before = schemas()
        threads = [threading.Thread(target=take) for _ in range(2)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(answers) == ["open", "“kantine” is taken. Choose another one."]
            assert Schema.objects.spare(template.version()).count() == SPARES - 1
        finally:
            with as_owner():
                for restaurant in Restaurant.objects.filter(slug="kantine"):
                    provisioning.remove(restaurant)
        assert len(schemas()) == len(before) - 1  # that spare is gone with its restaurant
