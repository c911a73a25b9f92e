"""What a schema holds, read back from the database's own catalogs.

Everything that Flux's migrations make is understood: tables, columns, constraints, indexes, rights, comments. Whatever
else is found raises `NotUnderstood`, so that nothing is left out in silence.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

ROWS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})  # what a restaurant's role may do with each of its tables


class NotUnderstood(Exception):
    """The schema holds something that cannot be described here."""


@dataclass(frozen=True)
class Column:
    """One column; `default`, `generated` and `collation` are SQL, empty where there is none."""

    name: str
    type: str
    is_required: bool
    identity: str  # "a" always, "d" by default, "" none
    default: str
    generated: str
    collation: str
    sequence: str  # the identity's, where it does not have the usual name
    not_null_name: str  # likewise
    comment: str
    is_key: bool  # part of the primary key


@dataclass(frozen=True)
class Table:
    """One table. Definitions are SQL, which names the schema; `indexes` leaves out those that constraints make."""

    name: str
    columns: tuple[Column, ...]
    constraints: tuple[tuple[str, str], ...]  # name and definition: keys and checks, in the order of their names
    foreign_keys: tuple[tuple[str, str], ...]
    indexes: tuple[str, ...]
    options: str
    comment: str
    rights: frozenset[str]  # of the role that is named like the schema
    column_rights: tuple[tuple[str, tuple[str, ...]], ...]  # its rights to some columns alone, such as UPDATE


def read(schema: str) -> tuple[Table, ...]:
    """The schema's tables by name. Run it in a public context: what is on the path is not named with its schema."""
    _refuse_what_is_not_understood(schema)
    columns: dict[str, list[Column]] = {}
    for table, *facts in _rows(COLUMNS, schema):
        columns.setdefault(table, []).append(Column(*facts))
    keys: dict[str, list[tuple[str, str]]] = {}
    foreign: dict[str, list[tuple[str, str]]] = {}
    for table, name, kind, definition in _rows(CONSTRAINTS, schema):
        (foreign if kind == "f" else keys).setdefault(table, []).append((name, definition))
    indexes: dict[str, list[str]] = {}
    for table, definition in _rows(INDEXES, schema):
        indexes.setdefault(table, []).append(definition)
    rights = {table: frozenset(found) for table, found in _rows(RIGHTS, schema)}
    column_rights: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for table, right, names in _rows(COLUMN_RIGHTS, schema):
        column_rights.setdefault(table, []).append((right, tuple(names)))
    return tuple(
        Table(
            name,
            tuple(columns.get(name, ())),
            tuple(keys.get(name, ())),
            tuple(foreign.get(name, ())),
            tuple(indexes.get(name, ())),
            options,
            comment,
            rights.get(name, frozenset()),
            tuple(column_rights.get(name, ())),
        )
        for name, options, comment in _rows(TABLES, schema)
    )


def table_names(schema: str) -> list[str]:
    """The names of the schema's tables."""
    return [name for name, _, _ in _rows(TABLES, schema)]


def migrations(schema: str) -> list[tuple[str, str]]:
    """App and name of each migration that the schema has had, in the order in which it had them."""
    recorded = f"{connection.ops.quote_name(schema)}.django_migrations"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT app, name FROM {recorded} ORDER BY id")  # noqa: S608 the name is quoted
        return list(cursor.fetchall())


def _rows(query: str, schema: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [schema])
        return list(cursor.fetchall())


def _refuse_what_is_not_understood(schema: str) -> None:
    found = [f"{kind} {name}" for kind, name in _rows(STRANGERS, schema)]
    if found:
        raise NotUnderstood(f"A restaurant's schema has tables and their indexes alone; here is {', '.join(found)}.")


TABLES = """
    SELECT relname, coalesce(array_to_string(reloptions, ', '), ''), coalesce(obj_description(oid, 'pg_class'), '')
    FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' ORDER BY relname COLLATE "C"
"""

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
        CASE WHEN a.attgenerated = '' THEN '' ELSE pg_get_expr(d.adbin, d.adrelid)
            || CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END END,
        CASE WHEN a.attcollation = t.typcollation THEN '' ELSE a.attcollation::regcollation::text END,
        CASE WHEN s.relname = c.relname || '_' || a.attname || '_seq' THEN '' ELSE coalesce(s.relname, '') END,
        CASE WHEN n.conname = c.relname || '_' || a.attname || '_not_null' THEN '' ELSE coalesce(n.conname, '') END,
        coalesce(col_description(c.oid, a.attnum), ''),
        EXISTS (SELECT FROM pg_index p WHERE p.indrelid = c.oid AND p.indisprimary AND a.attnum = ANY(p.indkey))
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_depend own ON own.refobjid = c.oid AND own.refobjsubid = a.attnum AND own.deptype = 'i'
        AND own.classid = 'pg_class'::regclass AND own.refclassid = 'pg_class'::regclass AND a.attidentity <> ''
    LEFT JOIN pg_class s ON s.oid = own.objid AND s.relkind = 'S'
    LEFT JOIN pg_constraint n ON n.conrelid = c.oid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum]
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
    ORDER BY c.relname COLLATE "C", a.attnum
"""

# PostgreSQL 18 keeps NOT NULL among the constraints; here it belongs to the column.
CONSTRAINTS = """
    SELECT c.relname, o.conname, o.contype, pg_get_constraintdef(o.oid)
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
    WHERE o.connamespace = to_regnamespace(%s) AND o.contype <> 'n'
    ORDER BY c.relname COLLATE "C", o.contype <> 'p', o.conname COLLATE "C"
"""

INDEXES = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE c.relnamespace = to_regnamespace(%s)
        AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
    ORDER BY c.relname COLLATE "C", x.relname COLLATE "C"
"""

RIGHTS = """
    SELECT c.relname, array_agg(DISTINCT acl.privilege_type)
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r' AND r.rolname = c.relnamespace::regnamespace::text
    GROUP BY c.relname
"""

COLUMN_RIGHTS = """
    SELECT c.relname, acl.privilege_type, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid CROSS JOIN LATERAL aclexplode(a.attacl) acl
    JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r' AND r.rolname = c.relnamespace::regnamespace::text
    GROUP BY c.relname, acl.privilege_type ORDER BY c.relname COLLATE "C", acl.privilege_type
"""

# Triggers and rules are listed because they would be lost; those that hold foreign keys are internal.
STRANGERS = """
    WITH home AS (SELECT to_regnamespace(%s)::oid AS id)
    SELECT 'relation of kind ' || c.relkind::text, c.relname::text FROM pg_class c, home
    WHERE c.relnamespace = home.id AND (c.relkind NOT IN ('r', 'i', 'S')
        OR c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')
        OR c.relkind = 'r' AND (c.relrowsecurity OR c.relispartition OR c.relpersistence <> 'p'))
    UNION ALL
    SELECT 'trigger', t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid, home
    WHERE c.relnamespace = home.id AND NOT t.tgisinternal
    UNION ALL
    SELECT 'rule', r.rulename::text FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class, home
    WHERE c.relnamespace = home.id AND c.relkind = 'r'
    UNION ALL
    SELECT 'function', p.proname::text FROM pg_proc p, home WHERE p.pronamespace = home.id
    UNION ALL
    SELECT 'statistics', e.stxname::text FROM pg_statistic_ext e, home WHERE e.stxnamespace = home.id
    UNION ALL
    SELECT 'type', t.typname::text FROM pg_type t, home
    WHERE t.typnamespace = home.id AND t.typtype <> 'b' AND t.typrelid = 0
    UNION ALL
    SELECT 'rights of ' || acl.grantee::regrole || ' to one column:', c.relname || '.' || a.attname
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid CROSS JOIN LATERAL aclexplode(a.attacl) acl, home
    WHERE c.relnamespace = home.id AND acl.grantee::regrole::text <> home.id::regnamespace::text
    UNION ALL
    SELECT 'rights of ' || acl.grantee::regrole, c.relname::text
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl, home
    WHERE c.relnamespace = home.id AND c.relkind = 'r' AND acl.grantee <> c.relowner
        AND acl.grantee::regrole::text <> home.id::regnamespace::text
    ORDER BY 1, 2
"""
