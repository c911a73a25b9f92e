import datetime as dt
from decimal import Decimal

import pytest

from forecasting import events
from forecasting.events import EventRefused
from forecasting.models import CalendarEvent, Forecast, Run
from forecasting.tests.factories import NOW, TODAY, sell
from menu.tests.factories import MenuItemFactory
from tenants.actors import FLUX
from tenants.office.models import AuditEntry

pytestmark = pytest.mark.django_db


def day(ahead: int) -> dt.date:
    return TODAY + dt.timedelta(days=ahead)


def event(**given) -> CalendarEvent:
    values = {"name": "Street party", "starts_on": day(3), "ends_on": day(3), "amount": Decimal(50)} | given
    return CalendarEvent(**values)


def save(row: CalendarEvent) -> CalendarEvent:
    events.save(row, today=TODAY, by=FLUX, at=NOW)
    return row


def faults(**given) -> dict[str, str]:
    before = CalendarEvent.objects.count()
    with pytest.raises(EventRefused) as refused:
        save(event(**given))
    assert CalendarEvent.objects.count() == before
    return refused.value.faults


@pytest.fixture
def soup(restaurant):
    """A dish of which 10 are expected on each of the next 5 days."""
    item = MenuItemFactory(name="Soup", category="Soups")
    run = Run.objects.create(
        status="completed", cutoff_on=day(-1), horizon_days=5, created_at=NOW, started_at=NOW, finished_at=NOW
    )
    quantiles = {"q10": 5, "q25": 7, "q50": 10, "q75": 13, "q90": 15, "q95": 17}
    Forecast.objects.bulk_create(
        Forecast(run=run, menu_item=item, date=day(n), mean=10, confidence=0.5, **quantiles) for n in range(5)
    )
    return item


def expected(n: int) -> Decimal:
    return Forecast.objects.get(date=day(n)).mean


def test_an_event_moves_the_current_forecast_at_once_and_back(soup):
    row = save(event(ends_on=day(4)))
    assert [expected(n) for n in range(5)] == [10, 10, 10, 15, 15]
    row.starts_on, row.ends_on, row.effect, row.amount = day(1), day(3), "units", Decimal(4)
    save(row)
    assert [expected(n) for n in range(5)] == [10, 14, 14, 14, 10]
    events.remove(row, by=FLUX, at=NOW)
    assert [expected(n) for n in range(5)] == [10] * 5
    assert list(AuditEntry.objects.order_by("id").values_list("verb", flat=True)) == [
        "event.added",
        "event.changed",
        "event.removed",
    ]


def test_percents_of_several_events_multiply_then_units_are_added(soup):
    save(event(amount=Decimal(50)))
    save(event(name="Fair", amount=Decimal(20)))
    save(event(name="Catering", kind="catering", effect="units", amount=Decimal(3), scope="item", menu_item=soup))
    assert expected(3) == Decimal(10) * Decimal("1.5") * Decimal("1.2") + 3


def test_a_past_event_that_is_entered_later_moves_what_is_like_it(soup):
    for back in range(1, 71):
        sell(soup, day(-back), 30 if back == 14 else 10)
    past = save(event(starts_on=day(-14), ends_on=day(-14), amount=Decimal(0)))
    save(event(effect="like", amount=None))
    with_it = expected(3)
    assert 15 < with_it < 30
    events.remove(past, by=FLUX, at=NOW)
    assert expected(3) == 10


def test_a_category_is_found_in_any_case_and_an_event_removed_twice_is_once(soup):
    row = save(event(scope="category", category="sOUPS"))
    assert row.category == "Soups"
    for _ in range(2):
        events.remove(row, by=FLUX, at=NOW)
    assert AuditEntry.objects.filter(verb="event.removed").count() == 1


def test_without_a_forecast_an_event_is_kept_all_the_same(restaurant):
    assert save(event()).name == "Street party"


def test_an_unchanged_event_leaves_no_trace(soup):
    row = save(event())
    save(CalendarEvent.objects.get(pk=row.pk))
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [
        ({"name": "  "}, "name", "Say what it is called."),
        ({"ends_on": day(2)}, "ends_on", "The last day lies before the first."),
        ({"ends_on": day(31)}, "ends_on", events.TOO_LONG),
        (
            {"starts_on": day(3000), "ends_on": day(3000)},
            "ends_on",
            "That is more than three years from now. Is the year right?",
        ),
        (
            {"starts_on": day(-9000), "ends_on": day(-9000)},
            "starts_on",
            "That is more than ten years ago. Is the year right?",
        ),
        ({"scope": "category"}, "category", "Choose the category that it is about."),
        ({"scope": "category", "category": "Sushi"}, "category", "No dish is in a category “Sushi”."),
        ({"category": "Soups"}, "category", "Leave this empty: it is not about a category."),
        ({"scope": "item"}, "menu_item", "Choose the dish that it is about."),
        ({"amount": None}, "amount", "Say how much more or less is expected."),
        ({"amount": Decimal("NaN")}, "amount", "Say how much more or less is expected."),
        (
            {"amount": Decimal(1001)},
            "amount",
            "Percent lies between −100 (nothing at all) and 1,000 (eleven times as much).",
        ),
        ({"effect": "units", "amount": Decimal(10**7)}, "amount", "At most 100,000 units a day."),
        ({"effect": "like"}, "amount", "Leave this empty: the effect is measured on past days."),
        (
            {"effect": "like", "amount": None},
            "effect",
            "There are no sales of an earlier “Street party” that could be measured: say a percentage or units.",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(soup, given, field, why):
    assert faults(**given) == {field: why}


def test_the_same_thing_twice_on_a_day_would_count_twice(soup):
    save(event(ends_on=day(6)))
    found = faults(name="STREET party", starts_on=day(6), ends_on=day(6))
    assert found == {"name": "“Street party” is in the calendar on these days already: change that one."}
    save(event(scope="item", menu_item=soup))  # about something else


def test_what_is_to_come_cannot_be_what_it_is_like(soup):
    coming = save(event(starts_on=day(1), ends_on=day(1)))
    found = faults(name="Market", effect="like", amount=None, like=coming)
    assert found == {"like": "Choose an event that is over: this one has not happened yet."}


def test_categories_are_those_of_dishes(soup):
    MenuItemFactory(category="")
    MenuItemFactory(category="Cakes")
    MenuItemFactory(category="Soups")
    assert events.categories() == ["Cakes", "Soups"]
