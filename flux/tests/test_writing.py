"""How pages write numbers and dates."""

import datetime as dt
from decimal import Decimal

import pytest
from django.template.loader import get_template
from django.test import RequestFactory
from django.utils import timezone

from flux.templatetags import flux as write

NOW = dt.datetime(2026, 11, 22, 14, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (Decimal("1840"), "g", "1.84 kg"),
        (Decimal("999.5"), "g", "999.5 g"),
        (Decimal("12.500"), "kg", "12.5 kg"),
        (Decimal("-1500"), "ml", "−1.5 l"),
        (Decimal("3.0000"), "each", "3 each"),
        (Decimal("12345.678"), "", "12,346"),
        (None, "g", "–"),
    ],
)
def test_quantities_have_a_readable_size_and_their_unit(value: Decimal | None, unit: str, written: str) -> None:
    assert write.qty(value, unit).replace(write.NO_BREAK, " ") == written


def test_money_is_in_the_restaurants_currency(restaurant: object) -> None:
    assert write.money(Decimal("1234.5000")) == "€1,234.50"
    assert write.money(Decimal("-3")) == "−€3.00"
    assert write.money(Decimal("0.0125")) == "€0.0125"
    assert write.money(Decimal("0.5"), "USD") == "$0.50"
    assert write.money(None) == "–"
    assert write.round_money(1234.5678) == "€1,235"


def test_shares_and_counts() -> None:
    assert write.percent(Decimal("0.124")) == "12\N{NO-BREAK SPACE}%"
    assert write.percent(Decimal("0.135"), 1) == "13.5\N{NO-BREAK SPACE}%"
    assert write.percent(Decimal("0.20"), 1) == "20\N{NO-BREAK SPACE}%"
    assert write.percent(0.004) == "0.4\N{NO-BREAK SPACE}%"
    assert write.percent_change(-0.08) == "−8\N{NO-BREAK SPACE}%"
    assert write.percent_change(0.12) == "+12\N{NO-BREAK SPACE}%"
    assert write.number(Decimal("3.42")) == "3.4"
    assert write.number(1234) == "1,234"
    assert (write.number(9.96), write.number(7.98), write.number(12.6)) == ("10", "8", "13")


def test_moments_are_written_in_the_restaurants_time_zone() -> None:
    with timezone.override("Europe/Paris"):
        assert write.when(dt.datetime(2019, 1, 3, 23, 5, tzinfo=dt.UTC)) == "Fri 4 Jan 2019, 00:05"
        assert write.clock(NOW) == "15:05"


def test_the_year_is_left_out_of_days_nearby() -> None:
    today = timezone.localdate()
    assert write.day(today) == f"{today:%A} {today.day} {today:%B}"
    assert write.short_day(dt.date(2019, 1, 3)) == "Thu 3 Jan 2019"


@pytest.mark.parametrize(
    ("then", "written"),
    [
        (NOW, "just now"),
        (NOW - dt.timedelta(minutes=5), "5 min ago"),
        (NOW - dt.timedelta(hours=3), "3 h ago"),
        (NOW - dt.timedelta(days=1), "yesterday"),
        (dt.date(2026, 11, 22), "today"),
        (dt.date(2026, 11, 18), "4 days ago"),
        (dt.date(2015, 12, 31), "Thu 31 Dec 2015"),
        (None, "never"),
    ],
)
def test_ago(then: dt.date | None, written: str) -> None:
    assert write.ago(then, NOW) == written


@pytest.mark.parametrize("name", ["403.html", "403_csrf.html", "404.html", "500.html"])
def test_error_pages_need_nothing(name: str) -> None:
    assert "Back to the start" in get_template(name).render(
        {}, RequestFactory().get("/") if name != "500.html" else None
    )
