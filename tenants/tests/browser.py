"""A browser for tests: cookies kept per host, redirects followed across hosts, forms sent with their CSRF token."""

import itertools
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from django.http import HttpResponse
from django.test import Client

from conftest import PASSWORD
from tenants.models import User

PLATFORM = "http://flux.localhost"
BISTRO = "http://bistro.flux.localhost"
TRATTORIA = "http://trattoria.flux.localhost"
_addresses = itertools.count(1)


class Browser:
    """Each one comes from a network address of its own, so that no test uses up another one's sign-in attempts."""

    def __init__(self) -> None:
        number = next(_addresses)
        self.address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        self.clients: dict[str, Client] = {}

    def client(self, url: str) -> Client:
        """The part of the browser that talks to the host of `url`."""
        host = urlsplit(url).netloc
        if host not in self.clients:
            self.clients[host] = Client(enforce_csrf_checks=True, headers={"host": host}, REMOTE_ADDR=self.address)
        return self.clients[host]

    def cookie(self, url: str, name: str = "flux") -> str:
        """The value of a cookie at the host of `url`; empty if there is none."""
        morsel = self.client(url).cookies.get(name)
        return morsel.value if morsel else ""

    def step(self, url: str, **query: str) -> HttpResponse:
        """One GET, no redirect followed."""
        parts = urlsplit(url)
        found: HttpResponse = self.client(url).get(f"{parts.path}?{parts.query or urlencode(query)}")
        return found

    def get(self, url: str, **query: str) -> HttpResponse:
        return self.follow(self.step(url, **query), url)

    def post(self, url: str, **fields: str) -> HttpResponse:
        """Send the form, as a page of the same host would, and go where the answer leads."""
        client = self.client(url)
        self.step(f"{PLATFORM}/accounts/login/") if url.startswith(PLATFORM) else None
        token = self.cookie(url, "csrf") or self.csrf(url)
        return self.follow(client.post(urlsplit(url).path, {**fields, "csrfmiddlewaretoken": token}), url)

    def csrf(self, url: str) -> str:
        """Give the host's part of the browser a CSRF cookie, as a page with a form does."""
        self.client(url).cookies["csrf"] = "a" * 32
        return "a" * 32

    def follow(self, response: HttpResponse, url: str) -> HttpResponse:
        while response.status_code == 302:
            url = urljoin(url, response["Location"])
            response = self.step(url)
        response.url = url  # type: ignore[attr-defined]
        return response

    def sign_in(self, user: User, password: str = PASSWORD) -> HttpResponse:
        return self.post(f"{PLATFORM}/accounts/login/", login=user.email, password=password)

    def is_in(self, url: str) -> bool:
        """Whether the restaurant at `url` knows who this is."""
        return role(self.step(f"{url}/auth/sign-in/")) is not None


def role(response: HttpResponse) -> Any:
    """The role that the request had."""
    return response.wsgi_request.role  # type: ignore[attr-defined]
