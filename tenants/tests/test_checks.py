"""What keeps a restaurant's schema movable: each rule with a model that breaks it, and the real ones, which do not."""

# ruff: noqa: DJ008, N806 - models for a moment

from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.db import connection, models
from django.test.utils import isolate_apps

from conftest import SUPERUSER, as_owner
from tenants import checks
from tenants.models import Restaurant

OUTSIDE_OF_A_SCHEMA = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint JOIN pg_class target ON target.oid = confrelid
    WHERE contype = 'f' AND target.relnamespace <> connamespace AND %s IN (connamespace::regnamespace::text,
        target.relnamespace::regnamespace::text)
    """
WITHOUT_A_KEY = """
    SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
    """
TRIGGERS = """
    SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = %s::regnamespace AND NOT tgisinternal
    """
NOT_IDENTITY = """
    SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'S'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'i')
    """
IN_PUBLIC_TOO = """
    SELECT ours.relname FROM pg_class ours JOIN pg_class theirs USING (relname)
    WHERE ours.relnamespace = %s::regnamespace AND theirs.relnamespace = 'public'::regnamespace AND ours.relkind = 'r'
    """


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with isolate_apps("menu", "tenants"):
        yield


def found(restaurants: list[type[models.Model]], public: list[type[models.Model]]) -> list[tuple[str, str]]:
    return [(str(error.id), error.msg) for error in checks.violations(restaurants, public)]


def person() -> type[models.Model]:
    class Person(models.Model):
        class Meta:
            app_label = "tenants"

    return Person


def test_the_real_models_keep_every_rule() -> None:
    assert [error for error in run_checks() if str(error.id).startswith("tenants.")] == []


def test_a_foreign_key_out_of_the_schema() -> None:
    Person = person()

    class Shift(models.Model):
        cook = models.ForeignKey(Person, models.CASCADE)
        helper = models.ForeignKey(Person, models.CASCADE, db_constraint=False, related_name="+")
        after = models.ForeignKey("self", models.CASCADE)

        class Meta:
            app_label = "menu"

    message = "menu.Shift.cook leaves the restaurant's schema: its foreign key refers to tenants.Person."
    assert found([Shift], [Person]) == [("tenants.E001", message)]


def test_a_foreign_key_between_two_others() -> None:
    Person = person()

    class Shift(models.Model):
        cooks = models.ManyToManyField(Person)

        class Meta:
            app_label = "menu"

    assert [code for code, _ in found([Shift, Shift.cooks.through], [Person])] == ["tenants.E001"]


def test_a_foreign_key_into_the_schema() -> None:
    class Shift(models.Model):
        class Meta:
            app_label = "menu"

    class Person(models.Model):
        shift = models.ForeignKey(Shift, models.CASCADE)

        class Meta:
            app_label = "tenants"

    message = "tenants.Person.shift leads into a restaurant's schema: its foreign key refers to menu.Shift."
    assert found([Shift], [Person]) == [("tenants.E002", message)]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (models.AutoField(primary_key=True), "AutoField"),
        (models.CharField(primary_key=True, max_length=9), "CharField"),
        (models.DateTimeField(primary_key=True), "DateTimeField"),
        (models.PositiveSmallIntegerField(primary_key=True), "PositiveSmallIntegerField"),
    ],
)
def test_a_key_that_cannot_move(key: models.Field, name: str) -> None:
    class Shift(models.Model):
        id = key

        class Meta:
            app_label = "menu"

    class Pause(models.Model):
        shift = models.OneToOneField(Shift, models.CASCADE, primary_key=True)

        class Meta:
            app_label = "menu"

    assert found([Shift, Pause], []) == [
        ("tenants.E003", f"menu.{model} has no key that may move: {name}.") for model in ("Shift", "Pause")
    ]


@pytest.mark.parametrize("key", [models.BigAutoField, models.UUIDField, models.DateField])
def test_a_key_that_may_move(key: type[models.Field]) -> None:
    class Shift(models.Model):
        id = key(primary_key=True)

        class Meta:
            app_label = "menu"

    assert found([Shift], []) == []


def test_a_table_that_flux_does_not_make() -> None:
    class Shift(models.Model):
        class Meta:
            app_label = "menu"
            managed = False

    assert [code for code, _ in found([Shift], [])] == ["tenants.E003"]


def test_a_name_that_public_has_too() -> None:
    Person = person()

    class Shift(models.Model):
        class Meta:
            app_label = "menu"
            db_table = "tenants_person"

    message = "The table tenants_person is in every restaurant's schema and, of tenants.Person, in public too."
    assert found([Shift], [Person]) == [("tenants.E004", message)]


@pytest.mark.parametrize("table", ['public"."shift', "public.shift", "pg_shift"])
def test_a_name_that_points_elsewhere(table: str) -> None:
    class Shift(models.Model):
        class Meta:
            app_label = "menu"
            db_table = table

    assert [code for code, _ in found([Shift], [])] == ["tenants.E005"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "breach"),
    [
        (OUTSIDE_OF_A_SCHEMA, "ALTER TABLE menu_menuitem ADD by uuid REFERENCES public.tenants_user"),
        (WITHOUT_A_KEY, "ALTER TABLE office_closure DROP CONSTRAINT office_closure_pkey"),
        (
            TRIGGERS,
            "CREATE TRIGGER t BEFORE UPDATE ON menu_menuitem FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        (NOT_IDENTITY, "CREATE SEQUENCE numbers"),
        (IN_PUBLIC_TOO, "CREATE TABLE tenants_user (id bigint PRIMARY KEY)"),
    ],
)
def test_the_schemas_keep_the_rules_and_a_breach_would_be_seen(
    restaurant: Restaurant, other_restaurant: Restaurant, query: str, breach: str
) -> None:
    def look(schema: str) -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(query, [schema])
            return {row[0] for row in cursor.fetchall()} - {"django_migrations"}

    assert look(restaurant.schema_name) == look(other_restaurant.schema_name) == set()
    with as_owner(SUPERUSER), connection.cursor() as cursor:
        cursor.execute(breach)
    assert len(look(restaurant.schema_name)) == 1
