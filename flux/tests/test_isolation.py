"""Two restaurants full of rows: nothing of one is ever seen, reached or changed from the other.

Nothing here names a page, an endpoint or a model: all are found, so that new ones are held to the same.
"""

import gzip
import re
from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponse
from django.test import Client

from conftest import signed_in
from flux import tasks
from flux.tests.filling import fill, keys, snapshot, tenant_models
from flux.tests.routes import Route, all_routes
from tenants import tokens
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office.models import Job

pytestmark = pytest.mark.django_db

OURS, THEIRS = "aardvark", "basilisk"


@pytest.fixture
def theirs(other_restaurant: Restaurant) -> Restaurant:
    fill(other_restaurant, THEIRS, first_id=7000)
    return other_restaurant


@pytest.fixture
def ours(restaurant: Restaurant, theirs: Restaurant) -> Restaurant:
    fill(restaurant, OURS, first_id=500)
    return restaurant


@pytest.fixture
def owner(ours: Restaurant, theirs: Restaurant, member: Callable[..., User]) -> User:
    """Somebody with every right in ours, and with a membership in theirs that must not matter here."""
    user = member(ours, Membership.Role.OWNER, email="owner@example.com")
    with public_context():
        User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
        Membership.objects.create(user=user, restaurant=theirs, role=Membership.Role.OWNER)
    return User.objects.get(pk=user.pk)


class Visitor:
    """The portal and support admin by session, the API by token."""

    def __init__(self, user: User, restaurant: Restaurant) -> None:
        self.pages = signed_in(user, restaurant)
        with restaurant_context(restaurant):
            bearer = f"Bearer {tokens.issue(user, restaurant)}"
        self.api = Client(headers={"host": f"{restaurant.slug}.flux.localhost", "authorization": bearer})

    def get(self, route: Route, address: str) -> HttpResponse:
        answer: HttpResponse = (self.api if route.is_api else self.pages).get(address)
        return answer


@pytest.fixture
def visitor(owner: User, ours: Restaurant) -> Visitor:
    return Visitor(owner, ours)


def text_of(answer: HttpResponse) -> str:
    """All that the answer says, a compressed file unpacked."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return (body.decode(errors="replace") + str(answer.headers)).lower()


def addresses(restaurant: Restaurant, *, but: Restaurant | None = None) -> Iterator[tuple[Route, str]]:
    """Every address, with the restaurant's keys for its parameters; days and such, that `but` has too, are left out."""
    common = set(keys(but)) if but else set()
    own = [key for key in keys(restaurant) if key not in common]
    for route in all_routes():
        for address in route.addresses(own):
            yield route, address


def test_every_kind_of_row_is_there(ours: Restaurant, theirs: Restaurant) -> None:
    """A new model? Make rows of it in filling.py."""
    for restaurant in (ours, theirs):
        with restaurant_context(restaurant):
            assert [model._meta.label for model in tenant_models() if not model.objects.exists()] == []  # type: ignore[attr-defined]


def test_no_page_or_endpoint_shows_the_other_restaurant(visitor: Visitor, ours: Restaurant, theirs: Restaurant) -> None:
    secrets = {THEIRS, theirs.name.lower(), theirs.schema_name}
    secrets |= {str(key) for _, key in keys(theirs) if len(str(key)) > 10 and not re.fullmatch(r"[\d-]{10}", str(key))}
    seen, leaks = set(), []
    for route, address in addresses(ours):
        if route.names_rows and route.name in seen:
            continue  # its page has been looked at, with the key of the right kind of row
        answer = visitor.get(route, address)
        text = text_of(answer)
        leaks += [(address, secret) for secret in secrets if secret in text]
        if answer.status_code == 200 and OURS in text:
            seen.add(route.name)
    assert leaks == []
    assert shown_pages(route.name for route in all_routes() if not route.is_admin) - seen == set()
    assert {name for name in seen if name.endswith("_changelist")} != set()


def shown_pages(names: Iterator[str]) -> set[str]:
    """Those of `names` that must have shown our own rows, or the test above would see nothing and so find nothing."""
    show_rows = {"pages:menu", "procurement:order_list", "procurement:order", "procurement:suppliers"}
    show_rows |= {"procurement:stock", "forecasting:overview", "forecasting:item", "menu:item", "menu:ingredients"}
    show_rows |= {"pos:history", "api:menu-item-list", "api:menu-item-detail"}
    return show_rows & set(names)


def test_the_other_restaurants_keys_lead_nowhere(visitor: Visitor, ours: Restaurant, theirs: Restaurant) -> None:
    reached = []
    for route, address in addresses(theirs, but=ours):
        if not route.names_rows:
            continue
        answer = visitor.get(route, address)
        gone = answer.status_code in {404, 405} or (
            route.is_admin and (answer.status_code == 403 or leads_back(answer))
        )
        if not gone or THEIRS in text_of(answer).replace(address.lower(), ""):
            reached.append((address, answer.status_code))
    assert reached == []


def leads_back(answer: HttpResponse) -> bool:
    """The admin's way to say that a row is not there; a page without its last part adds that part first."""
    return answer.status_code == 302 and (
        answer["Location"] == "/admin/" or answer["Location"].endswith(("/change/", "/"))
    )


def test_nothing_is_changed_through_the_other_restaurants_keys(
    visitor: Visitor, ours: Restaurant, theirs: Restaurant
) -> None:
    before = snapshot(theirs)
    for route, address in addresses(theirs, but=ours):
        if route.names_rows and not route.is_admin:
            answer = (visitor.api if route.is_api else visitor.pages).post(address)
            assert (address, answer.status_code in {404, 405}) == (address, True)
    assert snapshot(theirs) == before


def test_a_session_opens_no_other_restaurant(owner: User, ours: Restaurant, theirs: Restaurant) -> None:
    here = signed_in(owner, ours)
    there = Client(headers={"host": f"{theirs.slug}.flux.localhost"})
    there.cookies["flux"] = here.cookies["flux"].value
    for path in ("/", "/admin/"):
        assert (here.get(path).status_code, there.get(path).status_code) == (200, 302)


def test_a_token_opens_no_other_restaurant(owner: User, ours: Restaurant, theirs: Restaurant) -> None:
    token = tokens.issue(owner, ours)
    endpoints = [route for route in all_routes() if route.name.endswith("-list") and route.is_api]
    assert endpoints != []
    for slug, status in ((ours.slug, 200), (theirs.slug, 401)):
        client = Client(headers={"host": f"{slug}.flux.localhost", "authorization": f"Bearer {token}"})
        for route in endpoints:
            answer = client.get(route.address())
            assert (slug, route.name, answer.status_code) == (slug, route.name, status)
            assert THEIRS not in text_of(answer)


def test_what_one_restaurant_has_cached_is_not_given_to_the_other(
    owner: User, ours: Restaurant, theirs: Restaurant
) -> None:
    """Each is asked twice, in turn, so that the second answer may come from a cache."""
    markers = {ours: OURS, theirs: THEIRS}
    visitors = {restaurant: Visitor(owner, restaurant) for restaurant in markers}
    lists = [route for route in all_routes() if not route.params and not route.is_admin]
    for restaurant in (ours, theirs, ours, theirs):
        [foreign] = [marker for other, marker in markers.items() if other != restaurant]
        for route in lists:
            answer = visitors[restaurant].get(route, route.address())
            assert (restaurant.slug, route.name, foreign in text_of(answer)) == (restaurant.slug, route.name, False)


def test_a_task_for_one_restaurant_leaves_the_other_alone(ours: Restaurant, theirs: Restaurant) -> None:
    before, own = snapshot(theirs), snapshot(ours)
    job = Job.objects.create(kind=Job.Kind.PIPELINE)
    tasks.run_pipeline.delay(restaurant_id=str(ours.pk), job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status in {Job.Status.DONE, Job.Status.FAILED}
    assert snapshot(ours) != own
    assert snapshot(theirs) == before
