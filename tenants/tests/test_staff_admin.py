"""The staff admin on the platform's host, and who may do what in it."""

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from conftest import PASSWORD, as_owner, signed_in
from tenants import erasing, hosts, provisioning
from tenants.admin.restaurants import RestaurantAdmin
from tenants.context import public_context, restaurant_context
from tenants.models import ApiKey, Domain, Erasure, FailedTask, Health, Invitation, Membership, Restaurant, User
from tenants.office.models import AuditEntry, Closure
from tenants.sites import platform_site, restaurant_site
from tenants.tests.browser import PLATFORM, Browser

pytestmark = pytest.mark.django_db

NEW = {
    "name": "Kantine",
    "slug": "kantine",
    "status": "trial",
    "timezone": "Europe/Berlin",
    "closeout_hour": "4",
    "currency": "EUR",
    "country": "DE",
    "subdivision": "",
    "memberships-TOTAL_FORMS": "0",
    "memberships-INITIAL_FORMS": "0",
}

# The form of the bistro as it is.
STORED = {
    "name": "Bistro",
    "status": "active",
    "country": "FR",
    "subdivision": "",
    **{f"{name}-{part}_FORMS": "0" for name in ("domains", "memberships") for part in ("TOTAL", "INITIAL")},
}


@pytest.fixture(autouse=True)
def _in_public(db: None) -> Any:
    with public_context():
        yield


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("root@example.com", PASSWORD)


@pytest.fixture
def staff(superuser: User) -> Client:
    return on_platform(superuser)


def on_platform(user: User) -> Client:
    client = Client(headers={"host": "flux.localhost"})
    client.force_login(user)
    return client


def change(client: Client, restaurant: Restaurant, *, follow: bool = False, **wanted: Any) -> Any:
    """Send the restaurant's form, filled in as it is stored but for what is `wanted`."""
    return client.post(f"/admin/tenants/restaurant/{restaurant.pk}/change/", STORED | wanted, follow=follow)


def trail(restaurant: Restaurant) -> list[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    with restaurant_context(restaurant):
        return list(AuditEntry.objects.order_by("pk").values_list("verb", "actor", "via", "before", "after"))


def words(answer: HttpResponse) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def test_staff_sign_in_on_the_platforms_own_page(superuser: User) -> None:
    visitor = Browser()
    asked = visitor.get(f"{PLATFORM}/admin/")
    assert asked.url == f"{PLATFORM}/accounts/login/?next=%2Fadmin%2F"  # type: ignore[attr-defined]
    form = {"login": superuser.email, "password": PASSWORD, "next": "/admin/"}
    assert visitor.post(f"{PLATFORM}/accounts/login/", **form).status_code == 200
    assert "Restaurants and people" in words(visitor.get(f"{PLATFORM}/admin/"))


def test_somebody_who_is_no_staff_is_refused(member: Callable[..., User], restaurant: Restaurant) -> None:
    with public_context():
        client = on_platform(member(restaurant, "owner"))
        assert client.get("/admin/").status_code == 302
        assert client.get("/admin/login/?next=/admin/").status_code == 403


LISTS = ["restaurant", "user", "membership", "domain", "invitation", "apikey", "health", "failedtask"]


@pytest.mark.parametrize("path", ["", *(f"{name}/" for name in LISTS), "restaurant/add/", "user/add/"])
def test_every_page_opens(staff: Client, path: str) -> None:
    assert staff.get(f"/admin/tenants/{path}").status_code == 200


def test_lists_take_the_same_queries_for_more_rows(
    staff: Client, member: Callable[..., User], django_assert_num_queries: Any, superuser: User
) -> None:
    counts = []
    for number in range(2):
        for restaurant in Restaurant.objects.all():
            worker = member(restaurant, email=f"{number}@{restaurant.slug}.example")
            report_on(restaurant, worker, str(number))
        counts.append([query_count(staff, name) for name in LISTS])
    assert counts[0] == counts[1]


def report_on(restaurant: Restaurant, worker: User, mark: str) -> None:
    """A row of every kind that staff only look at."""
    later = timezone.now() + dt.timedelta(days=1)
    Invitation.objects.create(
        restaurant=restaurant, email=f"{mark}@x.example", role="kitchen", secret_hash=f"{restaurant.slug}{mark}hush",
        invited_by=worker, expires_at=later,
    )  # fmt: skip
    ApiKey.objects.create(
        restaurant=restaurant, name=f"till {mark}", prefix="flux_aaaaaaaa", scopes=["menu:read"], expires_at=later,
        sha256=hashlib.sha256(f"{restaurant.slug}{mark}".encode()).hexdigest(), created_by=worker,
    )  # fmt: skip
    Health.objects.get_or_create(restaurant=restaurant, defaults={"last_forecast_at": timezone.now()})
    FailedTask.objects.create(restaurant=restaurant, task="import_file", error=f"Error{mark}", message="It broke")


def query_count(client: Client, model: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/admin/tenants/{model}/").status_code == 200
    return len(queries)


def test_failures_of_all_restaurants_are_one_list_and_are_acknowledged(
    staff: Client, superuser: User, member: Callable[..., User]
) -> None:
    for restaurant in Restaurant.objects.all():
        report_on(restaurant, member(restaurant), "1")
    page = words(staff.get("/admin/tenants/failedtask/"))
    assert ("Bistro" in page, "Trattoria" in page, "import_file" in page, "Error1" in page) == (True,) * 4
    chosen = FailedTask.objects.get(restaurant__slug="bistro")
    staff.post("/admin/tenants/failedtask/", {"action": "acknowledge", "_selected_action": [chosen.pk]})
    left = FailedTask.objects.filter(acknowledged_at=None)
    assert [failed.restaurant.slug for failed in left] == ["trattoria"]
    assert FailedTask.objects.get(pk=chosen.pk).acknowledged_by == superuser


@pytest.mark.parametrize(("rights", "left"), [(["view"], 1), (["view", "change"], 0)])
def test_staff_who_may_only_look_acknowledge_nothing(rights: list[str], left: int) -> None:
    failed = FailedTask.objects.create(restaurant=Restaurant.objects.get(slug="bistro"), task="import_file", error="E")
    intern = User.objects.create_user("intern@flux.example", PASSWORD, is_staff=True)
    names = [f"{right}_failedtask" for right in rights]
    intern.user_permissions.set(Permission.objects.filter(codename__in=names))
    page = on_platform(intern)
    assert "import_file" in words(page.get("/admin/tenants/failedtask/"))
    page.post("/admin/tenants/failedtask/", {"action": "acknowledge", "_selected_action": [failed.pk]})
    assert FailedTask.objects.filter(acknowledged_at=None).count() == left


@pytest.mark.parametrize("name", ["health", "restaurant"])
def test_a_forecast_that_did_not_come_is_seen(staff: Client, name: str) -> None:
    bistro, trattoria = Restaurant.objects.order_by("slug")
    made_at = timezone.now() - dt.timedelta(hours=49)
    Health.objects.create(restaurant=bistro, last_forecast_at=timezone.now() - dt.timedelta(hours=47))
    Health.objects.create(restaurant=trattoria, last_forecast_at=made_at)
    shown = staff.get(f"/admin/tenants/{name}/").content.decode()
    assert re.findall(r"bg-orange-100[^>]*>\s*([0-9-]{10})", shown) == [f"{made_at:%Y-%m-%d}"]


def test_no_secret_is_shown_and_nothing_of_it_is_written(staff: Client, member: Callable[..., User]) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    worker = member(bistro)
    report_on(bistro, worker, "1")
    key, invitation = ApiKey.objects.get(), Invitation.objects.get()
    rows = {
        "apikey": key, "invitation": invitation, "membership": worker.memberships.get(),
        "health": bistro.health, "failedtask": FailedTask.objects.get(),
    }  # fmt: skip
    for name, row in rows.items():
        page = f"/admin/tenants/{name}/{row.pk}"
        answer = staff.get(f"{page}/change/")
        assert (name, answer.status_code) == (name, 200)
        assert (name, key.sha256 in answer.content.decode()) == (name, False)
        assert (name, invitation.secret_hash in answer.content.decode()) == (name, False)
        for path in (f"{page}/change/", f"{page}/delete/", f"/admin/tenants/{name}/add/"):
            assert (path, staff.post(path, {"post": "yes", "role": "owner"}).status_code) == (path, 403)


def test_no_form_makes_staff_a_member(staff: Client, superuser: User, member: Callable[..., User]) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    member(bistro, "owner")
    row = {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0", "memberships-0-role": "owner"}
    inlines = {"domains-TOTAL_FORMS": "0", "domains-INITIAL_FORMS": "0"}
    mine = row | {"memberships-0-user": str(superuser.pk), "memberships-0-restaurant": str(bistro.pk)}
    kept = {"email": superuser.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    staff.post(f"/admin/tenants/restaurant/{bistro.pk}/change/", NEW | inlines | mine)
    staff.post(f"/admin/tenants/user/{superuser.pk}/change/", kept | mine)
    refused = staff.post("/admin/tenants/restaurant/add/", NEW | mine)
    assert "Staff come in by support access, not as members." in words(refused)
    assert not superuser.memberships.exists()


def test_a_new_restaurants_first_owner_is_named_with_it(staff: Client) -> None:
    ada = User.objects.create_user("ada@example.com", PASSWORD)
    row = {"memberships-TOTAL_FORMS": "1", "memberships-0-user": str(ada.pk), "memberships-0-role": "owner"}
    assert staff.post("/admin/tenants/restaurant/add/", NEW | row).status_code == 302
    assert [found.restaurant.slug for found in ada.memberships.all()] == ["kantine"]
    assert trail(Restaurant.objects.get(slug="kantine")) == [
        ("person.added", "root@example.com", "support", {}, {"role": "owner"})
    ]


def test_staff_cannot_take_over_who_works_in_a_restaurant(staff: Client, member: Callable[..., User]) -> None:
    worker = member(Restaurant.objects.get(slug="bistro"), "owner")
    new = {"password1": "staple-battery-horse", "password2": "staple-battery-horse", "usable_password": "true"}
    assert staff.post(f"/admin/tenants/user/{worker.pk}/password/", new).status_code == 403
    inlines = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    sent = {"email": "mine@example.com", "name": "Ada", "is_active": "on"}
    assert staff.post(f"/admin/tenants/user/{worker.pk}/change/", sent | inlines).status_code == 302
    worker.refresh_from_db()
    assert (worker.email, worker.name, worker.check_password(PASSWORD)) == ("owner@bistro.example", "Ada", True)


def test_what_staff_change_stands_in_the_restaurants_audit_trail(staff: Client) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    change(staff, bistro, name="Chez nous", country="BE", status="suspended")
    change(staff, bistro, name="Chez nous", country="BE", status="suspended")  # changes nothing
    for status in ("active", "closed", "active"):
        change(staff, bistro, name="Chez nous", country="BE", status=status)
    found = trail(bistro)
    assert {(actor, via) for _, actor, via, _, _ in found} == {("root@example.com", "support")}
    assert [(verb, before.get("status"), after.get("status")) for verb, _, _, before, after in found] == [
        ("restaurant.suspended", "active", "suspended"),
        ("restaurant.renamed", None, None),
        ("restaurant.place_changed", None, None),
        ("restaurant.resumed", "suspended", "active"),
        ("restaurant.closed", "active", "closed"),
        ("restaurant.reopened", "closed", "active"),
    ]
    assert (found[1][3], found[1][4]) == ({"name": "Bistro"}, {"name": "Chez nous"})
    assert trail(Restaurant.objects.get(slug="trattoria")) == []
    bistro.refresh_from_db()
    assert (bistro.status, bistro.closed_at, bistro.country) == ("active", None, "BE")


@pytest.mark.parametrize(
    ("days", "status", "said"),
    [
        (400, "active", "Bistro could be opened again until"),
        (400, "suspended", "Bistro is closed. Make it active first"),
        (1, "trial", "Bistro is closed. Make it active first"),
    ],
)
def test_what_a_verb_refuses_is_told_and_nothing_is_changed(staff: Client, days: int, status: str, said: str) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    closed_at = timezone.now() - dt.timedelta(days=days)
    Restaurant.objects.filter(pk=bistro.pk).update(status="closed", closed_at=closed_at)
    page = change(staff, bistro, follow=True, name="Chez nous", status=status)
    assert (page.status_code, said in words(page)) == (200, True)
    bistro.refresh_from_db()
    assert (bistro.status, bistro.closed_at, bistro.name, trail(bistro)) == ("closed", closed_at, "Bistro", [])


def test_who_erases_second_is_told(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    Restaurant.objects.filter(pk=bistro.pk).update(status="closed", closed_at=timezone.now())
    look_up = RestaurantAdmin._found

    def and_somebody_else_is_first(self: RestaurantAdmin, request: HttpRequest, object_id: str) -> Restaurant:
        found = look_up(self, request, object_id)
        erasing.request(found, by="bo@example.com", at=timezone.now())
        return found

    monkeypatch.setattr(RestaurantAdmin, "_found", and_somebody_else_is_first)
    sent = {"slug": "bistro", "_form_submitted": "on"}
    page = staff.post(f"/admin/tenants/restaurant/{bistro.pk}/erase/", sent, follow=True)
    assert (page.status_code, "Bistro is being erased already." in words(page)) == (200, True)
    assert [found.by for found in Erasure.objects.all()] == ["bo@example.com"]


def test_making_a_restaurant_opens_it(staff: Client) -> None:
    with as_owner():
        answer = staff.post("/admin/tenants/restaurant/add/", NEW)
    assert answer.status_code == 302
    kantine = Restaurant.objects.get(slug="kantine")
    assert kantine.host == "kantine.flux.localhost"
    with restaurant_context(kantine):
        assert Closure.objects.count() == 0
    page = staff.get(f"/admin/tenants/restaurant/{kantine.pk}/change/")
    assert kantine.schema_name in words(page)
    assert 'name="schema_name"' not in page.content.decode()
    assert 'name="slug"' not in page.content.decode()


def test_what_dates_and_amounts_depend_on_is_no_form_of_staff(staff: Client) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    inlines = {"domains-TOTAL_FORMS": "0", "domains-INITIAL_FORMS": "0", "memberships-TOTAL_FORMS": "0"}
    page = f"/admin/tenants/restaurant/{bistro.pk}/change/"
    sent = NEW | inlines | {"timezone": "Asia/Tokyo", "closeout_hour": "9", "currency": "CHF", "name": "Chez nous"}
    assert staff.post(page, sent | {"status": "closed"}).status_code == 302
    bistro.refresh_from_db()
    assert (bistro.timezone, bistro.closeout_hour, bistro.currency) == ("Europe/Paris", 4, "EUR")
    assert (bistro.name, bistro.status, bistro.closed_at is not None) == ("Chez nous", "closed", True)
    staff.post(page, sent | {"status": "active"})
    bistro.refresh_from_db()
    assert (bistro.status, bistro.closed_at) == ("active", None)


def test_a_schema_is_never_renamed_by_a_form(staff: Client) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    inlines = {f"{name}-{part}_FORMS": "0" for name in ("domains", "memberships") for part in ("TOTAL", "INITIAL")}
    sent = NEW | inlines | {"name": "Le Bistro", "schema_name": "r_other", "slug": "other"}
    assert staff.post(f"/admin/tenants/restaurant/{bistro.pk}/change/", sent).status_code == 302
    changed = Restaurant.objects.get(pk=bistro.pk)
    assert (changed.name, changed.schema_name, changed.slug) == ("Le Bistro", bistro.schema_name, "bistro")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"slug": "bistro"}, "“bistro” is taken. Choose another one."),
        ({"slug": "admin"}, "“admin” is reserved."),
        ({"timezone": "Mars"}, "“Mars” is not an IANA time zone"),
    ],
)
def test_a_wrong_restaurant_is_told_in_the_form(staff: Client, wrong: dict[str, str], said: str) -> None:
    answer = staff.post("/admin/tenants/restaurant/add/", NEW | wrong)
    assert answer.status_code == 200
    assert said in words(answer)
    assert Restaurant.objects.count() == 2


def test_a_host_that_was_taken_meanwhile_is_told_on_the_page(staff: Client) -> None:
    Domain.objects.create(
        tenant=Restaurant.objects.get(slug="bistro"), domain="kantine.flux.localhost", is_primary=False
    )
    page = staff.post("/admin/tenants/restaurant/add/", NEW, follow=True)
    assert "“kantine” is taken. Choose another one." in words(page)
    assert Restaurant.objects.count() == 2


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("http://old.flux.localhost", "Use a–z, 0–9 and hyphens."),
        ("old.flux.localhost:80", "Only an address of this platform"),
        ("flux.localhost", "Only an address of this platform"),
        ("evil.com", "Only an address of this platform"),
        ("a.b.flux.localhost", "Only an address of this platform"),
        (".flux.localhost", "This field cannot be blank."),
        ("b@d.flux.localhost", "Use a–z, 0–9 and hyphens."),
        (f"{'a' * 41}.flux.localhost", "at most 40 characters"),
        ("admin.flux.localhost", "“admin” is reserved."),
        ("xn--bistr-0ra.flux.localhost", "is reserved."),
        ("BISTRO.flux.localhost", "already exists"),
    ],
)
def test_a_host_is_one_of_the_platforms_that_is_free(host: str, said: str) -> None:
    trattoria = Restaurant.objects.get(slug="trattoria")
    with pytest.raises(ValidationError, match=said):
        Domain(tenant=trattoria, domain=host, is_primary=False).full_clean()
    Domain(tenant=trattoria, domain="Old.flux.localhost", is_primary=False).full_clean()


def test_staff_look_at_hosts_and_change_none(staff: Client) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    main = bistro.domains.get()
    for path in ("add/", f"{main.pk}/change/"):
        sent = {"domain": "admin.flux.localhost", "tenant": bistro.pk}
        assert staff.post(f"/admin/tenants/domain/{path}", sent).status_code == 403
    rows = {
        "domains-TOTAL_FORMS": "2",
        "domains-INITIAL_FORMS": "1",
        "domains-0-id": main.pk,
        "domains-0-domain": "x.y",
    }
    sent = STORED | rows | {"domains-1-domain": "evil.com", "domains-1-tenant": bistro.pk}
    assert change(staff, bistro, **sent).status_code == 302
    assert [found.domain for found in bistro.domains.all()] == ["bistro.flux.localhost"]
    assert "bistro.flux.localhost" in words(staff.get(f"/admin/tenants/restaurant/{bistro.pk}/change/"))


def test_staff_free_an_address_that_a_restaurant_had_and_it_says_so(staff: Client) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    old, older = (
        Domain.objects.create(tenant=bistro, domain=f"{slug}.flux.localhost", is_primary=False)
        for slug in ("old", "older")
    )
    assert staff.post(f"/admin/tenants/domain/{old.pk}/delete/", {"post": "yes"}).status_code == 302
    sent = {"action": "delete_selected", "_selected_action": [older.pk], "post": "yes"}
    assert staff.post("/admin/tenants/domain/", sent).status_code == 302
    assert [found.domain for found in bistro.domains.all()] == ["bistro.flux.localhost"]
    assert trail(bistro) == [
        ("restaurant.address_given_up", "root@example.com", "support", {"host": f"{slug}.flux.localhost"}, {})
        for slug in ("old", "older")
    ]


def test_a_restaurant_and_a_person_cannot_be_deleted(staff: Client, superuser: User) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    for path in (f"restaurant/{bistro.pk}", f"user/{superuser.pk}", f"domain/{bistro.domains.get().pk}"):
        assert staff.post(f"/admin/tenants/{path}/delete/", {"post": "yes"}).status_code == 403
    staff.post(
        "/admin/tenants/restaurant/", {"action": "delete_selected", "_selected_action": [bistro.pk], "post": "y"}
    )
    assert Restaurant.objects.count() == 2


def test_suspending_counts_at_once(staff: Client, django_capture_on_commit_callbacks: Any) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    visitor = Client(headers={"host": "bistro.flux.localhost"})
    assert visitor.get("/auth/sign-in/").status_code == 302
    inlines = {f"{name}-{part}_FORMS": "0" for name in ("domains", "memberships") for part in ("TOTAL", "INITIAL")}
    try:
        with django_capture_on_commit_callbacks(execute=True):
            staff.post(f"/admin/tenants/restaurant/{bistro.pk}/change/", NEW | inlines | {"status": "suspended"})
        assert visitor.get("/auth/sign-in/").status_code == 403
    finally:
        hosts.forget_hosts()


def test_a_person_is_made_found_given_a_password_and_switched_off(staff: Client) -> None:
    sent = {"email": "Ada@Example.com", "name": "Ada", "password1": PASSWORD, "password2": PASSWORD}
    inlines = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    assert staff.post("/admin/tenants/user/add/", sent | inlines | {"usable_password": "true"}).status_code == 302
    ada = User.objects.get(email="ada@example.com")
    assert ada.check_password(PASSWORD)
    assert (ada.is_staff, ada.is_superuser) == (False, False)
    assert "ada@example.com" in words(staff.get("/admin/tenants/user/", {"q": "ADA"}))
    again = staff.post("/admin/tenants/user/add/", sent | inlines | {"email": "ADA@example.com"})
    assert (again.status_code, User.objects.filter(email__iexact="ada@example.com").count()) == (200, 1)
    new = {"password1": "staple-battery-horse", "password2": "staple-battery-horse", "usable_password": "true"}
    assert staff.post(f"/admin/tenants/user/{ada.pk}/password/", new).status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("staple-battery-horse")
    assert staff.post(f"/admin/tenants/user/{ada.pk}/change/", {"email": ada.email, "name": "Ada"} | inlines)
    ada.refresh_from_db()
    assert not ada.is_active


def test_a_weak_password_is_refused(staff: Client) -> None:
    sent = {"email": "ada@example.com", "password1": "short", "password2": "short", "usable_password": "true"}
    answer = staff.post("/admin/tenants/user/add/", sent)
    assert "This password is too short." in words(answer)


def test_staff_do_not_promote_themselves(superuser: User) -> None:
    helper = User.objects.create_user("helper@example.com", PASSWORD, is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(content_type__app_label="tenants"))
    client = on_platform(helper)
    sent = {"email": helper.email, "name": "H", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    sent |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    assert client.post(f"/admin/tenants/user/{helper.pk}/change/", sent).status_code == 302
    helper.refresh_from_db()
    assert (helper.name, helper.is_superuser) == ("H", False)
    new = {"password1": "staple-battery-horse", "password2": "staple-battery-horse"}
    for path in ("change", "password"):
        assert client.post(f"/admin/tenants/user/{superuser.pk}/{path}/", sent | new).status_code == 403
    superuser.refresh_from_db()
    assert superuser.check_password(PASSWORD)


def test_the_menu_is_the_hosts_own(staff: Client, superuser: User) -> None:
    page = words(staff.get("/admin/"))
    assert "Memberships" in page
    bistro = Restaurant.objects.get(slug="bistro")
    Membership.objects.create(user=superuser, restaurant=bistro, role="manager")
    support = signed_in(superuser, bistro)
    page = words(support.get("/admin/"))
    assert "Bistro · support" in page
    assert "Memberships" not in page
    assert not set(platform_site._registry) & set(restaurant_site._registry)


def test_support_looks_and_writes_nothing_there(staff: Client, superuser: User) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    Membership.objects.create(user=superuser, restaurant=bistro, role="manager")
    [model] = [model for model in restaurant_site._registry if model._meta.model_name == "ingredient"]
    with restaurant_context(bistro):
        flour = model.objects.create(name="Flour", base_unit="g")
    support, page = signed_in(superuser, bistro), f"/admin/menu/ingredient/{flour.pk}"
    assert "Flour" in words(support.get(f"{page}/change/"))
    sent = {"name": "Chalk", "base_unit": "g"}
    for path in (f"{page}/change/", f"{page}/delete/", "/admin/menu/ingredient/add/"):
        assert support.post(path, sent).status_code == 403
    assert support.get(f"{page}/history/").status_code == 404
    with restaurant_context(bistro):
        assert [found.name for found in model.objects.all()] == ["Flour"]
    assert LogEntry.objects.count() == 0


def test_signing_out_of_the_admin_ends_everything(staff: Client, superuser: User) -> None:
    bistro = Restaurant.objects.get(slug="bistro")
    Membership.objects.create(user=superuser, restaurant=bistro, role="manager")
    support = signed_in(superuser, bistro)
    assert support.get("/admin/").status_code == 200
    assert support.post("/admin/logout/")["Location"] == "http://flux.localhost/"
    assert support.get("/admin/").status_code == 302
    assert staff.post("/admin/logout/")["Location"] == "/accounts/login/"
    assert staff.get("/admin/").status_code == 302


def test_only_the_admin_has_a_wider_content_policy(staff: Client) -> None:
    policy = staff.get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in f"{policy};"
    assert "default-src 'self'" in policy
    for path in ("/?choose", "/accounts/password/change/", "/administrators/"):
        assert "unsafe" not in staff.get(path)["Content-Security-Policy"]


def test_the_admin_asks_no_other_host_for_anything(staff: Client) -> None:
    for path in ("", "tenants/restaurant/", "tenants/restaurant/add/", "tenants/user/add/"):
        page = staff.get(f"/admin/{path}").content.decode()
        loaded = re.findall(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="([^"]+)"', page)
        assert [address for address in loaded if not address.startswith(("/static/", "/admin/jsi18n"))] == []


def test_a_new_restaurants_host_answers_at_once() -> None:
    visitor = Client(headers={"host": "kantine.flux.localhost"})
    assert visitor.get("/").status_code == 404
    kantine = Restaurant(name="Kantine", slug="kantine", timezone="Europe/Berlin", currency="EUR", country="DE")
    with public_context(), as_owner():
        provisioning.open_restaurant(kantine)
    assert visitor.get("/auth/sign-in/").status_code == 302
    hosts.forget_hosts()
