"""Orders into the tables: staged with COPY, compared with what is there, and only what differs is written.

The caller's transaction holds it all together. Whatever the provider, an order that a load contains is afterwards
exactly as the load says; orders that it does not contain stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection as database

from pos.models import Connection, SalesFile
from pos.providers.base import Line, Order
from tenants.keys import uuid7
from tenants.models import Restaurant


@dataclass(frozen=True, slots=True)
class Changes:
    """What a load changes, counted in orders; ``days``: the business dates whose sales may differ afterwards."""

    new: int
    changed: int
    unchanged: int
    removed: int
    days: list[date]
    new_items: list[str]

    @property
    def nothing(self) -> bool:
        return not (self.new or self.changed or self.removed)


def lock(restaurant: Restaurant | None = None) -> None:
    """Wait until no other load runs in this restaurant; held to the end of the transaction.

    Somebody who gives sales their business dates passes the `restaurant`: its time zone and closeout hour, which may
    have been changed while we waited, are brought up to date.

    The transaction may also use enough memory to join and sort a load without files on disk, and checks references
    as it writes, which is quicker than keeping a list of them for the commit.
    """
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('pos.loading ' || current_schema(), 0))")
    if restaurant is not None:
        restaurant.refresh_from_db(fields=["timezone", "closeout_hour"])


STAGE = (
    "DROP TABLE IF EXISTS staged_line, staged_order, staged_item, differing",
    """
CREATE TEMP TABLE staged_item (
    item int, id uuid, name text, category text, price numeric(12, 4), menu_item_id uuid
) ON COMMIT DROP
""",
    """
CREATE TEMP TABLE staged_order (
    number int, external_id text, opened_at timestamptz, business_date date, guests smallint, lines int, order_id bigint
) ON COMMIT DROP
""",
    """
CREATE TEMP TABLE staged_line (
    number int, position int, item int, quantity numeric(12, 3), gross numeric(12, 4), net numeric(12, 4)
) ON COMMIT DROP
""",
)
FIND_ITEMS = """
UPDATE staged_item s SET menu_item_id = m.id FROM menu_menuitem m WHERE lower(m.name) = lower(s.name)
"""
FIND_ORDERS = """
UPDATE staged_order s SET order_id = o.id
FROM pos_order o WHERE o.connection_id = %s AND o.external_id = s.external_id
"""
NEW_ITEMS = """
SELECT DISTINCT ON (lower(name)) name FROM staged_item WHERE menu_item_id IS NULL ORDER BY lower(name), item
"""
ADD_ITEMS = """
INSERT INTO menu_menuitem (id, name, category, price, is_active, created_at)
SELECT DISTINCT ON (lower(name)) id, name, category, price, true, now()
FROM staged_item WHERE menu_item_id IS NULL ORDER BY lower(name), item
ON CONFLICT DO NOTHING
"""
# An order differs when it is not there, when its own facts differ, or when not each of its lines is there unchanged.
COMPARE = """
CREATE TEMP TABLE differing ON COMMIT DROP AS
WITH there AS (
    SELECT s.number, count(*) AS lines, count(*) FILTER (
        WHERE (l.menu_item_id, l.quantity, l.gross, l.net)
        IS NOT DISTINCT FROM (i.menu_item_id, p.quantity, p.gross, p.net)
    ) AS same
    FROM staged_order s
    JOIN pos_orderline l ON l.order_id = s.order_id
    LEFT JOIN staged_line p ON p.number = s.number AND p.position = l.position
    LEFT JOIN staged_item i ON i.item = p.item
    GROUP BY s.number
)
SELECT s.number, s.external_id, s.opened_at, s.business_date, s.guests, s.lines, o.id AS order_id,
    o.business_date AS was_on
FROM staged_order s
LEFT JOIN pos_order o ON o.id = s.order_id
LEFT JOIN there ON there.number = s.number
WHERE o.id IS NULL
   OR (o.opened_at, o.business_date, o.guests) IS DISTINCT FROM (s.opened_at, s.business_date, s.guests)
   OR (coalesce(there.lines, 0), coalesce(there.same, 0)) <> (s.lines, s.lines)
"""
COUNT = """
SELECT count(*) FILTER (WHERE order_id IS NULL), count(order_id),
    (SELECT count(*) FROM staged_order), (SELECT count(*) FROM left_out)
FROM differing
"""
# What an earlier reading of the same file wrote and this reading no longer says.
FIND_LEFT_OUT = """
CREATE TEMP TABLE left_out ON COMMIT DROP AS
SELECT o.id, o.business_date FROM pos_order o WHERE o.file_id = %s AND o.connection_id = %s
AND o.id NOT IN (SELECT order_id FROM staged_order WHERE order_id IS NOT NULL)
"""
TOUCHED_DAYS = """
SELECT business_date FROM differing UNION SELECT was_on FROM differing WHERE was_on IS NOT NULL
UNION SELECT business_date FROM left_out ORDER BY 1
"""
DROP_LEFT_OUT = (
    "DELETE FROM pos_orderline WHERE order_id IN (SELECT id FROM left_out)",
    "DELETE FROM pos_order WHERE id IN (SELECT id FROM left_out)",
)
WRITE_ORDERS = """
INSERT INTO pos_order (connection_id, external_id, opened_at, business_date, guests, file_id)
SELECT %s, external_id, opened_at, business_date, guests, %s FROM differing ORDER BY number
ON CONFLICT (connection_id, external_id) DO UPDATE
SET opened_at = excluded.opened_at, business_date = excluded.business_date, guests = excluded.guests,
    file_id = excluded.file_id
WHERE (pos_order.opened_at, pos_order.business_date, pos_order.guests, pos_order.file_id)
    IS DISTINCT FROM (excluded.opened_at, excluded.business_date, excluded.guests, excluded.file_id)
"""
FIND_NEW_ORDERS = """
UPDATE differing d SET order_id = o.id
FROM pos_order o WHERE d.order_id IS NULL AND o.connection_id = %s AND o.external_id = d.external_id
"""
DROP_LINES = """
DELETE FROM pos_orderline l USING differing d WHERE l.order_id = d.order_id AND l.position > d.lines
"""
# Lines of a new order cannot meet others; those of a known one are compared with what stands at their position.
ADD_LINES = """
INSERT INTO pos_orderline (order_id, position, menu_item_id, quantity, gross, net)
SELECT d.order_id, p.position, i.menu_item_id, p.quantity, p.gross, p.net
FROM differing d JOIN staged_line p USING (number) JOIN staged_item i USING (item)
WHERE d.was_on IS NULL
ORDER BY p.number, p.position
"""
CHANGE_LINES = """
INSERT INTO pos_orderline (order_id, position, menu_item_id, quantity, gross, net)
SELECT d.order_id, p.position, i.menu_item_id, p.quantity, p.gross, p.net
FROM differing d JOIN staged_line p USING (number) JOIN staged_item i USING (item)
WHERE d.was_on IS NOT NULL
ON CONFLICT (order_id, position) DO UPDATE
SET menu_item_id = excluded.menu_item_id, quantity = excluded.quantity, gross = excluded.gross, net = excluded.net
WHERE (pos_orderline.menu_item_id, pos_orderline.quantity, pos_orderline.gross, pos_orderline.net)
    IS DISTINCT FROM (excluded.menu_item_id, excluded.quantity, excluded.gross, excluded.net)
"""


def stage(orders: Iterable[Order], connection_id: UUID | None) -> None:
    """Put ``orders`` into temporary tables, beside what ``connection_id`` already has of them."""
    items = _Items()
    order_rows: list[str] = []
    line_rows: list[str] = []
    for number, order in enumerate(orders):
        opened_at = order.opened_at.isoformat() if order.opened_at else r"\N"
        guests = r"\N" if order.guests is None else order.guests
        facts = f"{opened_at}\t{order.business_date}\t{guests}\t{len(order.lines)}"
        order_rows.append(f"{number}\t{_escaped(order.external_id)}\t{facts}\n")
        line_rows += [f"{number}\t{at}\t{items.cells(line)}" for at, line in enumerate(order.lines, start=1)]
    with database.cursor() as cursor:
        for statement in STAGE:
            cursor.execute(statement)
        _copy(cursor, "COPY staged_item (item, id, name, category, price) FROM STDIN", items.rows())
        _copy(
            cursor,
            "COPY staged_order (number, external_id, opened_at, business_date, guests, lines) FROM STDIN",
            order_rows,
        )
        _copy(cursor, "COPY staged_line FROM STDIN", line_rows)
        cursor.execute(FIND_ITEMS)
        cursor.execute(FIND_ORDERS, [connection_id])
        cursor.execute("SET LOCAL default_statistics_target = 10")
        cursor.execute("ANALYZE staged_item, staged_order, staged_line")


class _Items:
    """The items of a load, numbered; and the COPY text of each distinct line, made once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._last: list[Line] = []
        self._cells: dict[int, tuple[Line, str]] = {}

    def cells(self, line: Line) -> str:
        """Item number and amounts as COPY wants them. Readers share equal lines, so identity finds most of them."""
        known = self._cells.get(id(line))
        if known is None:
            number = self._numbers.setdefault(line.item, len(self._numbers))
            if number == len(self._last):
                self._last.append(line)
            elif line.unit_price is not None:
                self._last[number] = line
            amounts = "\t".join(map(_amount, (line.quantity, line.gross, line.net)))
            known = self._cells[id(line)] = (
                line,
                f"{number}\t{amounts}\n",
            )  # the line is kept, so its id stays its own
        return known[1]

    def rows(self) -> list[str]:
        return [
            f"{number}\t{uuid7()}\t{_escaped(name)}\t{_escaped(line.category)}\t{_amount(line.unit_price, lowest=0)}\n"
            for (name, number), line in zip(self._numbers.items(), self._last, strict=True)
        ]


def _copy(cursor: Any, statement: str, rows: list[str]) -> None:
    with cursor.copy(statement) as copy:
        copy.write("".join(rows))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _amount(amount: Decimal | None, lowest: int | None = None) -> str:
    return r"\N" if amount is None or (lowest is not None and amount < lowest) else str(amount)


def compare(connection_id: UUID | None, file_id: UUID | None) -> Changes:
    """What writing the staged orders would change; ``file_id``: the file whose earlier reading they replace."""
    with database.cursor() as cursor:
        cursor.execute(NEW_ITEMS)
        new_items = [name for (name,) in cursor.fetchall()]
        cursor.execute("DROP TABLE IF EXISTS differing, left_out")
        cursor.execute(COMPARE)
        cursor.execute(FIND_LEFT_OUT, [file_id, connection_id])
        cursor.execute(COUNT)
        new, changed, staged, removed = cursor.fetchone()
        cursor.execute(TOUCHED_DAYS)
        days = [day for (day,) in cursor.fetchall()]
    return Changes(new, changed, staged - new - changed, removed, days, new_items)


def write(connection: Connection, file: SalesFile | None) -> Changes:
    """Make the tables say what the staged orders say; rows that already say so are not touched."""
    file_id = file.pk if file else None
    with database.cursor() as cursor:
        cursor.execute(NEW_ITEMS)
        new_items = [name for (name,) in cursor.fetchall()]
        if new_items:
            cursor.execute(ADD_ITEMS)
            cursor.execute(FIND_ITEMS)
    changes = compare(connection.pk, file_id)
    if not changes.nothing:
        with database.cursor() as cursor:
            for statement in DROP_LEFT_OUT:
                cursor.execute(statement)
            cursor.execute(WRITE_ORDERS, [connection.pk, file_id])
            cursor.execute(FIND_NEW_ORDERS, [connection.pk])
            cursor.execute(DROP_LINES)
            cursor.execute(ADD_LINES)
            cursor.execute(CHANGE_LINES)
    return replace(changes, new_items=new_items)


# --- order numbers that begin anew -----------------------------------------------------------------------------

# Orders of other files under the staged numbers. A restarted counter shows as another date and another minute; the
# same minute on another date is the same order, whose date was read wrongly before. Without times, only a file of a
# single date can show nothing of a restart by itself.
NUMBERS_IN_USE = """
SELECT count(*), count(*) FILTER (
    WHERE o.business_date <> s.business_date
    AND coalesce(
        to_char(o.opened_at, 'MI:SS') <> to_char(s.opened_at, 'MI:SS'),
        (SELECT min(business_date) = max(business_date) FROM staged_order)
    )
)
FROM staged_order s JOIN pos_order o ON o.id = s.order_id WHERE o.file_id IS DISTINCT FROM %s
"""
QUALIFY_NUMBERS = """
UPDATE pos_order SET external_id = business_date || ' ' || external_id WHERE connection_id = %s
"""


def numbers_restart(file: SalesFile) -> bool:
    """Whether most staged order numbers that other files have used mean another order there."""
    with database.cursor() as cursor:
        cursor.execute(NUMBERS_IN_USE, [file.pk])
        used, elsewhere = cursor.fetchone()
    return bool(elsewhere * 2 > used)


def qualify_numbers(connection: Connection) -> None:
    """From now on the source's orders are known by business date and number together."""
    with database.cursor() as cursor:
        cursor.execute(QUALIFY_NUMBERS, [connection.pk])
