"""The embedded services: they answer, they end with their supervisor, and no leftover keeps them from a new start."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from flux import embedded, processes
from flux.embedded import EmbeddedError, InUse, Postgres, Services

ROOT = Path(__file__).resolve().parents[2]
SUPERVISOR = """
import sys, time
from pathlib import Path
from flux import embedded, processes
if sys.argv[2] == "alone":
    processes._libc = None  # as on macOS, where the kernel does not tell the children
with embedded.services(Path(sys.argv[1]), fsync=False):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _no_services_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_BOOTSTRAP_URL", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A var directory whose cluster has been made, to copy."""
    var = tmp_path_factory.mktemp("cluster")
    postgres = Postgres(var)
    postgres._initialise()
    return var


@pytest.fixture
def var(cluster: Path, tmp_path: Path) -> Iterator[Path]:
    """A var directory with a cluster that has not run yet."""
    var = tmp_path / "var"
    shutil.copytree(cluster / "postgres", var / "postgres")
    yield var
    shutil.rmtree(embedded._elsewhere(var), ignore_errors=True)


@pytest.fixture
def supervisor(var: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a supervisor of `var` in a process of its own and wait until its services answer."""
    started: list[subprocess.Popen[str]] = []

    def start(kernel: str = "helps") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SUPERVISOR, str(var), kernel]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait()
        process.communicate()


def pids(var: Path) -> list[int]:
    return [int((var / "postgres/postmaster.pid").read_text().split()[0])]


def answers(services: Services) -> tuple[object, object]:
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
    return row, redis.Redis.from_url(services.redis_url).ping()


def until(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_services_answer_on_sockets_only_and_end_with_the_block(tmp_path: Path) -> None:
    with embedded.services(tmp_path, fsync=False) as services:
        assert answers(services) == (("",), True)
        (pid,) = pids(tmp_path)
    assert processes.born(pid) is None
    assert list((tmp_path / "pids").iterdir()) == []


def test_data_is_kept_between_starts_until_a_fresh_one(var: Path) -> None:
    with embedded.services(var) as services, psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE kept ()")
    exists = "SELECT to_regclass('kept') IS NOT NULL"
    with embedded.services(var) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute(exists).fetchone() == (True,)
    with embedded.services(var, fresh=True) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute(exists).fetchone() == (False,)


def test_one_supervisor_at_a_time(
    var: Path, supervisor: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor()
    with pytest.raises(InUse), embedded.services(var):
        pass
    found = embedded.running(var)
    assert found is not None
    assert answers(found) == (("",), True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children")
def test_the_services_end_when_their_supervisor_is_killed(
    var: Path, supervisor: Callable[..., subprocess.Popen[str]]
) -> None:
    process = supervisor()
    (pid,) = pids(var)
    process.kill()
    assert until(lambda: processes.born(pid) is None)
    assert embedded.running(var) is None


def test_a_start_ends_the_orphans_of_a_killed_supervisor(
    var: Path, supervisor: Callable[..., subprocess.Popen[str]]
) -> None:
    process = supervisor("alone")
    (pid,) = pids(var)
    process.kill()
    process.wait()
    assert processes.born(pid) is not None
    with embedded.services(var, fsync=False) as services:
        assert processes.born(pid) is None
        assert answers(services) == (("",), True)


def test_an_orphan_without_a_pid_file_of_ours_is_ended_too(
    var: Path, supervisor: Callable[..., subprocess.Popen[str]]
) -> None:
    process = supervisor("alone")
    (pid,) = pids(var)
    process.kill()
    process.wait()
    (var / "pids/postgres.json").unlink()
    with embedded.services(var, fsync=False):
        assert processes.born(pid) is None


def test_a_stale_pid_that_another_process_has_now_is_no_obstacle(var: Path) -> None:
    (var / "postgres/postmaster.pid").write_text(f"{os.getpid()}\n{var}/postgres\n")
    with embedded.services(var, fsync=False) as services:
        assert answers(services) == (("",), True)


def test_a_cluster_cut_short_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new/PG_VERSION").touch()
    with embedded.services(tmp_path, fsync=False) as services:
        assert answers(services) == (("",), True)


def test_a_cluster_of_another_postgres_is_named(var: Path) -> None:
    (var / "postgres/PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 9"), embedded.services(var):
        pass


def test_a_server_that_does_not_start_shows_its_log(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(embedded.POSTGRES_SETTINGS, "shared_buffers", "plenty")
    with pytest.raises(EmbeddedError, match='invalid value for parameter "shared_buffers"'), embedded.services(var):
        pass


def test_urls_in_the_environment_replace_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.services(tmp_path / "first", fsync=False) as first:
        monkeypatch.setenv("DATABASE_URL", first.database_url)
        monkeypatch.setenv("REDIS_URL", first.redis_url)
        with embedded.services(tmp_path / "second") as second:
            assert second == first
    assert not (tmp_path / "second" / "postgres").exists()


def test_a_database_where_flux_may_not_make_its_logins_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded.services(tmp_path / "first", fsync=False) as first:
        monkeypatch.setenv("DATABASE_URL", first.environ()["DATABASE_URL"])
        with (
            pytest.raises(EmbeddedError, match="DATABASE_URL must be a superuser's"),
            embedded.services(tmp_path / "second"),
        ):
            pass


def test_the_environment_of_the_services_has_none_of_libpqs_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    environ = Services("postgresql://root:a%40b@db.example:5433/a", "unix:///b").environ()
    assert environ["DATABASE_URL"] == "postgresql://flux_app:a%40b@db.example:5433/a"
    assert environ["DATABASE_OWNER_URL"] == "postgresql://flux_owner:a%40b@db.example:5433/a"
    assert environ["DATABASE_BOOTSTRAP_URL"] == "postgresql://root:a%40b@db.example:5433/a"
    assert environ["REDIS_URL"] == "unix:///b"
    assert "PGPORT" not in environ


@pytest.mark.parametrize("name", ["long" * 30, "my projects"])
def test_sockets_move_where_a_path_is_too_long_or_needs_quoting(tmp_path: Path, name: str) -> None:
    folder = embedded.socket_directory(tmp_path / name)
    assert folder == embedded.socket_directory(tmp_path / name)
    assert folder != embedded.socket_directory(tmp_path / f"{name}2")
    assert not folder.is_relative_to(tmp_path)


def test_services_in_a_long_path_answer(tmp_path: Path, cluster: Path) -> None:
    var = tmp_path / ("deep and " * 15).strip()
    shutil.copytree(cluster / "postgres", var / "postgres")
    with embedded.services(var, fsync=False) as services:
        assert answers(services) == (("",), True)
        folder = embedded.socket_directory(var)
        assert folder.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder)


def test_a_socket_directory_that_somebody_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "planted").symlink_to(tmp_path)
    with pytest.raises(EmbeddedError, match="belongs to somebody else"):
        embedded._own_directory(tmp_path / "planted")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_without_user_namespaces_runs_postgres_as_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(embedded, "_succeeds", lambda command, **user: False)
    elsewhere = embedded._elsewhere(tmp_path)
    try:
        with embedded.services(tmp_path, fsync=False) as services:
            assert answers(services) == (("",), True)
            (pid,) = pids(elsewhere)
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        with embedded.services(tmp_path, fsync=False, fresh=True) as services:
            assert answers(services) == (("",), True)
    finally:
        shutil.rmtree(elsewhere)


def test_stopping_waits_for_all_together_and_kills_the_stubborn(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('set', flush=True); time.sleep(60)"
    )
    children = [processes.start(name, [sys.executable, "-c", stubborn], var=tmp_path) for name in ("one", "two")]
    assert until(lambda: all(child.log.read_text() == "set\n" for child in children))
    began = time.monotonic()
    processes.stop(children, grace_s=0.5)
    assert time.monotonic() - began < 0.9
    assert [child.process.returncode for child in children] == [-signal.SIGKILL, -signal.SIGKILL]


def test_a_sweep_leaves_a_process_that_only_has_the_pid(tmp_path: Path) -> None:
    child = processes.start("sleeper", ["sleep", "60"], var=tmp_path)
    child.pid_file.write_text(child.pid_file.read_text().replace('"born": "', '"born": "1'))
    assert processes.sweep(tmp_path) == []
    assert not child.has_ended()
    processes.stop([child])


def test_a_signal_unwinds_once() -> None:
    def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with processes.stoppable(), pytest.raises(processes.Stopped) as stopped:
        interrupted()
    assert stopped.value.signum == signal.SIGINT
