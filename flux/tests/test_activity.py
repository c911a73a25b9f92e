"""The owner's page of who changed what: sentences, filters, pages by key, and the export."""

import csv
import datetime as dt
import io
from collections.abc import Callable

import pytest
from django.test import Client

from conftest import signed_in
from flux import activity
from flux.activity import Change, Wanted
from menu.models import MenuItem
from tenants.actors import FLUX, Actor
from tenants.context import restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.office import audit
from tenants.office.models import AuditEntry

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
ADA, TILL = Actor(None, "Ada", "portal"), Actor(None, "key till", "api")
PAGE, EXPORT = "/settings/activity/", "/settings/activity/export.csv"


@pytest.fixture
def soup(restaurant: Restaurant) -> MenuItem:
    return MenuItem.objects.create(name="Tomatoes 2.5 kg")


@pytest.fixture
def owner(restaurant: Restaurant, member: Callable[..., User]) -> Client:
    return signed_in(member(restaurant, Membership.Role.OWNER), restaurant)


def change_price(about: MenuItem, by: Actor = ADA, at: dt.datetime = NOW) -> None:
    audit.record("price.changed", about, by=by, at=at, before={"price": "4.2"}, after={"price": "4.6"})


def test_a_change_is_a_sentence_with_before_and_after(owner: Client, soup: MenuItem) -> None:
    change_price(soup)
    page = " ".join(owner.get(PAGE).content.decode().split())
    link = f'<strong>Ada</strong> changed the price of <a href="/menu/{soup.pk}/">Tomatoes 2.5 kg</a>'
    assert link in page
    assert "<del>€4.20</del>" in page
    assert "<ins>€4.60</ins>" in page
    assert "Mon 23 Nov, 10:00" in page  # in Paris


def test_every_verb_that_the_code_writes_has_its_sentence() -> None:
    """A new verb? Put it into words in flux/activity.py."""
    assert [verb for verb in written_verbs() if verb not in activity.SENTENCES] == []


def written_verbs() -> set[str]:
    """The verbs in the code: the first argument of `audit.record` and `audit.entry`, and what `audit.save` makes."""
    import re

    from django.conf import settings

    found: set[str] = set()
    for app in ("tenants", "menu", "pos", "forecasting", "procurement", "flux"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if "tests" not in path.parts:
                text = path.read_text()
                found |= set(re.findall(r'(?:record|entry|_record|_save)\(\s*"(\w+\.\w+)"', text))
                kinds = re.findall(r'audit\.save\(\w+, \w+, "(\w+)"', text)
                found |= {f"{kind}.{what}" for kind in kinds for what in ("added", "changed")}
    return found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"is_active": True}, {"is_active": False}, Change("In use", "yes", "no")),
        ({"Flour": "100 g"}, {}, Change("Flour", "100 g", None)),
        ({}, {"Flour": "100 g"}, Change("Flour", None, "100 g")),
        ({"minimum_order": None}, {"minimum_order": "80"}, Change("Minimum order", "nothing", "€80.00")),
        ({"delivery_weekdays": [0]}, {"delivery_weekdays": [0, 4]}, Change("Delivers on", "Mon", "Mon, Fri")),
        ({"cutoff": "16:00:00"}, {"cutoff": "15:30:00"}, Change("Order until", "16:00", "15:30")),
        ({"closeout_hour": 4}, {"closeout_hour": 2}, Change("The business day ends at", "4:00", "2:00")),
        ({}, {"first_on": "2026-12-24"}, Change("First day", None, "24 December 2026")),
        ({"packs": 2}, {"packs": 3}, Change("Packs", "2", "3")),
    ],
)
def test_values_are_in_a_managers_words(restaurant: Restaurant, before: dict, after: dict, said: Change) -> None:
    assert list(activity.changes(before, after)) == [said]


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("", 3),
        ("who=Ada", 2),
        ("who=Nobody", 0),
        ("kind=Prices", 2),
        ("kind=Orders", 0),
        ("kind=Settings", 1),
        ("subject=tomato", 2),
        ("since=2026-11-23&until=2026-11-23", 2),
        ("until=2026-11-22", 1),
        ("who=Ada&kind=Prices&subject=TOM&since=2026-11-23", 1),
        ("about=menuitem:nowhere", 0),
    ],
)
def test_the_trail_is_narrowed(owner: Client, soup: MenuItem, restaurant: Restaurant, query: str, n: int) -> None:
    change_price(soup)
    change_price(soup, by=TILL, at=NOW - dt.timedelta(hours=1))
    yesterday = dt.datetime(2026, 11, 22, 22, 59, tzinfo=dt.UTC)  # a minute before midnight in Paris
    audit.record("restaurant.renamed", restaurant, by=ADA, at=yesterday, before={"name": "a"}, after={"name": "b"})
    if "Nobody" in query:
        assert owner.get(f"{PAGE}?{query}").status_code == 422
        return
    assert owner.get(f"{PAGE}?{query}").content.decode().count("<time ") == n
    rows = list(csv.reader(io.StringIO(exported(owner, query))))
    assert len(rows) == n + 1


def exported(client: Client, query: str = "") -> str:
    answer = client.get(f"{EXPORT}?{query}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_one_thing_is_followed(owner: Client, soup: MenuItem) -> None:
    change_price(soup)
    change_price(MenuItem.objects.create(name="Other"))
    page = owner.get(f"{PAGE}?about=menuitem:{soup.pk}").content.decode()
    assert ("Only Tomatoes 2.5 kg" in page, page.count("<time ")) == (True, 1)


def test_dates_the_wrong_way_round_are_said(owner: Client) -> None:
    answer = owner.get(f"{PAGE}?since=2026-11-23&until=2026-11-22")
    assert (answer.status_code, "This day lies before the first one." in answer.content.decode()) == (422, True)


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "1e3", ""])
def test_a_page_that_is_none_is_the_first(owner: Client, soup: MenuItem, before: str) -> None:
    change_price(soup)
    assert owner.get(f"{PAGE}?before={before}").content.decode().count("<time ") == 1


@pytest.mark.parametrize("n", [1, 3, 60])
def test_pages_go_by_key_in_as_many_queries_whatever_their_length(
    owner: Client, soup: MenuItem, django_assert_num_queries: Callable[..., object], n: int
) -> None:
    entries = [audit.entry("price.changed", soup, by=ADA, at=NOW, after={"price": str(i)}) for i in range(n)]
    audit.record_all(entries)
    owner.get(PAGE)
    with django_assert_num_queries(4):  # person, role, names, entries
        page = owner.get(PAGE).content.decode()
    assert page.count("<time ") == min(n, 50)
    if n > 50:
        middle = AuditEntry.objects.order_by("-pk")[49].pk
        assert f"before={middle}" in page
        assert owner.get(f"{PAGE}?before={middle}").content.decode().count("<time ") == n - 50


def test_the_export_is_what_the_page_says_and_harmless_in_a_spreadsheet(owner: Client, restaurant: Restaurant) -> None:
    change_price(MenuItem.objects.create(name="=1+1"), by=TILL)
    [head, row] = csv.reader(io.StringIO(exported(owner)))
    assert head == ["at", "who", "via", "verb", "what", "subject", "key", "before", "after"]
    assert row[:6] == [
        "2026-11-23T10:00:00+01:00",
        "key till",
        "api",
        "price.changed",
        "key till changed the price of =1+1",
        "'=1+1",
    ]
    assert row[7:] == ['{"price": "4.2"}', '{"price": "4.6"}']


def test_a_long_export_comes_in_pieces(restaurant: Restaurant, soup: MenuItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "CHUNK", 2)
    for _ in range(5):
        change_price(soup)
    pieces = list(activity.as_csv(Wanted()))
    assert [piece.count(b"\r\n") for piece in pieces] == [1, 2, 2, 1]


def test_it_is_the_owners_alone_and_of_one_restaurant(
    owner: Client, portal: Client, soup: MenuItem, other_restaurant: Restaurant
) -> None:
    with restaurant_context(other_restaurant):
        change_price(MenuItem.objects.create(name="Basilisk"), by=FLUX)
    for path in (PAGE, EXPORT):
        assert portal.get(path).status_code == 403
    assert "Basilisk" not in owner.get(PAGE).content.decode() + exported(owner)
    assert 'href="/settings/activity/"' in owner.get("/settings/").content.decode()
    assert 'href="/settings/activity/"' not in portal.get("/settings/").content.decode()
