"""What every test may use: two restaurants with their own schemas, people with roles in them, signed-in clients.

Tests run in a transaction that is rolled back. The two restaurants are made once per test session, from the template
of the migrations; `restaurant` opens the first one for the test's body, and `other_restaurant` is the one whose rows
the test must never see. A test's body has the rights of the app's login and of the restaurant's role, and no others:
what only the database's owner may do is done `with as_owner():`.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoDbBlocker

from tenants.context import public_context, restaurant_context
from tenants.db import roles
from tenants.models import Membership, Restaurant, User
from tenants.tests.db.base import playing

# No time limit for an example: on a busy machine a slow one says nothing about the code.
# CI judges a change by the same examples each time; everybody else looks for new ones.
hypothesis.settings.register_profile(
    "flux",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("flux")

PASSWORD = "correct-horse-battery"
SPARES = 2  # restaurants that a test may open as the app, by taking a spare
SUPERUSER = ""  # whom the tests' connection is when it plays nobody

# To each of pytest-xdist's workers a cache of its own, as pytest-django does for databases.
for _cache in settings.CACHES.values():
    _cache["OPTIONS"] = {"db": int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))}


@contextmanager
def as_owner(login: str = roles.OWNER) -> Iterator[None]:
    """Run the block with the rights of the database's owner, as commands, migrations and upkeep do."""
    token = playing.set(login)
    try:
        yield
    finally:
        playing.reset(token)


def own_process() -> dict[str, str]:
    """The environment for a process beside the tests', on their database, with the logins that production has."""
    from django.db import connection

    from flux.embedded import Services

    facts = connection.settings_dict
    login = f"{facts['USER']}:{quote(facts['PASSWORD'] or '')}" if facts["PASSWORD"] else facts["USER"]
    host = facts["OPTIONS"].get("host") or facts["HOST"]
    url = f"postgresql://{login}@/{facts['NAME']}?host={host}&port={facts['PORT'] or 5432}"
    services = Services(url, os.environ["REDIS_URL"])
    settled = {"SECRET_KEY": settings.SECRET_KEY, "FLUX_DEMO": "1", "LOG_LEVEL": "ERROR"}
    return services.environ() | settled | {"DJANGO_SETTINGS_MODULE": "flux.settings"}


def discard_temporary_tables() -> None:
    """What the end of a transaction does: a test that imports for both restaurants runs in a single one."""
    from django.db import connection

    with public_context(), as_owner(SUPERUSER), connection.cursor() as cursor:
        cursor.execute("DISCARD TEMP")


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """No test talks to another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise RuntimeError(f"A test tried to reach {address}.")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign,assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _quick_and_in_place() -> Iterator[None]:
    """Cheap password hashes, and tasks that run where they are enqueued (on commit)."""
    import structlog
    from django.test import override_settings

    from flux.celery import app

    structlog.configure(cache_logger_on_first_use=False)  # a logger that was used before could not be listened to
    app.conf.task_always_eager = True
    app.conf.task_eager_propagates = True
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """The test database with two restaurants in it.

    Made here and not by pytest-django, which leaves it out where no test asks for `db`: a test that commits by itself
    would then write to the database of DATABASE_URL.
    """
    from django.test.utils import setup_databases, teardown_databases

    with django_db_blocker.unblock(), public_context(), as_owner():
        databases = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        use_a_current_template(tmp_path_factory)
        open_both_restaurants()
    yield
    with django_db_blocker.unblock(), public_context(), as_owner(SUPERUSER):
        end_other_sessions()
        teardown_databases(databases, verbosity=0)


def use_a_current_template(folders: pytest.TempPathFactory) -> None:
    """Where a new migration is not in the template yet, one test says so, and the others run on what it will be."""
    from tenants import provisioning, template

    if template.version() != template.wanted_version():
        with provisioning.made_by_migrations() as name:
            text = template.render(name)
        template.FILE = folders.mktemp("template") / "template.sql"
        template.FILE.write_text(text)
        template.text.cache_clear()
        template.version.cache_clear()


def open_both_restaurants() -> None:
    """Bistro in Paris and Trattoria in New York."""
    from tenants import provisioning

    for slug, zone, currency, country in (
        ("bistro", "Europe/Paris", "EUR", "FR"),
        ("trattoria", "America/New_York", "USD", "US"),
    ):
        provisioning.open_restaurant(
            Restaurant(
                slug=slug,
                name=slug.title(),
                timezone=zone,
                currency=currency,
                country=country,
                status=Restaurant.Status.ACTIVE,
            )
        )
    keep_spares()


def keep_spares() -> None:
    """As many as every test finds at its begin."""
    from tenants import provisioning

    with as_owner():
        provisioning.keep_spares(SPARES, at_most=SPARES)


def end_other_sessions() -> None:
    """A thread of a server that a test ran may hold its connection still, and then the database cannot be dropped."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def other_restaurant(db: None) -> Restaurant:
    """Trattoria, in New York: the restaurant whose rows must not be seen."""
    with public_context():
        return Restaurant.objects.get(slug="trattoria")


@pytest.fixture
def restaurant(db: None) -> Iterator[Restaurant]:
    """Bistro, in Paris: the restaurant that the test's body works for."""
    from django.conf import settings

    from tenants import hosts

    with public_context():
        found = Restaurant.objects.get(slug="bistro")
        hosts.forget_hosts()  # so that a count of queries does not depend on what ran before, or when
        hosts.restaurant_of_host(f"bistro.{settings.FLUX_DOMAIN}")
    with restaurant_context(found):
        yield found


@pytest.fixture
def platform(db: None) -> Iterator[None]:
    """The test's body works for the platform, where people are, and for no restaurant."""
    with public_context():
        yield


@pytest.fixture
def bistro(platform: None) -> Restaurant:
    """The same restaurant, seen from the platform."""
    return Restaurant.objects.get(slug="bistro")


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Restaurant]]:
    """The two restaurants, for a test that really commits, and so takes away again whatever it makes."""
    from django.db import connection

    with django_db_blocker.unblock(), public_context():
        yield list(Restaurant.objects.order_by("slug"))
        keep_spares()
        connection.close()


@pytest.fixture
def member(db: None) -> Callable[..., User]:
    """Make a person with a role: `member(restaurant, "kitchen")`."""

    def make(restaurant: Restaurant, role: str = Membership.Role.MANAGER, email: str | None = None) -> User:
        with public_context():
            user = User.objects.create_user(email or f"{role}@{restaurant.slug}.example", PASSWORD, name=role.title())
            Membership.objects.create(user=user, restaurant=restaurant, role=role)
        return user

    return make


def signed_in(user: User, restaurant: Restaurant) -> Client:
    """A browser on the restaurant's host with a session of `user`, and one on the platform's that vouches for it."""
    from django.conf import settings

    from tenants import sessions

    platform = Client(headers={"host": settings.FLUX_DOMAIN})
    with public_context():
        platform.force_login(user)
        found = Membership.objects.filter(user=user, restaurant=restaurant).first()
    member = found or Membership(user=user, restaurant=restaurant)  # a stranger names one that there is not
    client = Client(headers={"host": f"{restaurant.slug}.{settings.FLUX_DOMAIN}"})
    with restaurant_context(restaurant), as_owner():  # also for somebody whom the restaurant may not see
        client.force_login(user)
        session = client.session
        session[sessions.SEEN] = time.time()
        sessions.lean(session, member, platform_session=platform.cookies[settings.SESSION_COOKIE_NAME].value)
        session.save()
    return client


def role_of(user: User, restaurant: Restaurant) -> str | None:
    """The person's role in the restaurant now, or None."""
    with public_context():
        current = Membership.objects.current().filter(user=user, restaurant=restaurant)
        found: str | None = current.values_list("role", flat=True).first()
    return found


@pytest.fixture
def manager(restaurant: Restaurant, member: Callable[..., User]) -> User:
    """A manager of `restaurant`."""
    return member(restaurant)


@pytest.fixture
def portal(restaurant: Restaurant, manager: User) -> Client:
    """The portal of `restaurant`, with its manager signed in."""
    return signed_in(manager, restaurant)


@pytest.fixture
def kitchen_portal(restaurant: Restaurant, member: Callable[..., User]) -> Client:
    """The same portal, with somebody of the kitchen signed in."""
    return signed_in(member(restaurant, Membership.Role.KITCHEN), restaurant)


@pytest.fixture
def other_portal(other_restaurant: Restaurant, member: Callable[..., User]) -> Client:
    """The portal of `other_restaurant`, with its own manager signed in."""
    return signed_in(member(other_restaurant), other_restaurant)


@pytest.fixture
def api(restaurant: Restaurant, manager: User) -> Client:
    """The API of `restaurant` with its manager's bearer token."""
    from django.conf import settings

    from tenants import tokens

    token = tokens.issue(manager, restaurant)
    return Client(headers={"host": f"{restaurant.slug}.{settings.FLUX_DOMAIN}", "authorization": f"Bearer {token}"})
