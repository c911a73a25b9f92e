"""The linter of migrations: what it refuses, what it lets pass, and that the real ones pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from conftest import as_owner
from tenants.context import public_context
from tenants.migrator import linting
from tenants.tests.coming import coming

CONSTRAINT = 'models.CheckConstraint(condition=models.Q(position__gte=0), name="pos_orderline_counted")'
UNBOUND = 'models.ForeignKey("pos.order", models.PROTECT, null=True, db_constraint=False)'
UNIQUE = 'models.UniqueConstraint(fields=["position"], name="pos_orderline_alone")'


@pytest.fixture(autouse=True)
def _in_public(db: None) -> Iterator[None]:
    with public_context(), as_owner():
        yield


def findings(folder: Path, *operations: str, app: str = "pos", atomic: bool = True, allows: str = "{}") -> list[str]:
    """The codes of what is wrong with a migration of `operations`."""
    with coming(folder, app, *operations, atomic=atomic, allows=allows) as key:
        return [finding.code for finding in linted(key)]


def linted(key: tuple[str, str]) -> list[linting.Finding]:
    """What is wrong with the migration of that name, after all that come before it."""
    loader = MigrationLoader(None)
    return linting.lint(loader.graph.nodes[key], loader.project_state([key], at_end=False))


def test_the_real_migrations_pass() -> None:
    assert list(map(str, linting.lint_all())) == []


def test_every_table_called_big_is_there() -> None:
    loader = MigrationLoader(None)
    tables = {model._meta.db_table for model in loader.project_state().apps.get_models()}
    assert tables >= linting.BIG


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ('migrations.RemoveField("order", "opened_at"),', "drop"),
        ('migrations.RemoveField("order", "file"),', "drop"),
        ('migrations.DeleteModel("dailysales"),', "drop"),
        ('migrations.RunSQL("ALTER TABLE pos_connection DROP COLUMN name"),', "drop"),
        ('migrations.RunSQL([("DROP TABLE pos_connection", None)]),', "drop"),
        ('migrations.RunSQL("TRUNCATE TABLE pos_connection"),', "drop"),
        ('migrations.RenameField("order", "opened_at", "began_at"),', "rename"),
        ('migrations.RenameModel("order", "bill"),', "rename"),
        ('migrations.AlterModelTable("order", "bills"),', "rename"),
        ('migrations.RunSQL("ALTER TABLE pos_connection RENAME COLUMN name TO title"),', "rename"),
        ('migrations.AlterField("connection", "name", models.CharField(max_length=100)),', "type"),
        ('migrations.AlterField("dailysales", "quantity", models.DecimalField(decimal_places=4)),', "type"),
        ('migrations.AlterField("order", "opened_at", models.DateTimeField()),', "not-null"),
        ('migrations.AddField("connection", "rank", models.IntegerField(default=1)),', "default"),
        ('migrations.RunSQL("ALTER TABLE pos_connection ADD COLUMN rank integer NOT NULL"),', "default"),
        ('migrations.RunSQL("ALTER TABLE pos_connection ADD COLUMN k uuid DEFAULT gen_random_uuid()"),', "rewrite"),
        ('migrations.RunSQL("ALTER TABLE pos_connection ADD k bigint GENERATED ALWAYS AS IDENTITY"),', "rewrite"),
        (f'migrations.AddConstraint("orderline", {CONSTRAINT}),', "constraint"),
        (f'migrations.AddConstraint("orderline", {UNIQUE}),', "constraint"),
        ('migrations.AddIndex("orderline", models.Index(fields=["position"], name="pos_by_position")),', "index"),
        ('migrations.RunSQL("CREATE UNIQUE INDEX x ON pos_orderline (position)"),', "index"),
        ('migrations.RunSQL("UPDATE pos_orderline SET position = 1"),', "rows"),
        ('migrations.RunSQL("DELETE FROM pos_orderline WHERE position = 1"),', "rows"),
        ('migrations.RunSQL("ALTER TABLE t ADD CONSTRAINT a CHECK (x), ADD CONSTRAINT b CHECK (x)"),', "several"),
        ('migrations.RunSQL("CREATE TRIGGER t BEFORE UPDATE ON pos_order EXECUTE FUNCTION f()"),', "trigger"),
        (f'migrations.AlterField("orderline", "order", {UNBOUND}),', "unknown"),
        (
            "migrations.SeparateDatabaseAndState(database_operations=["
            'migrations.RunSQL("ALTER TABLE pos_connection DROP COLUMN name")]),',
            "drop",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(operation: str, code: str, tmp_path: Path) -> None:
    found = findings(tmp_path, operation)
    assert code in found
    reasons = dict.fromkeys(found, "Nothing has used it since the last release.")
    assert findings(tmp_path, operation, allows=repr(reasons)) == []


@pytest.mark.parametrize(
    "operation",
    [
        'migrations.AddField("orderline", "course", models.CharField(max_length=9, null=True)),',
        'migrations.AddField("orderline", "course", models.CharField(max_length=9, db_default="")),',
        'migrations.AlterField("connection", "name", models.CharField(max_length=200)),',
        'migrations.AlterField("connection", "name", models.TextField()),',
        'migrations.AlterField("dailysales", "quantity", models.DecimalField(max_digits=14, decimal_places=3)),',
        'migrations.AddIndex("connection", models.Index(fields=["name"], name="pos_connection_by_name")),',
        'migrations.RunSQL("DROP INDEX IF EXISTS pos_order_by_day"),',
        'migrations.RunSQL("ALTER TABLE pos_connection ALTER COLUMN name DROP NOT NULL"),',
        'migrations.RunPython(migrations.RunPython.noop),',
        'migrations.CreateModel("Till", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())],'
        ' options={"indexes": [models.Index(fields=["name"], name="pos_till_by_name")]}),',
        'migrations.AlterModelOptions("order", {"ordering": ["id"]}),',
    ],
)  # fmt: skip
def test_what_passes(operation: str, tmp_path: Path) -> None:
    assert findings(tmp_path, operation) == []


def test_what_holds_nobody_up_passes_on_a_big_table(tmp_path: Path) -> None:
    index = 'AddIndexConcurrently("orderline", models.Index(fields=["position"], name="pos_by_position")),'
    assert findings(tmp_path, index, atomic=False) == []
    unchecked = f'AddConstraintNotValid("orderline", {CONSTRAINT}),'
    assert findings(tmp_path, unchecked) == []


def test_python_beside_a_change_of_tables(tmp_path: Path) -> None:
    field = 'migrations.AddField("orderline", "course", models.CharField(max_length=9, null=True)),'
    python = "migrations.RunPython(migrations.RunPython.noop),"
    assert findings(tmp_path, field, python) == ["python"]
    assert findings(tmp_path, field, python, atomic=False) == []


def test_a_public_migration_is_looked_at_as_well(tmp_path: Path) -> None:
    assert findings(tmp_path, 'migrations.RemoveField("restaurant", "subdivision"),', app="tenants") == ["drop"]


@pytest.mark.parametrize("allows", ["{'drop': 'unused'}", "{'rename': 'Nothing has used it since the last release.'}"])
def test_a_reason_that_says_nothing_or_is_for_nothing(allows: str, tmp_path: Path) -> None:
    drop = 'migrations.RemoveField("order", "opened_at"),'
    assert findings(tmp_path, drop, allows=allows)[0] == "drop"
    assert findings(tmp_path, drop, allows=allows)[1:] == (["rename"] if "rename" in allows else [])


def test_the_message_says_where_what_and_what_to_do(tmp_path: Path) -> None:
    with coming(tmp_path, "pos", 'migrations.RemoveField("order", "opened_at"),') as key:
        (finding,) = linted(key)
    assert str(finding).endswith(
        "9001_coming.py: Remove field opened_at from order takes away what the release before still reads (drop). "
        "Stop using it in one release, drop it in a later one, with a reason in `allows`."
    )
