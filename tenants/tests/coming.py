"""Migrations that the product does not have: written on the fly, for tests and benchmarks of the migrator."""

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

NAME = "9001_coming"
_numbers = itertools.count(1)

SOURCE = """\
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = {atomic}
    allows = {allows}
    replaces = {replaces}
    dependencies = {dependencies}
    operations = [
        {operations}
    ]
"""


def write(
    folder: Path, app: str, *operations: str, squashes: bool = False, atomic: bool = True, allows: str = "{}"
) -> str:
    """Write into `folder` a package of all migrations of `app` with one more, and answer the package's name.

    `squashes`: it stands for all of them. The package is to be named in MIGRATION_MODULES, and found in `folder`.
    """
    package = f"coming_{app}_{next(_numbers)}"
    home = folder / package
    home.mkdir()
    real = MigrationLoader.migrations_module(app)[0]
    home.joinpath("__init__.py").write_text(f"import {real}\n\n__path__ += {real}.__path__\n")
    graph = MigrationLoader(None).graph
    here = sorted(key for key in graph.nodes if key[0] == app) if squashes else []
    home.joinpath(f"{NAME}.py").write_text(
        SOURCE.format(
            atomic=atomic,
            allows=allows,
            replaces=here,
            dependencies=[] if squashes else graph.leaf_nodes(app),
            operations="\n        ".join(operations),
        )
    )
    return package


@contextmanager
def coming(
    folder: Path, app: str, *operations: str, squashes: bool = False, atomic: bool = True, allows: str = "{}"
) -> Iterator[tuple[str, str]]:
    """Let `app` have one more migration, of `operations` in source code, for the length of the block."""
    package = write(folder, app, *operations, squashes=squashes, atomic=atomic, allows=allows)
    sys.path.insert(0, str(folder))
    try:
        with override_settings(MIGRATION_MODULES={app: package}):
            yield app, NAME
    finally:
        sys.path.remove(str(folder))
