"""Small tables of days that people upload: refused early where they are too large, with the line of what is wrong."""

import datetime as dt
from collections.abc import Iterable, Mapping

from menu import tables
from menu.tables import BadTable, Fault, Row

_PACKED = (b"\x1f\x8b", b"PK")


def rows(content: bytes, columns: Mapping[str, Iterable[str]], *, most_bytes: int, most_rows: int) -> list[Row]:
    """The rows of a CSV file, at least one, that has all of `columns` (field → its other names). Raises BadTable."""
    if content.startswith(_PACKED):
        raise BadTable([Fault(1, "file", "", "this is a packed file or a spreadsheet: save it as CSV")])
    if len(content) > most_bytes:
        raise BadTable([Fault(1, "file", "", f"this has more than {most_bytes // 1000:,} kB")])
    found = tables.read(content, columns)
    if not found:
        raise BadTable([Fault(1, "file", "", "there is nothing below the header")])
    if len(found) > most_rows:
        raise BadTable([Fault(found[most_rows].line, "file", "", f"this has more than {most_rows:,} lines")])
    return found


def day(row: Row, field: str) -> dt.date:
    """The field as a date, written 2026-12-31. Raises BadTable."""
    written = row.text(field)
    try:
        return dt.date.fromisoformat(written)
    except ValueError as error:
        raise BadTable([Fault(row.line, field, written, "write the date as 2026-12-31")]) from error
