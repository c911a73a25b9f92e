"""Sales from a CSV file: finding out how the file is written, and reading it into orders.

Plain Python. ``inspect`` looks at the bytes and says what the columns mean; ``read`` turns the rows into orders and
refuses, one by one, the rows that it cannot read. Three kinds of file are understood: lines with an order number,
lines with only a time (one order per moment), and a product mix (date, item, quantity: one order per date).

Every distinct text is parsed once and the result shared, since a restaurant sells few things at few prices.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from itertools import dropwhile
from operator import itemgetter
from typing import NamedTuple

from pos.providers import headers, tables, values
from pos.providers.base import Line, Order, ProviderError, Reject
from pos.providers.headers import (
    CATEGORY,
    DISCOUNT,
    GROSS,
    GUESTS,
    ITEM,
    NET,
    ORDER_ID,
    QUANTITY,
    TAX,
    TIME,
    TIMESTAMP,
    UNIT_PRICE,
    VOIDED,
)
from pos.providers.tables import Broken, UnreadableFile
from pos.providers.values import DateOrder, DecimalMark

ORDERS, TIMES, DAYS = "orders", "times", "days"
REQUIRED = (TIMESTAMP, ITEM)
FIGURES = (QUANTITY, UNIT_PRICE, GROSS, NET, DISCOUNT, TAX)
MONTH_FIRST_COUNTRIES = frozenset({"US", "PH", "PR", "GU", "VI", "AS", "MP", "FM", "MH", "PW", "BZ"})
HEADER_WITHIN_ROWS = 20
MOST_COLUMNS = 200
LONGEST_NAME = 200
LONGEST_CATEGORY = 80
LONGEST_ORDER_NUMBER = 100
LARGEST_QUANTITY = 100_000
MOST_GUESTS = 5_000
LARGEST_AMOUNT = 10**8
EARLIEST = date(2000, 1, 1)
RESTART_AFTER = timedelta(hours=6)
_THOUSANDTH, _MONEY = Decimal("0.001"), Decimal("0.0001")
_YES = frozenset({"1", "true", "t", "yes", "y", "x", "ja", "oui", "si", "void", "voided", "cancelled", "canceled"})
_NO = frozenset({"", "0", "false", "f", "no", "n", "nein", "non"})
_VOID = Line("", Decimal(0))


class ColumnsUnknown(ProviderError):
    """The date, the menu item or the quantity has no column with a known name: somebody must map it."""

    def __init__(self, layout: "Layout", fields: Sequence[str]) -> None:
        missing = " and ".join(f"“{headers.LABELS[name]}”" for name in fields)
        found = ", ".join(headers.distinct(layout.header))
        super().__init__(f"Which column holds {missing}? The file has: {found}.", permanent=True)
        self.layout = layout


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody said about a file; an empty value leaves it to the file.

    ``likely_…`` is used where the values of the file prove nothing: the restaurant's habit, or its country's.
    ``prices_include_tax`` None: not asked yet, prices are taken as they are.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""
    date_order: DateOrder | None = None
    decimal: DecimalMark | None = None
    likely_date_order: DateOrder = "dmy"
    likely_decimal: DecimalMark | None = None
    prices_include_tax: bool | None = None
    tax_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written. ``columns``: field → place of its column; ``header_line``: physical, from 1."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_line: int
    columns: dict[str, int]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in REQUIRED if name not in self.columns)

    @property
    def fingerprint(self) -> str:
        return headers.fingerprint(self.header)

    @property
    def mapping(self) -> dict[str, str]:
        """Field → the column's name."""
        names = headers.distinct(self.header)
        return {name: names[place] for name, place in self.columns.items()}


@dataclass(frozen=True, slots=True)
class Table:
    """A file's physical lines and its layout."""

    lines: list[str]
    layout: Layout

    def __iter__(self) -> Iterator[tuple[int, list[str] | Broken]]:
        """The rows below the header, each with its physical line number."""
        below = tables.records(self.lines, self.layout.delimiter, width=len(self.layout.header))
        return dropwhile(lambda found: found[0] <= self.layout.header_line, below)

    def sample(self, count: int = 5) -> list[list[str]]:
        """The first rows, for somebody who maps columns by hand."""
        found: list[list[str]] = []
        for _, row in self:
            if len(found) == count:
                break
            if not isinstance(row, Broken) and any(row):
                found.append(row)
        return found


class Sold(NamedTuple):
    """When a line was sold: the moment (UTC; None where only the date is known) and the business date."""

    at: datetime | None
    on: date

    @property
    def key(self) -> str:
        """How an order without a number is known."""
        return f"at {self.at:%Y-%m-%dT%H:%M:%SZ}" if self.at else f"day {self.on}"


class Problem(NamedTuple):
    """Why a row is refused; a field and its value."""

    field: str
    value: str
    reason: str


@dataclass(slots=True)
class _Group:
    """The lines of one order number on one business date."""

    number: str
    on: date
    at: datetime | None
    lines: list[Line]
    guests: int = 0


@dataclass(slots=True)
class Reading:
    """What a file says. ``order_numbers_restart``: the file itself shows that a number means another order each day."""

    layout: Layout
    kind: str
    date_order: DateOrder
    date_order_proven: bool
    decimal: DecimalMark
    zones_written: bool = False
    order_numbers_restart: bool = False
    rows: int = 0
    voided: int = 0
    returns: int = 0
    units: Decimal = Decimal(0)
    rejects: list[Reject] = field(default_factory=list)
    groups: list[_Group] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return self.rows - len(self.rejects) - self.voided

    @property
    def has_amounts(self) -> bool:
        """Whether any line says what it cost."""
        return any(line.gross is not None for group in self.groups for line in group.lines)

    @property
    def dates(self) -> list[date]:
        """The business dates that the file has sales of, in order."""
        return sorted({group.on for group in self.groups})

    def orders(self, *, numbers_restart: bool) -> list[Order]:
        """The orders. With ``numbers_restart`` an order is known by its business date and number together."""
        if numbers_restart and self.kind == ORDERS:
            return [_order(f"{group.on} {group.number}", [group]) for group in self.groups]
        together: dict[str, list[_Group]] = {}
        for group in self.groups:
            together.setdefault(group.number, []).append(group)
        return [_order(number, groups) for number, groups in together.items()]


def _order(external_id: str, groups: list[_Group]) -> Order:
    first = min(groups, key=lambda group: (group.on, group.at or datetime.max.replace(tzinfo=UTC)))
    lines = first.lines if len(groups) == 1 else [line for group in groups for line in group.lines]
    guests = max(group.guests for group in groups)
    return Order(external_id, first.on, first.at, lines, guests or None)


# --- how the file is written -----------------------------------------------------------------------------------


def inspect(content: bytes, options: Options | None = None) -> Table:
    """The file's lines and layout; :class:`UnreadableFile` or :class:`headers.UnknownColumn` where there is none."""
    options = options or Options()
    text, encoding = tables.decode(tables.expand(content))
    lines = tables.physical_lines(text)
    skipped = 0
    delimiters: Sequence[str] = [options.delimiter] if options.delimiter else tables.DELIMITERS
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        skipped, delimiters = 1, [options.delimiter or lines[0][4]]
    if not any(line.strip() for line in lines[skipped:]):
        raise UnreadableFile("The file is empty.")
    found = [_layout(lines, skipped, delimiter, encoding, options.mapping) for delimiter in delimiters]
    layout = max(found, key=lambda each: (len(each.columns), len(each.header)))
    if len(layout.header) < 2:
        raise UnreadableFile("The file has one column only. Its cells must be separated by , ; | or tabs.")
    if len(layout.header) > MOST_COLUMNS:
        raise UnreadableFile(
            f"The file has {len(layout.header):,} columns; an export of sales has {MOST_COLUMNS} at most."
        )
    if not layout.columns and any(_is_data(cell) for cell in layout.header):
        raise UnreadableFile(
            f"The file has no header: line {layout.header_line} already holds data (“{layout.header[0]}”). "
            "Add a first line that names the columns, such as date,item,quantity."
        )
    return Table(lines, layout)


def _layout(lines: list[str], skipped: int, delimiter: str, encoding: str, mapping: Mapping[str, str]) -> Layout:
    """The layout under one delimiter. The header is the first row that names what is required, or the first row."""
    first: tuple[int, list[str]] | None = None
    for line, row in tables.records(lines[: skipped + 3 * HEADER_WITHIN_ROWS], delimiter):
        if line <= skipped or isinstance(row, Broken) or sum(map(bool, row)) < 2:
            continue
        first = first or (line, row)
        try:
            columns = headers.apply(mapping, row)
        except headers.UnknownColumn:
            continue
        if all(name in columns for name in REQUIRED):
            return Layout(encoding, delimiter, tuple(row), line, columns)
        if line > skipped + HEADER_WITHIN_ROWS:
            break
    if first is None:
        return Layout(encoding, delimiter, (), skipped + 1, {})
    line, row = first
    return Layout(encoding, delimiter, tuple(row), line, headers.recognise(row))


def _is_data(cell: str) -> bool:
    return values.number(cell) is not None or values.moment(cell, "dmy") is not None


# --- reading the rows ------------------------------------------------------------------------------------------


def read(
    table: Table,
    options: Options,
    *,
    zone: tzinfo,
    closeout_hour: int,
    today: date,
    written_in: tzinfo | None = None,
) -> Reading:
    """All rows of ``table`` as orders and rejects.

    ``zone``: the restaurant's; ``written_in``: the zone of moments that carry none, where it is another one. A moment
    that a clock change skips is read with the offset before the change, one that happens twice as the first.
    ``closeout_hour``: wall-clock hour at which the business day ends. Sales later than tomorrow are refused.
    Raises :class:`ColumnsUnknown`, or :class:`headers.UnknownColumn` for a mapping that the header does not have.
    """
    headers.apply(options.mapping, table.layout.header)
    if table.layout.missing:
        raise ColumnsUnknown(table.layout, table.layout.missing)
    reading, timed = _decide(table, options)
    if reading.kind == DAYS and QUANTITY not in table.layout.columns:
        raise ColumnsUnknown(table.layout, (QUANTITY,))
    moments = _Moments(
        reading.date_order,
        zone=zone,
        written_in=written_in or zone,
        closeout=timedelta(hours=closeout_hour),
        last=today + timedelta(days=1),
        timed=timed,
    )
    _read_rows(table, reading, moments, _Lines(table.layout.columns, reading.decimal, options))
    if reading.kind == DAYS:
        for group in reading.groups:
            group.lines = _summed(group.lines, group.on)
    reading.order_numbers_restart = reading.kind == ORDERS and _numbers_restart(reading.groups)
    return reading


def _distinct(table: Table) -> tuple[set[tuple[str, str]], set[str]]:
    """The distinct (date, time) texts and the distinct figures of a file."""
    columns, width = table.layout.columns, len(table.layout.header)
    when = _when(columns)
    places = [columns[name] for name in FIGURES if name in columns]
    of_figures: Callable[[list[str]], tuple[str, ...]] = _cells(places) if places else lambda row: ()
    days: set[tuple[str, str]] = set()
    figures: set[tuple[str, ...]] = set()
    for _, row in table:
        if len(row) == width and type(row) is list:
            days.add(when(row))
            figures.add(of_figures(row))
    return days, {cell for cells in figures for cell in cells}


def _cells(places: Sequence[int]) -> Callable[[list[str]], tuple[str, ...]]:
    """The cells at ``places``, always as a tuple."""
    return itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)


def _when(columns: Mapping[str, int]) -> Callable[[list[str]], tuple[str, str]]:
    if TIME in columns:
        return itemgetter(columns[TIMESTAMP], columns[TIME])
    place = columns[TIMESTAMP]
    return lambda row: (row[place], "")


def _decide(table: Table, options: Options) -> tuple[Reading, bool]:
    """An empty reading with its conventions: what was said, else what all values together prove, else the likely.

    Also whether the rows have times at all: midnight on every row is how programs write a date.
    """
    layout = table.layout
    keys, figures = _distinct(table)
    days = {day for day, _ in keys}
    possible = values.possible_orders(days)
    order = options.date_order or (
        options.likely_date_order if options.likely_date_order in possible else min(possible)
    )
    likely = options.likely_decimal or ("," if layout.delimiter == ";" else ".")
    moments = [values.moment(day, order) for day in days]
    timed = TIME in layout.columns or any(map(_has_time, moments))
    kind = ORDERS if ORDER_ID in layout.columns else TIMES if timed else DAYS
    proven = bool(options.date_order) or len(possible) == 1 or not any(map(values.is_ambiguous, days))
    decimal = options.decimal or values.decimal_mark(figures) or likely
    return Reading(layout, kind, order, date_order_proven=proven, decimal=decimal), timed


def _has_time(moment: datetime | date | None) -> bool:
    return isinstance(moment, datetime) and moment.time() != time()


def _read_rows(table: Table, reading: Reading, moments: "_Moments", lines: "_Lines") -> None:
    """Fill ``reading``: two look-ups per row, and no object of its own for a row that is accepted."""
    columns, width = table.layout.columns, len(table.layout.header)
    when, what, order_place = _when(columns), lines.cells, columns.get(ORDER_ID)
    guests_place, guests = columns.get(GUESTS) if reading.kind != DAYS else None, _Guests(reading.decimal)
    groups: dict[tuple[str, date], _Group] = {}
    group: _Group | None = None
    last_number, last_moment = "", None
    read = 0
    for at, given in table:
        row = given if type(given) is list and len(given) == width else _fitted(given, width)
        if row is None:
            continue
        read += 1
        if isinstance(row, Problem):
            reading.rejects.append(Reject(at, *row, tuple(given)))
            continue
        moment, line = moments[when(row)], lines[what(row)]
        here = 0 if guests_place is None else guests[row[guests_place]]
        if isinstance(moment, Problem) or isinstance(line, Problem) or isinstance(here, Problem):
            _refuse(reading, at, row, moment, line, here)
            continue
        if line is _VOID:
            reading.voided += 1
            continue
        number = "" if order_place is None else row[order_place]
        if group is None or moment is not last_moment or number != last_number:
            known = _order_number(number, moment)
            if isinstance(known, Problem):
                _refuse(reading, at, row, known)
                continue
            group = groups.get((known, moment.on))
            if group is None:
                group = groups[known, moment.on] = _Group(known, moment.on, moment.at, [])
            elif moment.at and (group.at is None or moment.at < group.at):
                group.at = moment.at
            last_number, last_moment = number, moment
        group.guests = max(group.guests, here)  # each line of an order repeats them
        group.lines.append(line)
    reading.rows += read
    reading.zones_written = moments.zones_written
    reading.groups = list(groups.values())
    quantities = [line.quantity for group in reading.groups for line in group.lines]
    reading.units, reading.returns = sum(quantities, Decimal(0)), sum(quantity < 0 for quantity in quantities)


def _refuse(reading: Reading, at: int, row: list[str], *found: "Sold | Line | int | Problem") -> None:
    """Record the first problem that was found in the row; a row of empty cells was never one."""
    problem = next(each for each in found if isinstance(each, Problem))
    if any(map(str.strip, row)):
        reading.rejects.append(Reject(at, *problem, tuple(row)))
    else:
        reading.rows -= 1


def _fitted(row: list[str] | Broken, width: int) -> list[str] | Problem | None:
    """``row`` cut to ``width`` where only empty cells stand beyond; None for an empty row; else what is wrong."""
    if isinstance(row, Broken):
        return Problem("row", row.text, row.reason)
    if not any(map(str.strip, row)):
        return None
    if len(row) > width and not any(map(str.strip, row[width:])):
        return row[:width]
    return Problem("row", str(len(row)), f"has {len(row)} cells where the header has {width}")


def _order_number(text: str, moment: Sold) -> str | Problem:
    """How the order is known: its number, or its moment where it has none."""
    number = " ".join(text.split())
    if not number:
        return moment.key
    if "\ufffd" in number:
        return Problem(ORDER_ID, text, "has letters that cannot be read in the file's encoding")
    if len(number) > LONGEST_ORDER_NUMBER:
        return Problem(ORDER_ID, text, f"is longer than {LONGEST_ORDER_NUMBER} characters")
    return number


def _numbers_restart(groups: list[_Group]) -> bool:
    """Whether one number stands for orders of different business dates, hours apart: the till counts anew each day."""
    first: dict[str, _Group] = {}
    for group in groups:
        other = first.setdefault(group.number, group)
        if other.on != group.on and (not (other.at and group.at) or abs(group.at - other.at) >= RESTART_AFTER):
            return True
    return False


class ImpossibleSum(ProviderError):
    """The rows of one item and date add up to more than can be kept."""

    def __init__(self, line: Line, on: date) -> None:
        super().__init__(
            f"The rows of “{line.item}” on {on:%d %b %Y} add up to more than can be sold in a day. Mend them.",
            permanent=True,
        )


def _summed(lines: list[Line], on: date) -> list[Line]:
    """One line per item: a product mix that names an item twice means the sum. Raises ImpossibleSum."""
    found: dict[str, Line] = {}
    for line in lines:
        key = line.item.lower()
        found[key] = _plus(found[key], line) if key in found else line
    for line in found.values():
        if any(figure and abs(figure) >= LARGEST_AMOUNT for figure in (line.quantity, line.gross, line.net)):
            raise ImpossibleSum(line, on)
    return list(found.values())


def _plus(one: Line, other: Line) -> Line:
    return one._replace(
        quantity=one.quantity + other.quantity,
        unit_price=one.unit_price if one.unit_price == other.unit_price else None,
        gross=None if one.gross is None or other.gross is None else one.gross + other.gross,
        net=None if one.net is None or other.net is None else one.net + other.net,
    )


class _Moments(dict[tuple[str, str], "Sold | Problem"]):
    """(date, time) as written → when it was sold, or what is wrong with it."""

    def __init__(
        self, order: DateOrder, *, zone: tzinfo, written_in: tzinfo, closeout: timedelta, last: date, timed: bool
    ) -> None:
        super().__init__()
        self.order, self.zone, self.written_in, self.closeout = order, zone, written_in, closeout
        self.last, self.timed = last, timed
        self.zones_written = False

    def __missing__(self, key: tuple[str, str]) -> "Sold | Problem":
        found = self[key] = self._sold(*key)
        return found

    def _sold(self, day: str, clock: str) -> "Sold | Problem":
        value = values.moment(day, self.order)
        if value is None:
            return Problem(TIMESTAMP, day, "is not a date" if day.strip() else "is empty")
        if clock.strip() and not _has_time(value):
            at = values.clock_time(clock)
            if at is None:
                return Problem(TIME, clock, "is not a time")
            value = datetime.combine(value, at)
        try:
            found = self._placed(value)
        except (OverflowError, ValueError):
            return Problem(TIMESTAMP, day, "is not a date that a clock can show")
        if found.on < EARLIEST:
            return Problem(TIMESTAMP, day, f"is before {EARLIEST.year}")
        if found.on > self.last:
            return Problem(TIMESTAMP, day, "lies in the future")
        return found

    def _placed(self, value: datetime | date) -> Sold:
        """The business date is the local wall clock minus the closeout hours; a bare date is one already."""
        if not isinstance(value, datetime) or not self.timed:
            on = value.date() if isinstance(value, datetime) else value
            return Sold(None, on)
        if value.tzinfo:
            self.zones_written = True
        at = (value if value.tzinfo else value.replace(tzinfo=self.written_in)).astimezone(UTC)
        wall = at.astimezone(self.zone).replace(tzinfo=None)
        return Sold(at, (wall - self.closeout).date())


class _Guests(dict[str, "int | Problem"]):
    """A number of guests as written → how many, 0 where it is not known; or what is wrong with it."""

    def __init__(self, decimal: DecimalMark) -> None:
        super().__init__()
        self.decimal = decimal

    def __missing__(self, text: str) -> "int | Problem":
        found = self[text] = self._guests(text)
        return found

    def _guests(self, text: str) -> "int | Problem":
        if not text.strip():
            return 0
        number = values.number(text, self.decimal)
        if number is None or number != int(number) or not 0 <= number <= MOST_GUESTS:
            return Problem(GUESTS, text, f"is not a number of guests from 0 to {MOST_GUESTS:,}")
        return int(number)


class _Lines(dict[tuple[str, ...], "Line | Problem"]):
    """The cells of a row that make up its line → the line, or what is wrong with it."""

    def __init__(self, columns: Mapping[str, int], decimal: DecimalMark, options: Options) -> None:
        super().__init__()
        self.fields = [name for name in (ITEM, *FIGURES, CATEGORY, VOIDED) if name in columns]
        self.cells = _cells([columns[name] for name in self.fields])
        self.decimal, self.options = decimal, options

    def __missing__(self, key: tuple[str, ...]) -> "Line | Problem":
        found = self[key] = self._line(dict(zip(self.fields, key, strict=True)))
        return found

    def _line(self, cells: dict[str, str]) -> "Line | Problem":
        item = _name(cells[ITEM])
        if isinstance(item, Problem):
            return item
        voided = cells.get(VOIDED, "").strip().lower()
        if voided in _YES:
            return _VOID
        if voided not in _NO:
            return Problem(VOIDED, cells[VOIDED], "is neither yes nor no")
        figures = self._figures(cells)
        if isinstance(figures, Problem):
            return figures
        quantity = figures.get(QUANTITY, Decimal(1))
        amounts = _amounts(quantity, figures, self.options)
        for name, amount in zip((UNIT_PRICE, GROSS, NET), amounts, strict=True):
            if amount is not None and abs(amount) >= LARGEST_AMOUNT:
                return Problem(name, cells.get(name, str(amount)), "is more than money can be")
        category = " ".join(cells.get(CATEGORY, "").replace("\ufffd", "").split())[:LONGEST_CATEGORY]
        return Line(item, quantity, *amounts, category)

    def _figures(self, cells: dict[str, str]) -> dict[str, Decimal] | Problem:
        """The figures of a row; an empty amount is unknown, an empty quantity is wrong."""
        found: dict[str, Decimal] = {}
        for name in FIGURES:
            text = cells.get(name)
            if text is None or (name != QUANTITY and not text.strip()):
                continue
            figure = values.number(text, self.decimal)
            if figure is None:
                return Problem(name, text, "is not a number" if text.strip() else "is empty")
            if name == QUANTITY:
                if abs(figure) > LARGEST_QUANTITY:
                    return Problem(name, text, f"is more than {LARGEST_QUANTITY:,} of one item")
                figure = figure.quantize(_THOUSANDTH, ROUND_HALF_UP)
            elif abs(figure) >= LARGEST_AMOUNT:
                return Problem(name, text, "is more than money can be")
            found[name] = figure
        return found


def _name(text: str) -> str | Problem:
    """A menu item's name without the spaces that nobody sees."""
    name = " ".join(text.replace("\u200b", " ").replace("\ufeff", " ").split())
    if not name:
        return Problem(ITEM, text, "is empty")
    if "\ufffd" in name:
        return Problem(ITEM, text, "has letters that cannot be read in the file's encoding")
    if len(name) > LONGEST_NAME:
        return Problem(ITEM, text, f"is longer than {LONGEST_NAME} characters")
    return name


def _amounts(
    quantity: Decimal, figures: Mapping[str, Decimal], options: Options
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Price of one, the line's total with tax and without; rounded at the very end.

    The line's own total is taken as it stands; a discount is taken off only where the total has to be worked out.
    """
    price, tax = figures.get(UNIT_PRICE), figures.get(TAX)
    total = figures.get(GROSS)
    if total is None and price is not None:
        total = price * quantity - abs(figures.get(DISCOUNT, Decimal(0))) * (1 if quantity >= 0 else -1)
    elif total is not None and quantity < 0 < total:
        total = -total
    net = figures.get(NET)
    if net is not None:
        gross = net + tax if tax is not None else total if total is not None else net
        return _money(price), _money(gross), _money(-net if quantity < 0 < net else net)
    if total is None:
        return _money(price), None, None
    share = 1 + (options.tax_rate or 0)
    if options.prices_include_tax:
        net = total - tax if tax is not None else total / share
        return _money(price), _money(total), _money(net)
    gross = total + tax if tax is not None else total * share
    return _money(price), _money(gross), _money(total)


def _money(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_MONEY, ROUND_HALF_UP)
