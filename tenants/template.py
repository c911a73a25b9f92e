"""The template of a restaurant's schema: `tenants/template.sql`, made from the migrations, replayed for each new one.

The file is a build artefact: `manage.py render_template` writes it from what the migrations make in an empty schema. It
is sent to the server as one message, so it takes one round trip and leaves nothing where it fails.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tenants import catalog
from tenants.catalog import Column, Table

FILE = Path(__file__).with_suffix(".sql")
MARKER = "{schema}"  # stands for the schema, quotes included, which is also the name of its role
HEADER = """\
-- The tables of one restaurant, in the schema {schema}, whose role has the same name.
-- Made from the migrations: after a change of them, run `python3 dev.py manage render_template`. Not edited by hand.
"""
STALE = "tenants/template.sql is not what the migrations make: run `python3 dev.py manage render_template`."
Writer = Callable[[Table], Iterator[str]]
# `kind IN ('a', 'b')` as the server writes it. It would read this text as something else of the same meaning, so that a
# replayed schema and a migrated one would differ in the text of each such check: it is given the short form again.
ONE_OF = re.compile(
    r"\((\w+)\)::text (= ANY|<> ALL) \(\(ARRAY\[((?:'(?:[^']|'')*'::character varying(?:, )?)+)\]\)::text\[\]\)"
)
RECORDED = re.compile(r"^    \('(\w+)', '(\w+)', now\(\)\)", re.M)


class LeavesRows(Exception):
    """The migrations leave rows in a new schema, which a template would give to every restaurant alike."""


def render(schema: str) -> str:
    """The template that makes what `schema` holds; it must be as the migrations leave it. Public context.

    Raises `catalog.NotUnderstood` and `LeavesRows`.
    """
    tables = catalog.read(schema)
    _refuse_rows(schema, tables)
    statements = [
        *(_create_table(table) for table in tables),
        *_one_after_the_other(_add_foreign_keys, tables),
        *_one_after_the_other(_create_indexes, tables),
        *_one_after_the_other(_change_rights, tables),
        *_one_after_the_other(_comment, tables),
        _record(catalog.migrations(schema)),
    ]
    body = "\n".join(f"{statement};" for statement in statements)
    # Where the server writes a definition it names the schema itself, without quotes: the name needs none.
    body = ONE_OF.sub(_one_of, body.replace(f"{schema}.", f"{MARKER}."))
    return f"{HEADER}\n{body}\n"


@cache
def text() -> str:
    """The committed template."""
    return FILE.read_text()


def sql_for(schema: str) -> str:
    """The statements that make the tables of `schema`, which must be there and empty."""
    return text().replace(MARKER, quote(schema))


@cache
def version() -> str:
    """The version of a schema that is made from the template now."""
    return version_of(RECORDED.findall(text()))


def wanted_version() -> str:
    """The version of a schema that has had all migrations that there are."""
    return version_of(MigrationLoader(None).disk_migrations)


def version_of(migrations: Iterable[tuple[str, str]]) -> str:
    """A short name for the set of migrations that a schema has had: the same set has the same name in any order."""
    listed = "\n".join(sorted(f"{app}.{name}" for app, name in migrations))
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def quote(name: str) -> str:
    return str(connection.ops.quote_name(name))


def _one_of(found: re.Match[str]) -> str:
    column, operator, values = found.groups()
    return f"{column} {'IN' if operator == '= ANY' else 'NOT IN'} ({values.replace('::character varying', '')})"


def _refuse_rows(schema: str, tables: Iterable[Table]) -> None:
    for table in tables:
        if table.name == "django_migrations":
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {quote(schema)}.{quote(table.name)})")  # noqa: S608 quoted
            if cursor.fetchone()[0]:
                raise LeavesRows(f"The migrations leave rows in {table.name}: write them when a restaurant is opened.")


def _one_after_the_other(write: Writer, tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        yield from write(table)


def _place(table: Table) -> str:
    return f"{MARKER}.{quote(table.name)}"


def _create_table(table: Table) -> str:
    lines = [_column(column) for column in table.columns]
    lines += [f"CONSTRAINT {quote(name)} {definition}" for name, definition in table.constraints]
    options = f" WITH ({table.options})" if table.options else ""
    return f"CREATE TABLE {_place(table)} (\n    " + ",\n    ".join(lines) + f"\n){options}"


def _column(column: Column) -> str:
    parts = [quote(column.name), column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.default:
        parts.append(f"DEFAULT {column.default}")
    if column.generated:
        expression, _, kind = column.generated.rpartition(" ")
        parts.append(f"GENERATED ALWAYS AS ({expression}) {kind}")
    if column.identity:
        when = "ALWAYS" if column.identity == "a" else "BY DEFAULT"
        sequence = f" (SEQUENCE NAME {MARKER}.{quote(column.sequence)})" if column.sequence else ""
        parts.append(f"GENERATED {when} AS IDENTITY{sequence}")
    if column.is_required:
        parts.append(f"CONSTRAINT {quote(column.not_null_name)} NOT NULL" if column.not_null_name else "NOT NULL")
    return " ".join(parts)


def _add_foreign_keys(table: Table) -> Iterator[str]:
    """Apart from the tables, which may then come in any order; one each, as a sharded database wants it."""
    for name, definition in table.foreign_keys:
        yield f"ALTER TABLE {_place(table)} ADD CONSTRAINT {quote(name)} {definition}"


def _create_indexes(table: Table) -> Iterator[str]:
    yield from table.indexes


def _change_rights(table: Table) -> Iterator[str]:
    """Where the role may do less, or more, than with a table that is just made."""
    if missing := sorted(catalog.ROWS - table.rights):
        yield f"REVOKE {', '.join(missing)} ON {_place(table)} FROM {MARKER}"
    if added := sorted(table.rights - catalog.ROWS):
        yield f"GRANT {', '.join(added)} ON {_place(table)} TO {MARKER}"
    for right, columns in table.column_rights:
        yield f"GRANT {right} ({', '.join(map(quote, columns))}) ON {_place(table)} TO {MARKER}"


def _comment(table: Table) -> Iterator[str]:
    if table.comment:
        yield f"COMMENT ON TABLE {_place(table)} IS {_literal(table.comment)}"
    for column in table.columns:
        if column.comment:
            yield f"COMMENT ON COLUMN {_place(table)}.{quote(column.name)} IS {_literal(column.comment)}"


def _record(migrations: list[tuple[str, str]]) -> str:
    rows = ",\n".join(f"    ({_literal(app)}, {_literal(name)}, now())" for app, name in migrations)
    return f"INSERT INTO {MARKER}.django_migrations (app, name, applied) VALUES\n{rows}"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
