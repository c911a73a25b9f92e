"""A look at the running demo, as its manager has it: over HTTP, signed in, page by page.

It dials 127.0.0.1 with a Host header, because not every resolver knows `*.localhost`.
"""

import html
import http.client
import http.cookies
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

MOST_REDIRECTS = 12
PATIENCE_S = 240
NOT_WAITED_FOR = "Predicting weeks that are known already"  # the proof follows once forecast and orders are there


@dataclass(frozen=True)
class Place:
    """Where the demo answers, and who may sign in."""

    port: int
    domain: str
    slug: str
    email: str
    password: str

    @property
    def platform(self) -> str:
        return f"http://{self.domain}:{self.port}"

    @property
    def restaurant(self) -> str:
        return f"http://{self.slug}.{self.domain}:{self.port}"


@dataclass(frozen=True)
class Page:
    """One answer, after its redirects."""

    url: str
    status: int
    body: str
    seconds: float

    @property
    def text(self) -> str:
        """What a reader sees: without tags, blanks joined."""
        return " ".join(html.unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", self.body, flags=re.S)).split())

    @property
    def progress(self) -> str:
        """What a running job says of itself; empty if the page shows none."""
        block = re.search(r'<div class="progress".*?</p>', self.body, re.S)
        return Page("", 0, block[0], 0).text if block else ""

    def field(self, name: str) -> str:
        """The value of a hidden form field; empty if there is none."""
        tag = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', self.body)
        value = re.search(r'\bvalue="([^"]*)"', tag[0]) if tag else None
        return html.unescape(value[1]) if value else ""


class Browser:
    """Just enough of a browser: cookies kept per host, redirects followed across hosts."""

    def __init__(self, port: int, *, timeout_s: float = 30) -> None:
        self.port = port
        self.timeout_s = timeout_s
        self.cookies: dict[str, dict[str, str]] = {}
        self.token = ""

    def get(self, url: str) -> Page:
        return self._load("GET", url)

    def post(self, url: str, fields: dict[str, str]) -> Page:
        return self._load("POST", url, urlencode(fields))

    def _load(self, method: str, url: str, body: str | None = None) -> Page:
        began = time.monotonic()
        for _ in range(MOST_REDIRECTS):
            status, location, text = self._ask(method, url, body)
            if status not in (301, 302, 303, 307, 308):
                return Page(url, status, text, time.monotonic() - began)
            url, method, body = urljoin(url, location), "GET", None
        raise ConnectionError(f"{url} leads round in a circle.")

    def _ask(self, method: str, url: str, body: str | None) -> tuple[int, str, str]:
        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        headers = {"Host": parts.netloc, "Referer": url, "Accept": "text/html, application/json;q=0.9"}
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if self.token and parts.path.startswith("/api/"):
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie", []):
                jar.update({name: morsel.value for name, morsel in http.cookies.SimpleCookie(line).items()})
            return answer.status, answer.headers.get("Location", ""), answer.read().decode(errors="replace")
        finally:
            connection.close()


class Missing(Exception):
    """A page does not show what it must show."""


def main_pages(place: Place, say: Callable[[str], None]) -> int:
    """Look at the main pages as the demo's manager and `say` what they show; answer 0, or 1 if one is wrong."""
    browser = Browser(place.port)
    try:
        sign_in(browser, place)
        say(f"Signed in as {place.email}")
        wait_for_orders(browser, place, say)
    except (Missing, OSError) as error:
        say(f"FAILED  {error}")
        return 1
    failures = 0
    for name, (path, look) in PAGES.items():
        page = browser.get(place.restaurant + path)
        try:
            if page.status != 200:
                raise Missing(f"answers {page.status}")
            seen = look(browser, page)
        except (Missing, OSError) as error:
            failures += 1
            seen = f"FAILED  {error}"
        say(f"{name:9} {page.seconds * 1000:5.0f} ms  {seen}")
    return 1 if failures else 0


def sign_in(browser: Browser, place: Place) -> None:
    """From the restaurant's front page to the platform's form and, handed over, back. Raises Missing."""
    form = browser.get(f"{place.restaurant}/")
    fields = {name: form.field(name) for name in ("csrfmiddlewaretoken", "next")}
    page = browser.post(
        f"{place.platform}/accounts/login/", fields | {"login": place.email, "password": place.password}
    )
    if page.status != 200 or page.url != f"{place.restaurant}/":
        raise Missing(f"Signing in leads to {page.url}, which answers {page.status}: {page.text[:300]}")


def wait_for_orders(browser: Browser, place: Place, say: Callable[[str], None]) -> None:
    """Wait until sales have become forecasts and orders, and `say` how far that is. Raises Missing."""
    login = browser.post(f"{place.restaurant}/auth/login", {"username": place.email, "password": place.password})
    if login.status != 200:
        raise Missing(f"/auth/login answers {login.status}: {login.body[:300]}")
    browser.token = json.loads(login.body)["access_token"]
    deadline, said = time.monotonic() + PATIENCE_S, ""
    while time.monotonic() < deadline:
        progress = browser.get(f"{place.restaurant}/").progress
        counts = [number_of(browser, place, kind) for kind in ("forecasts", "purchase-orders")]
        is_done = not progress or progress.startswith(NOT_WAITED_FOR)
        if all(counts) and is_done:  # one order is there from the start
            say(f"The API lists {counts[0]:,} forecasts and {counts[1]} purchase orders")
            return
        if progress and progress != said:
            said = progress
            say(f"  {progress}")
        time.sleep(1)
    raise Missing(f"There are no forecasts and orders after {PATIENCE_S} s. {said}")


def number_of(browser: Browser, place: Place, kind: str) -> int:
    answer = browser.get(f"{place.restaurant}/api/v1/{kind}/?limit=1")
    if answer.status != 200:
        raise Missing(f"/api/v1/{kind}/ answers {answer.status}: {answer.body[:300]}")
    return int(json.loads(answer.body)["count"])


# What each page must show; each answers what was seen in a few words, or raises Missing.


def headed(page: Page, heading: str) -> None:
    if f"<h1>{heading}" not in page.body:
        raise Missing(f"is not headed {heading!r}")


def figures(page: Page, least: int) -> str:
    """The number of table cells that hold figures, at least `least`."""
    count = len(re.findall(r"<td[^>]*>[^<]*\d", page.body))
    if count < least:
        raise Missing(f"shows {count} figures where at least {least} are due")
    return f"{count} figures"


def today(_browser: Browser, page: Page) -> str:
    headed(page, "Today")
    return figures(page, 5)


def forecast(_browser: Browser, page: Page) -> str:
    headed(page, "Forecast")
    total = re.search(r"[\d.,\u202f ]*\d units in \d+ days", page.text)
    if total is None:
        raise Missing("shows no units")
    return f"{total[0].strip()}, {figures(page, 100)}"


def orders(browser: Browser, page: Page) -> str:
    """The list and, on the orders' own pages, why a line wants the packs that it wants."""
    headed(page, "Orders")
    paths = sorted(set(re.findall(r'href="(/orders/[0-9a-f-]{36}/)"', page.body)))
    for path in paths:
        order = browser.get(urljoin(page.url, path))
        for reason in re.findall(r'<span class="why">(Need [^<]+ → [1-9]\d* × [^<]+)</span>', order.body):
            return f"{len(paths)} orders; a line says: {html.unescape(reason)}"
    raise Missing(f"links to {len(paths)} orders, none of them with a line that says why")


def menu(_browser: Browser, page: Page) -> str:
    headed(page, "Menu")
    items = set(re.findall(r'href="/menu/([0-9a-f-]{36})/"', page.body))
    if len(items) < 10:
        raise Missing(f"shows {len(items)} items")
    return f"{len(items)} items on the first page"


def sales(_browser: Browser, page: Page) -> str:
    headed(page, "Sales")
    return figures(page, 5)


def stock(_browser: Browser, page: Page) -> str:
    headed(page, "Stock")
    return figures(page, 10)


def schema(_browser: Browser, page: Page) -> str:
    paths = re.findall(r"^ {2}(/[^:\s]*)|\"(/(?:api|auth)/[^\"]*)\":", page.body, re.M)
    if len(paths) < 5:
        raise Missing(f"describes {len(paths)} paths")
    return f"describes {len(paths)} paths"


PAGES: dict[str, tuple[str, Callable[[Browser, Page], str]]] = {
    "Today": ("/", today),
    "Forecast": ("/forecast/", forecast),
    "Orders": ("/orders/", orders),
    "Menu": ("/menu/", menu),
    "Sales": ("/sales/", sales),
    "Stock": ("/stock/", stock),
    "API": ("/api/schema/", schema),
}
