"""Everything that one restaurant has, as a zip: each table as CSV for people and as JSON for programs, and a manifest.

The zip is made while it is sent. No table is held in memory, and all of it shows one moment, however long it takes.

    manifest.json                 format, versions, and of each file the SHA-256; of each table its rows and columns
    platform/members.csv .json    what the platform keeps about the restaurant: see `PLATFORM`
    tables/menu_ingredient.csv .json

In JSON each table is an array with one row per line. Whole numbers and booleans are their own kind, a missing value is
null; everything else is a string that loses nothing: decimals with all their digits, moments with their offset, bytes
in base64, a JSON column's value as JSON text. Arrays are arrays. In CSV a missing value is nothing, an empty one is "".
"""

import csv
import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction

from tenants import catalog, template
from tenants.actors import By
from tenants.catalog import Column, Table
from tenants.context import public_context, restaurant_context
from tenants.models import ApiKey, Domain, Invitation, Membership, Restaurant, Tablet
from tenants.office import audit

FORMAT = 1
MANIFEST = "manifest.json"
BOOKKEEPING = "django_migrations"  # of the schema, not of the restaurant; the manifest names its migrations
PIECE_BYTES = 64 * 1024
AT_MOST_MINUTES = 60  # one table may take so long to be fetched by a slow reader

NATIVE = {"boolean", "smallint", "integer", "bigint"}
# What the platform keeps about a restaurant, and which facts of it leave with the restaurant: no hash, no secret.
PLATFORM: dict[str, tuple[type[models.Model], str, tuple[str, ...]]] = {
    "restaurant": (
        Restaurant,
        "pk",
        (
            "id",
            "name",
            "slug",
            "status",
            "timezone",
            "currency",
            "closeout_hour",
            "country",
            "subdivision",
            "created_at",
            "closed_at",
        ),
    ),
    "hosts": (Domain, "tenant", ("domain", "is_primary")),
    "members": (
        Membership,
        "restaurant",
        ("user_id", "user__email", "user__name", "role", "created_at", "ends_at", "reason"),
    ),
    "invitations": (
        Invitation,
        "restaurant",
        ("email", "role", "created_at", "expires_at", "accepted_at", "revoked_at"),
    ),
    "tablets": (Tablet, "restaurant", ("name", "created_at", "last_used_at", "revoked_at")),
    "keys": (
        ApiKey,
        "restaurant",
        ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"),
    ),
}


def hand_out(restaurant: Restaurant, *, by: By, at: dt.datetime) -> Iterator[bytes]:
    """As `write`, for somebody who asked for it: the restaurant's audit trail says so, also where the way breaks."""
    with restaurant_context(restaurant):
        audit.record("restaurant.exported", restaurant, by=by, at=at)
    return write(restaurant, now=at)


def write(restaurant: Restaurant, *, now: dt.datetime) -> Iterator[bytes]:
    """The zip of `restaurant` piece by piece; `now` is written into it.

    It runs in a context of its own, so that whoever takes the pieces keeps the restaurant that they had chosen.
    """
    context, pieces, end = copy_context(), _write(restaurant, now), object()
    try:
        while (piece := context.run(next, pieces, end)) is not end:
            yield piece  # type: ignore[misc]
    finally:
        context.run(pieces.close)


def _write(restaurant: Restaurant, now: dt.datetime) -> Generator[bytes, None, None]:
    pipe, files = Pipe(), dict[str, Any]()

    def entry(name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, date_time=now.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        return info

    with restaurant_context(restaurant), one_moment(), zipfile.ZipFile(pipe, "w") as archive:
        for name, content in _platform_files(restaurant):
            yield from _write_file(archive, pipe, entry(name), [content], files)
        tables: dict[str, Any] = {}
        for table in own_tables(restaurant):
            rows = Rows(table)
            yield from _write_file(archive, pipe, entry(f"tables/{table.name}.json"), rows.as_json(), files)
            yield from _write_file(archive, pipe, entry(f"tables/{table.name}.csv"), rows.as_csv(), files)
            tables[table.name] = {"rows": rows.count, "columns": {column.name: column.type for column in table.columns}}
        manifest = {
            "format": FORMAT,
            "made_at": now.isoformat(),
            "restaurant": str(restaurant.pk),
            "migrations": own_migrations(restaurant),
            "tables": tables,
            "files": files,
        }
        archive.writestr(entry(MANIFEST), json.dumps(manifest, indent=1))
    yield pipe.take()


def own_tables(restaurant: Restaurant) -> list[Table]:
    """The tables of the restaurant, by name."""
    return [table for table in catalog.read(restaurant.schema_name) if table.name != BOOKKEEPING]


def own_migrations(restaurant: Restaurant) -> list[str]:
    """The migrations that made these tables, such as `menu.0001_initial`."""
    labels = {name.rpartition(".")[2] for name in settings.TENANT_APPS}
    return sorted(f"{app}.{name}" for app, name in catalog.migrations(restaurant.schema_name) if app in labels)


@contextmanager
def one_moment() -> Iterator[None]:
    """Read the database as it is now until the block ends, whatever others commit meanwhile.

    Inside a transaction of somebody else's, that transaction decides what is seen.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # How values are written as text must not depend on the server's settings.
        cursor.execute("SET LOCAL timezone = 'UTC'")
        cursor.execute("SET LOCAL datestyle = 'ISO'")
        cursor.execute("SET LOCAL intervalstyle = 'iso_8601'")
        cursor.execute("SET LOCAL extra_float_digits = 1")
        cursor.execute(f"SET LOCAL statement_timeout = '{AT_MOST_MINUTES}min'")
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{AT_MOST_MINUTES}min'")
        yield


class Pipe(io.RawIOBase):
    """What the zip writes, kept until it is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self.waiting += len(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces, self.waiting = [], 0
        return taken


def _write_file(
    archive: zipfile.ZipFile, pipe: Pipe, info: zipfile.ZipInfo, pieces: Iterable[bytes], files: dict[str, Any]
) -> Iterator[bytes]:
    """Add a file to the zip, and its size and SHA-256 to `files`."""
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w", force_zip64=True) as entry:
        for piece in _in_large_pieces(pieces):
            entry.write(piece)
            digest.update(piece)
            size += len(piece)
            if pipe.waiting >= PIECE_BYTES:
                yield pipe.take()
    files[info.filename] = {"bytes": size, "sha256": digest.hexdigest()}


def _in_large_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth compressing: the database sends a row at a time."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    yield b"".join(gathered)


@dataclass
class Rows:
    """The rows of one table of the chosen restaurant, by primary key; `count` is known once they were read as JSON."""

    table: Table
    count: int = field(default=0, init=False)

    def as_json(self) -> Iterator[bytes]:
        # As JSON escapes control characters, none of these two occurs in it: the row comes out as it is.
        plain = r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"
        self.count = 0
        yield b"["
        for row in self._copy(f"SELECT to_json(one)::text FROM ({self._select(_json_value)}) AS one", plain):  # noqa: S608
            yield (b",\n" if self.count else b"\n") + row.rstrip(b"\n")
            self.count += 1
        yield b"\n]\n"

    def as_csv(self) -> Iterator[bytes]:
        return self._copy(self._select(_csv_value), "(FORMAT csv, HEADER)")

    def _select(self, value: Callable[[Column], str]) -> str:
        values = ", ".join(f"{value(column)} AS {template.quote(column.name)}" for column in self.table.columns)
        order = ", ".join(template.quote(column.name) for column in self.table.columns if column.is_key)
        return f"SELECT {values} FROM {template.quote(self.table.name)} ORDER BY {order}"  # noqa: S608 names are quoted

    @staticmethod
    def _copy(query: str, options: str) -> Iterator[bytes]:
        with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT WITH {options}") as copy:
            for piece in copy:
                yield bytes(piece)


def _csv_value(column: Column) -> str:
    name = template.quote(column.name)
    if column.type == "bytea":
        return f"translate(encode({name}, 'base64'), E'\\n', '')"
    return name


def _json_value(column: Column) -> str:
    element = column.type.removesuffix("[]")
    if element in NATIVE or column.type.startswith("timestamp"):
        return template.quote(column.name)
    if column.type.endswith("[]"):
        return f"{template.quote(column.name)}::text[]"
    return _csv_value(column) if column.type == "bytea" else f"{template.quote(column.name)}::text"


def _platform_files(restaurant: Restaurant) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file about what the platform keeps: few rows, so each is made at once."""
    for name, (model, to_restaurant, fields) in PLATFORM.items():
        with public_context():
            found = list(model._default_manager.filter(**{to_restaurant: restaurant.pk}).order_by("pk").values(*fields))
        rows = [{_plain(key): value for key, value in row.items()} for row in found]
        lines = ",\n".join(json.dumps(row, default=_as_text, ensure_ascii=False) for row in rows)
        yield f"platform/{name}.json", f"[\n{lines}\n]\n".encode()
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, [_plain(key) for key in fields], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {key: ", ".join(value) if isinstance(value, list) else value for key, value in row.items()} for row in rows
        )
        yield f"platform/{name}.csv", sheet.getvalue().encode()


def _plain(key: str) -> str:
    """`user__email` is the member's e-mail."""
    return key.removeprefix("user__")


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
