"""What a group of schemas lacks, as steps: SQL that is sent to each of them, or a migration that only Django can run.

Django writes the SQL as it would for `sqlmigrate`, standing in one schema of the group. Its name is the only thing in
the SQL that differs between schemas (rights are given to a role of that name), and is replaced by theirs.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, router
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.context import restaurant_context
from tenants.migrator.standing import Key, Target

# Between two migrations, what the first one's rows still owe to deferred constraints: ALTER TABLE refuses such tables.
SETTLE = "SET CONSTRAINTS ALL IMMEDIATE;\nSET CONSTRAINTS ALL DEFERRED;"

MOST_NAMED = 6


class CannotRender(Exception):
    """The SQL of a migration cannot be known before it runs; the message says why."""


@dataclass(frozen=True)
class Replay:
    """SQL for every schema of the group, one transaction each."""

    keys: tuple[Key, ...]
    sql: str  # for the schema `written_for`
    written_for: str

    def sql_for(self, schema: str) -> str:
        """The statements for `schema`; the name is a word of its own wherever it stands."""
        return re.sub(rf"(?<!\w){re.escape(self.written_for)}(?!\w)", schema, self.sql)

    def __str__(self) -> str:
        what = f"{self.sql.count(';')} statements" if self.sql else "no SQL for restaurants"
        return f"{shortly(self.keys)}: {what}"


@dataclass(frozen=True)
class ByDjango:
    """A migration that Django's executor runs in each schema."""

    migration: Migration
    before: ProjectState  # of all models; each run works on a copy
    why: str

    @property
    def keys(self) -> tuple[Key, ...]:
        return recorded(self.migration)

    def __str__(self) -> str:
        return f"{shortly(self.keys)}: by Django's executor, since it {self.why}"


Step = Replay | ByDjango


@dataclass(frozen=True)
class Group:
    """Schemas that lack the same, and the steps that each of them has to take; none where they are up to date."""

    schemas: tuple[Target, ...]
    steps: tuple[Step, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(key for step in self.steps for key in step.keys)


def recorded(migration: Migration) -> tuple[Key, ...]:
    """What Django notes as applied: itself, or all that a squashed migration stands for."""
    return tuple(migration.replaces) or ((migration.app_label, migration.name),)


def group(schemas: tuple[Target, ...]) -> Group:
    """What `schemas` lack, which have all applied the same.

    Raises Django's `InconsistentMigrationHistory` where they have one migration without another that it depends on.
    """
    written_for = schemas[0]
    with restaurant_context(written_for):  # type: ignore[arg-type]
        executor = MigrationExecutor(connection)
        executor.loader.check_consistent_history(connection)
        plan = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        steps = _steps(executor, plan, written_for.schema_name) if plan else []
        replaced = _replaced(executor, plan)
    if replaced:
        steps = _merged([*steps, Replay(replaced, "", written_for.schema_name)])
    return Group(schemas, tuple(steps))


def in_words(keys: tuple[Key, ...]) -> str:
    return ", ".join(f"{app}.{name}" for app, name in keys)


def shortly(keys: tuple[Key, ...]) -> str:
    """As `in_words`, but for a line that people read."""
    if len(keys) <= MOST_NAMED:
        return in_words(keys)
    return f"{len(keys)} migrations, {in_words(keys[:1])} to {in_words(keys[-1:])}"


def _steps(executor: MigrationExecutor, plan: list[Migration], written_for: str) -> list[Step]:
    state = executor._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
    steps: list[Step] = []
    for migration in plan:
        keys = recorded(migration)
        if not _concerns_restaurants(migration):
            state = migration.mutate_state(state, preserve=False)
            steps.append(Replay(keys, "", written_for))
            continue
        before = state.clone()
        try:
            steps.append(Replay(keys, _render(migration, state), written_for))
        except CannotRender as error:
            steps.append(ByDjango(migration, before, str(error)))
            state = migration.mutate_state(before.clone(), preserve=False)
    return _merged(steps)


def _concerns_restaurants(migration: Migration) -> bool:
    """Whether its app has tables in a restaurant's schema; the others are only noted there, as Django does too."""
    return router.allow_migrate(connection.alias, migration.app_label) is not False


def _render(migration: Migration, state: ProjectState) -> str:
    """The SQL of `migration`; brings `state` to what comes after it. Raises `CannotRender`."""
    if not migration.atomic:
        raise CannotRender("does not run in a transaction")
    if opaque := next(_opaque(migration.operations), None):
        raise CannotRender(f"runs code ({opaque.describe()})")
    with no_questions(), connection.schema_editor(collect_sql=True, atomic=False) as editor:
        migration.apply(state, editor, collect_sql=True)
    return "\n".join(line for line in editor.collected_sql if not line.startswith("--"))


def _opaque(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations that run Python, at any depth."""
    for operation in operations:
        yield from _opaque(getattr(operation, "database_operations", []))
        if not operation.reduces_to_sql:
            yield operation


@contextmanager
def no_questions() -> Iterator[None]:
    """Refuse queries while SQL is written: the schema has not taken the steps before, so its answers would be old."""

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        raise CannotRender("asks the database what to do")

    with connection.execute_wrapper(refuse):
        yield


def _replaced(executor: MigrationExecutor, plan: list[Migration]) -> tuple[Key, ...]:
    """Squashed migrations to be noted as applied, since all that they stand for is."""
    applied = {*executor.recorder.applied_migrations(), *(key for each in plan for key in recorded(each))}
    return tuple(
        key
        for key, migration in executor.loader.replacements.items()
        if key not in applied and applied.issuperset(migration.replaces)
    )


def _merged(steps: list[Step]) -> list[Step]:
    """Neighbours that are SQL become one step."""
    merged: list[Step] = []
    for step in steps:
        last = merged[-1] if merged else None
        if isinstance(step, Replay) and isinstance(last, Replay):
            sql = f"\n{SETTLE}\n".join(part for part in (last.sql, step.sql) if part)
            merged[-1] = Replay(last.keys + step.keys, sql, step.written_for)
        else:
            merged.append(step)
    return merged
