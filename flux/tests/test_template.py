"""The template of a restaurant's schema is what the migrations make, and makes the same again."""

import os
import re
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from conftest import as_owner
from flux.embedded import Postgres
from tenants import catalog, provisioning, template
from tenants.catalog import NotUnderstood
from tenants.context import public_context

COMMITTED = Path(template.__file__).with_suffix(".sql")

# Whole rows of the server's own catalogs, without what differs from one schema to the next. Of a column that was added
# later the server notes what older rows have in it; a new schema has no older rows.
CATALOGS = {
    "pg_class": "SELECT relname, to_jsonb(c) - '{oid,relnamespace,reltype,relfilenode,reltoastrelid,relam,relpages,"
    "reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,relhastriggers}'::text[] FROM pg_class c"
    " WHERE relnamespace = to_regnamespace(%s) ORDER BY 1",
    "pg_attribute": "SELECT relname, attnum, to_jsonb(a) - '{attrelid,atthasmissing,attmissingval}'::text[],"
    " pg_get_expr(adbin, adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid"
    " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
    " WHERE relkind = 'r' AND relnamespace = to_regnamespace(%s) ORDER BY 1, 2",
    "pg_constraint": "SELECT conname, pg_get_constraintdef(oid), to_jsonb(o) - '{oid,connamespace,conrelid,conindid,"
    "confrelid,conbin,conpfeqop,conppeqop,conffeqop}'::text[] FROM pg_constraint o"
    " WHERE connamespace = to_regnamespace(%s) ORDER BY conrelid::regclass::text, 1",
    "pg_index": "SELECT pg_get_indexdef(indexrelid), to_jsonb(i) - '{indexrelid,indrelid,indexprs,indpred}'::text[]"
    " FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = to_regnamespace(%s) ORDER BY 1",
    "pg_sequence": "SELECT relname, to_jsonb(s) - 'seqrelid' FROM pg_sequence s JOIN pg_class c ON c.oid = seqrelid"
    " WHERE relnamespace = to_regnamespace(%s) ORDER BY 1",
    "pg_default_acl": "SELECT defaclobjtype, defaclacl::text FROM pg_default_acl"
    " WHERE defaclnamespace = to_regnamespace(%s) ORDER BY 1",
    "pg_namespace": "SELECT nspacl::text FROM pg_namespace WHERE oid = to_regnamespace(%s)",
    "pg_description": "SELECT relname, objsubid, description FROM pg_description JOIN pg_class c ON c.oid = objoid"
    " WHERE relnamespace = to_regnamespace(%s) ORDER BY 1, 2",
}


@pytest.fixture
def migrated(db: None) -> Iterator[str]:
    """A schema made by the migrations."""
    with as_owner(), provisioning.made_by_migrations() as name, public_context():
        yield name


def described(schema: str) -> dict[str, list[str]]:
    """What the catalogs say of the schema, with its name taken out."""
    found = {}
    with connection.cursor() as cursor:
        for kind, query in CATALOGS.items():
            cursor.execute(query, [schema])
            found[kind] = [re.sub(rf"\b{schema}\b", "here", str(row)) for row in cursor.fetchall()]
    return found


def test_the_committed_template_is_what_the_migrations_make(migrated: str) -> None:
    assert COMMITTED.read_text() == template.render(migrated), template.STALE


def test_replaying_it_gives_the_catalogs_that_the_migrations_give(migrated: str) -> None:
    replayed = provisioning.make_schema().name
    expected, found = described(migrated), described(replayed)
    for kind in CATALOGS:
        assert (kind, found[kind]) == (kind, expected[kind])
    assert len(expected["pg_class"]) > 50
    assert catalog.migrations(replayed) == catalog.migrations(migrated)


def test_every_model_has_its_table_and_columns_in_it(db: None) -> None:
    with as_owner(), public_context():
        name = provisioning.make_schema().name
        there = {table.name: {column.name for column in table.columns} for table in catalog.read(name)}
    labels = {app.rpartition(".")[2] for app in settings.TENANT_APPS}
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in labels]
    wanted = {model._meta.db_table: {field.column for field in model._meta.local_concrete_fields} for model in models}
    assert {name: there.get(name) for name in wanted} == wanted
    assert there.keys() - wanted.keys() == {"django_migrations"}


def test_its_version_is_that_of_its_migrations(migrated: str) -> None:
    applied = catalog.migrations(migrated)
    assert template.version() == template.wanted_version() == template.version_of(reversed(applied))
    assert template.version() != template.version_of(applied[:-1])


def test_what_a_template_could_not_say_is_refused(migrated: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE VIEW {migrated}.daily AS SELECT 1 AS one")
        with pytest.raises(NotUnderstood, match="relation of kind v daily"):
            template.render(migrated)
        cursor.execute(f"DROP VIEW {migrated}.daily; GRANT SELECT ON {migrated}.office_closure TO flux_platform")
        with pytest.raises(NotUnderstood, match="rights of flux_platform office_closure"):
            template.render(migrated)


def test_rows_that_migrations_leave_are_refused(migrated: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {migrated}.office_closure (\"on\", note) VALUES (now(), '')")  # noqa: S608
    with pytest.raises(template.LeavesRows, match="The migrations leave rows in office_closure"):
        template.render(migrated)


def test_what_migrations_may_come_to_do_is_replayed_too(migrated: str) -> None:
    """Shapes that Flux's own migrations do not have yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE {migrated}.office_closure"
            " ADD guests integer DEFAULT 7 NOT NULL,"
            " ADD doubled integer GENERATED ALWAYS AS (guests * 2) STORED,"
            " ADD word text COLLATE \"C\" DEFAULT 'it''s',"
            " ADD size varchar(9) CHECK (size NOT IN ('small''s', 'large'))"
        )
        cursor.execute(
            f"ALTER TABLE {migrated}.office_closure SET (fillfactor = 70);"
            f"ALTER TABLE {migrated}.office_closure RENAME COLUMN note TO remark;"
            f"ALTER TABLE {migrated}.menu_recipeline RENAME COLUMN id TO number;"
            f'CREATE INDEX by_day ON {migrated}.office_closure USING brin ("on") WITH (pages_per_range = 8);'
            f"CREATE INDEX few ON {migrated}.office_closure (guests DESC) INCLUDE (word) WHERE word <> '';"
            f"COMMENT ON TABLE {migrated}.office_closure IS 'it''s closed';"
            f"COMMENT ON COLUMN {migrated}.office_closure.guests IS 'who had booked';"
            f"REVOKE ALL ON {migrated}.office_closure FROM {migrated};"
            f"GRANT SELECT, TRUNCATE ON {migrated}.office_closure TO {migrated}"
        )
        text = template.render(migrated)
        again = "r_" + "0" * 20
        cursor.execute(";".join(provisioning.roles.schema_statements(again)))
        cursor.execute(text.replace(template.MARKER, f'"{again}"'))
    assert template.render(again) == text
    assert described(again) == described(migrated)


def test_the_command_tells_what_is_not_current(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "FILE", tmp_path / "template.sql")
    out = StringIO()
    with as_owner(), public_context():
        with pytest.raises(CommandError, match="manage render_template"):
            call_command("render_template", check=True)
        call_command("render_template", stdout=out)
        call_command("render_template", check=True, stdout=out)
    assert out.getvalue() == "Written: template.sql.\nThe template is current.\n"


def test_postgres_own_dump_sees_no_difference(committed: list[object]) -> None:
    """The judge is a program that knows nothing of our introspection."""
    pg_dump = Postgres.find_binaries() / "pg_dump"
    if not pg_dump.exists():
        pytest.skip("this server came without pg_dump")
    facts = connection.get_connection_params()

    def dump(schema: str) -> str:
        target = ["--host", facts["host"], "--username", facts["user"], "--port", str(facts.get("port") or 5432)]
        command = [pg_dump, *target, "--schema-only", "--schema", schema, facts["dbname"]]
        environ = os.environ | {"PGPASSWORD": facts.get("password") or ""}
        text = subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout
        return re.sub(r"\\(un)?restrict .*", "", text.replace(schema, "here"))

    with as_owner(), provisioning.made_by_migrations() as name:
        replayed = provisioning.make_schema().name
        try:
            assert dump(replayed) == dump(name)
        finally:
            provisioning.drop_schema(replayed)
