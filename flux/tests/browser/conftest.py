"""A real Chromium against a real server of this process, and a restaurant whose rows are really committed.

Everything is skipped where there is no Chromium. The rows of a browser test cannot be rolled back, since the server's
threads have connections of their own: each restaurant is made for its test and dropped afterwards.
"""

import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect

from conftest import PASSWORD, as_owner, keep_spares
from tenants import provisioning
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-sandbox"]
T = TypeVar("T")
PATIENCE_MS = 60_000  # an import and its forecast run inside the request, perhaps on a busy machine
expect.set_options(timeout=PATIENCE_MS)
WIDTHS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


def is_ours(item: pytest.Item) -> bool:
    return item.path.is_relative_to(Path(__file__).parent)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, skip them where there is nothing to drive, and run them after all others:
    Playwright's event loop goes on in this thread until the session ends, and some tests want one of their own.
    """
    items.sort(key=is_ours)
    for item in filter(is_ours, items):
        item.add_marker(pytest.mark.browser)
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="There is no Chromium on the PATH: apt install chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The distribution's Chromium, which asks no other machine for anything."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def playwright(playwright: Playwright) -> Playwright:
    """Django takes a thread with an event loop for asynchronous code, which this is not."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return playwright


class QuietHandler(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Django logs what goes wrong."""


@pytest.fixture(scope="package")
def port() -> Iterator[int]:
    """The port of a server in threads of this process, so that the mails it sends can be seen."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def committed(work: Callable[[], T]) -> T:
    """What `work` returns, done on a connection outside the test's transaction, which the server could not see."""

    def alone() -> T:
        try:
            with public_context(), as_owner():
                return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(alone).result()


@dataclass
class Place:
    """A restaurant of one test: its rows, its manager, its addresses."""

    restaurant: Restaurant
    manager: User
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.restaurant.slug}.{settings.FLUX_DOMAIN}:{self.port}"

    @property
    def platform_url(self) -> str:
        return f"http://{settings.FLUX_DOMAIN}:{self.port}"

    def committed(self, work: Callable[[], T]) -> T:
        """`committed`, in this restaurant."""

        def inside() -> T:
            with restaurant_context(self.restaurant):
                return work()

        return committed(inside)


def open_place(port: int) -> Place:
    """A new restaurant with a manager."""
    name = secrets.token_hex(4)
    restaurant = provisioning.open_restaurant(
        Restaurant(
            slug=f"cafe-{name}",
            name="Café Flore",
            timezone="Europe/Paris",
            currency="EUR",
            country="FR",
            status=Restaurant.Status.ACTIVE,
        )
    )
    manager = User.objects.create_user(f"{name}@cafe.example", PASSWORD, name="Nina")
    Membership.objects.create(user=manager, restaurant=restaurant, role=Membership.Role.MANAGER)
    return Place(restaurant, manager, port)


def close_place(place: Place) -> None:
    """Remove every trace of it."""
    provisioning.remove(place.restaurant)
    place.manager.delete()
    keep_spares()


@pytest.fixture
def place(db: None, port: int) -> Iterator[Place]:
    """A new restaurant with nothing in it; it is dropped when the test ends."""
    made = committed(lambda: open_place(port))
    yield made
    committed(lambda: close_place(made))


@dataclass
class Visitor:
    """A page whose console is listened to."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def sign_in(self, place: Place) -> None:
        """On the platform, which leads on to the only restaurant of this person."""
        self.page.goto(place.platform_url)
        self.look_round()
        self.page.get_by_label("Email").fill(place.manager.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(f"{place.url}/**")

    def look_round(self) -> None:
        """What every page must be: nothing on the console, no scrolling sideways, nothing that axe objects to."""
        assert self.complaints == []
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px wider than the window"
        found = Axe().run(self.page).response["violations"]
        assert [(self.page.url, rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open a window: `visit("phone", scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def open_window(width: str = "desktop", scheme: str = "light", timezone: str | None = None) -> Visitor:
        context = browser.new_context(
            viewport=WIDTHS[width], color_scheme=scheme, reduced_motion="reduce", timezone_id=timezone
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        visitor = Visitor(context.new_page())
        visitor.page.on("console", visitor.listen)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        return visitor

    yield open_window
    for context in contexts:
        context.close()
