"""Work in the background is done in the name of whoever asked: what they may do is asked again when its turn comes."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from conftest import signed_in
from flux import imports, tasks
from forecasting import forecast
from forecasting.models import Run
from menu.models import MenuItem
from pos import importing
from pos.models import DailySales
from tenants import access, people
from tenants.actors import FLUX, actor
from tenants.context import public_context
from tenants.models import ApiKey, Membership, Restaurant, User
from tenants.office import jobs
from tenants.office.models import Job

pytestmark = pytest.mark.django_db

NOW = timezone.now()
Member = Callable[..., User]


@pytest.fixture
def owner(restaurant: Restaurant, member: Member) -> User:
    return member(restaurant, "owner")


def asked(restaurant: Restaurant, by: User) -> Job:
    """A job that waits for a worker."""
    return tasks.ask_for_pipeline(restaurant, now=NOW, by=by)


def demote(user: User, restaurant: Restaurant) -> None:
    with public_context():
        Membership.objects.filter(user=user, restaurant=restaurant).update(role="kitchen")


def work_off(restaurant: Restaurant, job: Job) -> str:
    tasks.run_pipeline(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    job.refresh_from_db()
    return f"{job.status} {job.error}".strip()


def test_a_page_says_who_asks(portal: Client, manager: User) -> None:
    portal.post("/run/")
    assert Job.objects.get().asked["by"] == {
        "pk": str(manager.pk),
        "name": "Manager",
        "via": "portal",
        "email": manager.email,
    }


def test_a_manager_has_it_done(restaurant: Restaurant, manager: User) -> None:
    assert work_off(restaurant, asked(restaurant, manager)) == "done"


@pytest.mark.parametrize("change", ["demoted", "removed", "switched_off"])
def test_somebody_who_may_no_longer_ask_has_nothing_done(
    restaurant: Restaurant, owner: User, manager: User, change: str
) -> None:
    job = asked(restaurant, manager)
    if change == "demoted":
        demote(manager, restaurant)
    elif change == "removed":
        with public_context():
            own = Membership.objects.get(user=manager)
        people.remove(own.pk, restaurant, by=owner, at=NOW)
    else:
        with public_context():
            User.objects.filter(pk=manager.pk).update(is_active=False)
    assert work_off(restaurant, job) == f"failed {jobs.REFUSED}"
    assert jobs.claim(job.pk, now=NOW) is None


def test_a_role_in_another_restaurant_does_not_count(
    restaurant: Restaurant, other_restaurant: Restaurant, manager: User
) -> None:
    with public_context():
        Membership.objects.create(user=manager, restaurant=other_restaurant, role="owner")
    job = asked(restaurant, manager)
    demote(manager, restaurant)
    assert work_off(restaurant, job) == f"failed {jobs.REFUSED}"


def test_the_sweep_that_sends_it_again_asks_again(restaurant: Restaurant, manager: User) -> None:
    job = asked(restaurant, manager)
    demote(manager, restaurant)
    Job.objects.filter(pk=job.pk).update(created_at=NOW - 2 * jobs.LOST_AFTER)
    assert jobs.stuck(NOW) == [job]
    assert work_off(restaurant, job) == f"failed {jobs.REFUSED}"


def test_what_flux_does_by_itself_needs_nobody(restaurant: Restaurant) -> None:
    assert work_off(restaurant, tasks.ask_for_pipeline(restaurant, now=NOW)) == "done"


def test_whoever_asks_last_answers_for_it(restaurant: Restaurant, owner: User, manager: User) -> None:
    first = asked(restaurant, manager)
    assert asked(restaurant, owner) == first
    demote(manager, restaurant)
    assert work_off(restaurant, first) == "done"


def test_a_person_takes_nothing_out_of_flux_own_hands(restaurant: Restaurant, manager: User) -> None:
    job = tasks.ask_for_pipeline(restaurant, now=NOW, by=FLUX)
    asked(restaurant, manager)
    demote(manager, restaurant)
    assert work_off(restaurant, job) == "done"


def test_a_file_whose_import_is_refused_says_so(restaurant: Restaurant, manager: User) -> None:
    file = importing.store(b"date,item,quantity\\n2026-11-22,Soup,3\\n", name="sales.csv", by=FLUX, at=NOW)
    job = imports.request(file, by=actor(manager), now=NOW)
    demote(manager, restaurant)
    tasks.import_file(restaurant_id=str(restaurant.pk), job_id=str(job.pk))
    file.refresh_from_db()
    assert (file.status, file.error) == ("failed", jobs.REFUSED)
    assert not DailySales.objects.exists()


# --- Forecast runs, which the API starts -----------------------------------------------------------------------------


@pytest.fixture
def sales(restaurant: Restaurant) -> None:
    yesterday = restaurant.business_date(NOW) - dt.timedelta(days=1)
    soup = MenuItem.objects.create(name="Soup")
    DailySales.objects.create(menu_item=soup, business_date=yesterday, quantity=3)


@pytest.mark.usefixtures("sales")
def test_a_run_of_somebody_who_may_no_longer_ask_is_ended(restaurant: Restaurant, manager: User) -> None:
    run = forecast.start(restaurant, now=NOW, requested_by_id=manager.pk)
    demote(manager, restaurant)
    assert forecast.run(run.pk, restaurant=restaurant, now=NOW) is None
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", forecast.REFUSED)


@pytest.mark.usefixtures("sales")
def test_the_nightly_run_takes_a_waiting_one_over(restaurant: Restaurant, manager: User) -> None:
    waiting = forecast.start(restaurant, now=NOW, requested_by_id=manager.pk)
    demote(manager, restaurant)
    assert (forecast.make(restaurant, now=NOW), Run.objects.get().status) == (waiting, "completed")


def test_a_key_counts_while_it_works(restaurant: Restaurant, other_restaurant: Restaurant, owner: User) -> None:
    with public_context():
        key = ApiKey.objects.create(
            restaurant=restaurant,
            name="Till",
            prefix="x",
            sha256="0" * 64,
            scopes=["orders:read"],
            expires_at=NOW + dt.timedelta(days=1),
        )
    assert access.may_still(key.pk, restaurant, at=NOW)
    assert not access.may_still(key.pk, restaurant, at=NOW + dt.timedelta(days=1))
    assert not access.may_still(key.pk, other_restaurant, at=NOW)


def test_support_counts_until_its_end(restaurant: Restaurant, member: Member) -> None:
    helper = member(restaurant, "manager")
    with public_context():
        Membership.objects.filter(user=helper).update(ends_at=NOW + dt.timedelta(hours=1), reason="Stock")
    assert access.may_still(helper.pk, restaurant, at=NOW)
    assert not access.may_still(helper.pk, restaurant, at=NOW + dt.timedelta(hours=1))
    assert signed_in(helper, restaurant).get("/").status_code == 200
