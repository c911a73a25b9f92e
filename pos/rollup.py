"""The rollup `DailySales`: units and net sales per item and business date, from the one source of each date."""

from collections.abc import Collection
from datetime import date

from django.db import connection as database

# Returns can outnumber sales on a day; nobody sells fewer than none.
REFRESH = """
WITH fresh AS MATERIALIZED (
    SELECT o.business_date, l.menu_item_id, greatest(sum(l.quantity), 0) AS quantity, sum(l.net) AS net_sales
    FROM pos_daysource s
    JOIN pos_order o ON o.business_date = s.business_date AND o.connection_id = s.connection_id
    JOIN pos_orderline l ON l.order_id = o.id
    WHERE s.business_date = ANY(%(days)s)
    GROUP BY o.business_date, l.menu_item_id
), gone AS (
    DELETE FROM pos_dailysales d
    WHERE d.business_date = ANY(%(days)s) AND NOT EXISTS (
        SELECT FROM fresh f WHERE f.business_date = d.business_date AND f.menu_item_id = d.menu_item_id
    )
)
INSERT INTO pos_dailysales (menu_item_id, business_date, quantity, net_sales)
SELECT menu_item_id, business_date, quantity, net_sales FROM fresh ORDER BY business_date, menu_item_id
ON CONFLICT (business_date, menu_item_id) DO UPDATE
SET quantity = excluded.quantity, net_sales = excluded.net_sales
WHERE (pos_dailysales.quantity, pos_dailysales.net_sales) IS DISTINCT FROM (excluded.quantity, excluded.net_sales)
"""


def refresh(days: Collection[date]) -> None:
    """Make the rollup of ``days`` say what the orders of their sources say; rows that already do are not touched."""
    if days:
        with database.cursor() as cursor:
            cursor.execute(REFRESH, {"days": list(days)})
