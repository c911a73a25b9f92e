"""Small tables that people keep in spreadsheets, read with the line number of every row.

Comma, semicolon or tab; UTF-8 with or without BOM, or Windows-1252; plain or gzip. Headers are compared without case,
spaces and underscores.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file: where, in which column, and what stands there."""

    line: int
    field: str
    value: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field} “{self.value}”: {self.problem}"


class BadTable(ValueError):
    """A file that was refused as a whole, with everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number in the file and the text of the fields that were recognised."""

    line: int
    values: Mapping[str, str]

    def text(self, field: str, default: str | None = None) -> str:
        """The field's text. Raises BadTable when it is empty and there is no default."""
        found = self.values.get(field, "").strip()
        if not found and default is None:
            raise BadTable([Fault(self.line, field, found, "this is needed")])
        return found or default or ""

    def amount(self, field: str, default: Decimal | None = None) -> Decimal:
        """The field as a number, with a decimal point or comma. Raises BadTable, also where a comma is ambiguous."""
        found = self.values.get(field, "").strip()
        if not found and default is not None:
            return default
        try:
            return number(found)
        except ValueError as problem:
            raise BadTable([Fault(self.line, field, found, str(problem))]) from problem

    def optional_amount(self, field: str) -> Decimal | None:
        return self.amount(field) if self.values.get(field, "").strip() else None


def read(content: bytes, names: Mapping[str, Iterable[str]], chosen: Mapping[str, str] | None = None) -> list[Row]:
    """The rows of a file.

    `names` gives each field the headers it is known by; `chosen` names a field's column outright and wins. Raises
    BadTable where a chosen column is not there or the file holds no table.
    """
    try:
        lines = list(_rows(content))
    except (csv.Error, EOFError, OSError, zlib.error) as error:
        raise BadTable([Fault(1, "file", "", f"this is no CSV file that can be read: {error}")]) from error
    if not lines:
        raise BadTable([Fault(1, "header", "", "the file is empty")])
    header = [_key(cell) for cell in lines[0][1]]
    columns = _columns(header, names, chosen or {})
    return [
        Row(number, {field: cells[at] for field, at in columns.items() if at < len(cells)})
        for number, cells in lines[1:]
        if any(cell.strip() for cell in cells)
    ]


def _columns(header: list[str], names: Mapping[str, Iterable[str]], chosen: Mapping[str, str]) -> dict[str, int]:
    columns, faults = {}, []
    for field, aliases in names.items():
        wanted = [chosen[field]] if field in chosen else [field, *aliases]
        found = next((header.index(_key(name)) for name in wanted if _key(name) in header), None)
        if found is not None:
            columns[field] = found
        elif field in chosen:
            faults.append(Fault(1, field, chosen[field], "there is no such column"))
    faults += [Fault(1, field, chosen[field], "there is no such field") for field in chosen if field not in names]
    if faults:
        raise BadTable(faults)
    return columns


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    plain = gzip.decompress(content) if content.startswith(_GZIP) else content
    try:
        text = plain.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = plain.decode("cp1252", errors="replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for cells in reader:
        yield reader.line_num, cells


def _key(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def number(written: str) -> Decimal:
    """A number as people write it, with a decimal point or comma. Raises ValueError with the reason in plain words."""
    bare = written.replace(" ", "").replace("\u00a0", "")
    whole, comma, decimals = bare.rpartition(",")
    if comma and len(decimals) == 3 and "," not in whole and "." not in bare and whole.lstrip("-") not in {"", "0"}:
        raise ValueError(f"this may mean {whole}{decimals} or {whole}.{decimals}: write it without the comma")
    if comma:
        bare = bare.replace(",", "") if "." in decimals or "," in whole else f"{whole.replace('.', '')}.{decimals}"
    try:
        read = Decimal(bare)
    except InvalidOperation:
        read = Decimal("NaN")
    if not read.is_finite():
        raise ValueError("this is not a number")
    return read
