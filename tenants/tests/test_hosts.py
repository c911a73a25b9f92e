"""From the host to the restaurant: who answers where, and what a process remembers."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from unittest import mock

import pytest
import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from conftest import signed_in
from tenants import hosts, middleware
from tenants.context import current_restaurant, public_context, restaurant_context, schema_name
from tenants.models import Domain, Restaurant, User
from tenants.office.models import Closure

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    hosts.forget_hosts()
    yield
    hosts.forget_hosts()


def at(host: str, path: str = "/auth/sign-in/") -> HttpResponse:
    answer: HttpResponse = Client(headers={"host": host}).get(path)
    return answer


def set_status(restaurant: Restaurant, status: str) -> None:
    with public_context():
        Restaurant.objects.filter(pk=restaurant.pk).update(status=status)
    hosts.forget_hosts()


@pytest.mark.parametrize(
    "host",
    [
        "nowhere.flux.localhost",
        "a.bistro.flux.localhost",
        "bistro.flux.localhost.evil.example",
        "evil.example",
        "127.0.0.1",
        "bistro",
        "bad host",
    ],
)
def test_an_unknown_host_leads_nowhere(host: str, restaurant: Restaurant) -> None:
    answer = at(host, "/")
    assert (answer.status_code, answer.content) == (404, b"No restaurant lives at this address.")


@pytest.mark.parametrize("host", ["bistro.flux.localhost", "BISTRO.flux.localhost:8000", "bistro.flux.localhost:1"])
def test_a_host_is_known_in_any_case_and_on_any_port(host: str, restaurant: Restaurant) -> None:
    assert at(host).wsgi_request.restaurant == restaurant  # type: ignore[attr-defined]


def test_another_host_of_a_restaurant_leads_to_its_main_one(restaurant: Restaurant) -> None:
    with public_context():
        Domain.objects.create(tenant=restaurant, domain="old.flux.localhost", is_primary=False)
    answer = at("old.flux.localhost:8000", "/menu/?page=2")
    assert (answer.status_code, answer["Location"]) == (301, "http://bistro.flux.localhost:8000/menu/?page=2")


def test_a_suspended_restaurant_shows_one_page(restaurant: Restaurant, manager: User) -> None:
    portal = signed_in(manager, restaurant)
    set_status(restaurant, "suspended")
    for path in ("/", "/menu/", "/admin/", "/auth/sign-in/"):
        answer = portal.get(path)
        assert (answer.status_code, "Bistro is suspended" in answer.content.decode()) == (403, True)
    assert at("trattoria.flux.localhost").status_code == 302
    set_status(restaurant, "active")
    assert portal.get("/auth/sign-in/").wsgi_request.role == "manager"  # type: ignore[attr-defined]


def test_a_closed_restaurant_says_so_without_its_name(restaurant: Restaurant, manager: User) -> None:
    portal = signed_in(manager, restaurant)
    set_status(restaurant, "closed")
    answer = portal.get("/")
    text = answer.content.decode()
    assert (answer.status_code, "This restaurant is closed" in text, "Bistro" in text) == (410, True, False)


def test_a_host_is_remembered_for_half_a_minute(
    restaurant: Restaurant, django_assert_num_queries: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts.forget_hosts()
    with public_context():
        with django_assert_num_queries(1):
            hosts.restaurant_of_host("bistro.flux.localhost")
        with django_assert_num_queries(0):
            hosts.restaurant_of_host("bistro.flux.localhost")
        now = hosts.time.monotonic()
        monkeypatch.setattr(hosts.time, "monotonic", lambda: now + 30)
        with django_assert_num_queries(1):
            hosts.restaurant_of_host("bistro.flux.localhost")


def test_made_up_hosts_are_not_remembered(restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "MOST_HOSTS", 1)
    with public_context():
        for host in ("a.flux.localhost", "b.flux.localhost", "bistro.flux.localhost", "trattoria.flux.localhost"):
            hosts.restaurant_of_host(host)
    assert list(hosts._restaurants_by_host) == ["trattoria.flux.localhost"]


def test_what_a_request_does_to_its_restaurant_stays_in_it(restaurant: Restaurant) -> None:
    with public_context():
        first = hosts.restaurant_of_host("bistro.flux.localhost")
        first.name = "Changed but not saved"
        assert hosts.restaurant_of_host("bistro.flux.localhost").name == "Bistro"


def test_a_request_leaves_no_restaurant_behind(restaurant: Restaurant) -> None:
    with public_context():
        at("trattoria.flux.localhost")
        assert schema_name() == "public"


def test_a_streamed_answer_is_made_for_its_restaurant(restaurant: Restaurant, other_restaurant: Restaurant) -> None:
    for mine in (restaurant, other_restaurant):
        with restaurant_context(mine):
            for day in (1, 2):
                Closure.objects.create(on=f"2026-01-0{day}", note=mine.slug)

    def rows() -> Iterator[bytes]:
        for closure in Closure.objects.order_by("on").iterator(chunk_size=1):
            yield f"{closure.note} {current_restaurant().slug} {timezone.get_current_timezone_name()};".encode()

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(rows())

    answer = middleware.RestaurantMiddleware(stream)(
        RequestFactory().get("/", headers={"host": "trattoria.flux.localhost"})
    )
    pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]
    assert next(pieces) == b"trattoria trattoria America/New_York;"
    assert current_restaurant() == restaurant  # between the pieces, too
    assert list(pieces) == [b"trattoria trattoria America/New_York;"]


def test_another_process_announces_a_change(restaurant: Restaurant) -> None:
    with public_context():
        hosts.restaurant_of_host("bistro.flux.localhost")
    hosts._client().publish(hosts._channel(), json.dumps({"from": "another process"}))
    deadline = time.monotonic() + 20
    while hosts._restaurants_by_host and time.monotonic() < deadline:
        time.sleep(0.01)
    assert hosts._restaurants_by_host == {}


def test_without_redis_the_memory_lasts_its_thirty_seconds(
    restaurant: Restaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_listener", hosts.Listener())
    monkeypatch.setattr(hosts, "_client", mock.Mock(side_effect=redis.ConnectionError))
    with public_context():
        assert hosts.restaurant_of_host("bistro.flux.localhost") == restaurant
    hosts.forget_hosts()
    assert hosts._restaurants_by_host == {}


def test_the_page_of_a_closed_restaurant_has_its_style_sheet(restaurant: Restaurant) -> None:
    set_status(restaurant, "closed")
    page = at("bistro.flux.localhost", "/")
    assert page.status_code == 410
    [sheet] = re.findall(r'href="([^"]+flux[.]css)"', page.content.decode())
    assert at("bistro.flux.localhost", sheet).status_code == 200
    assert at("bistro.flux.localhost", "/menu/").status_code == 410


class TestHealth:
    """Probes come by address, without a name."""

    @pytest.mark.parametrize("host", ["10.1.2.3", "flux.localhost", "bistro.flux.localhost", "nowhere.example"])
    def test_a_probe_is_answered_at_any_host(self, host: str) -> None:
        assert at(host, "/healthz").content == b"ok"
        ready = at(host, "/readyz")
        assert (ready.status_code, ready.json()) == (
            200,
            {"status": "ready", "database": "ok", "cache": "ok", "hardened": "yes"},
        )

    def test_alive_asks_nobody(self, django_assert_num_queries: Callable[..., object]) -> None:
        with django_assert_num_queries(0):
            assert at("10.1.2.3", "/healthz").status_code == 200

    def test_without_a_database_it_is_not_ready(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL)
        with mock.patch.object(connection, "cursor", side_effect=DatabaseError("connection to secret-host refused")):
            ready = at("10.1.2.3", "/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"status": "not ready", "database": "no answer", "cache": "ok"}

    def test_without_a_cache_it_is_not_ready(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL)
        with mock.patch.object(
            middleware, "caches", {"platform": mock.Mock(get=mock.Mock(side_effect=ConnectionError))}
        ):
            ready = at("10.1.2.3", "/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"status": "not ready", "database": "ok", "cache": "no answer", "hardened": "yes"}
