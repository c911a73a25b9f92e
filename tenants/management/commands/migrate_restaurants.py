"""`manage.py migrate_restaurants`: what a deployment runs to bring the platform and all restaurants up to date."""

import time
from argparse import ArgumentParser
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.context import public_context
from tenants.migrator import comparing, rendering, standing, waves
from tenants.migrator.rendering import Replay
from tenants.migrator.standing import Target
from tenants.models import UnfinishedMigration


class Command(BaseCommand):
    help = (
        "Bring the platform's tables and every restaurant's schema up to date: canaries first, then in waves. "
        "A restaurant that fails stops no other; run the command again to try it once more. "
        "Runs as the database's owner. Exit code 0: everything is up to date."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        usual = waves.USUAL
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--plan", action="store_true", help="say what would be done, with the SQL (-v 2), and stop")
        what.add_argument(
            "--verify",
            action="store_true",
            help="compare every schema with one freshly made by all migrations, and stop",
        )
        parser.add_argument(
            "--restaurant", metavar="SLUG", action="append", default=[],
            help="only this one, and the platform's own tables; may be given several times",
        )  # fmt: skip
        parser.add_argument(
            "--canary", metavar="SLUG", action="append", default=[], help="goes first; may be given several times"
        )
        parser.add_argument(
            "--waves", type=_sizes, default=usual.waves, metavar="N,N,…", help="default 1,10,100, then all the others"
        )
        parser.add_argument(
            "--thorough", action="store_true",
            help="ask every schema what it has had, instead of believing the version that is noted of it",
        )  # fmt: skip
        parser.add_argument("--workers", type=int, default=usual.workers, help="connections; default %(default)s")
        parser.add_argument(
            "--lock-timeout", type=float, default=usual.lock_timeout.total_seconds(), metavar="SECONDS",
            help="how long to wait for a table that somebody uses; default %(default)s",
        )  # fmt: skip
        parser.add_argument("--tries", type=int, default=usual.tries, help="of each restaurant; default %(default)s")
        parser.add_argument(
            "--most-failures",
            type=int,
            default=usual.most_failures,
            help="stop after a wave with more; default %(default)s",
        )

    def handle(self, **options: Any) -> None:
        self.is_quiet = options["verbosity"] == 0
        with public_context():
            if options["verify"]:
                self._verify(self._schemas(options))
            elif options["plan"]:
                self._plan(options)
            else:
                self._migrate(options)

    def _schemas(self, options: dict[str, Any]) -> list[Target]:
        schemas = standing.everything()
        only = set(options["restaurant"])
        if unknown := sorted({*only, *options["canary"]} - {schema.slug for schema in schemas}):
            raise CommandError(f"There is no restaurant {', '.join(unknown)}.")
        asked = [schema for schema in schemas if schema.slug in only or not only]
        return [replace(schema, version="") for schema in asked] if options["thorough"] else asked

    def _migrate(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            with waves.alone():
                manner = _manner(options)
                waves.migrate_public(manner, say=self._say)
                report = waves.run(self._schemas(options), manner, say=self._say)
        except waves.AlreadyRunning as error:
            raise CommandError(str(error)) from error
        self._say(
            f"{report.migrated:,} migrated, {report.up_to_date:,} were up to date, {len(report.failed):,} failed,"
            f" {report.left:,} left alone: {time.monotonic() - began:.1f} s"
        )
        for name, reason in report.failed.items():
            self.stderr.write(f"  {name}: {reason}")
        if report.stopped:
            raise CommandError(f"Stopped: {report.stopped}. {report.left:,} restaurants are as they were.")
        if report.failed:
            raise CommandError("Some restaurants are not up to date: see above. The next run tries them again.")

    def _plan(self, options: dict[str, Any]) -> None:
        if lacking := waves.public_lacks():
            self._say(f"public lacks {rendering.shortly(lacking)}")
        if not standing.can_be_asked():
            self._say("There are no restaurants yet: this database is new.")
            return
        for noted in UnfinishedMigration.objects.order_by("schema_name"):
            done = f"{noted.operations_done} operations done, {noted.failures} failures"
            self._say(f"unfinished in {noted.schema_name}: {done}: {noted.error}")
        manner = _manner(options)
        outlook = waves.look(self._schemas(options))
        self._say(f"{len(outlook.up_to_date):,} are up to date")
        for name, reason in outlook.broken.items():
            self._say(f"{name}: {reason}")
        for group in outlook.groups:
            self._say(f"{len(group.schemas):,} have to take these steps:")
            for step in group.steps:
                self._say(f"  {step}")
                if options["verbosity"] > 1 and isinstance(step, Replay):
                    self._say(step.sql)
            turns = [
                f"{', '.join(map(str, wave)) if is_canary else f'{len(wave):,}'}"
                for is_canary, wave in waves.waves(group, manner)
            ]
            self._say(f"  in this order: {'; then '.join(turns)}")

    def _verify(self, schemas: list[Target]) -> None:
        apart = comparing.differences(schemas)
        for name, lines in apart.items():
            self.stderr.write("\n".join([f"{name} differs from a new restaurant:", *(f"  {line}" for line in lines)]))
        if apart:
            raise CommandError(f"{len(apart):,} of {len(schemas):,} differ.")
        self._say(f"All {len(schemas):,} are as Django's own migrations make them.")

    def _say(self, line: str) -> None:
        if not self.is_quiet:
            self.stdout.write(line)


def _manner(options: dict[str, Any]) -> waves.Manner:
    return waves.Manner(
        canaries=frozenset(options["canary"]),
        waves=options["waves"],
        workers=max(1, options["workers"]),
        lock_timeout=timedelta(seconds=options["lock_timeout"]),
        tries=max(1, options["tries"]),
        most_failures=options["most_failures"],
    )


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in text.split(","))
    if not all(size > 0 for size in sizes):
        raise ValueError(text)
    return sizes
