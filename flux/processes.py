"""Child processes that never outlive their supervisor.

Three nets, each for what the one before lets through: the supervisor stops its children; the kernel signals them when
the supervisor is killed (Linux); a pid file lets the next start find and end what is left (macOS, or a lost signal).
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived: unwind, so that every `finally` on the way stops what it started."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into `Stopped`; later ones are ignored, because stopping is under way.

    The handlers are set explicitly: a process started with `&` from a script inherits SIGINT as ignored.
    """
    seen: list[int] = []

    def handle(signum: int, _frame: Any) -> None:
        seen.append(signum)
        if len(seen) == 1:
            raise Stopped(signum)

    before = {name: signal.signal(name, handle) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def dies_with_parent(stop_signal: int) -> Callable[[], None] | None:
    """What a child runs before exec, so that the kernel sends it `stop_signal` when this process dies. Linux only.

    The kernel watches the *thread* that started the child: start children from the main thread.
    """
    libc, parent = _libc, os.getpid()
    if libc is None:
        return None

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask_kernel


def born(pid: int) -> str | None:
    """When process `pid` started, in the system's own words; None if it does not run. It tells a reused pid."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        state, *rest = stat.rpartition(")")[2].split()
        return None if state == "Z" else rest[18]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def command_of(pid: int) -> str:
    """The command line of process `pid`, arguments parted by blanks; empty if it does not run."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


@dataclass
class Child:
    """A running child, the leader of a session of its own, so that a terminal's Ctrl-C reaches only the supervisor."""

    name: str
    process: subprocess.Popen[bytes]
    pid_file: Path
    log: Path
    stop_signal: int

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    var: Path,
    stop_signal: int = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    **user: Any,
) -> Child:
    """Start `command`, its output in `var`/logs/`name`.log and its pid in `var`/pids/`name`.json.

    `user` may hold subprocess's `user`, `group` and `extra_groups`.
    """
    log, pid_file = var / "logs" / f"{name}.log", var / "pids" / f"{name}.json"
    for folder in (log.parent, pid_file.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=dies_with_parent(stop_signal),  # noqa: PLW1509 there are no threads here
            **user,
        )
    pid_file.write_text(json.dumps({"pid": process.pid, "born": born(process.pid), "stop_signal": int(stop_signal)}))
    return Child(name, process, pid_file, log, stop_signal)


def stop(children: Iterable[Child], *, grace_s: float = 5) -> None:
    """Ask all of `children` to end, give them `grace_s` seconds together, then kill what is left with its group."""
    asked = [child for child in children if not child.has_ended()]
    for child in asked:
        child.process.send_signal(child.stop_signal)
    deadline = time.monotonic() + grace_s
    for child in asked:
        try:
            child.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
    for child in children:
        child.pid_file.unlink(missing_ok=True)


def sweep(var: Path, *, grace_s: float = 5) -> list[str]:
    """End what a killed supervisor left running in `var`; answer their names. Call it with the lock on `var` held."""
    left: dict[str, dict[str, Any]] = {}
    for pid_file in sorted((var / "pids").glob("*.json")):
        with contextlib.suppress(ValueError):  # the supervisor was killed while it wrote the file
            note = json.loads(pid_file.read_text())
            if note["born"] is not None and born(note["pid"]) == note["born"]:
                left[pid_file.stem] = note
        pid_file.unlink()
    for note in left.values():
        end(note["pid"], note["stop_signal"], grace_s=0)
    deadline = time.monotonic() + grace_s
    for note in left.values():
        end(note["pid"], signal.SIGKILL, grace_s=max(0, deadline - time.monotonic()), wait_first=True)
    return list(left)


def end(pid: int, signum: int, *, grace_s: float, wait_first: bool = False) -> None:
    """Signal process `pid`, not a child of ours, and wait up to `grace_s` seconds for its end, before or after."""
    if wait_first and _gone(pid, grace_s):
        return
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if signum == signal.SIGKILL else os.kill)(pid, signum)
    if not wait_first:
        _gone(pid, grace_s)


def _gone(pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while born(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def foreground(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> int:
    """Run `command` on this terminal; answer its exit code. Ctrl-C is for the command itself; SIGTERM is passed on."""
    process = subprocess.Popen(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 there are no threads here
    )
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code  # as a shell says it of a command that a signal ended
        except Stopped as stopped:
            if stopped.signum != signal.SIGINT:
                process.terminate()
