"""One step into one schema.

SQL goes as one message, which is one transaction: the schema has taken the whole step, and says so in its
`django_migrations`, or nothing of it. A migration that only Django can run is recorded likewise; one that cannot run in
a transaction goes operation by operation, and what it has done is noted in `public`, so that after a crash the next run
goes on with the operation that was cut short.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

import psycopg
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.utils import DatabaseError, OperationalError
from django.utils.timezone import now

from tenants.context import PUBLIC, public_context, restaurant_context
from tenants.migrator import rendering
from tenants.migrator.rendering import ByDjango, Replay, Step, in_words
from tenants.migrator.standing import Key, Target, current_version
from tenants.models import Schema, UnfinishedMigration

WORTH_ANOTHER_TRY = (
    psycopg.errors.LockNotAvailable,  # somebody used the table for longer than we were ready to wait
    psycopg.errors.DeadlockDetected,
)


class Sender:
    """Sends steps over the connection of one thread; made once per thread, since Django's executor loads every file."""

    def __init__(self, lock_timeout: timedelta) -> None:
        self.lock_timeout = lock_timeout
        self._executor: MigrationExecutor | None = None

    def send(self, schema: Target, step: Step) -> None:
        """Take `schema` over `step`, if it has not taken it; raises what the database or the migration raises."""
        if isinstance(step, Replay):
            self._replay(schema, step)
        else:
            self._by_django(schema, step)

    def _replay(self, schema: Target, step: Replay) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(self.message(schema, step))
        except BaseException:
            with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
            raise

    def message(self, schema: Target, step: Replay) -> str:
        """All that one schema is sent for `step`."""
        name, public = connection.ops.quote_name(schema.schema_name), connection.ops.quote_name(PUBLIC)
        return "\n".join(
            [
                "BEGIN;",
                f"SET LOCAL lock_timeout = {milliseconds(self.lock_timeout)};",
                "SET LOCAL statement_timeout = 0;",
                f"SET LOCAL search_path = {name}, {public};",
                step.sql_for(schema.schema_name),
                f"INSERT INTO {name}.django_migrations (app, name, applied) VALUES",
                ",\n".join(f"({_literal(app)}, {_literal(migration)}, now())" for app, migration in step.keys) + ";",
                "COMMIT",
            ]
        )

    def _by_django(self, schema: Target, step: ByDjango) -> None:
        with restaurant_context(schema), patience(self.lock_timeout):  # type: ignore[arg-type]
            if step.migration.atomic:
                self.executor.apply_migration(step.before.clone(), step.migration)
            else:
                _go_on(schema, step.migration, step.before.clone())

    @property
    def executor(self) -> MigrationExecutor:
        if self._executor is None:
            self._executor = MigrationExecutor(connection)
        return self._executor


@contextlib.contextmanager
def patience(lock_timeout: timedelta) -> Iterator[None]:
    """How long to wait for a lock, for the session and not one transaction: CREATE INDEX CONCURRENTLY waits as well."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {milliseconds(lock_timeout)}; SET statement_timeout = 0")
    try:
        yield
    finally:
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout; RESET statement_timeout")


def milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


def has_taken(schema: Target, step: Step) -> bool:
    """Whether a try that seemed to fail was committed after all, as when the answer of the server was lost."""
    with restaurant_context(schema):  # type: ignore[arg-type]
        return set(step.keys) <= set(MigrationRecorder(connection).applied_migrations())


def is_worth_another_try(error: Exception) -> bool:
    """Whether the same message may well succeed a moment later."""
    if not isinstance(error, OperationalError):
        return False
    is_lost = connection.connection is None or bool(connection.connection.closed)
    return is_lost or isinstance(error.__cause__, WORTH_ANOTHER_TRY)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Migrations that cannot run in a transaction


def _go_on(schema: Target, migration: Migration, state: ProjectState) -> None:
    """Run what `migration` has not done in `schema` yet, one operation after the other."""
    keys = rendering.recorded(migration)
    done = _operations_done(schema, keys)
    for number, operation in enumerate(migration.operations, start=1):
        part = Migration(migration.name, migration.app_label)
        part.operations = [operation]  # type: ignore[misc]
        if number <= done:
            part.mutate_state(state, preserve=False)
        elif _in_transaction(operation):
            with transaction.atomic():
                _apply(part, state, atomic=True)
                _note(schema, keys, number)
        else:
            _clear_the_way(operation, part, state)
            _note(schema, keys, number)
    with transaction.atomic():
        for recorded in keys:
            MigrationRecorder(connection).record_applied(*recorded)
        UnfinishedMigration.objects.filter(schema_name=schema.schema_name).delete()


def _in_transaction(operation: Operation) -> bool:
    """Whether `operation` and the note that it is done may be committed together."""
    if isinstance(operation, RunPython | RunSQL):
        return bool(operation.atomic)
    if inner := getattr(operation, "database_operations", None):
        return all(map(_in_transaction, inner))
    return not hasattr(operation, "_ensure_not_in_transaction")  # … CONCURRENTLY


def _apply(part: Migration, state: ProjectState, *, atomic: bool) -> None:
    with connection.schema_editor(atomic=atomic) as editor:
        part.apply(state, editor)


def _clear_the_way(operation: Operation, part: Migration, state: ProjectState) -> None:
    """Run `operation` outside of a transaction; an index that a crash left half-built is dropped first."""
    if not isinstance(operation, AddIndexConcurrently):
        _apply(part, state, atomic=False)
        return
    is_valid = _validity_of_index(operation.index.name)
    if is_valid:  # it was finished, and the crash came before the note
        part.mutate_state(state, preserve=False)
        return
    if is_valid is not None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY {connection.ops.quote_name(operation.index.name)}")
    _apply(part, state, atomic=False)


def _validity_of_index(name: str) -> bool | None:
    """Whether the index of the chosen schema is whole; None where there is none of that name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE relname = %s AND relnamespace = current_schema()::regnamespace",
            [name],
        )
        found = cursor.fetchone()
    return found[0] if found else None


# The notes in `public`


def _operations_done(schema: Target, keys: tuple[Key, ...]) -> int:
    noted = UnfinishedMigration.objects.filter(schema_name=schema.schema_name, migration=in_words(keys)).first()
    return noted.operations_done if noted else 0


def _note(schema: Target, keys: tuple[Key, ...], operations_done: int) -> None:
    """One row per schema: it cannot be in the middle of two migrations."""
    UnfinishedMigration.objects.update_or_create(
        schema_name=schema.schema_name,
        defaults={"migration": in_words(keys), "operations_done": operations_done, "error": "", "failed_at": None},
    )


def note_failure(schema: Target, step: Step, error: Exception) -> None:
    """Keep in `public` what went wrong in `schema`; what it had done of the migration stays noted."""
    with public_context():
        noted, _ = UnfinishedMigration.objects.get_or_create(schema_name=schema.schema_name)
        migration = in_words(step.keys)
        if noted.migration != migration:
            noted.migration, noted.operations_done = migration, 0
        noted.error, noted.failed_at, noted.failures = (
            str(error).strip() or type(error).__name__,
            now(),
            noted.failures + 1,
        )
        noted.save()


def settle(schemas: Sequence[Target]) -> None:
    """Note that `schemas` are through: they have the current version, and nothing unfinished."""
    names = {schema.schema_name for schema in schemas}
    for noted in UnfinishedMigration.objects.all():  # a few at most
        if noted.schema_name in names:
            noted.delete()
    version = current_version()
    behind = {schema.schema_name for schema in schemas if schema.version != version}
    Schema.objects.filter(name__in=behind).exclude(version=version).update(version=version)
