"""Refuse migrations that a running Flux would feel: expand first, contract a release later, hold no table for long.

While a release is rolled out, the code of the release before works on the new schema, in every restaurant, and each
migration runs once per restaurant. So a migration adds, and what it adds may be left out by code that does not know it.
The SQL that Django writes for each operation is looked at, not the operation alone.

A migration that takes away what no code uses any more says so, with a reason:

    class Migration(migrations.Migration):
        allows = {"drop": "menu.Ingredient.colour has not been read since 0.4, which is everywhere."}
"""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.operations import NotInTransactionMixin
from django.db import connection, models
from django.db.migrations import (
    AlterField,
    AlterModelTable,
    CreateModel,
    DeleteModel,
    Migration,
    RemoveField,
    RenameField,
    RenameModel,
    RunPython,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.context import public_context, restaurant_context
from tenants.migrator.rendering import CannotRender, no_questions
from tenants.migrator.standing import Target

# Tables that grow with every sale, forecast or change: to read all of one takes longer than a guest waits.
BIG = frozenset(
    {
        "forecasting_forecast",
        "office_auditentry",
        "pos_dailysales",
        "pos_order",
        "pos_orderline",
        "procurement_stockmovement",
    }
)
# Written before these rules, and applied since: not looked at.
BASELINE = frozenset({"office.0002_job_signs_of_life", "tenants.0002_people_and_tablets"})
SHORTEST_REASON = 20  # characters


@dataclass(frozen=True)
class Change:
    """One operation of a migration, and what Django makes of it; `sql` is None where that depends on the database."""

    app_label: str
    operation: Operation
    sql: tuple[str, ...] | None
    before: ProjectState
    new_tables: frozenset[str]  # made by the same migration: nobody uses them yet
    has_neighbours: bool  # in a transaction with others

    def on_old_tables(self, pattern: str, *, big: bool = False) -> Iterator[re.Match[str]]:
        """Where `pattern` occurs in a statement about a table that was there before (and is big)."""
        for statement in self.sql or ():
            table = TABLE.search(statement)
            name = table["name"] if table else ""
            if name not in self.new_tables and (not big or name in BIG):
                yield from re.finditer(pattern, statement, re.I | re.S)


TABLE = re.compile(
    r"""\b(?:TABLE|INDEX(?:\ CONCURRENTLY)?\ [\w"]+\ ON|UPDATE|FROM|INTO)\s+(?:IF\ EXISTS\ |ONLY\ )*"?(?P<name>\w+)""",
    re.I | re.X,
)
VOLATILE = r"random\(|gen_random_uuid\(|uuidv[47]\(|uuid_generate_|clock_timestamp\(|timeofday\(|nextval\("


@dataclass(frozen=True)
class Rule:
    """What is refused, and what to do instead."""

    code: str
    what: str
    instead: str
    is_broken_by: Callable[[Change], bool]


def _takes_away(change: Change) -> bool:
    taken = r"\bDROP (TABLE|COLUMN|SCHEMA)\b|\bTRUNCATE\b"
    return isinstance(change.operation, RemoveField | DeleteModel) or any(change.on_old_tables(taken))


def _renames(change: Change) -> bool:
    renamed = r"^\s*ALTER TABLE\b(?!.*\bRENAME CONSTRAINT\b).*\bRENAME\b"
    return isinstance(change.operation, RenameField | RenameModel | AlterModelTable) or any(
        change.on_old_tables(renamed)
    )


def _changes_type(change: Change) -> bool:
    return any(change.on_old_tables(r'\bALTER COLUMN "?\w+"? (SET DATA )?TYPE\b')) and not _widens(change)


def _widens(change: Change) -> bool:
    """Whether the column only takes more than before, which PostgreSQL does without reading a row."""
    operation = change.operation
    if not isinstance(operation, AlterField):
        return False
    old = change.before.models[change.app_label, operation.model_name_lower].fields[operation.name]
    new = operation.field
    if isinstance(old, models.DecimalField) and isinstance(new, models.DecimalField):
        return old.decimal_places == new.decimal_places and _at_least(new.max_digits, old.max_digits)
    if not isinstance(old, models.CharField):
        return False
    is_longer = isinstance(new, models.CharField) and _at_least(new.max_length, old.max_length)
    return is_longer or isinstance(new, models.TextField)


def _at_least(new: int | None, old: int | None) -> bool:
    return new is None or (old is not None and new >= old)


def _demands_a_value(change: Change) -> bool:
    """A column that old code, which leaves it out, cannot write a row without."""
    for added in change.on_old_tables(r'\bADD COLUMN "?(\w+)"? (?P<facts>.*)'):
        dropped = any(re.search(rf'"{added[1]}" DROP DEFAULT', statement) for statement in change.sql or ())
        has_default = re.search(r"\bDEFAULT\b|\bGENERATED\b", added["facts"]) and not dropped
        if "NOT NULL" in added["facts"] and not has_default:
            return True
    return False


def _runs_python_beside_ddl(change: Change) -> bool:
    return isinstance(change.operation, RunPython) and change.has_neighbours


def _cannot_be_judged(change: Change) -> bool:
    return change.sql is None and not _takes_away(change) and not _renames(change)


def _has(pattern: str, *, big: bool = False) -> Callable[[Change], bool]:
    return lambda change: any(change.on_old_tables(pattern, big=big))


RULES = (
    Rule(
        "drop",
        "takes away what the release before still reads",
        "Stop using it in one release, drop it in a later one, with a reason in `allows`.",
        _takes_away,
    ),
    Rule(
        "rename",
        "renames what the release before knows by its old name",
        "Keep the old name in the database (db_column, db_table), or add the new one and fill it.",
        _renames,
    ),
    Rule(
        "type",
        "changes a column's type, which rewrites the table while nobody can use it",
        "Add a column of the new type, fill it in batches, read it in the next release, and drop the old one then.",
        _changes_type,
    ),
    Rule(
        "not-null",
        "makes a column required, which reads the whole table while nobody can use it, and old code may leave it empty",
        "Add CHECK (… IS NOT NULL) NOT VALID, fill it, validate the check in a later migration, and then set it.",
        _has(r"\bSET NOT NULL\b"),
    ),
    Rule(
        "default",
        "adds a column that code of the release before cannot leave out",
        "Give it a db_default, which stays in the database, or null=True.",
        _demands_a_value,
    ),
    Rule(
        "rewrite",
        "computes a value for each row that there is, and rewrites the table while nobody can use it",
        "Add the column without a value, fill it in batches, then give it the default.",
        _has(rf"\bADD\b.*(\bDEFAULT\b.*({VOLATILE})|\bSTORED\b|\bAS IDENTITY\b)"),
    ),
    Rule(
        "constraint",
        "checks every row of a big table while nobody can write to it",
        "AddConstraintNotValid and, in a later migration, ValidateConstraint; for UNIQUE, an index made CONCURRENTLY.",
        _has(r"\bADD CONSTRAINT\b(?!.*(\bNOT VALID\b|\bUSING INDEX\b))", big=True),
    ),
    Rule(
        "index",
        "indexes a big table while nobody can write to it",
        "AddIndexConcurrently, in a migration with atomic = False.",
        _has(r"^\s*CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)", big=True),
    ),
    Rule(
        "rows",
        "changes the rows of a big table in one transaction",
        "RunPython in a migration of its own with atomic = False, which takes a batch at a time and may run twice.",
        _has(r"^\s*(UPDATE|DELETE FROM|INSERT INTO)\b", big=True),
    ),
    Rule(
        "several",
        "has several constraints in one ALTER TABLE, which a sharded database refuses",
        "One ALTER TABLE for each.",
        _has(r"\bADD CONSTRAINT\b.*\bADD CONSTRAINT\b"),
    ),
    Rule(
        "trigger",
        "makes something that does work of its own in the database: no restaurant could be moved with it",
        "Do it in the verb that writes.",
        _has(r"^\s*CREATE (OR REPLACE )?(CONSTRAINT )?(TRIGGER|FUNCTION|PROCEDURE|RULE|EVENT TRIGGER)\b"),
    ),
    Rule(
        "python",
        "runs Python in one transaction with changes of tables, which stay locked until it ends",
        "A migration of its own for the rows.",
        _runs_python_beside_ddl,
    ),
    Rule(
        "unknown",
        "asks the database what to do, so nobody can see beforehand what it does",
        "Write the SQL (RunSQL with state_operations), or give the reason why it is harmless in `allows`.",
        _cannot_be_judged,
    ),
)


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong with one operation of a migration, or with what the migration `allows`."""

    file: str
    operation: str
    code: str
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}: {self.operation} {self.what} ({self.code}). {self.instead}"


def lint_all() -> list[Finding]:
    """What is wrong with the migrations of Flux's own apps, except those that were there before these rules."""
    loader = MigrationLoader(None)
    state = ProjectState(real_apps=loader.unmigrated_apps)
    ours = own_apps()
    found: list[Finding] = []
    for app_label, name in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
        migration = loader.graph.nodes[app_label, name]
        if app_label in ours and f"{app_label}.{name}" not in BASELINE:
            found += lint(migration, state)
        state = migration.mutate_state(state, preserve=False)
    return found


def own_apps() -> set[str]:
    """The labels of the apps whose migrations are written here."""
    root = Path(settings.BASE_DIR)
    return {
        config.label
        for config in apps.get_app_configs()
        if Path(config.path).is_relative_to(root) and not Path(config.path).is_relative_to(root / ".venv")
    }


def lint(migration: Migration, state: ProjectState) -> list[Finding]:
    """What is wrong with `migration`, which comes after `state`."""
    allows: dict[str, str] = getattr(migration, "allows", {})
    file = Path(inspect.getfile(type(migration)))
    place = str(file.relative_to(settings.BASE_DIR)) if file.is_relative_to(settings.BASE_DIR) else str(file)
    found = [
        Finding(place, change.operation.describe(), rule.code, rule.what, rule.instead)
        for change in changes(migration, state.clone())
        for rule in RULES
        if rule.is_broken_by(change)
    ]
    broken = {finding.code for finding in found}
    refused = [finding for finding in found if len(allows.get(finding.code, "")) < SHORTEST_REASON]
    for code in sorted(set(allows) - broken):
        what = "allows what the migration does not do"
        refused.append(Finding(place, "The migration", code, what, "Take it out of `allows`."))
    return refused


def changes(migration: Migration, state: ProjectState) -> Iterator[Change]:
    """The operations of `migration` with their SQL, those inside of others included."""
    new_tables = {
        str(operation.options.get("db_table") or f"{migration.app_label}_{operation.name_lower}")
        for operation in migration.operations
        if isinstance(operation, CreateModel)
    }
    has_neighbours = migration.atomic and len(migration.operations) > 1
    with _where(migration.app_label):
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            for part, sql in _parts(operation, migration.app_label, before, state):
                yield Change(migration.app_label, part, sql, before, frozenset(new_tables), has_neighbours)


def _where(app_label: str) -> AbstractContextManager[Any]:
    """Where the app's tables are: in `public`, or in a restaurant's schema, of which there need not be one."""
    if apps.get_app_config(app_label).name in settings.TENANT_APPS:
        return restaurant_context(Target("r_lint"))  # type: ignore[arg-type]
    return public_context()


def _parts(
    operation: Operation, app_label: str, before: ProjectState, after: ProjectState
) -> Iterator[tuple[Operation, tuple[str, ...] | None]]:
    """The operation with its SQL, and those inside of it, whose SQL is in the outer one's."""
    for inner in getattr(operation, "database_operations", []):
        yield inner, ()
    yield operation, _sql(operation, app_label, before, after)


def _sql(operation: Operation, app_label: str, before: ProjectState, after: ProjectState) -> tuple[str, ...] | None:
    if not operation.reduces_to_sql or isinstance(operation, NotInTransactionMixin):
        return ()  # Python; or … CONCURRENTLY, which holds nobody up
    connection.ensure_connection()  # which quotes values
    try:
        with no_questions(), connection.schema_editor(collect_sql=True, atomic=False) as editor:
            operation.database_forwards(app_label, editor, before, after)
    except CannotRender:
        return None
    return tuple(statement for statement in editor.collected_sql if not statement.startswith("--"))
