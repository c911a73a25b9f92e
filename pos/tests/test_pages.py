"""The Sales pages, as a manager and as the kitchen see them."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from conftest import signed_in
from pos import importing
from pos.models import Connection, DailySales, DaySource, SalesFile
from pos.tests.test_importing import HEADER, MONDAY, NOW, TUESDAY, kept, load, sold
from tenants.context import restaurant_context


def upload(client, text, name="sales.csv"):
    return client.post("/sales/upload/", {"file": SimpleUploadedFile(name, text.encode())})


def test_a_file_is_uploaded_looked_at_and_imported(portal, django_capture_on_commit_callbacks):
    answer = upload(portal, HEADER + MONDAY + "soon,9,Soup,1,4\n")
    [file] = SalesFile.objects.all()
    assert (answer.status_code, answer["Location"]) == (302, f"/sales/files/{file.pk}/")
    page = portal.get(answer["Location"])
    assert (page.context["report"]["orders_new"], page.context["report"]["rejects"]) == (
        2,
        [[5, "timestamp", "soon", "is not a date"]],
    )
    assert (sold(), file.status) == ({}, "stored")
    with django_capture_on_commit_callbacks(execute=True):
        portal.post(f"/sales/files/{file.pk}/import/", {"prices": "yes", "rate": "10%"})
    assert sold() == {("Mon", "Pie"): 1, ("Mon", "Soup"): 3}
    page = portal.get(f"/sales/files/{file.pk}/")
    assert (page.context["file"].status, page.context["job"].status) == ("imported", "done")
    assert DailySales.objects.get(menu_item__name="Pie").net_sales == Decimal("8.1818")


def test_whether_prices_include_tax_must_be_said_before_the_first_import(portal, restaurant):
    upload(portal, HEADER + MONDAY)
    [file] = SalesFile.objects.all()
    answer = portal.post(f"/sales/files/{file.pk}/import/", {"prices": "yes"}, follow=True)
    assert "Say whether the prices in the file include tax" in answer.content.decode()
    assert portal.get(f"/sales/files/{file.pk}/").context["file"].status == "stored"


def test_columns_are_mapped_by_hand_on_the_page(portal):
    answer = upload(portal, "when,what,how many\n2025-03-03,Soup,3\n")
    page = portal.get(answer["Location"])
    assert portal.get("/sales/").status_code == 200
    assert "Which column holds “Date, or date and time” and “Menu item”?" in page.content.decode()
    said = {
        "column_timestamp": "when",
        "column_item": "what",
        "column_quantity": "how many",
        "time_zone": "Europe/Paris",
    }
    assert portal.post(answer["Location"], said).status_code == 302
    report = portal.get(answer["Location"]).context["report"]
    assert (report["orders_new"], report["units"]) == (1, "3")
    assert portal.post(answer["Location"], {**said, "column_item": ""}).status_code == 422


def test_refused_rows_can_be_downloaded(portal, restaurant):
    load(restaurant, HEADER + MONDAY + "soon,9,Soup,1,4\n", "my sales.csv")
    [file] = SalesFile.objects.all()
    answer = portal.get(f"/sales/files/{file.pk}/rejects.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="my-sales-rejects.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[1][:4] == ["5", "timestamp", "soon", "is not a date"]


@pytest.mark.parametrize(
    ("content", "message"),
    [("PK\x03\x04", "This is a spreadsheet or a zip archive."), ("", "The submitted file is empty.")],
)
def test_what_is_no_table_is_refused_on_the_form(portal, content, message):
    answer = upload(portal, content)
    assert (answer.status_code, SalesFile.objects.count()) == (422, 0)
    assert message in answer.content.decode()


def test_a_file_over_the_limit_is_refused_before_it_is_read(portal, monkeypatch):
    monkeypatch.setattr(importing, "MAX_BYTES", 10)
    answer = upload(portal, HEADER)
    assert answer.status_code == 422
    assert SalesFile.objects.count() == 0


def test_the_sales_page_shows_months_sources_and_files(portal, restaurant):
    load(restaurant, HEADER + MONDAY + TUESDAY, "till.csv")
    page = portal.get("/sales/")
    history = page.context["history"]
    assert [(month.first_on, month.days, month.units, month.sources) for month in history.months] == [
        (date(2025, 3, 1), 2, 9, ["till files"])
    ]
    assert (history.last_on, history.is_stale, len(history.recent)) == (date(2025, 3, 4), True, 28)
    assert "Do its prices include tax?" in page.content.decode()
    days = portal.get("/sales/2025-3/").context["days"]
    assert [(day.first_on, day.units) for day in days] == [(date(2025, 3, 3), 4), (date(2025, 3, 4), 5)]


@pytest.mark.parametrize("month", ["2025-13", "0-1", "9999-12", "10000-1", "99999999999999-1", f"2025-{10**30}"])
def test_a_month_that_is_none_is_not_found(portal, month):
    assert portal.get(f"/sales/{month}/").status_code == 404


def test_the_sales_page_without_sales_says_what_to_do(portal, kitchen_portal):
    assert "/sales/upload/" in portal.get("/sales/").content.decode()
    assert "/sales/upload/" not in kitchen_portal.get("/sales/").content.decode()


@pytest.mark.parametrize(("files", "queries"), [(1, 10), (3, 10)])
def test_the_sales_page_asks_the_same_queries_whatever_it_shows(portal, restaurant, files, queries):
    portal.get("/sales/")  # the host is known from now on
    for number in range(files):
        load(restaurant, f"date,item{number},item,quantity\n2025-03-0{number + 1},x,Soup,3\n", f"{number}.csv")
    with restaurant_context(restaurant), CaptureQueriesContext(database) as asked:
        portal.get("/sales/")
    assert len(asked) == queries


def test_a_manager_changes_the_source_of_days_and_what_its_prices_are(portal, restaurant):
    load(restaurant, "date,item,quantity\n2025-03-03,Soup,30\n", "mix.csv")
    load(restaurant, HEADER + MONDAY + TUESDAY, "till.csv")
    till = Connection.objects.get(name="till files")
    days = {"connection": till.pk, "first_on": "2025-03-01", "last_on": "2025-03-31"}
    portal.post("/sales/sources/change/", days)
    assert sold()["Mon", "Soup"] == 3
    assert DaySource.objects.get(pk=date(2025, 3, 3)).chosen_by_id is not None
    said = {"name": "Front till", "prices": "yes", "rate": "10"}
    assert portal.post(f"/sales/sources/{till.pk}/", said).status_code == 302
    till.refresh_from_db()
    assert (till.name, till.prices_include_tax, till.tax_rate) == ("Front till", True, Decimal("0.1"))
    assert DailySales.objects.get(menu_item__name="Pie").net_sales == Decimal("8.1818")
    assert portal.post(f"/sales/sources/{till.pk}/", {**said, "rate": ""}).status_code == 422


@pytest.mark.parametrize("path", ["upload/", "files/{file}/", "files/{file}/rejects.csv", "sources/{source}/"])
def test_the_kitchen_reads_sales_and_changes_nothing(restaurant, kitchen_portal, path):
    load(restaurant, HEADER + MONDAY)
    path = path.format(file=SalesFile.objects.get().pk, source=Connection.objects.get().pk)
    assert kitchen_portal.get("/sales/").status_code == 200
    assert kitchen_portal.get(f"/sales/{path}").status_code == 403
    assert kitchen_portal.post(f"/sales/{path}").status_code == 403


def test_another_restaurant_never_sees_a_file(restaurant, other_restaurant, member):
    file = kept(HEADER + MONDAY)
    importing.preview(file, restaurant=restaurant, now=NOW)
    stranger = signed_in(member(other_restaurant), other_restaurant)
    for path in (f"files/{file.pk}/", f"files/{file.pk}/rejects.csv"):
        assert stranger.get(f"/sales/{path}").status_code == 404
    assert stranger.post(f"/sales/files/{file.pk}/import/").status_code == 404
    assert stranger.get("/sales/").context["files"].paginator.count == 0
