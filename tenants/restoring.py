"""A restaurant made again from a zip of `tenants.archives`: everything that it had, or nothing at all."""

import base64
import binascii
import datetime as dt
import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from tenants import archives, people, provisioning, template
from tenants.catalog import Table
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant

MOST_MANIFEST_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 1024 * 1024


class NoArchive(Exception):
    """The file is not what an export makes, or not any more: the message says what is wrong with it."""


class OtherVersion(NoArchive):
    """The export was made by a Flux whose tables are not these."""


@dataclass(frozen=True)
class Restored:
    """What came back; `strangers` are members without an account here, who were not made members."""

    restaurant: Restaurant
    rows: int
    members: tuple[str, ...]
    strangers: tuple[str, ...]


def restore(
    source: BinaryIO, *, slug: str | None = None, name: str | None = None, with_members: bool = False
) -> Restored:
    """Open a new restaurant with everything that the zip `source` holds, under another `slug` or `name` where given.

    The new restaurant has a new id and schema; each row of its tables is as it was. Only the owner of the database may
    do this. `with_members` gives those of its people who have an account here the role that they had.

    Raises `NoArchive` for a file that is damaged or from another version, `ValidationError` for facts that the platform
    refuses, such as a slug that is taken. Then nothing was made.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive)
            _check_files(archive, manifest)
            with public_context(), transaction.atomic():
                return _restore(archive, manifest, slug=slug, name=name, with_members=with_members)
    except zipfile.BadZipFile as error:
        raise NoArchive(f"This is no whole zip file: {error}.") from error


def _restore(archive: zipfile.ZipFile, manifest: dict[str, Any], *, slug: Any, name: Any, with_members: bool) -> Restored:
    restaurant = _opened(_platform_rows(archive, "restaurant"), slug, name)
    rows = 0
    with restaurant_context(restaurant):
        tables = archives.own_tables(restaurant)
        _check_version(manifest, tables, archives.own_migrations(restaurant))
        for table in tables:
            with _named(table):
                rows += _fill(archive, table, manifest["tables"][table.name]["rows"])
        with _named(None), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that a row that points nowhere is found here
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    members, strangers = _join(restaurant, _platform_rows(archive, "members") if with_members else [])
    return Restored(restaurant, rows, members, strangers)
