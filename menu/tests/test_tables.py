import gzip
from decimal import Decimal

import pytest

from menu import tables
from menu.tables import BadTable

NAMES = {"item": ("dish",), "quantity": ("qty",)}


def rows(text, **chosen):
    content = text if isinstance(text, bytes) else text.encode()
    return [(row.line, dict(row.values)) for row in tables.read(content, NAMES, chosen)]


@pytest.mark.parametrize(
    "text",
    [
        "item,quantity\nSoup,2\n",
        "Dish;QTY\nSoup;2\n",
        "\ufeffitem\tquantity\r\nSoup\t2\r\n",
        gzip.compress(b"item,quantity\nSoup,2\n", mtime=0),
        "other,Quantity,item\n,2,Soup\n",
    ],
)
def test_a_table_is_read_however_it_was_saved(text):
    assert rows(text) == [(2, {"item": "Soup", "quantity": "2"})]


def test_lines_are_those_of_the_file():
    assert rows('item,quantity\n"Soup\nof the day",2\n\nBread,1\n') == [
        (3, {"item": "Soup\nof the day", "quantity": "2"}),
        (5, {"item": "Bread", "quantity": "1"}),
    ]


def test_windows_files_are_read():
    assert rows("item,quantity\nCrème,2\n".encode("cp1252"))[0][1]["item"] == "Crème"


def test_columns_can_be_chosen():
    assert rows("name,item,quantity\nSoup,x,2\n", item="name") == [(2, {"item": "Soup", "quantity": "2"})]


@pytest.mark.parametrize(
    ("text", "chosen", "fault"),
    [
        ("", {}, "line 1, header “”: the file is empty"),
        ("item\nSoup\n", {"item": "nome"}, "line 1, item “nome”: there is no such column"),
        ("item\nSoup\n", {"price": "item"}, "line 1, price “item”: there is no such field"),
    ],
)
def test_what_cannot_be_read_is_refused(text, chosen, fault):
    with pytest.raises(BadTable) as refused:
        rows(text, **chosen)
    assert str(refused.value) == fault


@pytest.mark.parametrize(
    ("written", "number"),
    [("2", "2"), ("0.150", "0.150"), ("0,150", "0.150"), ("1,5", "1.5"), ("1,234.5", "1234.5"), ("1.234,5", "1234.5"),
     ("1,234,567", "1234567"), ("1 250", "1250"), ("-3", "-3")],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(written, number):
    row = tables.read(f'item;quantity\nSoup;"{written}"\n'.encode(), NAMES)[0]
    assert row.amount("quantity") == Decimal(number)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("1,500", "this may mean 1500 or 1.500: write it without the comma"),
        ("some", "this is not a number"),
        ("NaN", "this is not a number"),
        ("", "this is not a number"),
    ],
)
def test_a_number_is_never_guessed(written, problem):
    row = tables.read(f"item;quantity\nSoup;{written}\n".encode(), NAMES)[0]
    with pytest.raises(BadTable, match=problem):
        row.amount("quantity")


def test_what_is_no_table_is_refused_in_words():
    with pytest.raises(BadTable, match="this is no CSV file that can be read"):
        tables.read(b"\x1f\x8bnot gzip after all", NAMES)
