"""A look at the running demo, as its manager has it: over HTTP, signed in, page by page.

It dials 127.0.0.1 with a Host header, because not every resolver knows `*.localhost`.
"""

import html
import http.client
import http.cookies
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

MOST_REDIRECTS = 12


@dataclass(frozen=True)
class Place:
    """Where the demo answers."""

    port: int
    domain: str
    slug: str

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


def main_pages(place: Place, say: Callable[[str], None]) -> int:
    """Look at the main pages as the demo's manager and `say` what they show; answer 0, or 1 if one is wrong."""
    browser = Browser(place.port)
    say(f"Looking at {place.restaurant}")
    page = browser.get(f"{place.restaurant}/")
    return 0 if page.status == 200 else 1
