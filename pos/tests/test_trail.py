"""What the audit trail says of files and sources."""

import datetime as dt
from decimal import Decimal

import pytest

from pos import importing, sources
from pos.models import Connection, SalesFile
from tenants.actors import FLUX, Actor
from tenants.context import restaurant_context
from tenants.models import Restaurant
from tenants.office.models import AuditEntry

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
ADA = Actor(None, "Ada", "portal")
FILE = b"date,item,quantity,price\n2026-03-01,Soup,3,9.00\n2026-03-02,Soup,4,9.00\n"


@pytest.fixture
def file(restaurant: Restaurant) -> SalesFile:
    return importing.store(FILE, name="march.csv", by=ADA, at=NOW)


def trail() -> list[tuple]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "actor", "subject_label", "before", "after"))


def test_a_file_is_uploaded_once_and_imported_once(restaurant: Restaurant, file: SalesFile) -> None:
    for _ in range(2):
        importing.store(FILE, name="again.csv", by=FLUX, at=NOW)
        importing.run(file, restaurant=restaurant, by=ADA, now=NOW)
    assert trail() == [
        ("file.uploaded", "Ada", "march.csv", {}, {}),
        ("file.imported", "Ada", "march.csv", {}, {"orders_new": 2}),
    ]


def test_how_a_file_is_read_says_its_columns(file: SalesFile) -> None:
    for _ in range(2):
        importing.answer(file, {"mapping": {"item": "Product"}, "date_order": "dmy"}, by=ADA, at=NOW)
    importing.answer(file, {"date_order": "mdy"}, by=ADA, at=NOW)
    assert [entry[3:] for entry in trail()[1:]] == [
        ({}, {"date_order": "dmy", "column of item": "Product"}),
        ({"date_order": "dmy"}, {"date_order": "mdy"}),
    ]


def test_a_source_says_its_name_and_its_tax(restaurant: Restaurant, file: SalesFile) -> None:
    importing.run(file, restaurant=restaurant, by=ADA, now=NOW)
    till, tax = Connection.objects.get(), {"include_tax": True, "rate": Decimal("0.10")}
    for _ in range(2):
        sources.rename(till, "Till", by=ADA, at=NOW)
        importing.set_prices(till, **tax, restaurant=restaurant, by=ADA, now=NOW)
    assert [entry[0] for entry in trail()[2:]] == ["source.renamed", "source.taxed"]
    assert [entry[3:] for entry in trail()[2:]] == [
        ({"name": "march files"}, {"name": "Till"}),
        ({"prices_include_tax": None, "tax_rate": None}, {"prices_include_tax": True, "tax_rate": "0.1"}),
    ]


def test_another_source_for_some_days_says_which(restaurant: Restaurant, file: SalesFile) -> None:
    importing.run(file, restaurant=restaurant, by=ADA, now=NOW)
    other = importing.store(FILE.replace(b"item", b"dish"), name="other.csv", by=ADA, at=NOW)
    importing.run(other, restaurant=restaurant, by=ADA, now=NOW)
    till = Connection.objects.get(name="other files")
    for _ in range(2):
        sources.change(dt.date(2026, 3, 1), dt.date(2026, 3, 31), till, by=ADA, at=NOW)
    chosen = {"first_on": "2026-03-01", "last_on": "2026-03-02", "days": 2}
    assert trail()[4:] == [("source.chosen", "Ada", "other files", {}, chosen)]


def test_the_other_restaurant_hears_nothing_of_it(other_restaurant: Restaurant, file: SalesFile) -> None:
    with restaurant_context(other_restaurant):
        assert trail() == []
