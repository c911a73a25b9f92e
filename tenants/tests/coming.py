"""Migrations that the product does not have: written on the fly, for tests and benchmarks of the migrator."""

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

_numbers = itertools.count(1)

SOURCE = """\
import {package}
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [({app!r}, {after!r})]
    operations = [
        {operations}
    ]
"""


def write(folder: Path, app: str, *operations: str, atomic: bool = True, name: str = "9001_coming") -> str:
    """Write into `folder` a package of all migrations of `app` with one more, and answer the package's name.

    It is to be named in MIGRATION_MODULES, and `folder` to be on the path.
    """
    package = f"coming_{app}_{next(_numbers)}"
    home = folder / package
    home.mkdir()
    real = MigrationLoader.migrations_module(app)[0]
    home.joinpath("__init__.py").write_text(f"import {real}\n\n__path__ += {real}.__path__\n")
    after = MigrationLoader(None).graph.leaf_nodes(app)[0][1]
    home.joinpath(f"{name}.py").write_text(
        SOURCE.format(package=package, app=app, after=after, atomic=atomic, operations="\n        ".join(operations))
    )
    return package


@contextmanager
def coming(folder: Path, app: str, *operations: str, atomic: bool = True) -> Iterator[tuple[str, str]]:
    """Let `app` have one more migration, of `operations` in source code, for the length of the block."""
    name = "9001_coming"
    package = write(folder, app, *operations, atomic=atomic, name=name)
    sys.path.insert(0, str(folder))
    try:
        with override_settings(MIGRATION_MODULES={app: package}):
            yield app, name
    finally:
        sys.path.remove(str(folder))
