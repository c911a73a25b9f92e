"""Reading sales from files as people's tills write them."""

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.providers import csv, headers, tables
from pos.providers.base import Line
from pos.providers.csv import Options
from pos.providers.tables import UnreadableFile

SHARED = Path(__file__).parents[3] / "shared"
PARIS = ZoneInfo("Europe/Paris")


def read(text, options=None, *, zone=PARIS, closeout_hour=4, today=date(2025, 6, 30), written_in=None):
    content = text if isinstance(text, bytes) else text.encode()
    options = options or Options()
    return csv.read(
        csv.inspect(content, options),
        options,
        zone=zone,
        closeout_hour=closeout_hour,
        today=today,
        written_in=written_in,
    )


def orders(reading):
    return reading.orders(numbers_restart=reading.order_numbers_restart)


def refused(reading):
    return [(each.line, each.field, each.value, each.reason) for each in reading.rejects]


def units(reading):
    return {
        (order.business_date.isoformat(), line.item): line.quantity for order in orders(reading) for line in order.lines
    }


HEADER = "timestamp,order_id,item,quantity,unit_price\n"


def test_an_order_has_its_lines_its_moment_and_its_business_date():
    reading = read(HEADER + "2025-03-01 01:30:00,7,Soup,2,4.5\n2025-03-01 01:30:00,7, Pain  rond ,1,\n")
    [order] = orders(reading)
    assert (order.external_id, order.business_date) == ("7", date(2025, 2, 28))
    assert order.opened_at == datetime(2025, 3, 1, 0, 30, tzinfo=UTC)
    assert order.lines == [
        Line("Soup", Decimal(2), Decimal("4.5"), Decimal(9), Decimal(9)),
        Line("Pain rond", Decimal(1)),
    ]


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
     ("cp1252", "cp1252")],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found(encoding, seen, delimiter):
    text = "date,item,quantity\r\n2025-03-01,Crêpe à l’œuf,3\r\n".replace(",", delimiter)
    reading = read(text.encode(encoding))
    assert (reading.layout.encoding, reading.layout.delimiter) == (seen, delimiter)
    assert units(reading) == {("2025-03-01", "Crêpe à l’œuf"): 3}


def test_latin_1_and_gzip_and_a_few_damaged_bytes():
    latin = "date,item,quantity\n2025-03-01,Caf\x81é,3\n".encode("latin-1")
    assert read(latin).layout.encoding == "latin-1"
    assert read(gzip.compress(b"date,item,quantity\n2025-03-01,Soup,3\n")).units == 3
    damaged = "date,item,quantity\n2025-03-01,Crêpe,3\n2025-03-01,Pâté,1\n".encode() + b"2025-03-01,Caf\xe9,3\n"
    assert refused(read(damaged)) == [
        (4, "item", "Caf\ufffd", "has letters that cannot be read in the file's encoding")
    ]


def test_a_german_export_with_decimal_commas_and_day_first_dates():
    reading = read(
        "sep=;\nDatum;Uhrzeit;Belegnummer;Artikel;Menge;Einzelpreis;Gesamtpreis\n"
        "01.03.2025;12:30;A1;Brötchen;1.200;0,45;540,00\n31.03.2025;9:05;A2;Brot;2,5;4,80 €;12,00 €\n"
    )
    assert (reading.date_order, reading.date_order_proven, reading.decimal) == ("dmy", True, ",")
    assert [line[1:4] for order in orders(reading) for line in order.lines] == [
        (Decimal(1200), Decimal("0.45"), Decimal(540)),
        (Decimal("2.5"), Decimal("4.8"), Decimal(12)),
    ]
    assert orders(reading)[1].opened_at == datetime(2025, 3, 31, 7, 5, tzinfo=UTC)


def test_an_american_export_with_am_and_pm():
    reading = read("Date,Time,Transaction ID,Item,Qty\n03/13/2025,12:05 AM,x,Pie,1\n03/02/2025,1:05 PM,y,Pie,1\n")
    assert reading.date_order == "mdy"
    assert [order.business_date for order in orders(reading)] == [date(2025, 3, 12), date(2025, 3, 2)]


@pytest.mark.parametrize(("likely", "day"), [("dmy", date(2025, 2, 1)), ("mdy", date(2025, 1, 2))])
def test_dates_that_read_either_way_follow_the_habit_and_say_so(likely, day):
    reading = read("date,item,quantity\n01/02/2025,Soup,1\n", Options(likely_date_order=likely))
    assert (reading.dates, reading.date_order_proven) == ([day], False)


def test_what_somebody_chose_wins_over_the_values():
    reading = read("date,item,quantity\n01/13/2025,Soup,1\n02/01/2025,Soup,1\n", Options(date_order="dmy"))
    assert refused(reading) == [(2, "timestamp", "01/13/2025", "is not a date")]
    assert reading.dates == [date(2025, 1, 2)]


def test_every_refused_row_names_line_field_and_value_and_harms_no_other():
    good = "2025-03-01 12:00,1,Soup,1,4\n"
    rows = [
        'not a date,2,Soup,1,4\n',
        '2025-03-01 12:00,3,"two\nlines",1,4\n',
        "2025-03-01 12:00,4, ,1,4\n",
        "2025-03-01 12:00,5,Soup,many,4\n",
        "2025-03-01 12:00,6,Soup,1\n",
        "2025-03-01 12:00,7,So\0up,1,4\n",
        "2025-03-01 12:00,8,Soup,12345678901,4\n",
        "2199-03-01 12:00,9,Soup,1,4\n",
        "2025-03-01 12:00,10,Soup,,4\n",
        "2025-03-01 12:00,11,Soup,1,cheap\n",
        '2025-03-01 12:00,12,"Soup,1,4\n',
        "1925-03-01 12:00,13,Soup,1,4\n",
        "2025-03-01 12:00,14,Soup,1," + "9" * 40 + "\n",
        "\n",
        " , ,,,\n",
    ]  # fmt: skip
    reading = read(HEADER + good + good.join(rows) + good)
    assert [(line, name, value) for line, name, value, _ in refused(reading)] == [
        (3, "timestamp", "not a date"),
        (8, "item", ""),
        (10, "quantity", "many"),
        (12, "row", "4"),
        (14, "item", "So\ufffdup"),
        (16, "quantity", "12345678901"),
        (18, "timestamp", "2199-03-01 12:00"),
        (20, "quantity", ""),
        (22, "unit_price", "cheap"),
        (24, "row", '2025-03-01 12:00,12,"Soup,1,4'),
        (26, "timestamp", "1925-03-01 12:00"),
        (28, "unit_price", "9" * 40),
    ]
    assert [(order.external_id, len(order.lines)) for order in orders(reading)] == [("1", 16), ("3", 1)]
    assert orders(reading)[1].lines[0].item == "two lines"
    assert (reading.rows, reading.accepted) == (29, 17)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=6))
def test_any_damaged_line_leaves_its_neighbours_alone(damage):
    between = "".join(line.replace("\n", " ").replace("\r", " ") + "\n" for line in damage)
    reading = read("date,item,quantity\n2025-03-01,First,1\n" + between + "2025-03-02,Last,2\n")
    assert units(reading).items() >= {("2025-03-01", "First"): 1, ("2025-03-02", "Last"): 2}.items()


def test_order_numbers_that_begin_anew_each_day_are_different_orders():
    reading = read(HEADER + "".join(f"2025-03-0{day} 12:0{n},{n},Soup,1,4\n" for day in (1, 2) for n in (1, 2)))
    assert [order.external_id for order in orders(reading)] == [
        "2025-03-01 1", "2025-03-01 2", "2025-03-02 1", "2025-03-02 2",
    ]  # fmt: skip


def test_an_order_over_the_closeout_stays_one_order_of_the_day_it_was_opened():
    reading = read(HEADER + "2025-03-02 04:10,1,Beer,1,4\n2025-03-02 03:50,1,Soup,1,4\n")
    [order] = orders(reading)
    assert (order.external_id, order.business_date, len(order.lines)) == ("1", date(2025, 3, 1), 2)
    assert order.opened_at == datetime(2025, 3, 2, 2, 50, tzinfo=UTC)


def test_without_order_numbers_a_moment_is_an_order():
    reading = read("time opened,product\n2025-03-01 12:00,Soup\n2025-03-01 12:00,Pie\n2025-03-01 12:01,Soup\n")
    assert [(order.external_id, len(order.lines)) for order in orders(reading)] == [
        ("at 2025-03-01T11:00:00Z", 2),
        ("at 2025-03-01T11:01:00Z", 1),
    ]


def test_a_product_mix_is_one_order_per_date_with_each_item_summed():
    reading = read(
        "date,item,quantity\n2025-03-01 00:00:00,Soup,3\n2025-03-01 00:00:00,soup,2\n2025-03-02 00:00:00,Pie,1\n"
    )
    assert [(order.external_id, order.opened_at, order.lines) for order in orders(reading)] == [
        ("day 2025-03-01", None, [Line("Soup", Decimal(5))]),
        ("day 2025-03-02", None, [Line("Pie", Decimal(1))]),
    ]


def test_returns_count_and_voids_do_not():
    reading = read("date,order,item,qty,void,total\n2025-03-01,1,Soup,-2,no,8\n2025-03-01,1,Pie,1,TRUE,8\n")
    assert (reading.units, reading.returns, reading.voided, reading.rejects) == (-2, 1, 1, [])
    assert orders(reading)[0].lines == [Line("Soup", Decimal(-2), None, Decimal(-8), Decimal(-8))]


@pytest.mark.parametrize(
    ("columns", "cells", "options", "gross", "net"),
    [
        ("unit_price", "3.3333", Options(), "9.9999", "9.9999"),
        ("unit_price", "11", Options(prices_include_tax=True, tax_rate=Decimal("0.07")), "33", "30.8411"),
        ("unit_price", "11", Options(prices_include_tax=False, tax_rate=Decimal("0.07")), "35.31", "33"),
        ("unit_price,discount", "11,-3", Options(), "30", "30"),
        ("total,tax", "33,3", Options(prices_include_tax=True, tax_rate=Decimal("0.5")), "33", "30"),
        ("total,tax", "33,3", Options(), "36", "33"),
        ("gross sales,discounts,net sales,tax", "$12.00,-$2.00,$10.00,$0.80", Options(), "10.80", "10"),
    ],
)
def test_totals_with_and_without_tax_are_rounded_once_at_the_end(columns, cells, options, gross, net):
    reading = read(f"date,order,item,quantity,{columns}\n2025-03-01,1,Soup,3,{cells}\n", options)
    [line] = orders(reading)[0].lines
    assert (line.gross, line.net) == (Decimal(gross), Decimal(net))


def test_the_header_may_stand_below_a_title():
    reading = read('Sales by item\n"Bistro, Paris"\n\nDate,Item,Qty\n2025-03-01,Soup,3\nbad,Soup,3\n')
    assert reading.units == 3
    assert refused(reading) == [(6, "timestamp", "bad", "is not a date")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"2025-03-01,Soup,3\n2025-03-02,Soup,4\n", "no header"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\x1f\x8bnonsense", "damaged"),
        (gzip.compress(b"date,item,quantity\n" * 99, mtime=0)[:-20], "damaged"),
        (b"item\nSoup\n", "one column"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(content, message):
    with pytest.raises(UnreadableFile, match=message):
        read(content)


def test_a_zip_bomb_is_refused_before_it_unpacks():
    with pytest.raises(UnreadableFile, match="unpacks to more than 1 MB"):
        tables.expand(gzip.compress(b"0" * (1024**2 + 1)), limit=1024**2)


def test_columns_that_nobody_knows_are_asked_for_and_mapped_by_hand():
    text = "when,what,how many\n2025-03-01,Soup,3\n"
    with pytest.raises(csv.ColumnsUnknown, match="Which column holds “Date, or date and time” and “Menu item”"):
        read(text)
    mapping = {"date": "when", "item": "#2", "quantity": "How-many"}
    assert units(read(text, Options(mapping=mapping))) == {("2025-03-01", "Soup"): 3}
    with pytest.raises(headers.UnknownColumn, match="no column “who”"):
        read(text, Options(mapping={**mapping, "order_id": "who"}))
    with pytest.raises(headers.UnknownColumn, match="no field “colour”"):
        read(text, Options(mapping={**mapping, "colour": "what"}))


def test_a_product_mix_without_quantities_is_asked_about():
    with pytest.raises(csv.ColumnsUnknown, match="Quantity"):
        read("date,item,unit_price\n2025-03-01,Soup,3\n")


def test_an_empty_mapping_leaves_a_column_out():
    reading = read(HEADER + "2025-03-01 12:00,1,Soup,2,4\n", Options(mapping={"unit_price": ""}))
    assert orders(reading)[0].lines == [Line("Soup", Decimal(2))]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (",date,time,ticket_number,article,Quantity,unit_price", "timestamp time order_id item quantity unit_price"),
        ("Order Number,Order Date,Item Name,Quantity,Product Price,Total products",
         "timestamp order_id item quantity unit_price"),
        ("Date,Time,Time Zone,Category,Item,Qty,Price Point Name,Gross Sales,Discounts,Net Sales,Tax,Transaction ID",
         "timestamp time order_id item quantity gross net discount tax category"),
        ("Order Id,Order #,Sent Date,Order Date,Menu Item,Menu Group,Gross Price,Discount,Net Price,Qty,Tax,Void?",
         "timestamp order_id item quantity gross net discount tax category voided"),
        ("Datum,Beleg,Artikel,Stück,Preis (€)", "timestamp order_id item quantity unit_price"),
    ],
)  # fmt: skip
def test_exports_of_common_tills_are_recognised(header, fields):
    assert sorted(headers.recognise(header.split(","))) == sorted(fields.split())


def test_a_layout_is_recognised_whatever_its_delimiter_and_encoding():
    one = csv.inspect(b"date,item,quantity\n2025-03-01,Soup,3\n").layout.fingerprint
    assert csv.inspect("Date;Item;Quantity\r\n1.3.2025;Soup;3\r\n".encode("utf-16")).layout.fingerprint == one
    assert csv.inspect(b"date,item,qty\n2025-03-01,Soup,3\n").layout.fingerprint != one


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2025-03-30 02:30", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),  # skipped by the clock: the offset before
        ("2025-10-26 02:30", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),  # happens twice: the first
        ("2025-10-26 02:30+01:00", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_clock_changes_are_read_the_same_way_every_time(written, at):
    reading = read(f"timestamp,item\n{written},Soup\n", today=date(2025, 12, 1))
    assert orders(reading)[0].opened_at == at


def test_moments_written_in_another_zone_find_the_local_business_date():
    reading = read("timestamp,item\n2025-07-01 01:30,Soup\n", written_in=UTC, zone=ZoneInfo("America/New_York"))
    assert orders(reading)[0].business_date == date(2025, 6, 30)


VECTORS = [
    ("2025-03-30T01:59:00Z", "Europe/Paris", 4, "2025-03-29"),
    ("2025-03-30T02:01:00Z", "Europe/Paris", 4, "2025-03-30"),
    ("2025-10-26T02:59:00Z", "Europe/Paris", 4, "2025-10-25"),
    ("2025-10-26T03:00:00Z", "Europe/Paris", 4, "2025-10-26"),
    ("2025-06-30T14:59:00Z", "Asia/Tokyo", 0, "2025-06-30"),
]


@pytest.mark.parametrize(("utc", "zone", "hour", "day"), VECTORS)
def test_the_business_date_follows_the_wall_clock(utc, zone, hour, day):
    reading = read(f"timestamp,item\n{utc},Soup\n", zone=ZoneInfo(zone), closeout_hour=hour, today=date(2026, 1, 1))
    assert reading.dates == [date.fromisoformat(day)]


def test_the_business_date_follows_the_published_vectors():
    vectors = SHARED / "contracts" / "business_date_vectors.json"
    if not vectors.is_file():
        pytest.skip("no ../shared/contracts/business_date_vectors.json here")
    for case in json.loads(vectors.read_text()):
        reading = read(
            f"timestamp,item\n{case['utc']},Soup\n",
            zone=ZoneInfo(case["tz"]),
            closeout_hour=case["cutoff_hour"],
            today=date(2027, 1, 1),
        )
        assert reading.dates == [date.fromisoformat(case["business_date"])], case["note"]


def test_guests_are_those_of_the_order_and_not_of_its_lines():
    head = "timestamp,order_id,item,quantity,Covers\n"
    reading = read(
        head + "2025-03-01 12:00,7,Soup,2,3\n2025-03-01 12:00,7,Pie,1,3\n"
        "2025-03-01 12:10,8,Soup,1,\n2025-03-01 12:20,9,Soup,1,0\n2025-03-01 12:30,10,Soup,1,two\n"
    )
    assert [(order.external_id, order.guests) for order in orders(reading)] == [("7", 3), ("8", None), ("9", None)]
    assert refused(reading) == [(6, "guests", "two", "is not a number of guests from 0 to 5,000")]


def test_a_product_mix_has_no_guests():
    assert [order.guests for order in orders(read("date,item,quantity,guests\n2025-03-01,Soup,2,3\n"))] == [None]
