"""What a restaurant's schema holds, counted in the catalogs: within the budget, and as docs/schema-budget.md says."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from conftest import SUPERUSER, as_owner
from tenants.context import public_context
from tenants.models import Restaurant

MOST_TABLES, MOST_RELATIONS = 55, 250
COUNTED = """
    SELECT t.relname,
        1 + (SELECT count(*) FROM pg_index i WHERE i.indrelid = t.oid)
        + CASE WHEN t.reltoastrelid = 0 THEN 0
            ELSE 1 + (SELECT count(*) FROM pg_index i WHERE i.indrelid = t.reltoastrelid) END
        + (SELECT count(*) FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
            WHERE d.refobjid = t.oid AND d.deptype IN ('i', 'a'))
    FROM pg_class t WHERE t.relnamespace = %s::regnamespace AND t.relkind IN ('r', 'p')
    """
OTHERS = """
    SELECT relname FROM pg_class c WHERE relnamespace = %s::regnamespace AND relkind NOT IN ('r', 'p', 'i')
    AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('i', 'a')))
    """
# Indexes whose columns another one, complete and of the same order, begins with: it answers the same questions.
SUPERFLUOUS = """
    SELECT shorter.indexrelid::regclass::text FROM pg_index shorter
    JOIN pg_class ON pg_class.oid = shorter.indexrelid AND relnamespace = %s::regnamespace
    JOIN pg_index longer ON longer.indrelid = shorter.indrelid AND longer.indexrelid <> shorter.indexrelid
    WHERE NOT shorter.indisunique AND shorter.indpred IS NULL AND longer.indpred IS NULL
    AND shorter.indexprs IS NULL AND longer.indexprs IS NULL
    AND longer.indkey::text || ' ' LIKE shorter.indkey::text || ' %%'
    AND longer.indoption::text || ' ' LIKE shorter.indoption::text || ' %%'
    """


def ask(query: str, schema: str) -> list[tuple]:
    with public_context(), as_owner(), connection.cursor() as cursor:
        cursor.execute(query, [schema])
        return cursor.fetchall()


def written_down() -> dict[str, int]:
    text = (Path(settings.BASE_DIR) / "docs" / "schema-budget.md").read_text()
    return {name: int(count) for name, count in re.findall(r"^\| (\w+) \| (\d+) \|", text, re.M)}


def test_the_budget_holds_and_every_table_is_accounted_for(restaurant: Restaurant) -> None:
    counted = dict(ask(COUNTED, restaurant.schema_name))
    assert counted == written_down()
    assert len(counted) <= MOST_TABLES
    assert sum(counted.values()) <= MOST_RELATIONS
    assert ask(OTHERS, restaurant.schema_name) == []


def test_the_sums_in_the_text_are_those_of_the_table() -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "schema-budget.md").read_text()
    assert f"That is {len(written_down())} tables and {sum(written_down().values())} relations." in text
    assert f"at most {MOST_TABLES} tables and {MOST_RELATIONS} relations" in text


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT", 0),
        ("CREATE INDEX twin ON pos_order (connection_id)", 1),
        ("CREATE INDEX not_a_twin ON pos_order (external_id)", 0),
        ("CREATE INDEX other_way_round ON pos_order (connection_id DESC)", 0),
        ("CREATE INDEX a ON pos_order (file_id); CREATE INDEX b ON pos_order (file_id)", 2),
    ],
)
def test_no_index_is_superfluous_and_one_that_is_would_be_seen(
    restaurant: Restaurant, statement: str, found: int
) -> None:
    with as_owner(SUPERUSER), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(ask(SUPERFLUOUS, restaurant.schema_name)) == found
