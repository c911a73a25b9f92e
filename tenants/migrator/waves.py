"""Canaries first, then more and more: brings all schemas up to date, and says how it went."""

import contextvars
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import structlog
from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangosMigrate
from django.db import connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from tenants.migrator import rendering, sending, standing
from tenants.migrator.rendering import Group
from tenants.migrator.standing import Target

LOCK = 0x666C7578_6D696772  # "flux" "migr": one migrator at a time, whatever machine it runs on
HOLDER = """
    SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = %s AND objid::bigint = %s"""
log = structlog.get_logger(__name__)

Say = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another migrator is at work on this database."""


@dataclass(frozen=True)
class Manner:
    """How to go about it."""

    canaries: frozenset[str] = frozenset()  # slugs; without any, the first schemas that there are
    waves: tuple[int, ...] = (1, 10, 100)  # sizes, that of the canaries first; one more wave takes the rest
    workers: int = 2  # connections
    lock_timeout: timedelta = timedelta(seconds=3)
    tries: int = 6
    backoff: timedelta = timedelta(milliseconds=500)  # before the second try, then twice as long each time …
    longest_backoff: timedelta = timedelta(seconds=10)  # … up to this
    most_failures: int = 20  # after a wave with more in all, the rest is left alone

    def pause(self, attempt: int) -> float:
        """Seconds to wait after a try that came to nothing."""
        return min(self.backoff * 2 ** (attempt - 1), self.longest_backoff).total_seconds()


USUAL = Manner()


@dataclass
class Report:
    """What a run came to."""

    up_to_date: int = 0  # schemas with nothing to do
    migrated: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # what failed, by the schema's name in words
    left: int = 0  # schemas not tried, since the run stopped
    stopped: str = ""  # why

    @property
    def is_complete(self) -> bool:
        return not self.failed and not self.stopped


@dataclass(frozen=True)
class Outlook:
    """What a run would do."""

    groups: tuple[Group, ...]  # those that lack something
    up_to_date: tuple[Target, ...]
    broken: dict[str, str]  # schemas that cannot be told what they lack, and why


@contextmanager
def alone() -> Iterator[None]:
    """Hold the only migrator's place in this database; raises `AlreadyRunning`, which says who has it.

    The lock belongs to a connection of its own, and so ends with the process however that ends.
    """
    guard = connection.copy()
    guard.connect()
    try:
        with psycopg.Cursor(guard.connection) as cursor:
            if cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
                holder = cursor.execute(HOLDER, [LOCK >> 32, LOCK & 0xFFFFFFFF]).fetchone() or ("?", "?")
                raise AlreadyRunning(
                    "Another migrator is at work on this database: server process {}, since {} UTC.".format(*holder)
                )
        yield
    finally:
        guard.close()


def public_lacks() -> tuple[standing.Key, ...]:
    """The migrations that `public` has not had."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return tuple((migration.app_label, migration.name) for migration, _ in plan)


def migrate_public(manner: Manner = USUAL, *, say: Say) -> None:
    """Bring `public` up to date by Django's own migrate, which goes on where it stopped.

    A table in use is waited for like any other: everybody who signs in would wait behind a migration that waits.
    """
    for attempt in range(1, manner.tries + 1):
        lacking = public_lacks()
        if not lacking:
            return
        say(f"public lacks {rendering.shortly(lacking)}")
        try:
            with sending.patience(manner.lock_timeout):
                call_command(DjangosMigrate(), verbosity=0, interactive=False, skip_checks=True)
        except OperationalError as error:
            if attempt == manner.tries or not sending.is_worth_another_try(error):
                raise
            time.sleep(manner.pause(attempt))


def look(schemas: Sequence[Target]) -> Outlook:
    """Who is behind, and what they lack; schemas of the current version are taken at their word."""
    version = standing.current_version()
    up_to_date = [schema for schema in schemas if schema.version == version]
    found = standing.find([schema for schema in schemas if schema.version != version])
    broken = {str(schema): "The schema is not there." for schema in found.missing}
    groups: list[Group] = []
    for alike in found.alike:
        try:
            group = rendering.group(alike)
        except InconsistentMigrationHistory as error:
            broken |= dict.fromkeys(map(str, alike), str(error))
            continue
        if group.steps:
            groups.append(group)
        else:
            up_to_date += alike
    return Outlook(tuple(groups), tuple(up_to_date), broken)


def run(schemas: Sequence[Target], manner: Manner, *, say: Say) -> Report:
    """Bring `schemas` up to date; a failure in one of them stops the others only where it is a canary's.

    What failed is kept in `UnfinishedMigration` until a later run brings it through.
    """
    outlook = look(schemas)
    report = Report(up_to_date=len(outlook.up_to_date), failed=dict(outlook.broken))
    sending.settle(outlook.up_to_date)
    for group in outlook.groups:
        if report.stopped:
            report.left += len(group.schemas)
        else:
            _migrate(group, manner, report, say)
    return report


def waves(group: Group, manner: Manner) -> Iterator[tuple[bool, list[Target]]]:
    """The schemas of a group in turn, each wave with whether it is the canaries'."""
    named = [schema for schema in group.schemas if schema.slug in manner.canaries]
    rest = [schema for schema in group.schemas if schema.slug not in manner.canaries]
    first, *sizes = manner.waves
    canaries = named or rest[:first]
    yield True, canaries
    left = iter(rest if named else rest[first:])
    for size in sizes:
        if wave := list(itertools.islice(left, size)):
            yield False, wave
    if wave := list(left):
        yield False, wave


def _migrate(group: Group, manner: Manner, report: Report, say: Say) -> None:
    say(f"{len(group.schemas):,} lack {rendering.shortly(group.keys)}")
    tried = 0
    for is_canary, wave in waves(group, manner):
        began = time.monotonic()
        taken = Wave(group, wave, manner)
        taken.run()
        tried += len(wave)
        report.migrated += len(taken.through)
        report.failed |= taken.failed
        say(
            f"  {'canaries' if is_canary else 'wave'}: {len(taken.through):,} of {len(wave):,} migrated"
            f" in {time.monotonic() - began:.1f} s"
        )
        if is_canary and taken.failed:
            report.stopped = "a canary failed"
        elif len(report.failed) > manner.most_failures:
            report.stopped = f"{len(report.failed)} failed"
        if report.stopped:
            break
    report.left += len(group.schemas) - tried


class Wave:
    """Some schemas of one group, taken over all its steps by a few workers."""

    def __init__(self, group: Group, schemas: Sequence[Target], manner: Manner) -> None:
        self.group, self.manner = group, manner
        self.turns = [(0.0, number, schema, 1) for number, schema in enumerate(schemas)]  # due, number, schema, try
        self.lock = threading.Lock()
        self.through: list[Target] = []
        self.failed: dict[str, str] = {}

    def run(self) -> None:
        """Afterwards `through` and `failed` (name and reason) say how it went."""
        workers = min(self.manner.workers, len(self.turns))
        with ThreadPoolExecutor(workers, thread_name_prefix="migrator") as pool:
            for work in [pool.submit(contextvars.copy_context().run, self._work) for _ in range(workers)]:
                work.result()
        sending.settle(self.through)

    def _work(self) -> None:
        sender = sending.Sender(self.manner.lock_timeout)
        try:
            while turn := self._next():
                self._take(sender, *turn)
        finally:
            connection.close()

    def _next(self) -> tuple[int, Target, int] | None:
        """The schema that is due first; waits until it is. None when none is left that nobody else is working on."""
        with self.lock:
            if not self.turns:
                return None
            due, number, schema, attempt = heapq.heappop(self.turns)
        time.sleep(max(0.0, due - time.monotonic()))
        return number, schema, attempt

    def _take(self, sender: sending.Sender, number: int, schema: Target, attempt: int) -> None:
        """Take `schema` over the steps; where it has to wait for a lock, let the others pass and come back to it."""
        for step in self.group.steps:
            try:
                if attempt == 1 or not sending.has_taken(schema, step):
                    sender.send(schema, step)
            except Exception as error:
                if not (sending.is_worth_another_try(error) and attempt < self.manner.tries):
                    self._fail(schema, step, error)
                    return
                connection.close()
                due = time.monotonic() + self.manner.pause(attempt)
                with self.lock:
                    heapq.heappush(self.turns, (due, number, schema, attempt + 1))
                return
        with self.lock:
            self.through.append(schema)

    def _fail(self, schema: Target, step: rendering.Step, error: Exception) -> None:
        connection.close()
        if not standing.is_there(schema):
            return  # removed meanwhile
        reason = str(error).strip() or type(error).__name__
        log.warning("migration_failed", schema=schema.schema_name, of=str(schema), error=reason)
        sending.note_failure(schema, step, error)
        with self.lock:
            self.failed[str(schema)] = f"{rendering.shortly(step.keys)}: {reason.splitlines()[0]}"
