"""Signing in on the platform, and being carried to a restaurant's own host."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

from conftest import PASSWORD
from tenants.models import Restaurant, User


class Browser:
    """A client that keeps the cookies of each host apart."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}

    def get(self, url: str, **data: str) -> HttpResponse:
        return self.open("get", url, data)

    def post(self, url: str, **data: str) -> HttpResponse:
        return self.open("post", url, data)

    def open(self, method: str, url: str, data: dict[str, str]) -> HttpResponse:
        parts = urlsplit(url)
        client = self.clients.setdefault(parts.netloc, Client(headers={"host": parts.netloc}))
        response = getattr(client, method)(f"{parts.path}?{parts.query}" if parts.query else parts.path, data or None)
        while response.status_code == 302:
            url = (
                response["Location"]
                if "://" in response["Location"]
                else f"http://{parts.netloc}{response['Location']}"
            )
            parts = urlsplit(url)
            client = self.clients.setdefault(parts.netloc, Client(headers={"host": parts.netloc}))
            response = client.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        response.url = url
        return response


@pytest.fixture
def visitor(db: None) -> Browser:
    return Browser()


def sign_in(visitor: Browser, user: User) -> HttpResponse:
    return visitor.post("http://flux.localhost/accounts/login/", login=user.email, password=PASSWORD)


def test_a_member_reaches_the_restaurants_host(
    visitor: Browser, restaurant: Restaurant, member: Callable[..., User]
) -> None:
    sign_in(visitor, member(restaurant))
    response = visitor.get("http://bistro.flux.localhost/auth/sign-in/?next=/admin/")
    assert response.wsgi_request.get_host() == "bistro.flux.localhost"
    assert response.wsgi_request.role == "manager"


def test_a_stranger_to_the_restaurant_is_turned_away(
    visitor: Browser, restaurant: Restaurant, other_restaurant: Restaurant, member: Callable[..., User]
) -> None:
    sign_in(visitor, member(restaurant))
    response = visitor.get("http://trattoria.flux.localhost/auth/sign-in/")
    assert response.status_code == 403
    assert response.wsgi_request.get_host() == "flux.localhost"
