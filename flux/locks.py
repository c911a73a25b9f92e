"""The hashed locks: compiled from pyproject.toml, and checked to fit it still. They name no host, only digests."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

EXTRAS = {"requirements.txt": None, "requirements-demo.txt": "demo", "requirements-dev.txt": "dev"}  # each lock's extra
ALL = "requirements-dev.txt"
PIN = re.compile(r"^(?P<name>[\w.-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)", re.M)


class Unreachable(Exception):
    """The package index does not answer, so nothing can be resolved; the message is the resolver's."""


def compile_lock(root: Path, lock: str, output: Path, *, timeout_s: int = 60) -> None:
    """Resolve pyproject.toml into `output`, keeping the versions that it already holds where they fit.

    Raises ValueError when the dependencies contradict each other, Unreachable for any other failure.
    """
    flags = ["--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
    flags += ["--no-header", "--no-annotate", "--no-emit-index-url"]
    extra = EXTRAS[lock]
    flags += ["--extra", extra] if extra else []
    answer = subprocess.run(
        [Path(sys.prefix) / "bin" / "uv", "pip", "compile", *flags, "pyproject.toml", "--output-file", output],
        cwd=root,
        env={"UV_SYSTEM_CERTS": "1"} | os.environ | {"UV_HTTP_TIMEOUT": str(timeout_s)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "No solution found" in answer.stderr and "network was disabled" not in answer.stderr:
        raise ValueError(answer.stderr.strip())
    if answer.returncode != 0:
        raise Unreachable(answer.stderr.strip())


def faults(root: Path) -> Iterator[str]:
    """What is wrong with the locks of the project at `root`, one sentence each.

    Raises Unreachable, after the faults that need no network, when the index does not answer.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    texts = {lock: (root / lock).read_text() for lock in EXTRAS}
    for lock, extra in EXTRAS.items():
        yield from faults_in(lock, texts[lock], direct_dependencies(project, extra))
        yield from lacks(ALL, texts[ALL], lock, texts[lock])
    with ThreadPoolExecutor() as pool:
        yield from filter(None, pool.map(partial(misfit, root), EXTRAS))


def misfit(root: Path, lock: str) -> str:
    """Why compiling `lock` again would change it; empty if it would not. Raises Unreachable."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(shutil.copy(root / lock, folder))
        try:
            compile_lock(root, lock, fresh, timeout_s=15)
        except ValueError as error:
            return f"{lock}: {error}"
        if fresh.read_text() != (root / lock).read_text():
            return f"{lock} does not fit pyproject.toml any more: run `python3 dev.py lock`."
    return ""


def lacks(whole: str, whole_text: str, part: str, part_text: str) -> Iterator[str]:
    """What the lock `part` pins and the lock `whole`, which dev.py takes to hold all of it, does not."""
    held = {(pin["name"], pin["version"]) for pin in PIN.finditer(whole_text)}
    for pin in PIN.finditer(part_text):
        if (pin["name"], pin["version"]) not in held:
            yield f"{whole} lacks {pin['name']} {pin['version']} of {part}."


def direct_dependencies(project: dict[str, Any], extra: str | None) -> list[str]:
    """The requirements that pyproject.toml names for a lock, an extra that includes another one resolved."""
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(extras[extra] if extra else [])]
    included = [name for name in extras if f"{project['name']}[{name}]" in named]
    return [each for each in named if not each.startswith(f"{project['name']}[")] + [
        each for name in included for each in extras[name]
    ]


def faults_in(lock: str, text: str, required: list[str]) -> Iterator[str]:
    """What can be seen without a network: a direct dependency missing or misfit, a pin without hash, a host."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins: dict[str, set[str]] = {}
    for pin in PIN.finditer(text):
        pins.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
        if "--hash=sha256:" not in pin["rest"]:
            yield f"{lock} pins {pin['name']} without a hash."
    for requirement in map(Requirement, required):
        versions = pins.get(canonicalize_name(requirement.name), set())
        if not versions or not all(requirement.specifier.contains(version, prereleases=True) for version in versions):
            found = ", ".join(sorted(versions)) or "nothing"
            yield f"{lock} holds {found} where pyproject.toml wants {requirement}."
    if "://" in text or "--index" in text or "--find-links" in text:
        yield f"{lock} names a host."


def main() -> int:
    """Print the faults to stderr; answer 1 if there are any."""
    count = 0
    try:
        for fault in faults(Path.cwd()):
            count += 1
            print(fault, file=sys.stderr)
    except Unreachable as error:
        print(f"The index does not answer: only names, versions and hashes were checked.\n{error}", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
