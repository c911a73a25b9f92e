# ruff: noqa: DTZ001 - moments as a till writes them, without a zone
"""Numbers and dates as people write them."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.providers import values

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
FIGURES = st.decimals(-99_999_999, 99_999_999, places=3, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("12", ".", "12"),
        ("-1", ".", "-1"),
        (" 1,234.50 ", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1.234.567", ",", "1234567"),
        ("1 234,5", ",", "1234.5"),
        ("1\u202f234,5", ",", "1234.5"),
        ("1'234.50", ".", "1234.50"),
        ("€ 4,50", ",", "4.50"),
        ("4,50 €", ",", "4.50"),
        ("CHF 4.50", ".", "4.50"),
        ("4.50 USD", ".", "4.50"),
        ("-$4.00", ".", "-4.00"),
        ("($4.00)", ".", "-4.00"),
        ("4.50-", ".", "-4.50"),
        ("−3", ".", "-3"),
        (".5", ".", "0.5"),
        ("5.", ".", "5"),
    ],
)
def test_a_number_is_read_by_its_decimal_mark(text, mark, number):
    assert values.number(text, mark) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", " ", ".", "-", "x2", "1e3", "nan", "inf", "12%", "1,23,4", "0,123", "--1", "1.2.3", "two"]
)
def test_what_is_not_a_number_is_refused(text):
    assert values.number(text, ".") is None


@given(FIGURES)
def test_a_number_written_in_any_convention_comes_back(figure):
    plain = f"{figure:,}"
    assert values.number(plain, ".") == figure
    assert values.number(plain.translate(str.maketrans(",.", ".,")), ",") == figure
    assert values.number(plain.replace(",", "\u00a0").replace(".", ","), ",") == figure
    assert values.number(f"({abs(figure):,})", ".") == -abs(figure)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1,5", "2"], ","),
        (["0.90", "1"], "."),
        (["1,234"], None),
        (["1,234", "2.50"], "."),
        (["1.234.567"], ","),
        (["0,123"], ","),
        (["3,5", "4,5", "9.9"], ","),
        (["7", "n/a"], None),
    ],
)
def test_the_decimal_mark_is_decided_from_all_values(texts, mark):
    assert values.decimal_mark(texts) == mark


NOON = datetime(2025, 2, 3, 13, 5)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-02-03", date(2025, 2, 3)),
        ("2025-2-3", date(2025, 2, 3)),
        ("20250203", date(2025, 2, 3)),
        ("3/2/2025", date(2025, 2, 3)),
        ("03.02.25", date(2025, 2, 3)),
        ("3 Feb 2025", date(2025, 2, 3)),
        ("03-Feb-25", date(2025, 2, 3)),
        ("February 3, 2025", date(2025, 2, 3)),
        ("3 février 2025", date(2025, 2, 3)),
        ("Montag 3.2.2025", date(2025, 2, 3)),
        ("2025-02-03 13:05", NOON),
        ("2025-02-03T13:05:00.250", NOON),
        ("03/02/2025 1:05 PM", NOON),
        ("03/02/2025, 13:05", NOON),
        ("Mon, 3 Feb 2025 1:05 p.m.", NOON),
        ("3.2.2025 13.05", NOON),
        ("3 Feb 2025 12:00 AM", datetime(2025, 2, 3)),
        ("2025-02-03T13:05:00Z", NOON.replace(tzinfo=UTC)),
        ("2025-02-03 13:05 UTC", NOON.replace(tzinfo=UTC)),
        ("2025-02-03 13:05:00-0530", NOON.replace(tzinfo=timezone(timedelta(hours=-5, minutes=-30)))),
        ("2025/02/03 13:05 +1", NOON.replace(tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_date_or_a_moment_is_read_day_first(text, moment):
    assert values.moment(text, "dmy") == moment


@pytest.mark.parametrize(
    "text",
    ["", "hello", "31/02/2025", "2025-13-01", "3/2", "3/2/125", "12:00", "2025-02-03 25:00", "2025-02-03 13:05 BST",
     "2025-02-03 13 AM", "2025-02-03 10", "2025-02-03 10:00+99"],
)  # fmt: skip
def test_what_is_not_a_date_is_refused(text):
    assert values.moment(text, "dmy") is None


@given(DAYS)
def test_a_date_written_in_any_order_comes_back(day):
    assert values.moment(f"{day:%d/%m/%Y}", "dmy") == day
    assert values.moment(f"{day:%m/%d/%Y}", "mdy") == day
    assert values.moment(f"{day:%y/%m/%d}", "ymd") == day
    assert values.moment(f"{day:%d %B %Y}", "mdy") == day
    assert values.moment(day.isoformat(), "dmy") == day


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))
def test_a_moment_written_in_any_way_comes_back(at):
    at = at.replace(microsecond=0)
    assert values.moment(at.isoformat(), "dmy") == at
    assert values.moment(f"{at:%d.%m.%Y %H:%M:%S}", "dmy") == at
    assert values.moment(f"{at:%m/%d/%Y %I:%M:%S %p}", "mdy") == at


@pytest.mark.parametrize(
    ("texts", "orders"),
    [
        (["01/02/2024", "13/02/2024"], {"dmy"}),
        (["01/13/2024", "01/02/2024"], {"mdy"}),
        (["01/02/2024"], {"dmy", "mdy"}),
        (["2024-01-02", "3 Feb 2024"], {"dmy", "mdy", "ymd"}),
        (["13/01/2024", "14/01/2024", "01/15/2024"], {"dmy"}),
        (["85/01/31"], {"ymd"}),
    ],
)
def test_the_order_of_day_and_month_is_decided_from_all_values(texts, orders):
    assert values.possible_orders(texts) == orders
