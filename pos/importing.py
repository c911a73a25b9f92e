"""Sales from a file: keep the file, preview what it says, load it.

A file is authoritative for the orders that it contains and silent about all others. How its layout is read is
remembered on its source, so that the next file of the layout needs no answers.
"""

import csv as csv_module
import gzip
import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.db.models import Count, Max, Min

from pos import loading, sources
from pos.loading import Changes
from pos.models import Connection, DaySource, SalesFile
from pos.providers import csv, headers, tables, values
from pos.providers.base import ProviderError
from pos.providers.csv import Options, Reading, Table
from pos.providers.values import DateOrder
from tenants.actors import By
from tenants.models import Restaurant
from tenants.office import audit

MAX_BYTES = 50 * 1024 * 1024
SHOWN_REJECTS = 50
SHOWN_ITEMS = 20
TAX = ("prices_include_tax", "tax_rate")
Answers = Mapping[str, Any]
"""How a file is read, as JSON: ``mapping`` (field → column), ``delimiter``, ``date_order``, ``decimal``, ``time_zone``,
``prices_include_tax`` (true, false or null) and ``tax_rate`` (a share as text). A missing one is left to the file."""


class FileTooLarge(ProviderError):
    """The file is larger than an upload may be."""

    def __init__(self) -> None:
        super().__init__(
            f"The file is larger than {MAX_BYTES // 1024**2} MB. Export fewer days per file, or compress it with gzip.",
            permanent=True,
        )


class NothingToImport(ProviderError):
    """Not one row of the file can be read."""

    def __init__(self, reading: Reading) -> None:
        if not reading.rows:
            super().__init__("The file has a header and no rows below it.", permanent=True)
            return
        first = reading.rejects[0] if reading.rejects else None
        why = f" The first: line {first.line}, {first.field} “{first.value[:80]}” {first.reason}." if first else ""
        super().__init__(
            f"No row can be imported: {len(reading.rejects):,} of {reading.rows:,} are refused.{why}", permanent=True
        )


class AnswerRefused(ProviderError):
    """Something that was said about the file cannot be: a column or a time zone that does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def store(content: bytes, *, name: str, by: By, at: datetime) -> SalesFile:
    """Keep the file as it came, before anything in it is trusted. The same content is kept once.

    Raises :class:`FileTooLarge`, or :class:`UnreadableFile` for what is no table at all.
    """
    if len(content) > MAX_BYTES:
        raise FileTooLarge
    table = tables.expand(content)
    sha256 = hashlib.sha256(table).hexdigest()
    known = SalesFile.objects.filter(sha256=sha256).order_by("uploaded_at").first()
    if known:
        return known
    packed = content if content.startswith(tables.GZIP_MAGIC) else gzip.compress(content, 3, mtime=0)
    facts = {"sha256": sha256, "size_bytes": len(table), "content": packed}
    with transaction.atomic():
        file = SalesFile.objects.create(name=name[-255:], uploaded_by_id=by.pk, uploaded_at=at, **facts)
        audit.record("file.uploaded", file, by=by, at=at)
    return file


def tax_rate(text: str) -> Decimal:
    """``10%``, ``10`` or ``0.10`` as the share 0.10. Raises :class:`AnswerRefused`."""
    bare = text.strip().removesuffix("%").strip()
    rate = values.number(bare.replace(",", "."))
    if rate is None or rate < 0:
        raise AnswerRefused(f"“{text}” is no tax rate. Write it like 10% or 0.10.")
    share = rate / 100 if rate >= 1 or "%" in text else rate
    share = share.quantize(Decimal("0.0001"))
    if share >= 1:
        raise AnswerRefused(f"A tax rate of {text} cannot be.")
    return share


def answer(file: SalesFile, answers: Answers, *, by: By, at: datetime) -> None:
    """Remember what somebody said about how this file is read, on top of what was said before.

    Raises :class:`AnswerRefused`, and then remembers nothing.
    """
    given = dict(answers)
    delimiter = given.get("delimiter") or ","
    if len(delimiter) != 1 or delimiter in '"\r\n\ufffd' or delimiter.isalnum():
        raise AnswerRefused(f"“{delimiter}” cannot be between cells. Give one character such as ; or the word tab.")
    if file.connection and "prices_include_tax" in given and _tax_of(given) == _tax_of(file.connection):
        given = {key: value for key, value in given.items() if key not in {"prices_include_tax", "tax_rate"}}
    said = {**file.reading, **given}
    if said != file.reading:
        before, file.reading = file.reading, said
        with transaction.atomic():
            file.save(update_fields=["reading"])
            audit.record("file.read_as", file, by=by, at=at, before=_in_words(before), after=_in_words(said))


def _in_words(reading: Answers) -> dict[str, Any]:
    """How a file is read, as the audit trail says it: each column under the field that it is."""
    plain = {name: value for name, value in reading.items() if name != "mapping"}
    return plain | {f"column of {field}": column for field, column in reading.get("mapping", {}).items()}


def preview(file: SalesFile, *, restaurant: Restaurant, now: datetime) -> dict[str, Any]:
    """What the file says and what loading it would change, kept on the file's row; nothing else is written.

    What cannot be read yet is answered with ``problem`` and, where there is a header, ``header`` and ``sample``.
    """
    report: dict[str, Any] = {}
    try:
        task = _understand(file, restaurant)
        report |= _layout_report(task)
        reading = _read(task, restaurant, now)
        with transaction.atomic():
            _stage(task, reading)
            changes = loading.compare(task.connection_id, file.pk)
            transaction.set_rollback(True)
        report |= _reading_report(reading) | _changes_report(changes, reading, task.connection)
        file.rejects = _rejects_table(reading)
    except ProviderError as error:
        report["problem"] = str(error)
    file.report = {**file.report, "preview": report}
    file.save(update_fields=["report", "rejects"])
    return report


def asks_about_prices(file: SalesFile) -> bool:
    """Whether nobody has said yet if the prices in the file, as previewed, include tax."""
    report = file.report.get("preview", {})
    return (
        bool(report.get("has_amounts"))
        and report["prices_include_tax"] is None
        and ("prices_include_tax" not in file.reading)
    )


def mark(file: SalesFile) -> str:
    """What the marks of the jobs that load this file begin with."""
    return f"{file.pk}:"


def begin(file: SalesFile) -> None:
    """Say that somebody has asked for the file to be loaded."""
    file.status, file.error = SalesFile.Status.IMPORTING, ""
    file.save(update_fields=["status", "error"])


def run(file: SalesFile, *, restaurant: Restaurant, by: By, now: datetime) -> dict[str, Any]:
    """Load the file: all of it that can be read, or nothing at all. Loading it again changes nothing.

    Raises a permanent :class:`ProviderError` for a file that cannot be read; the file's row says so too.
    """
    try:
        with transaction.atomic():
            loading.lock(restaurant)
            report = _load(file, restaurant, now)
            if told := _changed(report):
                audit.record("file.imported", file, by=by, at=now, after=told)
    except ProviderError as error:
        file.status, file.error = SalesFile.Status.FAILED, str(error)
        file.save(update_fields=["status", "error"])
        raise
    return report


def _changed(report: Mapping[str, Any]) -> dict[str, int]:
    """What an import changed, in orders; empty where it changed nothing."""
    counts = {name: report[name] for name in ("orders_new", "orders_changed", "orders_removed")}
    return {name: count for name, count in counts.items() if count}


def set_prices(
    connection: Connection, *, include_tax: bool, rate: Decimal | None, restaurant: Restaurant, by: By, now: datetime
) -> None:
    """Remember whether the source's prices include tax, and read its files again by that."""
    before = audit.values(connection, TAX)
    with transaction.atomic():
        loading.lock(restaurant)
        if _set_tax(connection, include_tax=include_tax, rate=rate):
            after = audit.values(connection, TAX)
            audit.record("source.taxed", connection, by=by, at=now, before=before, after=after)
            _load_again(connection, restaurant, now, but=None)


def read_again(restaurant: Restaurant, file: SalesFile, *, now: datetime) -> None:
    """Bring the file's orders to what it says of `restaurant` as it is now, in the caller's transaction.

    Where the file's moments carry no zone, the restaurant's is meant. Raises :class:`ProviderError`, and then has
    changed nothing.
    """
    with transaction.atomic():
        _load(file, restaurant, now)


# --- understanding a file --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Task:
    """A file with everything that is known about reading it; ``connection`` None: a layout never seen before."""

    file: SalesFile
    table: Table
    options: Options
    time_zone: str
    connection: Connection | None

    @property
    def connection_id(self) -> UUID | None:
        return self.connection.pk if self.connection else None


def _understand(file: SalesFile, restaurant: Restaurant) -> _Task:
    """What was said about this file, then what is remembered of its layout, then the restaurant's own ways."""
    said, content = file.reading, bytes(file.content)
    by_hand = said.get("mapping", {})
    table = csv.inspect(content, Options(mapping=by_hand, delimiter=said.get("delimiter", "")))
    connection = Connection.objects.filter(provider=Connection.Provider.CSV, layout=table.layout.fingerprint).first()
    remembered = connection.reading if connection else {}
    if remembered.get("mapping"):
        by_hand = {**remembered["mapping"], **by_hand}
        table = csv.inspect(content, Options(mapping=by_hand, delimiter=said.get("delimiter", "")))
    include_tax, rate = _tax_of(said) if "prices_include_tax" in said else _tax_of(connection)
    country: DateOrder = "mdy" if restaurant.country in csv.MONTH_FIRST_COUNTRIES else "dmy"
    options = Options(
        mapping=by_hand,
        date_order=said.get("date_order") or None,
        decimal=said.get("decimal") or None,
        likely_date_order=remembered.get("date_order") or country,
        likely_decimal=remembered.get("decimal"),
        prices_include_tax=include_tax,
        tax_rate=rate,
    )
    time_zone = said.get("time_zone") or remembered.get("time_zone") or restaurant.timezone
    return _Task(file, table, options, time_zone, connection)


def _tax_of(source: Connection | Answers | None) -> tuple[bool | None, Decimal | None]:
    if source is None:
        return None, None
    if isinstance(source, Connection):
        return source.prices_include_tax, source.tax_rate
    rate = source.get("tax_rate")
    return source["prices_include_tax"], Decimal(rate) if rate else None


def _read(task: _Task, restaurant: Restaurant, now: datetime) -> Reading:
    try:
        written_in = ZoneInfo(task.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise AnswerRefused(f"“{task.time_zone}” is no time zone. Write it like Europe/Paris or UTC.") from error
    try:
        return csv.read(
            task.table,
            task.options,
            zone=restaurant.zone,
            closeout_hour=restaurant.closeout_hour,
            today=restaurant.business_date(now),
            written_in=written_in,
        )
    except headers.UnknownColumn as error:
        raise AnswerRefused(str(error)) from error


# --- loading it ------------------------------------------------------------------------------------------------


def _load(file: SalesFile, restaurant: Restaurant, now: datetime) -> dict[str, Any]:
    began = time.perf_counter()
    task = _understand(file, restaurant)
    reading = _read(task, restaurant, now)
    if not reading.accepted:
        raise NothingToImport(reading)
    known = task.connection is not None
    connection = task.connection = _remember(task, reading, now)
    if "prices_include_tax" in file.reading:
        changed = _set_tax(connection, include_tax=task.options.prices_include_tax, rate=task.options.tax_rate)
        if changed and known:
            _load_again(connection, restaurant, now, but=file)
    _stage(task, reading)
    changes = loading.write(connection, file)
    sources.settle(changes.days, now=now)
    report = _layout_report(task) | _reading_report(reading) | _changes_report(changes, reading, connection)
    seconds = time.perf_counter() - began
    report |= {"seconds": round(seconds, 3), "lines_per_s": round(reading.rows / seconds)}
    _record(file, connection, reading, changes, report, now)
    return report


def _load_again(connection: Connection, restaurant: Restaurant, now: datetime, *, but: SalesFile | None) -> None:
    """Read the source's files once more, in their order, after an answer that concerns them all."""
    imported = connection.files.filter(imported_at__isnull=False).order_by("imported_at", "id")
    for file in imported.exclude(pk=but.pk) if but else imported:
        _load(file, restaurant, now)


def _stage(task: _Task, reading: Reading) -> None:
    """Stage the orders beside those of their source: known by number or, where numbers restart, by date and number."""
    connection = task.connection
    remembered = bool(connection and connection.reading.get("order_numbers_restart"))
    restart = remembered or reading.order_numbers_restart
    if connection and restart and not remembered:
        _qualify(connection)
    loading.stage(reading.orders(numbers_restart=restart), task.connection_id)
    if connection and not restart and reading.kind == csv.ORDERS and loading.numbers_restart(task.file):
        _qualify(connection)
        loading.stage(reading.orders(numbers_restart=True), connection.pk)


def _qualify(connection: Connection) -> None:
    loading.qualify_numbers(connection)
    connection.reading = {**connection.reading, "order_numbers_restart": True}
    connection.save(update_fields=["reading"])


def _remember(task: _Task, reading: Reading, now: datetime) -> Connection:
    """The file's source, made if its layout is new, knowing how to read the next file of it."""
    connection = task.connection or Connection(
        provider=Connection.Provider.CSV,
        layout=task.table.layout.fingerprint,
        name=_source_name(task.file.name),
        created_at=now,
    )
    learnt = dict(connection.reading)
    if task.options.mapping:
        learnt["mapping"] = dict(task.options.mapping)
    if task.file.reading.get("time_zone"):
        learnt["time_zone"] = task.time_zone
    if reading.date_order_proven or task.options.date_order:
        learnt["date_order"] = reading.date_order
    learnt["decimal"] = reading.decimal
    learnt["has_amounts"] = learnt.get("has_amounts", False) or reading.has_amounts
    if learnt != connection.reading or connection._state.adding:
        connection.reading = learnt
        connection.save()
    return connection


def _source_name(file_name: str) -> str:
    """``orders-2025.csv.gz`` → ``orders-2025 files``: a name that somebody recognises and can change."""
    name = PurePath(file_name).name
    for suffix in (".gz", ".csv", ".txt", ".tsv"):
        name = name.removesuffix(suffix)
    return f"{name[:110]} files" if name else "Files"


def _set_tax(connection: Connection, *, include_tax: bool | None, rate: Decimal | None) -> bool:
    """Whether the answer is another one than before."""
    if (connection.prices_include_tax, connection.tax_rate) == (include_tax, rate):
        return False
    connection.prices_include_tax, connection.tax_rate = include_tax, rate
    connection.save(update_fields=["prices_include_tax", "tax_rate"])
    return True


def _record(
    file: SalesFile, connection: Connection, reading: Reading, changes: Changes, report: dict[str, Any], now: datetime
) -> None:
    """Keep the outcome on the file's row, unless it is on it already."""
    pending = file.reading.keys() & {"prices_include_tax", "tax_rate"}
    rejects = _rejects_table(reading)
    same = (
        changes.nothing
        and not pending
        and "preview" not in file.report
        and (file.rejects and bytes(file.rejects)) == rejects
    )
    if same and file.status == SalesFile.Status.IMPORTED and file.connection_id == connection.pk:
        return
    file.reading = {key: value for key, value in file.reading.items() if key not in pending}
    file.connection, file.status, file.error = connection, SalesFile.Status.IMPORTED, ""
    file.rejects, file.report, file.imported_at = rejects, {"import": report}, now
    file.save(update_fields=["reading", "connection", "status", "error", "rejects", "report", "imported_at"])


# --- telling what was found ------------------------------------------------------------------------------------


def _layout_report(task: _Task) -> dict[str, Any]:
    layout = task.table.layout
    return {
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "header": headers.distinct(layout.header),
        "mapping": layout.mapping,
        "sample": task.table.sample(),
        "time_zone": task.time_zone,
        "source": task.connection.name if task.connection else None,
        "prices_include_tax": task.options.prices_include_tax,
        "tax_rate": str(task.options.tax_rate) if task.options.tax_rate is not None else None,
    }


def _reading_report(reading: Reading) -> dict[str, Any]:
    dates = reading.dates
    return {
        "kind": reading.kind,
        "date_order": reading.date_order,
        "date_order_proven": reading.date_order_proven,
        "decimal": reading.decimal,
        "zones_written": reading.zones_written,
        "order_numbers_restart": reading.order_numbers_restart,
        "rows": reading.rows,
        "accepted": reading.accepted,
        "refused": len(reading.rejects),
        "voided": reading.voided,
        "returns": reading.returns,
        "units": f"{reading.units.normalize():f}",
        "has_amounts": reading.has_amounts,
        "first_on": dates[0].isoformat() if dates else None,
        "last_on": dates[-1].isoformat() if dates else None,
        "days": len(dates),
        "rejects": [
            [reject.line, reject.field, reject.value[:80], reject.reason] for reject in reading.rejects[:SHOWN_REJECTS]
        ],
    }


def _changes_report(changes: Changes, reading: Reading, connection: Connection | None) -> dict[str, Any]:
    """What changes, in orders; ``kept``: dates of the file that another source counts for."""
    others = DaySource.objects.filter(business_date__in=reading.dates)
    if connection:
        others = others.exclude(connection=connection)
    kept = others.values("connection__name").annotate(
        days=Count("pk"), first=Min("business_date"), last=Max("business_date")
    )
    return {
        "orders_new": changes.new,
        "orders_changed": changes.changed,
        "orders_unchanged": changes.unchanged,
        "orders_removed": changes.removed,
        "items_new": len(changes.new_items),
        "new_items": changes.new_items[:SHOWN_ITEMS],
        "kept": [
            {
                "source": row["connection__name"],
                "days": row["days"],
                "first_on": row["first"].isoformat(),
                "last_on": row["last"].isoformat(),
            }
            for row in kept.order_by("first")
        ],
    }


def _rejects_table(reading: Reading) -> bytes | None:
    """The refused rows as gzipped CSV: where, what and why, then the row as it stood in the file."""
    if not reading.rejects:
        return None
    text = io.StringIO()
    writer = csv_module.writer(text)
    writer.writerow(["line", "field", "value", "reason", *headers.distinct(reading.layout.header)])
    for reject in reading.rejects:
        writer.writerow([reject.line, *map(_harmless, (reject.field, reject.value, reject.reason, *reject.row))])
    return gzip.compress(text.getvalue().encode("utf-8-sig"), 6, mtime=0)


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet shows instead of running."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) and values.number(cell) is None else cell
