"""The stored ledger: what is read each night, and that it changes nothing about the forecast."""

import datetime as dt

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from forecasting import engine, history
from forecasting.engine import state
from forecasting.engine.panel import Panel
from forecasting.models import CalendarEvent, EngineState
from forecasting.tests.factories import TODAY, sell, trade
from menu.models import MenuItem, SoldOut
from pos.models import DailySales
from tenants.context import restaurant_context
from tenants.office.models import Closure

DAY = dt.timedelta(days=1)
FIELDS = ("days", "sold", "is_open", "sold_out", "special", "sold_out_share", "planned")


def at_once(today: dt.date) -> Panel:
    """What is read where nothing is stored."""
    EngineState.objects.all().delete()
    return history.read(today)


def same(one: Panel, other: Panel) -> bool:
    return one.items == other.items and all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in FIELDS
    )


def days_read(today: dt.date) -> int:
    """How many days' rows the next reading asks for."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        history.read(today)
    (sales,) = [query["sql"] for query in asked if '"quantity" FROM "pos_dailysales"' in query["sql"]] or [""]
    return sales.partition(" IN (")[2].count("::date")


@pytest.fixture
def items(restaurant) -> list[MenuItem]:
    """Two dishes sold for forty days, and the ledger as of a week ago."""
    made = trade(40, 2)
    on = {"menu_item": made[1], "business_date": TODAY - 20 * DAY}
    DailySales.objects.update_or_create(**on, defaults={"quantity": 2})
    history.read(TODAY - 7 * DAY, keep=True)
    return made


def test_a_night_reads_only_the_new_days(items):
    assert days_read(TODAY - 7 * DAY) == 0
    assert days_read(TODAY - 6 * DAY) == 1
    history.read(TODAY, keep=True)
    assert days_read(TODAY) == 0


def test_night_by_night_is_the_same_as_at_once(items):
    for back in range(6, -1, -1):
        nightly = history.read(TODAY - back * DAY, keep=True)
    forecasts = [engine.forecast(known, horizon_days=14) for known in (nightly, at_once(TODAY))]
    assert forecasts[0].mean.tobytes() == forecasts[1].mean.tobytes()
    assert forecasts[0].quantiles.tobytes() == forecasts[1].quantiles.tobytes()


def correct(item: MenuItem) -> None:
    DailySales.objects.filter(menu_item=item, business_date=TODAY - 20 * DAY).update(quantity="77.125")


def swap(item: MenuItem) -> None:
    """The two dishes of one day change places: no count and no sum differs."""
    rows = list(DailySales.objects.filter(business_date=TODAY - 20 * DAY).order_by("pk"))
    rows[0].quantity, rows[1].quantity = rows[1].quantity + 1, rows[0].quantity + 1
    DailySales.objects.bulk_update(rows, ["quantity"])


def remove(item: MenuItem) -> None:
    DailySales.objects.filter(business_date=TODAY - 20 * DAY).delete()


def add_one(item: MenuItem) -> None:
    sell(MenuItem.objects.create(name="Late entry", category="Mains", price=4), TODAY - 20 * DAY, 3)


def add_before(item: MenuItem) -> None:
    sell(item, TODAY - 90 * DAY, 3)


def close(item: MenuItem) -> None:
    Closure.objects.create(on=TODAY - 20 * DAY)


def run_out(item: MenuItem) -> None:
    day = TODAY - 20 * DAY
    SoldOut.objects.create(
        menu_item=item, business_date=day, from_at=dt.datetime.combine(day, dt.time(19), tzinfo=dt.UTC)
    )  # fmt: skip


def celebrate(item: MenuItem) -> None:
    CalendarEvent.objects.create(name="Fair", starts_on=TODAY - 20 * DAY, ends_on=TODAY - 20 * DAY, amount=20)


@pytest.mark.parametrize("change", [correct, swap, remove, add_one, add_before, close, run_out, celebrate])
def test_a_change_to_an_old_day_is_noticed(items, change):
    before = history.read(TODAY, keep=True)
    change(items[0])
    after = history.read(TODAY, keep=True)
    assert not same(before, after)
    assert same(after, at_once(TODAY))


@pytest.mark.parametrize("payload", [b"", b"nonsense", "cut", "another"])
def test_a_ledger_that_cannot_be_read_is_begun_anew(items, payload):
    kept = EngineState.objects.get()
    if payload == "another":
        kept.version = "ledger-0"
    else:
        kept.payload = bytes(kept.payload)[:-40] if payload == "cut" else payload
    kept.save()
    nightly = history.read(TODAY, keep=True)
    assert EngineState.objects.get().version == state.VERSION
    assert same(nightly, at_once(TODAY))


def test_what_is_older_than_the_engine_looks_back_is_forgotten(items):
    sell(items[0], TODAY - DAY - dt.timedelta(days=engine.MEMORY_DAYS), 3)
    history.read(TODAY, keep=True)
    sell(items[0], TODAY, 3)
    assert same(history.read(TODAY + DAY, keep=True), at_once(TODAY + DAY))


def test_each_restaurant_has_its_own(items, other_restaurant):
    with restaurant_context(other_restaurant):
        assert not EngineState.objects.exists()
        assert history.read(TODAY, keep=True).sold.size == 0


ROWS = st.dictionaries(
    st.tuples(st.integers(0, 6), st.sampled_from("abc")), st.integers(0, 10**12).map(lambda n: n / 1000), max_size=12
)


def marked(rows: dict[tuple[int, str], float]) -> dict[dt.date, int]:
    days = {TODAY + day * DAY for day, _ in rows}
    return {day: hash(tuple(sorted((k, v) for k, v in rows.items() if TODAY + k[0] * DAY == day))) for day in days}


@given(old=ROWS, new=ROWS)
def test_any_change_leads_to_the_same_ledger(old, new):
    def listed(rows, days):
        return [(TODAY + d * DAY, item, units) for (d, item), units in rows.items() if TODAY + d * DAY in days]

    first = state.EMPTY.after(marked(old), listed(old, marked(old)))
    kept = state.load(first.dump())
    nightly = kept.after(marked(new), listed(new, kept.changed(marked(new))))
    at_once = state.EMPTY.after(marked(new), listed(new, marked(new)))
    assert nightly.items == at_once.items
    assert nightly.marks == at_once.marks
    for name in ("day", "item", "quantity"):
        assert np.array_equal(getattr(nightly, name), getattr(at_once, name)), name
