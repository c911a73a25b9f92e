"""What SQL can do that runs for one restaurant: every way to another's rows that we know of, tried twice.

Once through Django's own connection, as code of a request would, and once by a login as `flux_app` that has taken the
restaurant's role, as on a server. Everything here is refused by the database, whatever Python around it does.

One way stays open by design: a login that may take the role of every restaurant may do so. Code that runs a whole
statement `SET ROLE …` of its own reads what it likes (the last test shows it). Against this stand, in this order: a
statement never takes a second one along, nothing that may be called within a statement changes the role, text of a
visitor is bound and never becomes a statement (the linter refuses SQL that is put together), and a role that was
changed by hand is the restaurant's own again before Django's next cursor asks anything.
"""

# ruff: noqa: S608 - SQL that is put together is what is tried here

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.db import Error, connection, transaction
from pytest_django import DjangoDbBlocker

from conftest import SUPERUSER, as_owner, own_process
from menu.models import Ingredient
from procurement.models import StockMovement
from tenants.actors import Actor
from tenants.context import public_context, restaurant_context
from tenants.db.base import OneStatement
from tenants.models import ApiKey, Invitation, Membership, Restaurant, Tablet, User
from tenants.office import audit
from tenants.office.models import AuditEntry, Closure

Statement = str | tuple[str, list[Any]]
Ask = Callable[..., list[tuple[Any, ...]]]

NOT_ALLOWED = r"permission denied|must be owner|must be superuser|must have|not allowed|Only roles|row-level security"
NOT_THERE = r"does not exist"
NO_SECOND = r"cannot insert multiple commands"
LATER = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def facts(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """Names for the statements below: `a` and `b` are schemas, the rest keys in `public`. Committed, then removed."""
    with django_db_blocker.unblock(), public_context(), as_owner(SUPERUSER):
        names = _make()
    yield names
    with django_db_blocker.unblock(), public_context(), as_owner(SUPERUSER):
        _remove(names)
        connection.close()


def _make() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for letter, restaurant in zip("ab", Restaurant.objects.order_by("slug"), strict=True):
        names |= {letter: restaurant.schema_name, f"{letter}_restaurant": restaurant.pk}
        names |= {f"{letter}_{what}": key for what, key in _people_of(restaurant, letter).items()}
        with restaurant_context(restaurant):
            _rows_of(letter)
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_from_bytea(0, 'secret of nobody')")
        names["large"] = cursor.fetchone()[0]
    return names


def _remove(names: dict[str, Any]) -> None:
    for restaurant in Restaurant.objects.all():
        with restaurant_context(restaurant):
            for model in (Closure, AuditEntry, StockMovement, Ingredient):
                model.objects.all().delete()
    for model in (ApiKey, Tablet, Invitation, Membership, User):
        model.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_unlink(%s)", [names["large"]])


def _people_of(restaurant: Restaurant, letter: str) -> dict[str, Any]:
    user = User.objects.create_user(f"{letter}@example.com", "correct-horse-battery")
    to = {"restaurant": restaurant}
    key = ApiKey.objects.create(name="Till", sha256=letter * 64, scopes=["orders:read"], expires_at=LATER, **to)
    invitation = Invitation.objects.create(
        email="new@example.com", role="kitchen", secret_hash=letter, expires_at=LATER, **to
    )
    return {
        "user": user.pk,
        "membership": Membership.objects.create(user=user, role="owner", **to).pk,
        "invitation": invitation.pk,
        "tablet": Tablet.objects.create(name="Pass", **to).pk,
        "apikey": key.pk,
    }


def _rows_of(letter: str) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    Closure.objects.create(on=now.date(), note=f"secret of {letter}")
    flour = Ingredient.objects.create(name=f"{letter} flour", base_unit="g")
    StockMovement.objects.create(ingredient=flour, kind="count", quantity=1, at=now)
    audit.record("test", flour, by=Actor(None, "chef", "portal"), at=now, after={"is": letter})


def through_django(facts: dict[str, Any]) -> Iterator[Ask]:
    """Ask as code of A's request does; each time in a transaction of its own, which is rolled back."""
    with public_context():
        restaurant = Restaurant.objects.get(schema_name=facts["a"])

    def ask(*statements: Statement) -> list[tuple[Any, ...]]:
        with restaurant_context(restaurant), transaction.atomic():
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(*_written(statement, facts))
                    rows = cursor.fetchall() if cursor.description else []
            transaction.set_rollback(True)
        return rows

    yield ask
    connection.close()


def by_login(facts: dict[str, Any]) -> Iterator[Ask]:
    """Ask on a server's own terms: a login as `flux_app` with path and role of A, and no Django."""
    url = own_process()["DATABASE_URL"]
    with closing(psycopg.connect(url, autocommit=True, cursor_factory=OneStatement)) as session:

        def ask(*statements: Statement) -> list[tuple[Any, ...]]:
            with session.transaction(force_rollback=True):
                with psycopg.Cursor(session) as switch:
                    switch.execute(f'SET search_path = "{facts["a"]}", public; SET ROLE "{facts["a"]}"')
                rows: list[tuple[Any, ...]] = []
                for statement in statements:
                    with session.cursor() as cursor:
                        cursor.execute(*_written(statement, facts))
                        rows = cursor.fetchall() if cursor.description else []
            return rows

        yield ask


def _written(statement: Statement, facts: dict[str, Any]) -> tuple[str, list[Any] | None]:
    """`«name»` in a statement stands for one of the facts."""
    text, params = (statement, None) if isinstance(statement, str) else statement
    return re.sub(r"«(\w+)»", lambda match: str(facts[match[1]]), text), params


@pytest.fixture(params=[through_django, by_login], ids=["django", "login"])
def ask(request: pytest.FixtureRequest, facts: dict[str, Any], django_db_blocker: DjangoDbBlocker) -> Iterator[Ask]:
    with django_db_blocker.unblock():
        yield from request.param(facts)


@pytest.fixture
def ask_by_login(facts: dict[str, Any]) -> Iterator[Ask]:
    """For what a test's own connection, which a superuser opened, may do and a login may not."""
    yield from by_login(facts)


def test_the_questions_below_have_answers(ask: Ask) -> None:
    """Or else a typing error would count as a refusal."""
    assert ask("SELECT note FROM office_closure") == [("secret of a",)]
    assert ask('SELECT note FROM "«a»".office_closure') == [("secret of a",)]
    assert ask("SELECT current_user::text, current_schema()::text") == ask("SELECT '«a»', '«a»'")


REFUSED: dict[str, tuple[str, Sequence[Statement]]] = {
    # By name
    "read by qualified name": (NOT_ALLOWED, ['SELECT * FROM "«b»".office_closure']),
    "add by qualified name": (
        NOT_ALLOWED,
        ["INSERT INTO \"«b»\".office_closure (\"on\", note) VALUES ('2026-02-02', 'x')"],
    ),
    "change by qualified name": (NOT_ALLOWED, ["UPDATE \"«b»\".office_closure SET note = 'x'"]),
    "delete by qualified name": (NOT_ALLOWED, ['DELETE FROM "«b»".office_closure']),
    "lock by qualified name": (NOT_ALLOWED, ['LOCK TABLE "«b»".office_closure IN ACCESS SHARE MODE']),
    "copy out by qualified name": (NOT_ALLOWED, ['COPY "«b»".office_closure TO STDOUT']),
    "a number of B's": (NOT_ALLOWED, ["SELECT nextval('\"«b»\".office_closure_id_seq')"]),
    # What is the platform's
    "suspend a restaurant": (NOT_ALLOWED, ["UPDATE public.tenants_restaurant SET status = 'suspended'"]),
    "make a restaurant": (NOT_ALLOWED, ["INSERT INTO public.tenants_restaurant (name) VALUES ('x')"]),
    "delete a restaurant": (NOT_ALLOWED, ["DELETE FROM public.tenants_restaurant"]),
    "take a host": (NOT_ALLOWED, ["UPDATE public.tenants_domain SET tenant_id = '«a_restaurant»'"]),
    "make oneself staff": (NOT_ALLOWED, ["UPDATE public.tenants_user SET is_superuser = true"]),
    "set a password": (NOT_ALLOWED, ["UPDATE public.tenants_user SET password = 'x'"]),
    "make a person": (NOT_ALLOWED, ["INSERT INTO public.tenants_user (email) VALUES ('x')"]),
    "see others' failures": (NOT_ALLOWED, ["SELECT * FROM public.tenants_failedtask"]),
    "see second steps": (NOT_ALLOWED, ["SELECT * FROM public.mfa_authenticator"]),
    "see who migrated": (NOT_ALLOWED, ["SELECT * FROM public.django_migrations"]),
    # What is the owner's
    "make a table": (NOT_ALLOWED, ['CREATE TABLE "«a»".more (id int)']),
    "make a public table": (NOT_ALLOWED, ["CREATE TABLE public.more (id int)"]),
    "make a view of B": (NOT_ALLOWED, ['CREATE VIEW "«a»".more AS SELECT * FROM "«b»".office_closure']),
    "change a table": (NOT_ALLOWED, ["ALTER TABLE office_closure ADD COLUMN more int"]),
    "drop a table": (NOT_ALLOWED, ["DROP TABLE office_closure"]),
    "drop B": (NOT_ALLOWED, ['DROP SCHEMA "«b»" CASCADE']),
    "empty a table": (NOT_ALLOWED, ["TRUNCATE office_closure"]),
    "empty B's table": (NOT_ALLOWED, ['TRUNCATE "«b»".office_closure']),
    "make an index": (NOT_ALLOWED, ["CREATE INDEX ON office_closure (note)"]),
    "make a schema": (NOT_ALLOWED, ["CREATE SCHEMA more"]),
    "make a temporary function": (
        NOT_ALLOWED,
        ["CREATE FUNCTION pg_temp.more() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ),
    "make a function": (NOT_ALLOWED, ["CREATE FUNCTION \"«a»\".more() RETURNS int LANGUAGE sql AS 'SELECT 1'"]),
    "switch row security off": (NOT_ALLOWED, ["ALTER TABLE public.tenants_user DISABLE ROW LEVEL SECURITY"]),
    "go without row security": (NOT_ALLOWED, ["SET row_security = off", "SELECT * FROM public.tenants_user"]),
    "make a policy": (NOT_ALLOWED, ["CREATE POLICY more ON public.tenants_user USING (true)"]),
    "grant": (NOT_ALLOWED, ['GRANT "«b»" TO "«a»"']),
    "make a role": (NOT_ALLOWED, ["CREATE ROLE more"]),
    "change the login": (NOT_ALLOWED, ["ALTER ROLE flux_app SUPERUSER"]),
    "take B's tables over": (NOT_ALLOWED, ['REASSIGN OWNED BY "«b»" TO "«a»"']),
    # What undoes the role
    "reset, then read B": (NOT_ALLOWED, ["RESET ROLE", 'SELECT * FROM "«b»".office_closure']),
    "become the owner": (NOT_ALLOWED, ["SET ROLE flux_owner"]),
    "change the role within a SELECT": (
        NOT_ALLOWED,
        [
            "SELECT set_config('role', '«b»', false),"
            " query_to_xml('SELECT * FROM \"«b»\".office_closure', true, true, '')"
        ],
    ),
    "change the role by one SELECT, read by the next": (
        NOT_ALLOWED,
        ["SELECT set_config('role', '«b»', false)", 'SELECT * FROM "«b»".office_closure'],
    ),
    "change the path within a SELECT": (NOT_ALLOWED, ["SELECT set_config('search_path', '«b»', false)"]),
    "run text within a SELECT": (NOT_ALLOWED, ["SELECT query_to_xml('SELECT 1', true, true, '')"]),
    "a table as XML": (NOT_ALLOWED, ["SELECT table_to_xml('office_closure', true, true, '')"]),
    "a schema as XML": (NOT_ALLOWED, ["SELECT schema_to_xml('«b»', true, true, '')"]),
    "a DO block": (NOT_ALLOWED, ["DO $$ BEGIN EXECUTE 'SET ROLE \"«b»\"'; END $$"]),
    # A second statement
    "a second statement": (NO_SECOND, ['SELECT 1; SET ROLE "«b»"']),
    "a second statement beside a parameter": (NO_SECOND, [('SELECT %s; SET ROLE "«b»"', [1])]),
    "a second statement after a comment": (
        NO_SECOND,
        ['SELECT 1 /* */; RESET ROLE; SELECT * FROM "«b»".office_closure'],
    ),
    "a transaction's end first": (NO_SECOND, ['COMMIT; SET ROLE "«b»"']),
    # Beyond tables
    "run a program": (NOT_ALLOWED, ["COPY office_closure TO PROGRAM 'cat'"]),
    "read a file": (NOT_ALLOWED, ["SELECT pg_read_file('/etc/passwd')"]),
    "copy from a file": (NOT_ALLOWED, ["COPY office_closure (note) FROM '/etc/passwd'"]),
    "list files": (NOT_ALLOWED, ["SELECT pg_ls_dir('.')"]),
    "passwords of logins": (NOT_ALLOWED, ["SELECT * FROM pg_authid"]),
    "another database": (NOT_ALLOWED, ["CREATE EXTENSION dblink"]),
    "another server": (NOT_ALLOWED, ["CREATE EXTENSION postgres_fdw"]),
    "dblink": (NOT_THERE, ["SELECT dblink('dbname=postgres', 'SELECT 1')"]),
    "a large object": (NOT_ALLOWED, ["SELECT lo_get(«large»)"]),
    "all large objects": (NOT_ALLOWED, ["SELECT * FROM pg_largeobject"]),
    "make a large object": (NOT_ALLOWED, ["SELECT lo_from_bytea(0, 'x')"]),
    "a file as a large object": (NOT_ALLOWED, ["SELECT lo_import('/etc/passwd')"]),
    "the server's settings": (NOT_ALLOWED, ["SET log_statement = 'all'"]),
    "statistics of B": (NOT_ALLOWED, ["SELECT * FROM pg_statistic"]),
    # Rows that are only added
    "change the stock ledger": (NOT_ALLOWED, ["UPDATE procurement_stockmovement SET quantity = 2"]),
    "delete from the stock ledger": (NOT_ALLOWED, ["DELETE FROM procurement_stockmovement"]),
    "empty the stock ledger": (NOT_ALLOWED, ["TRUNCATE procurement_stockmovement"]),
    "change the audit trail": (NOT_ALLOWED, ["UPDATE office_auditentry SET verb = 'x'"]),
    "delete from the audit trail": (NOT_ALLOWED, ["DELETE FROM office_auditentry"]),
    "empty the audit trail": (NOT_ALLOWED, ["TRUNCATE office_auditentry"]),
    # Rows of public that are another restaurant's
    "take B's person in": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_membership (id, user_id, restaurant_id, role, created_at)"
            " VALUES (gen_random_uuid(), '«b_user»', '«a_restaurant»', 'kitchen', now())"
        ],
    ),
    "turn a member into B's person": (NOT_ALLOWED, ["UPDATE public.tenants_membership SET user_id = '«b_user»'"]),
    "join B": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_membership (id, user_id, restaurant_id, role, created_at)"
            " VALUES (gen_random_uuid(), '«a_user»', '«b_restaurant»', 'owner', now())"
        ],
    ),
    "move a membership to B": (NOT_ALLOWED, ["UPDATE public.tenants_membership SET restaurant_id = '«b_restaurant»'"]),
    "invite to B": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_invitation"
            " (id, restaurant_id, email, role, secret_hash, created_at, expires_at)"
            " VALUES (gen_random_uuid(), '«b_restaurant»', 'x@example.com', 'owner', 'x', now(), '2099-01-01')"
        ],
    ),
    "move an invitation to B": (NOT_ALLOWED, ["UPDATE public.tenants_invitation SET restaurant_id = '«b_restaurant»'"]),
    "enrol a tablet for B": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_tablet (id, restaurant_id, name, created_at)"
            " VALUES (gen_random_uuid(), '«b_restaurant»', 'x', now())"
        ],
    ),
    "move a tablet to B": (NOT_ALLOWED, ["UPDATE public.tenants_tablet SET restaurant_id = '«b_restaurant»'"]),
    "make a key for B": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_apikey"
            " (id, restaurant_id, name, prefix, sha256, scopes, created_at, expires_at)"
            " VALUES (gen_random_uuid(), '«b_restaurant»', 'x', 'x', repeat('c', 64), '{x}', now(), '2099-01-01')"
        ],
    ),
    # Who belongs to a restaurant, which its role reads and no more: the verbs write it for the platform
    "make a member an owner": (NOT_ALLOWED, ["UPDATE public.tenants_membership SET role = 'owner'"]),
    "set a PIN": (NOT_ALLOWED, ["UPDATE public.tenants_membership SET pin = 'x'"]),
    "stay longer than support may": (NOT_ALLOWED, ["UPDATE public.tenants_membership SET ends_at = '2099-01-01'"]),
    "remove a member": (NOT_ALLOWED, ["DELETE FROM public.tenants_membership"]),
    "invite": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_invitation"
            " (id, restaurant_id, email, role, secret_hash, created_at, expires_at)"
            " VALUES (gen_random_uuid(), '«a_restaurant»', 'x@example.com', 'owner', 'x', now(), '2099-01-01')"
        ],
    ),
    "raise an invitation": (NOT_ALLOWED, ["UPDATE public.tenants_invitation SET role = 'owner'"]),
    "delete an invitation": (NOT_ALLOWED, ["DELETE FROM public.tenants_invitation"]),
    "see the secret of an invitation": (NOT_ALLOWED, ["SELECT secret_hash FROM public.tenants_invitation"]),
    "see all of an invitation": (NOT_ALLOWED, ["SELECT * FROM public.tenants_invitation"]),
    "enrol a tablet": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_tablet (id, restaurant_id, name, created_at)"
            " VALUES (gen_random_uuid(), '«a_restaurant»', 'x', now())"
        ],
    ),
    "wake a revoked tablet": (NOT_ALLOWED, ["UPDATE public.tenants_tablet SET revoked_at = NULL"]),
    "delete a tablet": (NOT_ALLOWED, ["DELETE FROM public.tenants_tablet"]),
    # Keys, which a restaurant's role looks up and no more: they are made and taken away for the platform
    "make a key": (
        NOT_ALLOWED,
        [
            "INSERT INTO public.tenants_apikey"
            " (id, restaurant_id, name, prefix, sha256, scopes, created_at, expires_at)"
            " VALUES (gen_random_uuid(), '«a_restaurant»', 'x', 'x', repeat('c', 64), '{x}', now(), '2099-01-01')"
        ],
    ),
    "widen a key": (NOT_ALLOWED, ["UPDATE public.tenants_apikey SET scopes = '{x}' WHERE id = '«a_apikey»'"]),
    "delete a key": (NOT_ALLOWED, ["DELETE FROM public.tenants_apikey WHERE id = '«a_apikey»'"]),
    "delete a key of B": (NOT_ALLOWED, ["DELETE FROM public.tenants_apikey WHERE id = '«b_apikey»'"]),
    "move a key to B": (NOT_ALLOWED, ["UPDATE public.tenants_apikey SET restaurant_id = '«b_restaurant»'"]),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_the_database_refuses(attempt: str, ask: Ask) -> None:
    reason, statements = REFUSED[attempt]
    with pytest.raises((Error, psycopg.Error), match=reason):
        ask(*statements)


@pytest.mark.parametrize("path", ['"«b»"', "public", "''"])
def test_a_wrong_path_leads_nowhere(path: str, ask_by_login: Ask) -> None:
    """Django's connection would first set it right, see below."""
    with pytest.raises(psycopg.Error, match=NOT_THERE):
        ask_by_login(f"SET search_path = {path}", "SELECT note FROM office_closure")


def test_without_a_role_the_login_reads_nothing(ask_by_login: Ask) -> None:
    """Django's connection would first take the restaurant's again, see below."""
    for table in ('"«a»".office_closure', "public.tenants_user"):
        with pytest.raises(psycopg.Error, match=NOT_ALLOWED):
            ask_by_login("RESET ROLE", f"SELECT * FROM {table}")


def test_no_login_becomes_another(ask_by_login: Ask) -> None:
    for login in ("flux_owner", "postgres"):
        with pytest.raises(psycopg.Error, match=NOT_ALLOWED):
            ask_by_login(f"SET SESSION AUTHORIZATION {login}")


@pytest.mark.parametrize("setting", ["role", "search_path"])
def test_the_view_of_settings_changes_none(setting: str, ask: Ask) -> None:
    """`role` is not listed in it, and every other change needs the right that hardening took away."""
    with contextlib.suppress(Error, psycopg.Error):
        seen = ask(
            f"UPDATE pg_settings SET setting = '«b»' WHERE name = '{setting}'",
            "SELECT current_user::text, current_schema()::text",
        )
        assert seen == ask("SELECT '«a»', '«a»'")


@pytest.mark.parametrize("table", ["restaurant", "membership", "user", "invitation", "tablet", "apikey"])
def test_public_shows_a_restaurant_its_own_rows(table: str, ask: Ask) -> None:
    assert ask(f"SELECT id::text FROM public.tenants_{table}") == ask(f"SELECT '«a_{table}»'")
    assert ask(f"SELECT 1 FROM public.tenants_{table} WHERE id = '«b_{table}»'") == []


def test_public_shows_a_restaurant_its_own_hosts(ask: Ask) -> None:
    assert ask("SELECT DISTINCT tenant_id::text FROM public.tenants_domain") == ask("SELECT '«a_restaurant»'")


def test_of_public_a_restaurant_writes_when_somebody_was_here_and_nothing_else(ask: Ask) -> None:
    granted = (
        " WHERE table_schema = 'public' AND privilege_type <> 'SELECT'"
        " AND grantee IN ('PUBLIC', 'flux_restaurant', '«a»') ORDER BY 1"
    )
    columns = "SELECT table_name::text, column_name::text, privilege_type::text"
    assert ask(f"{columns} FROM information_schema.column_privileges{granted}") == [
        ("tenants_membership", "last_seen_at", "UPDATE"),
        ("tenants_user", "last_login", "UPDATE"),
    ]
    assert ask(f"SELECT table_name::text FROM information_schema.table_privileges{granted}") == []


@pytest.mark.parametrize(("table", "column"), [("membership", "last_seen_at"), ("user", "last_login")])
def test_rows_of_public_that_are_not_seen_are_not_written(table: str, column: str, ask: Ask) -> None:
    written = ask(f"UPDATE public.tenants_{table} SET {column} = now() RETURNING id::text")
    assert written == ask(f"SELECT '«a_{table}»'")


def test_what_others_run_now_is_not_shown(ask: Ask) -> None:
    assert ask("SELECT 1 FROM pg_stat_activity WHERE query ~ '«b»' AND pid <> pg_backend_pid()") == []


def test_a_path_that_was_changed_by_hand_is_set_right(facts: dict[str, Any], committed: list[Restaurant]) -> None:
    with restaurant_context(committed[0]), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET search_path = "{facts["b"]}"')
        assert list(Closure.objects.values_list("note", flat=True)) == ["secret of a"]
        transaction.set_rollback(True)


def test_names_of_tables_are_no_secret(ask: Ask) -> None:
    """The catalogs are readable; schemas are therefore named by chance and not by restaurant."""
    assert ask("SELECT count(*) FROM pg_class WHERE oid = '\"«a»\".office_closure'::regclass") == [(1,)]
    assert ask(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = '«b»' AND relname = 'office_closure'"
    ) == [(1,)]


def test_a_role_that_was_taken_by_hand_is_given_back(facts: dict[str, Any], django_db_blocker: DjangoDbBlocker) -> None:
    """Django's next cursor is the restaurant's own again."""
    with django_db_blocker.unblock(), contextlib.contextmanager(through_django)(facts) as ask:
        assert ask('SET ROLE "«b»"', "SELECT note FROM office_closure") == [("secret of a",)]
        with pytest.raises(Error, match=NOT_ALLOWED):
            ask('SET ROLE "«b»"', 'SELECT note FROM "«b»".office_closure')


def test_whoever_runs_whole_statements_may_take_another_role(ask_by_login: Ask) -> None:
    """What remains, see above: it takes two statements of one's own, and the ordinary query after them fails."""
    ask = ask_by_login
    assert ask('SET ROLE "«b»"', 'SELECT note FROM "«b»".office_closure') == [("secret of b",)]
    with pytest.raises((Error, psycopg.Error), match=f"{NOT_ALLOWED}|{NOT_THERE}"):
        ask('SET ROLE "«b»"', "SELECT note FROM office_closure")
