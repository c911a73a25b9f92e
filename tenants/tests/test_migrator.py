"""Bringing many schemas up to date: the same result as Django's own migrate, whatever fails on the way."""

# ruff: noqa: S608 - schema names cannot be parameters

import contextvars
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext

from conftest import SUPERUSER, as_owner, own_process
from tenants import provisioning, template
from tenants.db import roles
from tenants.migrator import comparing, rendering, sending, standing, waves
from tenants.migrator.sending import Sender
from tenants.migrator.standing import Target
from tenants.models import Restaurant, UnfinishedMigration
from tenants.tests.coming import coming, write

ADD_FIELD = 'migrations.AddField("ingredient", "allergens", models.CharField(max_length=50, default="none")),'
ADD_INDEX = (
    'migrations.AddIndex("ingredient", models.Index(fields=["allergens"], name="menu_ingredient_by_allergens")),'
)
QUICKLY = waves.Manner(
    backoff=timedelta(milliseconds=20),
    longest_backoff=timedelta(milliseconds=20),
    lock_timeout=timedelta(milliseconds=50),
)


SLOW = """\
import os, pathlib, time

here = pathlib.Path(__file__).parent


def run(schema):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(schema + "\\n")
    endless = here / "endless"
    while endless.exists() and endless.read_text() == schema:
        time.sleep(0.02)
"""


def quiet(line: str) -> None:
    """Nobody listens."""


def sql(statement: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def schemas(committed: list[Restaurant]) -> Iterator[list[Target]]:
    """Three schemas of the current version, as restaurants with these names would have."""
    made: list[Target] = []
    with as_owner():
        try:
            made.extend(Target(provisioning.make_schema().name, slug) for slug in ("aubergine", "bean", "carrot"))
            yield made
        finally:
            for schema in made:
                provisioning.drop_schema(schema.schema_name)
            UnfinishedMigration.objects.all().delete()


def empty(schema: Target) -> None:
    """Leave the schema with its role and its rights, and without any table but an empty one of migrations."""
    name = schema.schema_name
    provisioning.drop_schema(name)
    sql("; ".join(roles.schema_statements(name)))
    sql(f"CREATE TABLE {name}.django_migrations (LIKE public.django_migrations INCLUDING ALL)")


def run(schemas: list[Target], manner: waves.Manner = QUICKLY) -> waves.Report:
    return waves.run(schemas, manner, say=quiet)


def by_django(schema: Target) -> Target:
    """The first of the schemas, brought up to date by Django's own migrate."""
    comparing.migrate_by_django(schema)
    return schema


def differences(first: Target, *others: Target) -> list[frozenset]:
    """What sets each of the others apart from the first."""
    facts = comparing.facts([first.schema_name, *(schema.schema_name for schema in others)])
    return [facts[first.schema_name] ^ facts[schema.schema_name] for schema in others]


def has_column(schema: Target, column: str = "allergens") -> bool:
    found = "SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND column_name = %s"
    return bool(sql(found, schema.schema_name, column))


@contextmanager
def three_restaurants() -> Iterator[list[Restaurant]]:
    """Made in earnest, for other processes to find; `public` forgets the migration that they had."""
    made: list[Restaurant] = []
    try:
        for slug in ("aubergine", "bean", "carrot"):
            facts = {"timezone": "Europe/Paris", "currency": "EUR", "country": "FR"}
            made.append(provisioning.open_restaurant(Restaurant(slug=slug, name=slug.title(), **facts)))
        yield made
    finally:
        for restaurant in made:
            provisioning.remove(restaurant)
        sql("DELETE FROM django_migrations WHERE name = '9001_coming'")
        UnfinishedMigration.objects.all().delete()


def notes() -> dict[str, tuple[str, int]]:
    return {
        noted.schema_name: (noted.error.splitlines()[0] if noted.error else "", noted.failures)
        for noted in UnfinishedMigration.objects.all()
    }


@contextmanager
def held(schema: Target, table: str = "menu_ingredient") -> Iterator[None]:
    """Somebody is reading the table in a long transaction."""
    somebody = connection.copy()
    somebody.connect()
    with psycopg.Cursor(somebody.connection) as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE {schema.schema_name}.{table} IN ACCESS SHARE MODE")
    try:
        yield
    finally:
        somebody.close()


def test_schemas_come_out_as_by_djangos_own_migrate(schemas: list[Target], tmp_path: Path) -> None:
    empty(schemas[0])
    assert run(schemas) == waves.Report(up_to_date=2, migrated=1)
    assert comparing.differences(schemas) == {}
    with coming(tmp_path, "menu", ADD_FIELD, ADD_INDEX):
        first, *others = schemas
        report = run(others)
        assert (report.migrated, report.is_complete) == (2, True)
        assert differences(by_django(first), *others) == [frozenset(), frozenset()]
        assert run(schemas) == waves.Report(up_to_date=3)


def test_a_squashed_migration_is_noted_as_django_notes_it(schemas: list[Target], tmp_path: Path) -> None:
    """Where all that it stands for has been applied, and where nothing has."""
    bare = Target(provisioning.make_schema().name, "dill")
    try:
        for schema in (schemas[2], bare):
            empty(schema)
        names = sorted(name for app, name in MigrationLoader(None).graph.nodes if app == "menu")
        both = [f'*__import__("menu.migrations.{name}", fromlist=["x"]).Migration.operations,' for name in names]
        with coming(tmp_path, "menu", *both, squashes=True):
            assert run([schemas[1], schemas[2]]) == waves.Report(migrated=2)
            assert differences(by_django(schemas[0]), schemas[1]) == [frozenset()]
            assert differences(by_django(bare), schemas[2]) == [frozenset()]
            recorded = "SELECT count(*) FROM {}.django_migrations WHERE name = '9001_coming'"
            assert [sql(recorded.format(schema.schema_name)) for schema in schemas] == [[(1,)]] * 3
            assert run([*schemas, bare]) == waves.Report(up_to_date=4)
    finally:
        provisioning.drop_schema(bare.schema_name)


def test_verify_names_what_differs(schemas: list[Target]) -> None:
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


def test_who_is_behind_takes_two_queries(schemas: list[Target]) -> None:
    for asked in (schemas[:1], schemas):
        with CaptureQueriesContext(connection) as queries:
            standing.find(asked)
        assert len(queries) == 2


def test_a_failure_is_noted_and_stops_no_other(schemas: list[Target], tmp_path: Path) -> None:
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


def test_a_canary_that_fails_stops_all(schemas: list[Target], tmp_path: Path) -> None:
    manner = replace(QUICKLY, canaries=frozenset({"bean"}))
    sql(f"ALTER TABLE {schemas[1].schema_name}.menu_ingredient ADD allergens int")
    with coming(tmp_path, "menu", ADD_FIELD):
        report = run(schemas, manner)
    assert (report.migrated, report.left, report.stopped) == (0, 2, "a canary failed")
    assert [has_column(schema) for schema in schemas] == [False, True, False]


def test_too_many_failures_stop_after_their_wave(schemas: list[Target], tmp_path: Path) -> None:
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
    group = rendering.Group(tuple(Target(f"r_{slug}", slug) for slug in "abcdef"), ())
    turns = [(is_canary, "".join(map(str, wave))) for is_canary, wave in waves.waves(group, manner)]
    assert turns == expected


def test_a_table_in_use_is_tried_again_while_others_go_on(
    schemas: list[Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_are_through = threading.Event()

    def let_go(schema: Target) -> None:
        with held(schema):
            holding.set()
            assert others_are_through.wait(10)

    holding = threading.Event()
    somebody = threading.Thread(target=contextvars.copy_context().run, args=[let_go, schemas[0]])
    somebody.start()
    assert holding.wait(10)
    send, tries = Sender.send, Counter()

    def watched(self: Sender, schema: Target, step: rendering.Step) -> None:
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


def test_a_table_in_use_for_too_long_is_a_failure(schemas: list[Target], tmp_path: Path) -> None:
    with coming(tmp_path, "menu", ADD_FIELD):
        with held(schemas[1]):
            report = run(schemas, replace(QUICKLY, tries=2))
        assert report.failed == {"bean": "menu.9001_coming: canceling statement due to lock timeout"}
        assert run(schemas) == waves.Report(up_to_date=2, migrated=1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_lost_is_made_anew(
    when: str, schemas: list[Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only the answer was lost: what has been committed is not sent again."""
    send, tries = Sender.send, Counter()

    def cut_short(self: Sender, schema: Target, step: rendering.Step) -> None:
        tries[schema.slug] += 1
        if when == "after":
            send(self, schema, step)
        if schema.slug == "bean" and tries["bean"] == 1:
            with as_owner(SUPERUSER):
                sql("SELECT pg_terminate_backend(pg_backend_pid())")
        if when == "before":
            send(self, schema, step)

    monkeypatch.setattr(Sender, "send", cut_short)
    with coming(tmp_path, "menu", ADD_FIELD):
        assert run(schemas) == waves.Report(migrated=3)
    assert tries["bean"] == (2 if when == "before" else 1)


def test_a_failure_without_a_word_is_noted_by_its_kind(schemas: list[Target], tmp_path: Path) -> None:
    silent = "migrations.RunPython(lambda apps, editor: next(iter(()))),"
    with coming(tmp_path, "menu", silent):
        assert run(schemas[:1]).failed == {"aubergine": "menu.9001_coming: StopIteration"}
        assert notes() == {schemas[0].schema_name: ("StopIteration", 1)}


def test_python_runs_in_each_schema_by_django(schemas: list[Target], tmp_path: Path) -> None:
    add_salt = """migrations.RunPython(lambda apps, editor:
        apps.get_model("menu", "Ingredient").objects.create(name="Salt", base_unit="g")),"""
    with coming(tmp_path, "menu", ADD_FIELD, add_salt):
        step = waves.look(schemas).groups[0].steps[0]
        assert isinstance(step, rendering.ByDjango)
        assert run(schemas) == waves.Report(migrated=3)
        assert run(schemas) == waves.Report(up_to_date=3)
    for schema in schemas:
        assert sql(f"SELECT name, allergens FROM {schema.schema_name}.menu_ingredient") == [("Salt", "none")]


def test_what_depends_on_the_database_is_left_to_django(schemas: list[Target], tmp_path: Path) -> None:
    with coming(tmp_path, "menu", 'migrations.RemoveField("recipeline", "ingredient"),'):
        steps = waves.look(schemas).groups[0].steps
        assert [str(step) for step in steps] == [
            "menu.9001_coming: by Django's executor, since it asks the database what to do"
        ]
        first, *others = schemas
        run(others)
        assert differences(by_django(first), *others) == [frozenset(), frozenset()]


def test_what_cannot_run_in_a_transaction_goes_on_where_it_stopped(schemas: list[Target], tmp_path: Path) -> None:
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


def test_a_schema_that_vanishes_meanwhile_is_no_failure(
    schemas: list[Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a spare of the version before, which upkeep removes."""
    look = waves.look

    def then_it_goes(asked: list[Target]) -> waves.Outlook:
        outlook = look(asked)
        provisioning.drop_schema(schemas[1].schema_name)
        return outlook

    monkeypatch.setattr(waves, "look", then_it_goes)
    with coming(tmp_path, "menu", ADD_FIELD):
        assert run(schemas) == waves.Report(migrated=2)


def test_the_version_that_is_noted_is_believed_unless_asked_otherwise(
    committed: list[Restaurant], tmp_path: Path
) -> None:
    def noted() -> list[Target]:
        return [schema for schema in standing.everything() if schema.schema_name == spare.name]

    with as_owner():
        spare = provisioning.make_schema()
        try:
            assert standing.current_version() == template.version() == spare.version
            with coming(tmp_path, "menu", ADD_FIELD):
                assert run(noted()) == waves.Report(migrated=1)
                spare.refresh_from_db()
                assert spare.version == standing.current_version() != template.version()
                sql(f"DELETE FROM {spare.name}.django_migrations WHERE name = '9001_coming'")
                assert run(noted()) == waves.Report(up_to_date=1)
                thorough = [replace(schema, version="") for schema in noted()]
                assert waves.look(thorough).groups[0].keys == (("menu", "9001_coming"),)
        finally:
            provisioning.drop_schema(spare.name)


def test_killed_in_the_middle_it_goes_on_where_it_stopped(committed: list[Restaurant], tmp_path: Path) -> None:
    """Three restaurants, a migration of three operations: the second one in the second restaurant never ends."""
    note = """migrations.RunPython(lambda apps, editor: __import__("slow").run(editor.connection.schema_name)),"""
    index = 'AddIndexConcurrently("ingredient", models.Index(fields=["allergens"], name="menu_by_allergens")),'
    package = write(tmp_path, "menu", ADD_FIELD, note, index, atomic=False)
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "coming_settings.py").write_text(
        f"from flux.settings import *\nMIGRATION_MODULES = {{'menu': {package!r}}}\n"
    )
    log = tmp_path / "log"
    environ = own_process() | {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "coming_settings"}
    environ["NOTES"] = str(log)
    with as_owner(), three_restaurants() as made:
        names = [restaurant.schema_name for restaurant in made]
        asked = [f"--restaurant={restaurant.slug}" for restaurant in made]
        go = [sys.executable, "manage.py", "migrate_restaurants", *asked, "--workers=1"]
        (tmp_path / "endless").write_text(names[1])
        with subprocess.Popen(go, cwd=settings.BASE_DIR, env=environ) as first:
            while not (log.exists() and log.read_text().split() == names[:2]):
                assert first.poll() is None
                time.sleep(0.02)
            first.kill()
        unfinished = UnfinishedMigration.objects.get()
        assert (unfinished.schema_name, unfinished.operations_done) == (names[1], 1)
        (tmp_path / "endless").unlink()
        done = subprocess.run(go, cwd=settings.BASE_DIR, env=environ, check=True, capture_output=True, text=True)
        assert "2 migrated, 1 were up to date, 0 failed" in done.stdout
        assert log.read_text().split() == [names[0], names[1], names[1], names[2]]
        assert not UnfinishedMigration.objects.exists()
        first_facts, *others = comparing.facts(names).values()
        assert others == [first_facts, first_facts]
        assert ("column", "menu_ingredient", "allergens") in {fact[:3] for fact in first_facts}


def test_a_schema_that_is_not_there_is_named(schemas: list[Target]) -> None:
    report = run([*schemas, Target("r_gone", "gone")])
    assert report == waves.Report(up_to_date=3, failed={"gone": "The schema is not there."})


def test_a_schema_with_a_gap_in_its_history_is_named(schemas: list[Target]) -> None:
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
        assert command() == f"0 migrated, {len(standing.everything())} were up to date, 0 failed, 0 left alone"


def test_the_plan_says_what_would_be_done_and_does_nothing(schemas: list[Target], tmp_path: Path) -> None:
    sending.note_failure(schemas[1], rendering.Replay((("menu", "9001_coming"),), "", ""), ValueError("no such luck"))
    everything = len(standing.everything())
    with coming(tmp_path, "menu", ADD_FIELD):
        said = command("--plan", "--canary=trattoria", "--waves=1,2", "-v2").splitlines()
        assert said[0] == "public lacks menu.9001_coming"
        assert said[1].startswith(
            f"unfinished in {schemas[1].schema_name}: 0 operations done, 1 failures: no such luck"
        )
        assert said[2:5] == [
            "0 are up to date",
            f"{everything} have to take these steps:",
            "  menu.9001_coming: 2 statements",
        ]
        assert said[5].startswith('ALTER TABLE "menu_ingredient" ADD COLUMN "allergens" varchar(50)')
        assert said[7] == f"  in this order: trattoria; then 2; then {everything - 3}"
        assert not any(has_column(schema) for schema in standing.everything())


def test_one_that_nobody_knows_is_refused(committed: list[Restaurant]) -> None:
    with as_owner(), pytest.raises(CommandError, match=r"There is no restaurant nowhere\."):
        command("--plan", "--restaurant=nowhere")


def command(*args: str) -> str:
    """What it says, without the seconds at the end."""
    out = StringIO()
    call_command("migrate_restaurants", *args, stdout=out, stderr=out)
    return re.sub(r": [\d.]+ s$", "", out.getvalue().strip())
