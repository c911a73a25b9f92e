"""A restaurant made again from a zip of `tenants.archives`: everything that it had, or nothing at all."""

import base64
import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import psycopg
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils.timezone import now

from tenants import archives, naming, people, provisioning, template
from tenants.actors import FLUX
from tenants.catalog import Table
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant

MOST_MANIFEST_BYTES = 16 * 1024 * 1024
MOST_PLATFORM_BYTES = 16 * 1024 * 1024
MOST_LINE_BYTES = 80 * 1024 * 1024  # one row: the largest holds a file of sales, 50 MB, in base64
# Rows of a table shrink to a tenth or so; a zip that would grow far beyond that was made to fill a memory or a disk.
MOST_GROWTH = 200
MOST_BYTES_UNASKED = 64 * 1024 * 1024  # what a small zip may grow to, whatever the growth
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 0x1  # of a zip entry's flags
PIECE_BYTES = 1024 * 1024
PARTS = {"migrations": list, "tables": dict, "files": dict}
# slug and name may be new
KEPT = {"status": str, "timezone": str, "currency": str, "closeout_hour": int, "country": str, "subdivision": str}


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
    with _unzipping():
        archive = zipfile.ZipFile(source)
    with archive:
        with _unzipping():  # each file is read to its end here, so that what is wrong with the zip is found here
            _check_sizes(archive, source.seek(0, os.SEEK_END))
            manifest = _manifest(archive)
            _check_files(archive, manifest)
        with public_context(), transaction.atomic():
            return _restore(archive, manifest, slug=slug, name=name, with_members=with_members)


def _restore(
    archive: zipfile.ZipFile, manifest: dict[str, Any], *, slug: Any, name: Any, with_members: bool
) -> Restored:
    restaurant = _opened(_platform_rows(archive, "restaurant"), slug, name)
    rows = 0
    with restaurant_context(restaurant):
        tables = archives.own_tables(restaurant)
        _check_version(manifest, tables, archives.own_migrations(restaurant))
        for table in tables:
            with _blaming(f"Its table {table.name}"):
                rows += _fill(archive, table, manifest["tables"][table.name].get("rows"))
        with _blaming("What its rows refer to"), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that a row that points nowhere is found here
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    with _blaming("What it says about its members"):
        members, strangers = _join(restaurant, _platform_rows(archive, "members") if with_members else [])
    return Restored(restaurant, rows, members, strangers)


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Nothing in the zip of `size` bytes is packed in another way than ours, or unpacks to a flood."""
    if any(entry.flag_bits & ENCRYPTED for entry in archive.infolist()):
        raise NoArchive("It is encrypted. An export is not: unpack it with its password, and zip it again.")
    if any(entry.compress_type not in METHODS for entry in archive.infolist()):
        raise NoArchive("It is compressed in a way that no export is.")
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(MOST_BYTES_UNASKED, MOST_GROWTH * size):
        raise NoArchive(f"It would grow from {size:,} to {unpacked:,} bytes, which no export does.")


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """What the zip says of itself, as far as it can be read; raises `NoArchive`."""
    if archives.MANIFEST not in archive.namelist():
        raise NoArchive("This zip is no export of a restaurant: it has no manifest.json.")
    if archive.getinfo(archives.MANIFEST).file_size > MOST_MANIFEST_BYTES:
        raise NoArchive("Its manifest.json is far too large.")
    try:
        manifest = json.loads(archive.read(archives.MANIFEST))
        if manifest["format"] != archives.FORMAT:
            raise OtherVersion(f"It has format {manifest['format']}; this Flux reads format {archives.FORMAT}.")
        if not all(isinstance(manifest[part], kind) for part, kind in PARTS.items()):
            raise TypeError
        manifest["migrations"] = [str(name) for name in manifest["migrations"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoArchive("Its manifest.json cannot be read.") from error
    return dict(manifest)


def _check_files(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    """Every file that the manifest names is there and unchanged, and no other; raises `NoArchive`."""
    there, named = set(archive.namelist()) - {archives.MANIFEST}, set(manifest["files"])
    if len(archive.namelist()) != len(there) + 1 or there != named:
        odd = ", ".join(sorted(there ^ named)) or "a file that is there twice"
        raise NoArchive(f"It does not hold the files that its manifest names: {odd}.")
    for name, facts in manifest["files"].items():
        digest = hashlib.sha256()
        with archive.open(name) as entry:
            while piece := entry.read(PIECE_BYTES):
                digest.update(piece)
        if not isinstance(facts, dict) or digest.hexdigest() != facts.get("sha256"):
            raise NoArchive(f"{name} is not as it was exported: its checksum differs.")


def _check_version(manifest: dict[str, Any], tables: list[Table], migrations: list[str]) -> None:
    """The export's tables are those of a restaurant here; raises `OtherVersion`."""
    theirs, ours = set(manifest["migrations"]), set(migrations)
    if theirs != ours:
        only = [f"{which} has {', '.join(sorted(found))}" for which, found in
                (("it", theirs - ours), ("this Flux", ours - theirs)) if found]  # fmt: skip
        raise OtherVersion(f"It was exported by another version of Flux: {'; '.join(only)}.")
    columns = {table.name: {column.name: column.type for column in table.columns} for table in tables}
    found = {name: facts.get("columns") for name, facts in manifest["tables"].items() if isinstance(facts, dict)}
    if found != columns:
        raise OtherVersion("Its tables are not those of this Flux.")


def _opened(rows: list[dict[str, Any]], slug: str | None, name: str | None) -> Restaurant:
    """A new restaurant with the facts of the exported one."""
    try:
        (facts,) = rows
        kept = {key: facts[key] for key in ("slug", "name", *KEPT)}
        if not all(isinstance(kept[key], kind) for key, kind in {"slug": str, "name": str, **KEPT}.items()):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise NoArchive("It does not say which restaurant it is of.") from error
    restaurant = Restaurant(**kept)
    restaurant.slug = slug or restaurant.slug
    try:
        restaurant.name = naming.tidy(name or restaurant.name)
    except ValidationError as error:
        raise ValidationError({"name": error.messages}) from error
    if restaurant.status == Restaurant.Status.CLOSED:
        restaurant.status = Restaurant.Status.ACTIVE  # a restaurant is brought back to be worked in
    provisioning.open_restaurant(restaurant)
    return restaurant


def _fill(archive: zipfile.ZipFile, table: Table, expected: object) -> int:
    """Copy the table's rows from the zip, and let its numbers go on after them. Returns how many there are."""
    names = [column.name for column in table.columns]
    columns = ", ".join(template.quote(name) for name in names)
    count = 0
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {template.quote(table.name)} ({columns}) FROM STDIN") as copy:
            for row in _rows(archive, f"tables/{table.name}.json"):
                if row.keys() != set(names):
                    raise ValueError("a row has other columns")
                copy.write_row([_value(row[column.name], column.type) for column in table.columns])
                count += 1
        if count != expected:
            raise ValueError(f"it has {count} rows, where its manifest says {expected}")
        for column in table.columns:
            if column.identity and count:
                name, place = template.quote(column.name), template.quote(table.name)
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence(%s, %s), max({name})) FROM {place}",  # noqa: S608 quoted
                    [place, column.name],
                )
    return count


def _value(value: Any, kind: str) -> Any:
    """A value of the JSON file as COPY takes it."""
    return base64.b64decode(value, validate=True) if kind == "bytea" and value is not None else value


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a JSON array that has one on each line; raises `ValueError` where it is none."""
    with archive.open(name) as entry, io.BufferedReader(entry, PIECE_BYTES) as lines:  # type: ignore[type-var]
        while line := lines.readline(MOST_LINE_BYTES + 1):
            if len(line) > MOST_LINE_BYTES:
                raise ValueError(f"a line is longer than {MOST_LINE_BYTES:,} bytes")
            text = line.strip().removesuffix(b",")
            if text not in {b"", b"[", b"]"}:
                yield dict(json.loads(text))


def _platform_rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    """The few rows of a file about what the platform keeps."""
    try:
        if archive.getinfo(f"platform/{name}.json").file_size > MOST_PLATFORM_BYTES:
            raise ValueError("it is far too large")
        return list(_rows(archive, f"platform/{name}.json"))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise NoArchive(f"What it says about its {name} cannot be read.") from error


def _join(restaurant: Restaurant, rows: list[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the people of the export their roles; the e-mails of those who have an account here, and of the others.

    Raises `ValueError` for what is no member: without an e-mail, with a role that there is not, or there twice.
    """
    members, strangers = list[str](), list[str]()
    for row in rows:
        if row.get("ends_at"):
            continue  # support access, which is given anew where it is needed
        email, role = row.get("email"), row.get("role")
        if not isinstance(email, str) or not email.isprintable():
            raise ValueError("a member has no e-mail address")
        if role not in Membership.Role.values:
            raise ValueError(f"{email} has a role that there is not")
        user = people.find(email)
        if user is None:
            strangers.append(email)
        elif user.email in members:
            raise ValueError(f"{email} is a member twice")
        else:
            people.appoint(user, restaurant, role, by=FLUX, at=now())
            members.append(user.email)
    return tuple(members), tuple(strangers)


@contextmanager
def _unzipping() -> Iterator[None]:
    """What Python's zipfile raises for files that are cut off, garbled, or zipped in a way that it does not know."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OverflowError) as error:
        raise NoArchive(f"This is no whole zip file: {error}.") from error


@contextmanager
def _blaming(what: str) -> Iterator[None]:
    """Values that the database or JSON refuses are the file's fault."""
    try:
        yield
    except (DatabaseError, psycopg.Error, ValueError, TypeError, RecursionError) as error:
        raise NoArchive(f"{what} cannot be read: {str(error).splitlines()[0]}.") from error
