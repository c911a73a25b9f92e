"""From a file's bytes to rows of cells with their physical line numbers: gzip, encodings, quotes.

A damaged row never takes its neighbours with it: a quote that is opened and not closed costs its own line only.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from pos.providers.base import ProviderError

MAX_EXPANDED_BYTES = 500 * 1024 * 1024
MAX_RECORD_LINES = 50
DELIMITERS = (",", ";", "\t", "|")
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class UnreadableFile(ProviderError):
    """The file as a whole cannot be read as a table; the message says what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Broken(NamedTuple):
    """A physical line that is not a row: its text, and why."""

    text: str
    reason: str


def expand(content: bytes, *, limit: int = MAX_EXPANDED_BYTES) -> bytes:
    """The bytes of the table itself: unpacked where ``content`` is gzip, never more than ``limit`` bytes."""
    if content.startswith((ZIP_MAGIC, OLD_EXCEL_MAGIC)):
        raise UnreadableFile("This is a spreadsheet or a zip archive. Save the table as CSV and upload that file.")
    if not content.startswith(GZIP_MAGIC):
        data = content
    else:
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(content)).read(limit + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile("The gzip file is damaged or cut off. Export it again.") from error
    if len(data) > limit:
        raise UnreadableFile(f"The file unpacks to more than {limit // 1024**2} MB. Export fewer days per file.")
    return data


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding.

    Undecodable bytes of a UTF-8 file and NUL, which no database text may hold, become U+FFFD: one row's problem.
    """
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), None) or _unmarked(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            text = data.decode(encoding, "replace")
        else:
            text, encoding = _not_quite_utf8(data)
    return text.replace("\0", "\ufffd"), encoding


def _unmarked(data: bytes) -> str:
    """UTF-16 without a mark shows as a zero in every other byte; everything else is tried as UTF-8."""
    sample = data[:2000]
    half = len(sample) // 2
    if half and sample[1::2].count(0) > half * 0.6:
        return "utf-16-le"
    if half and sample[0::2].count(0) > half * 0.6:
        return "utf-16-be"
    return "utf-8"


def _not_quite_utf8(data: bytes) -> tuple[str, str]:
    """A UTF-8 file with a few damaged bytes stays UTF-8; otherwise it is a Windows code page or Latin-1."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if beyond_ascii - damaged > damaged:
        return text, "utf-8"
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def physical_lines(text: str) -> list[str]:
    """The lines without their ends, whatever the ends are."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def records(lines: list[str], delimiter: str, *, width: int = 0) -> Iterator[tuple[int, list[str] | Broken]]:
    """Each row with the number (from 1) of its first physical line; an empty line is an empty row.

    A row may run over several lines inside quotes. When such a row is malformed, endless, or has not ``width``
    cells (0: any number), the quote was never meant to span lines: only its first line is given up.
    """
    position = 0
    while position < len(lines):
        feed = _Feed(lines, position)
        reader = csv.reader(feed, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            for row in reader:
                if feed.at - feed.row_at > 1 and width and len(row) != width:
                    break
                yield feed.row_at + 1, row
                feed.row_at = feed.at
            else:
                return
            reason = "a quote is opened and not closed on this line"
        except csv.Error as error:
            reason = "the cell is too long" if "limit" in str(error) else "the quotes do not match"
        yield feed.row_at + 1, Broken(lines[feed.row_at], reason)
        position = feed.row_at + 1


class _Feed:
    """Hands out lines and remembers where the current row began, so that reading can begin again after it."""

    def __init__(self, lines: list[str], position: int) -> None:
        self.lines = lines
        self.at = position
        self.row_at = position

    def __iter__(self) -> Iterator[str]:
        for position in range(self.at, len(self.lines)):
            self.at = position + 1
            if self.at - self.row_at == 1:
                yield self.lines[position]
            elif self.at - self.row_at <= MAX_RECORD_LINES:
                yield "\n" + self.lines[position]
            else:
                raise csv.Error("the quote is never closed")
