"""Bringing many schemas up to date: the same result as Django's own migrate, whatever fails on the way."""

# ruff: noqa: S608 - schema names cannot be parameters

import contextvars
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import SUPERUSER, as_owner
from tenants.db import roles
from tenants.migrator import comparing, rendering, standing, waves
from tenants.migrator.sending import Sender
from tenants.migrator.standing import Schema
from tenants.models import Restaurant, UnfinishedMigration, new_schema_name
from tenants.tests.coming import coming

ADD_FIELD = 'migrations.AddField("ingredient", "allergens", models.CharField(max_length=50, default="none")),'
ADD_INDEX = (
    'migrations.AddIndex("ingredient", models.Index(fields=["allergens"], name="menu_ingredient_by_allergens")),'
)
QUICKLY = waves.Manner(
    backoff=timedelta(milliseconds=20),
    longest_backoff=timedelta(milliseconds=20),
    lock_timeout=timedelta(milliseconds=50),
)


def quiet(line: str) -> None:
    """Nobody listens."""


def sql(statement: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def schemas(committed: list[Restaurant]) -> Iterator[list[Schema]]:
    """Three schemas made from nothing by the migrator, and dropped again."""
    made = [Schema(new_schema_name(), slug) for slug in ("aubergine", "bean", "carrot")]
    with as_owner():
        try:
            for schema in made:
                sql("; ".join(roles.schema_statements(schema.schema_name)))
                sql(
                    f"CREATE TABLE {schema.schema_name}.django_migrations (LIKE public.django_migrations INCLUDING ALL)"
                )
            report = waves.run(made, waves.Manner(), say=quiet)
            assert (report.migrated, report.failed) == (3, {})
            yield made
        finally:
            for schema in made:
                sql(f"DROP SCHEMA {schema.schema_name} CASCADE; DROP ROLE {schema.schema_name}")
            UnfinishedMigration.objects.all().delete()


def run(schemas: list[Schema], manner: waves.Manner = QUICKLY) -> waves.Report:
    return waves.run(schemas, manner, say=quiet)


def by_django(schema: Schema) -> Schema:
    """The first of the schemas, brought up to date by Django's own migrate."""
    comparing.migrate_by_django(schema)
    return schema


def differences(first: Schema, *others: Schema) -> list[frozenset]:
    """What sets each of the others apart from the first."""
    facts = comparing.facts([first.schema_name, *(schema.schema_name for schema in others)])
    return [facts[first.schema_name] ^ facts[schema.schema_name] for schema in others]


def has_column(schema: Schema, column: str = "allergens") -> bool:
    found = "SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND column_name = %s"
    return bool(sql(found, schema.schema_name, column))


def notes() -> dict[str, tuple[str, int]]:
    return {
        noted.schema_name: (noted.error.splitlines()[0] if noted.error else "", noted.failures)
        for noted in UnfinishedMigration.objects.all()
    }


@contextmanager
def held(schema: Schema, table: str = "menu_ingredient") -> Iterator[None]:
    """Somebody is reading the table in a long transaction."""
    somebody = connection.copy()
    somebody.connect()
    with psycopg.Cursor(somebody.connection) as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE {schema.schema_name}.{table} IN ACCESS SHARE MODE")
    try:
        yield
    finally:
        somebody.close()


def test_schemas_come_out_as_by_djangos_own_migrate(schemas: list[Schema], tmp_path: Path) -> None:
    assert comparing.differences(schemas) == {}  # made from nothing, by all migrations that there are
    with coming(tmp_path, "menu", ADD_FIELD, ADD_INDEX):
        first, *others = schemas
        report = run(others)
        assert (report.migrated, report.is_complete) == (2, True)
        assert differences(by_django(first), *others) == [frozenset(), frozenset()]
        assert run(schemas) == waves.Report(up_to_date=3)


def test_verify_names_what_differs(schemas: list[Schema]) -> None:
    for change in (
        "DROP INDEX {}.pos_order_by_day",
        "ALTER TABLE {}.menu_menuitem ADD extra int",
        "ALTER TABLE {}.menu_menuitem DROP CONSTRAINT menu_menuitem_named",
        "GRANT SELECT ON {}.menu_menuitem TO PUBLIC",
        "DELETE FROM {}.django_migrations WHERE app = 'menu'",
    ):
        sql(change.format(schemas[1].schema_name))
    apart = comparing.differences(schemas)
    assert list(apart) == ["bean"]
    said = "\n".join(apart["bean"])
    for line in (
        "has no index pos_order pos_order_by_day CREATE INDEX",
        "has no constraint menu_menuitem menu_menuitem_named CHECK",
        "has no migration menu 0001_initial",
        "has column menu_menuitem extra integer",
        "has right menu_menuitem everybody SELECT",
    ):
        assert line in said


def test_who_is_behind_takes_two_queries(schemas: list[Schema]) -> None:
    for asked in (schemas[:1], schemas):
        with CaptureQueriesContext(connection) as queries:
            standing.find(asked)
        assert len(queries) == 2


def test_a_failure_is_noted_and_stops_no_other(schemas: list[Schema], tmp_path: Path) -> None:
    _, bean, carrot = schemas
    sql(
        f"INSERT INTO {bean.schema_name}.menu_ingredient (id, name, base_unit, created_at)"
        " VALUES (gen_random_uuid(), 'salt', 'g', now())"
    )
    no_salt = """migrations.AddConstraint("ingredient",
        models.CheckConstraint(condition=~models.Q(name="salt"), name="menu_ingredient_no_salt")),"""
    with coming(tmp_path, "menu", ADD_FIELD, no_salt):
        report = run(schemas)
        reason = 'check constraint "menu_ingredient_no_salt" of relation "menu_ingredient" is violated by some row'
        assert (report.migrated, report.failed) == (2, {"bean": f"menu.9001_coming: {reason}"})
        assert [has_column(schema) for schema in schemas] == [True, False, True]  # all of it, or nothing
        assert notes() == {bean.schema_name: (reason, 1)}
        run(schemas)
        assert notes() == {bean.schema_name: (reason, 2)}
        sql(f"DELETE FROM {bean.schema_name}.menu_ingredient")
        assert run(schemas) == waves.Report(up_to_date=2, migrated=1)
        assert notes() == {}
        assert differences(carrot, bean) == [frozenset()]


def test_a_canary_that_fails_stops_all(schemas: list[Schema], tmp_path: Path) -> None:
    manner = replace(QUICKLY, canaries=frozenset({"bean"}))
    sql(f"ALTER TABLE {schemas[1].schema_name}.menu_ingredient ADD allergens int")
    with coming(tmp_path, "menu", ADD_FIELD):
        report = run(schemas, manner)
    assert (report.migrated, report.left, report.stopped) == (0, 2, "a canary failed")
    assert [has_column(schema) for schema in schemas] == [False, True, False]


def test_too_many_failures_stop_after_their_wave(schemas: list[Schema], tmp_path: Path) -> None:
    manner = replace(QUICKLY, waves=(1, 1), most_failures=0)
    sql(f"ALTER TABLE {schemas[1].schema_name}.menu_ingredient ADD allergens int")
    with coming(tmp_path, "menu", ADD_FIELD):
        report = run(schemas, manner)
    assert (report.migrated, report.left, report.stopped) == (1, 1, "1 failed")


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        (waves.Manner(waves=(1,)), [(True, "a"), (False, "bcdef")]),
        (waves.Manner(waves=(2, 3)), [(True, "ab"), (False, "cde"), (False, "f")]),
        (waves.Manner(waves=(1, 2), canaries=frozenset("df")), [(True, "df"), (False, "ab"), (False, "ce")]),
        (waves.Manner(waves=(9,)), [(True, "abcdef")]),
    ],
)
def test_canaries_go_first(manner: waves.Manner, expected: list[tuple[bool, str]]) -> None:
    group = rendering.Group(tuple(Schema(f"r_{slug}", slug) for slug in "abcdef"), ())
    turns = [(is_canary, "".join(map(str, wave))) for is_canary, wave in waves.waves(group, manner)]
    assert turns == expected


def test_a_table_in_use_is_tried_again_while_others_go_on(
    schemas: list[Schema], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_are_through = threading.Event()

    def let_go(schema: Schema) -> None:
        with held(schema):
            holding.set()
            assert others_are_through.wait(10)

    holding = threading.Event()
    somebody = threading.Thread(target=contextvars.copy_context().run, args=[let_go, schemas[0]])
    somebody.start()
    assert holding.wait(10)
    send, tries = Sender.send, Counter()

    def watched(self: Sender, schema: Schema, step: rendering.Step) -> None:
        tries[schema.slug] += 1
        if tries["aubergine"] == 3:
            assert [has_column(schema) for schema in schemas] == [False, True, True]
            others_are_through.set()
            somebody.join()
        send(self, schema, step)

    monkeypatch.setattr(Sender, "send", watched)
    with coming(tmp_path, "menu", ADD_FIELD):
        report = run(schemas, replace(QUICKLY, waves=(3,), workers=1))
    assert report == waves.Report(migrated=3)
    assert tries == {"aubergine": 3, "bean": 1, "carrot": 1}


def test_a_table_in_use_for_too_long_is_a_failure(schemas: list[Schema], tmp_path: Path) -> None:
    with coming(tmp_path, "menu", ADD_FIELD):
        with held(schemas[1]):
            report = run(schemas, replace(QUICKLY, tries=2))
        assert report.failed == {"bean": "menu.9001_coming: canceling statement due to lock timeout"}
        assert run(schemas) == waves.Report(up_to_date=2, migrated=1)


def test_python_runs_in_each_schema_by_django(schemas: list[Schema], tmp_path: Path) -> None:
    add_salt = """migrations.RunPython(lambda apps, editor:
        apps.get_model("menu", "Ingredient").objects.create(name="Salt", base_unit="g")),"""
    with coming(tmp_path, "menu", ADD_FIELD, add_salt):
        step = waves.look(schemas).groups[0].steps[0]
        assert isinstance(step, rendering.ByDjango)
        assert run(schemas) == waves.Report(migrated=3)
        assert run(schemas) == waves.Report(up_to_date=3)
    for schema in schemas:
        assert sql(f"SELECT name, allergens FROM {schema.schema_name}.menu_ingredient") == [("Salt", "none")]


def test_what_depends_on_the_database_is_left_to_django(schemas: list[Schema], tmp_path: Path) -> None:
    with coming(tmp_path, "menu", 'migrations.RemoveField("recipeline", "ingredient"),'):
        steps = waves.look(schemas).groups[0].steps
        assert [str(step) for step in steps] == [
            "menu.9001_coming: by Django's executor, since it asks the database what to do"
        ]
        first, *others = schemas
        run(others)
        assert differences(by_django(first), *others) == [frozenset(), frozenset()]


def test_what_cannot_run_in_a_transaction_goes_on_where_it_stopped(schemas: list[Schema], tmp_path: Path) -> None:
    """The index is there but invalid, as after a crash; the field was added, and is not added again."""
    bean = schemas[1]
    bad = f"{tmp_path}/bad"
    break_once = f"""migrations.RunPython(lambda apps, editor: 1 / (
        editor.connection.schema_name != "{bean.schema_name}" or not __import__("os").path.exists("{bad}")
    )),"""
    index = 'AddIndexConcurrently("ingredient", models.Index(fields=["allergens"], name="menu_by_allergens")),'
    (tmp_path / "bad").touch()
    with coming(tmp_path, "menu", ADD_FIELD, break_once, index, atomic=False):
        report = run(schemas)
        assert report.failed == {"bean": "menu.9001_coming: division by zero"}
        assert UnfinishedMigration.objects.get().operations_done == 1
        (tmp_path / "bad").unlink()
        sql(f"CREATE INDEX menu_by_allergens ON {bean.schema_name}.menu_ingredient (allergens)")
        with as_owner(SUPERUSER):
            invalidate = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass"
            sql(invalidate, f"{bean.schema_name}.menu_by_allergens")
        assert run(schemas) == waves.Report(up_to_date=2, migrated=1)
        assert notes() == {}
        assert differences(*schemas) == [frozenset(), frozenset()]


def test_a_schema_that_is_not_there_is_named(schemas: list[Schema]) -> None:
    report = run([*schemas, Schema("r_gone", "gone")])
    assert report == waves.Report(up_to_date=3, failed={"gone": "The schema is not there."})


def test_a_schema_with_a_gap_in_its_history_is_named(schemas: list[Schema]) -> None:
    bean = schemas[1]
    sql(f"DELETE FROM {bean.schema_name}.django_migrations WHERE app = 'menu'")
    report = run(schemas)
    assert (report.up_to_date, list(report.failed)) == (2, ["bean"])
    assert "is applied before its dependency menu.0001_initial" in report.failed["bean"]


def test_a_second_migrator_is_told_of_the_first(committed: list[Restaurant]) -> None:
    told = r"Another migrator is at work on this database: server process \d+, since"
    with as_owner():
        with waves.alone(), pytest.raises(CommandError, match=told):
            command()
        assert command() == "0 migrated, 2 were up to date, 0 failed, 0 left alone"


def command(*args: str) -> str:
    out = StringIO()
    call_command("migrate_restaurants", *args, stdout=out, stderr=out)
    return out.getvalue().strip().rpartition(":")[0]
