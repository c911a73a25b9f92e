"""Who may open what. The table names every address of a restaurant's host; one that is missing fails the suite."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.http import HttpResponse
from django.test import Client

from conftest import signed_in
from flux.tests.routes import Route, all_routes
from tenants import tokens
from tenants.context import public_context
from tenants.models import Membership, Restaurant, User

pytestmark = pytest.mark.django_db

EVERYBODY = frozenset({"kitchen", "manager"})
MANAGERS = frozenset({"manager"})


@dataclass(frozen=True)
class Rule:
    """Whose role opens an address, and by which methods."""

    roles: frozenset[str]
    methods: frozenset[str]


READ = Rule(EVERYBODY, frozenset({"get"}))
WRITE = Rule(EVERYBODY, frozenset({"post"}))
MANAGERS_READ = Rule(MANAGERS, frozenset({"get"}))
MANAGERS_WRITE = Rule(MANAGERS, frozenset({"post"}))
MANAGERS_EDIT = Rule(MANAGERS, frozenset({"get", "post"}))
OWNERS_READ = Rule(frozenset(), frozenset({"get"}))
OWNERS_WRITE = Rule(frozenset(), frozenset({"post"}))


PORTAL = {
    "pages:today": READ,
    "pages:jobs": READ,
    "pages:run_now": MANAGERS_WRITE,
    "pages:menu": READ,
    "pages:dish_add": MANAGERS_EDIT,
    "pages:dish_edit": MANAGERS_EDIT,
    "pages:overrides": READ,
    "pages:override_make": MANAGERS_WRITE,
    "pages:override_undo": MANAGERS_WRITE,
    "pages:import_file": MANAGERS_WRITE,
    "pages:calendar": READ,
    "pages:calendar_event_add": MANAGERS_EDIT,
    "pages:calendar_event": MANAGERS_EDIT,
    "pages:calendar_event_remove": MANAGERS_WRITE,
    "pages:holidays": READ,
    "pages:holiday_keep": MANAGERS_WRITE,
    "pages:holiday_off": MANAGERS_WRITE,
    "pages:holiday_remove": MANAGERS_WRITE,
    "pages:school_add": MANAGERS_WRITE,
    "pages:school_upload": MANAGERS_WRITE,
    "pages:facts": READ,
    "pages:facts_upload": MANAGERS_WRITE,
    "pages:weather_place": MANAGERS_WRITE,
    "pages:facts_forget": MANAGERS_WRITE,
    "pages:settings": MANAGERS_READ,
    "pages:activity": OWNERS_READ,
    "pages:activity_export": OWNERS_READ,
    "pages:rename": MANAGERS_WRITE,
    "pages:hours": MANAGERS_EDIT,
    "pages:dayparts": MANAGERS_EDIT,
    "pages:closure_add": MANAGERS_WRITE,
    "pages:closure_remove": MANAGERS_WRITE,
    "pages:change_calendar": MANAGERS_WRITE,
    "pages:change_currency": MANAGERS_WRITE,
    "pages:move": OWNERS_WRITE,
    "pages:close": OWNERS_WRITE,
    "pages:keys": OWNERS_READ,
    "pages:key_make": OWNERS_WRITE,
    "pages:key": OWNERS_READ,
    "pages:key_rotate": OWNERS_WRITE,
    "pages:key_revoke": OWNERS_WRITE,
    "pages:data": OWNERS_READ,
    "pages:export": OWNERS_WRITE,
    "pages:me": READ,
    "pages:my_pin": WRITE,
    "pages:leave": WRITE,
    "pages:people": OWNERS_READ,
    "pages:invite": OWNERS_WRITE,
    "pages:invitation_resend": OWNERS_WRITE,
    "pages:invitation_revoke": OWNERS_WRITE,
    "pages:support_end": OWNERS_WRITE,
    "pages:person": OWNERS_READ,
    "pages:person_role": OWNERS_WRITE,
    "pages:person_pin": OWNERS_WRITE,
    "pages:person_remove": OWNERS_WRITE,
    "pages:tablets": MANAGERS_READ,
    "pages:tablet_enrol": MANAGERS_WRITE,
    "pages:tablet_revoke": MANAGERS_WRITE,
    "tablet:switch": WRITE,
    "tablet:stay": WRITE,
    "procurement:order_list": READ,
    "procurement:suggest": MANAGERS_WRITE,
    "procurement:suppliers": READ,
    "procurement:supplier_add": MANAGERS_EDIT,
    "procurement:supplier": READ,
    "procurement:supplier_edit": MANAGERS_EDIT,
    "procurement:item_add": MANAGERS_EDIT,
    "procurement:item_edit": MANAGERS_EDIT,
    "procurement:order": READ,
    "procurement:edit_line": MANAGERS_WRITE,
    "procurement:approve": MANAGERS_WRITE,
    "procurement:send": MANAGERS_WRITE,
    "procurement:mark_sent": MANAGERS_WRITE,
    "procurement:receive": WRITE,
    "procurement:cancel": MANAGERS_WRITE,
    "procurement:stock": READ,
    "procurement:count": WRITE,
    "forecasting:overview": READ,
    "forecasting:item": READ,
    "forecasting:newcomer": READ,
    "forecasting:likeness_say": MANAGERS_WRITE,
    "forecasting:likeness_forget": MANAGERS_WRITE,
    "forecasting:accuracy": READ,
    "forecasting:day": READ,
    "forecasting:proof": READ,
    "forecasting:proof_progress": READ,
    "forecasting:proof_run": MANAGERS_WRITE,
    "menu:ingredients": READ,
    "menu:ingredient_add": MANAGERS_EDIT,
    "menu:ingredient": MANAGERS_EDIT,
    "menu:recipe_line": MANAGERS_EDIT,
    "menu:recipe_line_remove": MANAGERS_WRITE,
    "menu:item": READ,
    "menu:recipe_line_add": MANAGERS_WRITE,
    "menu:sold_out_board": READ,
    "menu:sold_out_mark": WRITE,
    "menu:sold_out_back": WRITE,
    "menu:sold_out_dismiss": WRITE,
    "menu:sold_out_confirm": MANAGERS_WRITE,
    "pos:history": READ,
    "pos:month": READ,
    "pos:upload": MANAGERS_EDIT,
    "pos:file": MANAGERS_EDIT,
    "pos:rejects": MANAGERS_READ,
    "pos:progress": MANAGERS_READ,
    "pos:source_change": MANAGERS_WRITE,
    "pos:source": MANAGERS_EDIT,
}
# Everybody reads, owners and managers write (the kitchen what is named below); here is which an address is for.
API = {
    "api:forecast-list": {"get", "post"},
    "api:forecast-detail": {"get"},
    "api:forecast-dayparts": {"get"},
    "api:forecast-run-list": {"get", "post"},
    "api:forecast-run-detail": {"get"},
    "api:calendar-event-list": {"get", "post"},
    "api:calendar-event-detail": {"get"},
    "api:holiday-list": {"get"},
    "api:daily-fact-list": {"get", "post"},
    "api:override-list": {"get", "post"},
    "api:override-detail": {"get"},
    "api:forecast-accuracy-list": {"get"},
    "api:backtest-list": {"get", "post"},
    "api:backtest-detail": {"get"},
    "api:backtest-progress": {"get"},
    "api:purchase-order-list": {"get"},
    "api:purchase-order-detail": {"get"},
    "api:purchase-order-approve": {"post"},
    "api:purchase-order-cancel": {"post"},
    "api:purchase-order-receive": {"post"},
    "api:purchase-order-send": {"post"},
    "api:menu-item-list": {"get"},
    "api:menu-item-detail": {"get"},
    "api:sold-out-list": {"get", "post"},
    "api:sold-out-detail": {"get"},
    "api:sold-out-back": {"post"},
    "api:sold-out-dismiss": {"post"},
    "api:likeness-list": {"get", "post"},
    "api:likeness-detail": {"get"},
}
KITCHEN_WRITES = {
    "api:purchase-order-receive",
    "api:sold-out-list",
    "api:sold-out-detail",
    "api:sold-out-back",
    "api:sold-out-dismiss",
}
OPEN = {
    "auth:sign_in",
    "auth:enter",
    "tablet:names",
    "tablet:pin",
    "auth:sign_out",
    "token:login",
    "token:refresh",
    "token:revoke",
    "api:index",
    "api:schema",
    "api:docs",
    "api:problem_kinds",
    "api:problem_kind",
    "api/",  # whatever is not there
}
SIGN_IN = "/auth/sign-in/"


def routes(names: object) -> list[Route]:
    return [route for route in all_routes() if route.name in names]  # type: ignore[operator]


def ask(client: Client, method: str, route: Route) -> HttpResponse:
    answer: HttpResponse = client.get(route.address()) if method == "get" else client.post(route.address())
    return answer


@pytest.fixture
def stranger(restaurant: Restaurant) -> Client:
    return Client(headers={"host": "bistro.flux.localhost"})


@pytest.fixture
def people(restaurant: Restaurant, member: Callable[..., User]) -> dict[str, User]:
    return {role: member(restaurant, role) for role in ("kitchen", "manager")}


def test_the_table_names_every_address() -> None:
    """A new address? Say in the table above who may open it."""
    found = [route.name for route in all_routes() if not route.is_admin]
    assert sorted(found) == sorted({*PORTAL, *API, *OPEN})


def test_strangers_are_sent_to_sign_in(stranger: Client) -> None:
    for route in routes(PORTAL):
        for method in ("get", "post"):
            answer = ask(stranger, method, route)
            assert (route.name, answer.status_code) == (route.name, 302)
            assert answer["Location"].startswith(f"{SIGN_IN}?next=")


def test_a_strangers_fragment_is_no_sign_in_page(stranger: Client) -> None:
    for route in routes(PORTAL):
        answer = stranger.get(route.address(), headers={"hx-request": "true"})
        assert (route.name, answer.status_code, answer["HX-Refresh"]) == (route.name, 401, "true")


@pytest.mark.parametrize("role", ["kitchen", "manager"])
def test_a_role_opens_what_the_table_says(role: str, people: dict[str, User], restaurant: Restaurant) -> None:
    client = signed_in(people[role], restaurant)
    for route in routes(PORTAL):
        rule = PORTAL[route.name]
        for method in ("get", "post"):
            status = ask(client, method, route).status_code
            if role not in rule.roles:
                assert (route.name, method, status) == (route.name, method, 403)
            elif method in rule.methods:
                assert (route.name, method, status in {401, 403, 405}) == (route.name, method, False)
            else:
                assert (route.name, method, status) == (route.name, method, 405)


def test_an_owner_opens_what_a_manager_opens(restaurant: Restaurant, member: Callable[..., User]) -> None:
    client = signed_in(member(restaurant, Membership.Role.OWNER), restaurant)
    for route in routes(PORTAL):
        for method in PORTAL[route.name].methods:
            assert (route.name, ask(client, method, route).status_code in {401, 403, 405}) == (route.name, False)


def test_the_api_wants_a_token(stranger: Client, people: dict[str, User], restaurant: Restaurant) -> None:
    for route in routes(API):
        for method in ("get", "post"):
            for client in (stranger, signed_in(people["manager"], restaurant)):
                assert (route.name, ask(client, method, route).status_code) == (route.name, 401)


@pytest.mark.parametrize("role", ["kitchen", "manager"])
def test_in_the_api_everybody_reads_and_managers_write(
    role: str, people: dict[str, User], restaurant: Restaurant
) -> None:
    token = tokens.issue(people[role], restaurant)
    client = Client(headers={"host": "bistro.flux.localhost", "authorization": f"Bearer {token}"})
    for route in routes(API):
        for method in ("get", "post"):
            status = ask(client, method, route).status_code
            if method == "post" and role == "kitchen" and route.name not in KITCHEN_WRITES:
                assert (route.name, method, status) == (route.name, method, 403)
            elif method in API[route.name]:
                assert (route.name, method, status in {401, 403, 405}) == (route.name, method, False)
            else:
                assert (route.name, method, status) == (route.name, method, 405)


def test_what_is_open_sends_nobody_to_sign_in(stranger: Client) -> None:
    for route in routes(OPEN):
        answer = ask(stranger, "get", route)
        assert (route.name, answer.status_code == 401) == (route.name, False)
        assert not answer.get("Location", "").startswith(SIGN_IN)


def test_pages_that_are_open_say_so_in_the_code() -> None:
    marked = {route.name for route in all_routes() if getattr(route.view, "open_to_strangers", False)}
    assert marked == {name for name in OPEN if name.startswith(("auth:", "tablet:"))}


def test_the_support_admin_is_for_staff_who_are_members(
    stranger: Client,
    people: dict[str, User],
    restaurant: Restaurant,
    other_restaurant: Restaurant,
    member: Callable[..., User],
) -> None:
    staff_here, staff_elsewhere = member(restaurant, email="s@example.com"), member(other_restaurant)
    with public_context():
        User.objects.update(is_superuser=True)
        User.objects.filter(pk__in=[staff_here.pk, staff_elsewhere.pk]).update(is_staff=True)
    clients = {who: signed_in(user, restaurant) for who, user in people.items()}
    support, elsewhere = signed_in(staff_here, restaurant), signed_in(staff_elsewhere, restaurant)
    admin = [route for route in all_routes() if route.is_admin]
    assert len(admin) > 10
    for route in admin:
        if route.name == "admin:login":
            continue
        answer = stranger.get(route.address())
        assert (route.name, answer.status_code, answer["Location"][:7]) == (route.name, 302, "/admin/")
    for route in admin:
        if not route.name.endswith(("_changelist", ":index", ":search")):
            continue
        for client in (stranger, elsewhere):
            assert end_of_the_way(client, route.address()).startswith(f"302 {SIGN_IN}?next=")
        for client in clients.values():
            assert (route.name, end_of_the_way(client, route.address())) == (route.name, "403 ")
        assert (route.name, end_of_the_way(support, route.address())) == (route.name, "200 ")


def end_of_the_way(client: Client, path: str) -> str:
    """Status and target of the last answer within the admin, which asks for a sign-in by way of its own address."""
    answer = client.get(path)
    while answer.status_code == 302 and answer["Location"].startswith("/admin/"):
        answer = client.get(answer["Location"])
    return f"{answer.status_code} {answer.get('Location', '')}"
