"""Files of sales in the restaurant's tables."""

import csv
import gzip
import io
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection as database

from conftest import as_owner, discard_temporary_tables, own_process
from menu.models import MenuItem
from pos import importing, sources
from pos.importing import AnswerRefused
from pos.models import Connection, DailySales, DaySource, Order, OrderLine, SalesFile
from pos.providers.base import ProviderError
from pos.providers.tables import UnreadableFile
from tenants import provisioning
from tenants.actors import FLUX
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
HEADER = "timestamp,order_id,item,quantity,unit_price\n"
MONDAY = "2025-03-03 12:00,1,Soup,2,4.50\n2025-03-03 12:00,1,Pie,1,9\n2025-03-03 13:00,2,Soup,1,4.50\n"
TUESDAY = "2025-03-04 12:00,3,soup,5,4.50\n"


def kept(text, name="sales.csv"):
    content = text if isinstance(text, bytes) else text.encode()
    return importing.store(content, name=name, by=FLUX, at=NOW)


def load(restaurant, text, name="sales.csv", **answers):
    file = kept(text, name)
    importing.answer(file, answers, by=FLUX, at=NOW)
    return importing.run(file, restaurant=restaurant, by=FLUX, now=NOW)


def preview(restaurant, text, **answers):
    file = kept(text)
    importing.answer(file, answers, by=FLUX, at=NOW)
    return importing.preview(file, restaurant=restaurant, now=NOW)


def sold():
    """(date, item) → units, as the rollup says."""
    rows = DailySales.objects.select_related("menu_item").order_by("business_date", "menu_item__name")
    return {(f"{row.business_date:%a}", row.menu_item.name): row.quantity for row in rows}


def counts(report):
    return tuple(report[f"orders_{name}"] for name in ("new", "changed", "unchanged", "removed"))


def versions():
    """The row versions of everything that an import may write."""
    found = {}
    with database.cursor() as cursor:
        for model in (MenuItem, Connection, SalesFile, Order, OrderLine, DaySource, DailySales):
            cursor.execute(f"SELECT ctid::text, xmin::text, cmin::text FROM {model._meta.db_table} ORDER BY 1")  # noqa: S608
            found[model.__name__] = cursor.fetchall()
    return found


def test_a_file_becomes_orders_items_and_daily_sales(restaurant):
    report = load(restaurant, HEADER + MONDAY + TUESDAY)
    assert counts(report) == (3, 0, 0, 0)
    assert (report["rows"], report["units"], report["days"], report["new_items"]) == (4, "9", 2, ["Pie", "Soup"])
    assert sold() == {("Mon", "Pie"): 1, ("Mon", "Soup"): 3, ("Tue", "Soup"): 5}
    assert list(Order.objects.order_by("id").values_list("external_id", "opened_at", "business_date")) == [
        ("1", datetime(2025, 3, 3, 11, tzinfo=UTC), date(2025, 3, 3)),
        ("2", datetime(2025, 3, 3, 12, tzinfo=UTC), date(2025, 3, 3)),
        ("3", datetime(2025, 3, 4, 11, tzinfo=UTC), date(2025, 3, 4)),
    ]
    assert MenuItem.objects.get(name="Pie").price == 9
    [source] = Connection.objects.all()
    assert set(DaySource.objects.values_list("connection", flat=True)) == {source.pk}


@pytest.mark.parametrize("again", [HEADER + MONDAY + "bad,9,Soup,1,1\n", HEADER + MONDAY])
def test_importing_a_file_again_writes_no_row(restaurant, again):
    load(restaurant, again)
    before = versions()
    assert counts(load(restaurant, again)) == (0, 0, 2, 0)
    assert versions() == before


def test_a_file_is_authoritative_for_its_orders_and_silent_about_others(restaurant):
    load(restaurant, HEADER + MONDAY + TUESDAY)
    untouched = Order.objects.get(external_id="2").pk
    report = load(restaurant, HEADER + "2025-03-03 12:00,1,Soup,7,4.50\n" + MONDAY.splitlines(keepends=True)[2])
    assert counts(report) == (0, 1, 1, 0)
    assert sold() == {("Mon", "Soup"): 8, ("Tue", "Soup"): 5}
    assert Order.objects.get(external_id="2").pk == untouched


def test_an_order_that_moves_to_another_date_leaves_the_first(restaurant):
    load(restaurant, HEADER + TUESDAY)
    load(restaurant, HEADER + TUESDAY.replace("03-04", "03-05"))
    assert sold() == {("Wed", "soup"): 5}
    assert [day.isoformat() for day in DaySource.objects.values_list("pk", flat=True)] == ["2025-03-05"]


def test_a_preview_says_what_would_change_and_writes_only_the_file_row(restaurant):
    load(restaurant, HEADER + MONDAY)
    changed = kept(HEADER + MONDAY.replace("Pie,1", "Pie,2") + TUESDAY + "31 June 2025,4,Soup,1,1\n")
    before = versions() | {"SalesFile": None}
    report = importing.preview(changed, restaurant=restaurant, now=NOW)
    assert counts(report) == (1, 1, 1, 0)
    assert report["rejects"] == [[6, "timestamp", "31 June 2025", "is not a date"]]
    assert (report["first_on"], report["last_on"], report["kept"]) == ("2025-03-03", "2025-03-04", [])
    assert versions() | {"SalesFile": None} == before


def test_a_preview_of_an_unknown_layout_asks_for_the_columns(restaurant):
    report = preview(restaurant, "when,what,how many\n2025-03-03,Soup,3\n")
    assert report["problem"].startswith("Which column holds “Date, or date and time” and “Menu item”?")
    assert (report["header"], report["sample"]) == (["when", "what", "how many"], [["2025-03-03", "Soup", "3"]])


def test_a_mapping_by_hand_is_remembered_for_the_layout(restaurant):
    text = "when,what,how many\n03/04/2025,Soup,{}\n"
    mapping = {"timestamp": "when", "item": "what", "quantity": "how many"}
    load(restaurant, text.format(3), mapping=mapping, date_order="mdy")
    load(restaurant, text.format(4))
    [row] = DailySales.objects.all()
    assert (row.business_date, row.quantity) == (date(2025, 3, 4), 4)
    assert Connection.objects.count() == 1


def test_refused_rows_are_kept_for_download_and_run_nothing_in_a_spreadsheet(restaurant):
    file = kept(HEADER + MONDAY + '=1+1,5,"Soup, hot",1,4\n2025-03-03 12:00,6,Soup,-,4\n')
    importing.run(file, restaurant=restaurant, by=FLUX, now=NOW)
    table = gzip.decompress(bytes(file.rejects)).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(table))) == [
        ["line", "field", "value", "reason", "timestamp", "order_id", "item", "quantity", "unit_price"],
        ["5", "timestamp", "'=1+1", "is not a date", "'=1+1", "5", "Soup, hot", "1", "4"],
        ["6", "quantity", "'-", "is not a number", "2025-03-03 12:00", "6", "Soup", "'-", "4"],
    ]


def test_a_file_without_one_readable_row_fails_and_says_so(restaurant):
    file = kept(HEADER + "soon,1,Soup,1,4\n")
    with pytest.raises(ProviderError, match=r"No row can be imported: 1 of 1 are refused\. The first: line 2"):
        importing.run(file, restaurant=restaurant, by=FLUX, now=NOW)
    file.refresh_from_db()
    assert (file.status, Order.objects.count(), Connection.objects.count()) == ("failed", 0, 0)


def test_each_date_has_one_source_so_nothing_counts_twice(restaurant):
    load(restaurant, "date,item,quantity\n2025-03-03,Soup,30\n2025-03-05,Soup,50\n", "mix.csv")
    report = load(restaurant, HEADER + MONDAY + TUESDAY, "till.csv")
    assert sold() == {("Mon", "Soup"): 30, ("Tue", "Soup"): 5, ("Wed", "Soup"): 50}
    assert report["kept"] == [{"source": "mix files", "days": 1, "first_on": "2025-03-03", "last_on": "2025-03-03"}]


def test_the_source_of_dates_can_be_changed_and_the_rollup_follows(restaurant):
    load(restaurant, "date,item,quantity\n2025-03-03,Soup,30\n2025-03-05,Soup,50\n", "mix.csv")
    load(restaurant, HEADER + MONDAY + TUESDAY, "till.csv")
    mix, till = Connection.objects.order_by("name")
    changed = sources.change(date(2025, 3, 1), date(2025, 3, 31), till, by=FLUX, at=NOW)
    assert changed == sources.Changed(days=1, without_sales=1)
    assert sold() == {("Mon", "Pie"): 1, ("Mon", "Soup"): 3, ("Tue", "Soup"): 5, ("Wed", "Soup"): 50}
    assert sources.spans(dict(DaySource.objects.values_list("business_date", "connection_id"))) == [
        sources.Span(mix.pk, date(2025, 3, 5), date(2025, 3, 5), 1),
        sources.Span(till.pk, date(2025, 3, 3), date(2025, 3, 4), 2),
    ]
    with pytest.raises(sources.NoSuchRange):
        sources.change(date(2025, 4, 1), date(2025, 4, 2), till, by=FLUX, at=NOW)
    with pytest.raises(sources.NoSuchRange):
        sources.change(date(2025, 3, 2), date(2025, 3, 1), till, by=FLUX, at=NOW)


def test_returns_net_out_and_a_date_never_sells_less_than_nothing(restaurant):
    load(
        restaurant, HEADER + "2025-03-03 12:00,1,Soup,5,4\n2025-03-03 12:30,2,Soup,-2,4\n2025-03-03 12:40,3,Pie,-1,9\n"
    )
    assert sold() == {("Mon", "Pie"): 0, ("Mon", "Soup"): 3}
    assert DailySales.objects.get(menu_item__name="Soup").net_sales == 12


def test_nightly_files_whose_order_numbers_begin_anew_keep_every_order(restaurant):
    load(restaurant, HEADER + MONDAY)
    load(restaurant, HEADER + TUESDAY.replace(",3,", ",1,").replace("12:00", "12:07"))
    assert sold() == {("Mon", "Pie"): 1, ("Mon", "Soup"): 3, ("Tue", "Soup"): 5}
    assert sorted(Order.objects.values_list("external_id", flat=True)) == [
        "2025-03-03 1",
        "2025-03-03 2",
        "2025-03-04 1",
    ]
    assert counts(load(restaurant, HEADER + MONDAY + " ")) == (0, 0, 2, 0)


def test_the_same_file_read_differently_replaces_what_it_said_before(restaurant):
    text = "date,order,item,quantity\n03/04/2025,1,Soup,1\n03/05/2025,2,Soup,2\n"
    load(restaurant, text)
    assert sorted(DaySource.objects.values_list("pk", flat=True)) == [date(2025, 4, 3), date(2025, 5, 3)]
    assert counts(load(restaurant, text, date_order="mdy")) == (0, 2, 0, 0)
    assert sorted(DaySource.objects.values_list("pk", flat=True)) == [date(2025, 3, 4), date(2025, 3, 5)]
    mix = "date,item,quantity\n03/04/2025,Soup,1\n"
    load(restaurant, mix, date_order="dmy")
    assert counts(load(restaurant, mix, date_order="mdy")) == (1, 0, 0, 1)


def test_whether_prices_include_tax_is_asked_once_and_a_new_answer_reads_all_files_again(restaurant):
    load(restaurant, HEADER + MONDAY, prices_include_tax=True, tax_rate="0.10")
    load(restaurant, HEADER + TUESDAY)
    net = DailySales.objects.order_by("business_date", "menu_item__name").values_list("net_sales", flat=True)
    assert list(net) == [Decimal("8.1818"), Decimal("12.2727"), Decimal("20.4545")]
    importing.set_prices(
        Connection.objects.get(), include_tax=False, rate=None, restaurant=restaurant, by=FLUX, now=NOW
    )
    assert list(net.all()) == [Decimal("9"), Decimal("13.5"), Decimal("22.5")]


def test_the_same_content_is_kept_once_whether_compressed_or_not(restaurant):
    file = kept(HEADER + MONDAY)
    assert kept(gzip.compress((HEADER + MONDAY).encode()), "other.csv.gz").pk == file.pk
    assert gzip.decompress(bytes(file.content)).decode() == HEADER + MONDAY


def test_a_file_that_is_too_large_or_no_table_is_not_kept(restaurant, monkeypatch):
    monkeypatch.setattr(importing, "MAX_BYTES", 10)
    with pytest.raises(importing.FileTooLarge):
        kept("date,item,quantity")
    with pytest.raises(UnreadableFile):
        kept(b"PK\x03\x04")
    assert SalesFile.objects.count() == 0


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"time_zone": "Mars/Olympus"}, "“Mars/Olympus” is no time zone. Write it like Europe/Paris or UTC."),
        ({"mapping": {"category": "nothing"}}, "The file has no column “nothing”."),
    ],
)
def test_an_answer_that_cannot_be_is_refused_in_words(restaurant, answers, problem):
    assert preview(restaurant, HEADER + MONDAY, **answers)["problem"].startswith(problem)


@pytest.mark.parametrize(
    ("text", "rate"), [("10%", "0.10"), ("10", "0.10"), ("0.07", "0.07"), ("8.875 %", "0.0888"), ("5,5", "0.055")]
)
def test_a_tax_rate_is_a_percentage_or_a_share(text, rate):
    assert importing.tax_rate(text) == Decimal(rate)


@pytest.mark.parametrize("text", ["99.999", "0.99999", "100%", "1000"])
def test_a_tax_rate_that_would_round_to_the_whole_price_is_refused(text):
    with pytest.raises(AnswerRefused):
        importing.tax_rate(text)


@pytest.mark.parametrize("delimiter", ["xx", '"', "\n", "a"])
def test_a_delimiter_that_cannot_be_is_refused_and_not_remembered(restaurant, delimiter):
    file = kept(HEADER + MONDAY)
    with pytest.raises(AnswerRefused):
        importing.answer(file, {"delimiter": delimiter}, by=FLUX, at=NOW)
    assert SalesFile.objects.get().reading == {}


def test_what_the_database_cannot_hold_harms_no_other_row(restaurant):
    header = "order,date,item,qty,price,category\n"
    long = f"1,2025-01-02,Soup,1,2,{'k' * 150}\n"
    report = preview(
        restaurant, header + long + "2,2025-01-02,A\0B,1,2,\n" + "3,2025-01-02,Tea,1,2,x\0y\n", prices_include_tax=False
    )
    assert (report["accepted"], [reject[:2] for reject in report["rejects"]]) == (2, [[3, "item"]])
    importing.run(SalesFile.objects.get(), restaurant=restaurant, by=FLUX, now=NOW)
    assert list(MenuItem.objects.values_list("name", "category")) == [("Soup", "k" * 80), ("Tea", "xy")]


def test_a_sum_that_cannot_be_is_refused_with_its_item_and_date(restaurant):
    huge = "2025-01-02,Big,1,60000000\n"
    report = preview(restaurant, "date,item,qty,total\n" + huge + huge, prices_include_tax=False)
    assert report["problem"].startswith("The rows of “Big” on 02 Jan 2025 add up to more than can be sold in a day.")


def test_a_file_of_too_many_columns_is_refused_in_words(restaurant):
    report = preview(restaurant, ",".join(f"c{n}" for n in range(201)) + "\n")
    assert report["problem"] == "The file has 201 columns; an export of sales has 200 at most."


def test_two_restaurants_never_see_each_others_sales(restaurant, other_restaurant):
    load(restaurant, HEADER + MONDAY)
    discard_temporary_tables()
    with restaurant_context(other_restaurant):
        assert (Order.objects.count(), MenuItem.objects.count(), SalesFile.objects.count()) == (0, 0, 0)
        load(other_restaurant, HEADER + TUESDAY)
        assert sold() == {("Tue", "soup"): 5}
        assert Order.objects.get().opened_at == datetime(2025, 3, 4, 17, tzinfo=UTC)
    assert sold() == {("Mon", "Pie"): 1, ("Mon", "Soup"): 3}


# Committed for real: imports that meet each other, and one that is killed.

MANY_ROWS = "".join(
    f"2025-03-{day:02} 12:{at:02},{day}-{at},Dish {at % 9},1\n" for day in range(1, 29) for at in range(50)
)
MANY = f"timestamp,order_id,item,quantity\n{MANY_ROWS}".encode()
MANY_OTHERS = MANY.replace(b",1\n", b",2\n")
MANY_UNITS = 28 * 50

STOPS_HALFWAY = """
import sys, time, django
django.setup()
from django.utils import timezone
from pos import importing, rollup
from pos.models import SalesFile
from tenants.actors import FLUX
from tenants.context import public_context, restaurant_context
from tenants.models import Restaurant

def stop(days):
    print("all but the rollup is written", flush=True)
    time.sleep(60)

rollup.refresh = stop
with public_context():
    restaurant = Restaurant.objects.get(slug="cafe")
with restaurant_context(restaurant):
    importing.run(SalesFile.objects.get(), restaurant=restaurant, by=FLUX, now=timezone.now())
"""


@pytest.fixture
def cafe(committed):
    """A restaurant whose rows are committed; it is dropped with its schema afterwards."""
    restaurant = Restaurant(slug="cafe", name="Café", timezone="Europe/Paris", currency="EUR", country="FR")
    with as_owner():
        provisioning.open_restaurant(restaurant)
    try:
        with restaurant_context(restaurant):
            yield restaurant
    finally:
        with public_context(), as_owner():
            provisioning.remove(restaurant)


def test_two_uploads_at_once_come_one_after_the_other(cafe):
    together, outcomes = threading.Barrier(2), []

    def load(file_id):
        try:
            with restaurant_context(cafe):
                file = SalesFile.objects.get(pk=file_id)
                together.wait()
                outcomes.append(importing.run(file, restaurant=cafe, by=FLUX, now=NOW)["orders_new"])
        finally:
            database.close()

    threads = [threading.Thread(target=load, args=[kept(content).pk]) for content in (MANY, MANY_OTHERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, MANY_UNITS]
    assert Order.objects.count() == MANY_UNITS
    assert sum(DailySales.objects.values_list("quantity", flat=True)) in {MANY_UNITS, 2 * MANY_UNITS}


def test_an_import_that_is_killed_leaves_nothing_half_done(cafe):
    file = kept(MANY)
    script = [sys.executable, "-c", STOPS_HALFWAY]
    worker = subprocess.Popen(script, env=own_process(), stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "all but the rollup is written\n"
    worker.kill()
    worker.wait()
    assert (Order.objects.count(), DailySales.objects.count()) == (0, 0)
    assert importing.run(file, restaurant=cafe, by=FLUX, now=NOW)["orders_new"] == MANY_UNITS
    assert sum(DailySales.objects.values_list("quantity", flat=True)) == MANY_UNITS


def test_guests_come_in_with_their_orders_and_are_mended_by_a_better_file(restaurant):
    head = HEADER.replace("\n", ",guests\n")
    load(restaurant, head + MONDAY.replace("\n", ",\n"))
    assert list(Order.objects.values_list("guests", flat=True)) == [None, None]
    lines = MONDAY.splitlines()
    report = load(restaurant, head + "".join(f"{line},{guests}\n" for line, guests in zip(lines, "221", strict=True)))
    assert counts(report) == (0, 2, 0, 0)
    assert list(Order.objects.order_by("external_id").values_list("guests", flat=True)) == [2, 1]
