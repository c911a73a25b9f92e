"""`prepare_database` and `harden_database`: from a server with a superuser to a database with Flux's logins."""

import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from conftest import own_process
from tenants.db import roles


def at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture
def environ(committed: object) -> Iterator[dict[str, str]]:
    """For a database that is not there yet; removed afterwards."""
    given = own_process()
    name = f"prepared_{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}"
    wanted = {key: at(given[key], name) for key in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    yield given | wanted
    with psycopg.connect(given["DATABASE_BOOTSTRAP_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")


def manage(command: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    asked = [sys.executable, "manage.py", command]
    return subprocess.run(asked, env=environ, capture_output=True, text=True, check=False)


def test_a_database_is_made_handed_over_and_hardened(environ: dict[str, str]) -> None:
    for _ in range(2):  # a second time changes nothing
        prepared = manage("prepare_database", environ)
        assert (prepared.returncode, prepared.stderr) == (0, "")
    with psycopg.connect(environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute("CREATE TABLE public.shared (id int)")
        assert owner.execute(roles.IS_HARDENED).fetchone() == (False,)
    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT FROM public.shared")
        app.execute("SET ROLE flux_platform")
        app.execute("SELECT FROM public.shared")
    hardened = manage("harden_database", environ)
    assert (hardened.returncode, hardened.stderr) == (0, "")
    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as app:
        assert app.execute(roles.IS_HARDENED).fetchone() == (True,)
        assert app.execute("SHOW statement_timeout").fetchone() == (roles.STATEMENT_TIMEOUT,)


def test_a_wrong_login_is_named(environ: dict[str, str]) -> None:
    wrong = environ | {"DATABASE_URL": environ["DATABASE_URL"].replace("flux_app", "postgres")}
    refused = manage("prepare_database", wrong)
    assert refused.stderr == "CommandError: DATABASE_URL logs in as “postgres”; it has to be flux_app.\n"


@pytest.mark.parametrize("command", ["prepare_database", "harden_database"])
def test_without_a_superuser_it_says_what_is_missing(environ: dict[str, str], command: str) -> None:
    del environ["DATABASE_BOOTSTRAP_URL"]
    refused = manage(command, environ)
    assert refused.stderr == "CommandError: Set DATABASE_BOOTSTRAP_URL for this command.\n"
