"""Two restaurants full of rows: nothing of one is ever seen, reached or changed from the other.

Nothing here names a page, an endpoint or a model: all are found, so that new ones are held to the same.
"""

import contextlib
import gzip
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import models, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from conftest import signed_in
from flux import tasks
from flux.celery import app
from flux.tests.filling import fill, keys, snapshot, tenant_models
from flux.tests.routes import Route, all_routes
from tenants import access, api_keys, pins, support, tablets, tokens
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office.models import Job
from tenants.sites import restaurant_site

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


# Addresses that show no row of a restaurant's own tables to its owner. A new one? Show that it needs to stand here.
SHOWS_NO_ROWS = {
    # Open to everybody, the same for all
    "api/",
    "api:docs",
    "api:index",
    "api:problem_kind",
    "api:problem_kinds",
    "api:schema",
    "auth:enter",
    "auth:sign_in",
    # Forms that start empty
    "menu:ingredient_add",
    "pages:dish_add",
    "pos:upload",
    "procurement:supplier_add",
    # People, keys and devices: rows of `public`, which test_roles.py tries one by one
    "pages:key",
    "pages:keys",
    "pages:me",
    "pages:people",
    "pages:person",
    "pages:tablets",
    "tablet:names",
    "tablet:pin",
    # Words and numbers alone; a file that is not a page
    "pages:data",
    "pages:jobs",
    "pages:settings",
    "pos:rejects",
}


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


def visitor_as(kind: str, ours: Restaurant, owner: User, member: Callable[..., User]) -> Visitor:
    """Somebody who asks for every address.

    The owner, who is staff too; the owner by PIN on a tablet; somebody of the kitchen; somebody of the staff by support
    access; or an integrator's program with every scope.
    """
    now = timezone.now()
    if kind == "support":
        with public_context():
            staff = User.objects.create_user("sam@flux.example", "correct-horse-battery", is_staff=True)
        support.begin(ours, staff=staff, reason="Imports fail", hours=2, by=staff, at=now)
        return Visitor(staff, ours)
    visitor = Visitor(member(ours, Membership.Role.KITCHEN) if kind == "kitchen" else owner, ours)
    if kind == "program":
        made = api_keys.make(ours, name="Till", scopes=list(access.SCOPES), days=30, by=owner, at=now)
        visitor.api.defaults["HTTP_AUTHORIZATION"] = f"Bearer {made.secret}"
    if kind == "pin":
        visitor.pages = on_a_tablet(owner, ours)
    return visitor


def on_a_tablet(person: User, restaurant: Restaurant) -> Client:
    """A tablet of the restaurant's kitchen, on which `person` has typed a PIN."""
    now, mark = timezone.now(), HttpResponse()
    tablets.mark(mark, tablets.enrol(restaurant, "Pass", by=person, at=now))
    with public_context():
        here = Membership.objects.get(user=person, restaurant=restaurant)
    pins.choose(here.pk, restaurant, "2580", by=person, at=now)
    tablet = Client(headers={"host": f"{restaurant.slug}.flux.localhost"})
    tablet.cookies.update(mark.cookies)
    assert tablet.post(f"/tablet/{here.pk}/", {"pin": "2580"}).status_code == 302
    return tablet


def secrets_of(restaurant: Restaurant, marker: str) -> set[str]:
    """What only this restaurant's pages may say; days and short numbers are nobody's secret."""
    long_keys = {str(key) for _, key in keys(restaurant) if len(str(key)) > 10}
    days = {key for key in long_keys if re.fullmatch(r"[\d-]{10}", key)}
    return {marker, restaurant.name.lower(), restaurant.schema_name} | (long_keys - days)


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


@pytest.mark.parametrize("kind", ["owner", "kitchen", "pin", "support", "program"])
def test_no_page_or_endpoint_shows_the_other_restaurant(
    kind: str, ours: Restaurant, theirs: Restaurant, owner: User, member: Callable[..., User]
) -> None:
    """Every address is visited. One that never shows a row of ours would find nothing: it is named in SHOWS_NO_ROWS."""
    visitor, secrets = visitor_as(kind, ours, owner, member), secrets_of(theirs, THEIRS)
    shown, refused, leaks = set(), set(), []
    for route, address in addresses(ours):
        if route.names_rows and route.name in shown:
            continue  # its page has been looked at, with the key of the right kind of row
        answer = visitor.get(route, address)
        text = text_of(answer)
        leaks += [(address, secret) for secret in secrets if secret in text]
        if answer.status_code == 200 and OURS in text:
            shown.add(route.name)
        if answer.status_code == 405:
            refused.add(route.name)  # it takes POST alone
    assert leaks == []
    assert len({name for name in shown if not name.startswith("api:")}) > 5
    assert visitor.pages.get("/").status_code == 200  # the session has lasted
    if kind == "owner":
        pages = {route.name for route in all_routes() if not route.is_admin}
        assert pages - shown - refused == SHOWS_NO_ROWS
        lists = {f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist" for m in restaurant_site._registry}
        assert lists - shown == set()


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


def test_the_platforms_pages_show_no_rows_of_a_restaurant(
    ours: Restaurant, theirs: Restaurant, owner: User, member: Callable[..., User]
) -> None:
    """Neither to its staff, whom `owner` belongs to, nor to people, who do not see restaurants of others at all."""
    for person, hidden in (
        (owner, {OURS, THEIRS}),
        (member(ours, Membership.Role.OWNER, email="plain@example.com"), {OURS, THEIRS, theirs.name.lower()}),
    ):
        browser = Client(headers={"host": "flux.localhost"})
        with public_context():
            browser.force_login(person)
        opened, leaks = 0, []
        for route in all_routes("flux.urls_public"):
            if route.name.endswith("logout"):
                continue
            for address in platform_addresses(route, theirs):
                answer = browser.get(address)
                opened += answer.status_code == 200
                leaks += [(address, secret) for secret in hidden if secret in text_of(answer).replace(address, "")]
        assert leaks == []
        assert opened > 5


def platform_addresses(route: Route, theirs: Restaurant) -> list[str]:
    """With the other restaurant's key, its name in the address, and with such as lead nowhere."""
    if not route.params:
        return [route.address()]
    return [route.address([value] * len(route.params)) for value in (str(theirs.pk), theirs.slug)] + [route.address()]


def own_tasks() -> dict[str, Any]:
    """Every task of ours that the workers know, by name."""
    app.loader.import_default_modules()
    apps = {"flux", "tenants", "menu", "pos", "forecasting", "procurement"}
    return {
        name: task
        for name, task in app.tasks.items()
        if name.partition(".")[0] in apps and ".tests." not in name and ".test_" not in name
    }


# Tasks that are for no single restaurant, which no test here can run for one.
FOR_ALL = {
    "flux.tasks.nightly",
    "flux.tasks.sweep",
    "flux.tasks.let_demo_orders_arrive",
    "tenants.tasks.forget_unproven_people",
    "tenants.upkeep.erase",
    "tenants.upkeep.go_on_erasing",
    "tenants.upkeep.keep_spares",
}


def takes(task: Any) -> list[str]:
    """The ids that a task is told beside its restaurant; of one that has no restaurant, `restaurant` is missing."""
    return list(inspect.signature(task.run).parameters)


def test_every_task_has_a_restaurant_or_a_reason() -> None:
    """A new task for all restaurants? Name it above."""
    assert {name for name, task in own_tasks().items() if "restaurant" not in takes(task)} == FOR_ALL


def test_a_task_of_ours_finds_nothing_of_theirs(ours: Restaurant, theirs: Restaurant) -> None:
    """Each is run for ours with every key of theirs."""
    before, foreign = snapshot(theirs), [str(key) for _, key in keys(theirs) if isinstance(key, UUID)]
    ran = set()
    for name, task in own_tasks().items():
        if name in FOR_ALL:
            continue
        ids = [each for each in takes(task) if each != "restaurant"]
        for key in foreign if ids else [""]:
            with contextlib.suppress(Exception), transaction.atomic():  # that there is no such row, in its own words
                task.delay(restaurant_id=str(ours.pk), **dict.fromkeys(ids, key))
            ran.add(name)
    assert len(ran) > 3
    assert snapshot(theirs) == before
    with restaurant_context(ours):
        assert not Job.objects.filter(note__contains=THEIRS).exists()


def test_every_key_of_the_cache_carries_its_restaurant(owner: User, ours: Restaurant, theirs: Restaurant) -> None:
    """After every page has been visited as both: what one has left in the cache stands under its own schema alone."""
    store = redis.Redis.from_url(settings.REDIS_URL, db=settings.CACHES["default"]["OPTIONS"]["db"])
    store.flushdb()
    for restaurant in (ours, theirs):
        visitor = Visitor(owner, restaurant)
        with restaurant_context(restaurant):
            cache.set("marker", restaurant.name)
        for route in all_routes():
            if not route.params and not route.is_admin:
                visitor.get(route, route.address())
    found = {key.decode(): store.get(key) or b"" for key in store.scan_iter() if store.type(key) == b"string"}
    assert [key for key in found if not re.match(r"flux:(public|r_\w+):\d+:|platform:\d+:", key)] == []
    for restaurant, marker in ((ours, OURS), (theirs, THEIRS)):
        assert [key for key in found if key.startswith(f"flux:{restaurant.schema_name}:")] != []
        telling = {key for key, value in found.items() if marker.encode() in value or restaurant.name.encode() in value}
        assert {key for key in telling if f":{restaurant.schema_name}:" not in key} == set()


def test_no_file_of_a_restaurant_lies_outside_of_its_tables() -> None:
    """So there is no path to another's: uploads are rows, and nothing is written to a media folder."""
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    assert [field for field in fields if isinstance(field, models.FileField)] == []
    assert settings.MEDIA_ROOT == ""
    assert [route.name for route in (*all_routes(), *all_routes("flux.urls_public")) if "media" in route.route] == []
