"""The API as a whole: its index, its description, its errors, its lists."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, ValidationError

from flux.api import problems
from flux.api.urls import router
from forecasting import forecast
from menu.models import Ingredient, MenuItem, RecipeLine
from tenants import tokens
from tenants.access import SCOPES, scope_of
from tenants.actors import FLUX
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant, User

ROOT = Path(__file__).resolve().parents[2]
HOST = {"host": "bistro.flux.localhost"}


@pytest.fixture
def stranger(restaurant: Restaurant) -> Client:
    """Somebody without a token, on the bistro's host."""
    return Client(headers=HOST, raise_request_exception=False)


def problem(response: HttpResponse) -> tuple[int, str]:
    """Status and code of the problem that `response` must be."""
    assert response["Content-Type"] == "application/problem+json"
    answer = response.json()
    assert list(answer)[:4] == ["type", "title", "status", "detail"]
    assert answer["status"] == response.status_code
    assert all(answer[member] for member in ["type", "title", "detail"])
    return response.status_code, answer["type"].removeprefix("/api/problems/")


def test_the_index_names_every_address(stranger: Client) -> None:
    addresses = stranger.get("/api/v1/").json()
    assert addresses["menu-items"] == "http://bistro.flux.localhost/api/v1/menu-items/"
    assert addresses["login"] == "http://bistro.flux.localhost/auth/login"
    for name in ["schema", "docs"]:
        assert stranger.get(addresses[name]).status_code == 200


def test_the_description_is_valid_and_leaves_nothing_unsaid() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO(), api_version="v1")


def test_the_description_tells_where_to_sign_in_and_which_problems_may_come(stranger: Client) -> None:
    schema = stranger.get("/api/schema/?format=json").json()
    flow = schema["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"]
    assert flow["tokenUrl"] == "/auth/login"
    operation = schema["paths"]["/api/v1/menu-items/{id}/"]["get"]
    assert operation["security"] == [{"OAuth2PasswordBearer": []}, {"ApiKey": []}]
    assert operation["description"].endswith("An integrator's key needs the scope `menu:read`.")
    assert sorted(operation["responses"]) == ["200", "401", "403", "404", "default"]
    assert list(operation["responses"]["404"]["content"]) == ["application/problem+json"]
    login = schema["paths"]["/auth/login"]["post"]
    assert login["security"] == [{}]
    assert sorted(login["responses"]) == ["200", "400", "415", "429", "default"]


def test_the_scopes_are_those_of_the_apis_addresses() -> None:
    wanted = set()
    for _prefix, viewset, _basename in router.registry:
        for name in ("list", "retrieve", "create", *(action.__name__ for action in viewset.get_extra_actions())):
            action = getattr(viewset, name, None)
            methods = getattr(action, "mapping", {"post": name} if name == "create" else {"get": name})
            wanted |= {scope_of(viewset, method.upper()) for method in methods if action}
    assert wanted == set(SCOPES)


def test_swagger_asks_no_other_host_and_has_no_inline_script_or_style(stranger: Client) -> None:
    page = stranger.get("/api/docs/").content.decode()
    assert "<style" not in page
    assert "<script>" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda c: c.get("/api/v1/menu-items/"), (401, "not-signed-in")),
        (
            lambda c: c.get("/api/v1/menu-items/", headers={"authorization": "Bearer x.y.z"}),
            (401, "not-signed-in"),
        ),
        (lambda c: c.get("/api/v1/menu-items/", headers={"authorization": "Bearer"}), (401, "not-signed-in")),
        (lambda c: c.get("/api/v1/nothing/"), (404, "not-found")),
        (lambda c: c.get("/api/"), (404, "not-found")),
        (lambda c: c.get("/auth/nothing"), (404, "not-found")),
        (lambda c: c.get("/api/v1/", headers={"accept": "text/html"}), (406, "not-acceptable")),
        (lambda c: c.get("/auth/login"), (405, "method-not-allowed")),
        (lambda c: c.post("/auth/login", "{", "application/json"), (400, "malformed-request")),
        (lambda c: c.post("/auth/login", "[" * 100_000, "application/json"), (400, "malformed-request")),
        (lambda c: c.post("/auth/login", "9" * 5_000, "application/json"), (400, "malformed-request")),
        (lambda c: c.post("/auth/login", b"\xff", "application/json"), (400, "malformed-request")),
        (
            lambda c: c.post("/auth/login", '{"username": "\\ud800", "password": "x"}', "application/json"),
            (400, "invalid-values"),
        ),
        (lambda c: c.post("/auth/login", "<a/>", "application/xml"), (415, "unsupported-media-type")),
        (lambda c: c.post("/auth/login", "x" * 1_048_577, "application/json"), (413, "too-large")),
        (lambda c: c.get("/api/v1/", headers={"host": "nobody.flux.localhost"}), (404, "not-found")),
        (lambda c: c.get("/api/v1/", headers={"host": "evil.example"}), (404, "not-found")),
    ],
)
def test_every_error_is_a_problem(stranger: Client, ask: Callable[[Client], HttpResponse], expected: Any) -> None:
    assert problem(ask(stranger)) == expected


def test_an_unknown_thing_is_not_found(api: Client) -> None:
    for key in ["0193d4a5-0000-7000-8000-000000000000", "5", "%00", "a%20b"]:
        assert problem(api.get(f"/api/v1/menu-items/{key}/")) == (404, "not-found")


def test_a_missing_slash_is_told_for_every_method(api: Client) -> None:
    for method in [api.get, api.post]:
        response = method("/api/v1/menu-items")
        assert problem(response) == (404, "not-found")
        assert "/api/v1/menu-items/" in response.json()["detail"]


def test_a_method_that_nobody_takes_names_those_that_are(api: Client) -> None:
    response = api.delete("/api/v1/menu-items/")
    assert problem(response) == (405, "method-not-allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"


def test_401_says_how_to_sign_in(stranger: Client) -> None:
    assert stranger.get("/api/v1/menu-items/")["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_crash_is_a_problem_that_tells_no_secrets(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_args: Any) -> None:
        raise RuntimeError("the secret")

    monkeypatch.setattr(tokens, "check_password", crash)
    body = json.dumps({"username": "crash@bistro.example", "password": "x"})
    response = stranger.post("/auth/login", body, "application/json")
    assert problem(response) == (500, "internal-error")
    assert b"secret" not in response.content


def test_pages_for_people_stay_pages(stranger: Client) -> None:
    assert stranger.get("/auth/enter/?token=forged")["Content-Type"].startswith("text/html")
    assert stranger.get("/nothing/")["Content-Type"].startswith("text/html")


def test_each_kind_of_problem_has_a_page_and_a_line_in_the_docs(stranger: Client) -> None:
    kinds = stranger.get("/api/problems/").json()
    assert [kind["code"] for kind in kinds] == list(problems.PROBLEMS)
    for kind in kinds:
        assert stranger.get(kind["type"]).json() == kind
        assert f"`{kind['code']}`" in (ROOT / "docs" / "api.md").read_text()
    assert problem(stranger.get("/api/problems/nothing")) == (404, "not-found")


def test_field_errors_are_flat_paths() -> None:
    error = ValidationError(
        {
            "date": [ErrorDetail("No date.", "invalid")],
            "lines": [{}, {"packs": [ErrorDetail("Too few.", "min_value")]}],
            "non_field_errors": [ErrorDetail("Does not fit.", "unfit")],
        }
    )
    assert list(problems.field_errors(error.get_full_details())) == [
        {"field": "date", "detail": "No date.", "code": "invalid"},
        {"field": "lines.1.packs", "detail": "Too few.", "code": "min_value"},
        {"field": "", "detail": "Does not fit.", "code": "unfit"},
    ]


@pytest.fixture
def menu(restaurant: Restaurant, other_restaurant: Restaurant) -> Iterator[list[MenuItem]]:
    """Three items of the bistro; the trattoria has one of its own."""
    with restaurant_context(other_restaurant):
        MenuItem.objects.create(name="Lasagne")
    return [
        MenuItem.objects.create(name=name, category=category, price=price)
        for name, category, price in [
            ("Baguette", "Bread", Decimal("1.2")),
            ("Croissant", "Pastry", Decimal("1.35")),
            ("Éclair", "Pastry", None),
        ]
    ]


def names(response: HttpResponse) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["name"] for row in response.json()["results"]]


def test_a_list_is_in_pages_and_of_one_restaurant(api: Client, menu: list[MenuItem]) -> None:
    page = api.get("/api/v1/menu-items/?limit=2").json()
    assert (page["count"], page["previous"]) == (3, None)
    assert page["results"][0] == {
        "id": str(menu[0].pk),
        "name": "Baguette",
        "category": "Bread",
        "price": 1.2,
        "currency": "EUR",
        "is_active": True,
        "created_at": page["results"][0]["created_at"],
    }
    assert names(api.get(page["next"])) == ["Éclair"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=ten", "limit=-1", "offset=-1", "offset=99999999999"])
def test_a_page_out_of_bounds_is_refused(api: Client, query: str) -> None:
    response = api.get(f"/api/v1/menu-items/?{query}")
    assert problem(response) == (400, "invalid-values")
    assert [error["field"] for error in response.json()["errors"]] == [query.partition("=")[0]]


def test_filters_narrow_a_list(api: Client, menu: list[MenuItem]) -> None:
    assert names(api.get("/api/v1/menu-items/?category=pastry")) == ["Croissant", "Éclair"]
    assert names(api.get("/api/v1/menu-items/?name=BAG")) == ["Baguette"]
    assert names(api.get("/api/v1/menu-items/?is_active=false")) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("catgory=Bread", "unknown"),
        ("name=a&name=b", "repeated"),
        ("name=", "invalid"),
        ("is_active=perhaps", "invalid"),
        ("name=%00", "null_characters_not_allowed"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(api: Client, query: str, code: str) -> None:
    response = api.get(f"/api/v1/menu-items/?{query}")
    assert problem(response) == (400, "invalid-values")
    assert [error["code"] for error in response.json()["errors"]] == [code]


def test_cached_forecasts_stay_in_their_restaurant(
    restaurant: Restaurant, other_restaurant: Restaurant, member: Callable[..., User], menu: list[MenuItem]
) -> None:
    """The same query of two restaurants, twice each: from the database, then from the cache."""
    names_seen = []
    for place in [restaurant, other_restaurant] * 2:
        with restaurant_context(place), public_context():
            user = User.objects.filter(email=f"manager@{place.slug}.example").first() or member(place)
            token = tokens.issue(user, place)
        headers = {"host": f"{place.slug}.flux.localhost", "authorization": f"Bearer {token}"}
        if len(names_seen) < 2:
            with restaurant_context(place):
                forecast.drop_lists()
                item = MenuItem.objects.order_by("name").first()
                forecast.record(
                    item,
                    date=dt.date(2026, 11, 23),
                    predicted_quantity=Decimal(5),
                    confidence=Decimal("0.5"),
                    today=dt.date(2026, 11, 22),
                    now=timezone.now(),
                    by=FLUX,
                )
        page = Client(headers=headers).get("/api/v1/forecasts/").json()
        names_seen.append([row["menu_item"]["name"] for row in page["results"]])
    assert names_seen == [["Baguette"], ["Lasagne"]] * 2


def test_an_item_comes_with_its_recipe(api: Client, menu: list[MenuItem]) -> None:
    flour = Ingredient.objects.create(name="Flour", base_unit="g")
    RecipeLine.objects.create(menu_item=menu[0], ingredient=flour, quantity=Decimal("160.5"), unit="g")
    assert api.get(f"/api/v1/menu-items/{menu[0].pk}/").json()["recipe"] == [
        {"ingredient_id": str(flour.pk), "ingredient": "Flour", "quantity": 160.5, "unit": "g", "yield_share": 1.0}
    ]


def test_the_kitchen_reads(restaurant: Restaurant, menu: list[MenuItem], member: Callable[..., User]) -> None:
    token = tokens.issue(member(restaurant, "kitchen"), restaurant)
    kitchen = Client(headers=HOST | {"authorization": f"Bearer {token}"})
    assert names(kitchen.get("/api/v1/menu-items/")) == ["Baguette", "Croissant", "Éclair"]
