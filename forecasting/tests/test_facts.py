import datetime as dt
from decimal import Decimal

import pytest

from forecasting import facts
from forecasting.facts import Fact, FactsRefused, Kept
from forecasting.models import DailyFact
from forecasting.tests.factories import NOW, TODAY
from menu.tables import BadTable
from tenants.actors import FLUX

pytestmark = pytest.mark.django_db


def day(back: int) -> dt.date:
    return TODAY - dt.timedelta(days=back)


def before(days: int) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


def keep(restaurant, *given: tuple[int, float, int], kind: str = "bookings") -> Kept:
    """Facts by (days before today, value, days ago that it was known)."""
    found = [Fact(day(back), kind, Decimal(value), before(known)) for back, value, known in given]
    return facts.keep(found, "api", restaurant=restaurant, by=FLUX, at=NOW)


def test_facts_of_past_and_coming_days_are_given_by_kind_and_day(restaurant):
    assert keep(restaurant, (1, 40, 3), (-2, 12, 0)) == Kept(new=2)
    keep(restaurant, (1, 7, 1), kind="rain-mm")
    assert facts.known(restaurant, day(5), day(-5)) == {
        "bookings": {day(1): 40.0, day(-2): 12.0},
        "rain-mm": {day(1): 7.0},
    }


def test_what_was_known_only_after_its_day_teaches_nothing(restaurant):
    assert keep(restaurant, (3, 40, 2)) == Kept(new=1, late=1)
    assert facts.known(restaurant, day(5), day(0)) == {}
    assert facts.kinds(restaurant)[0].n_in_time == 0


def test_a_later_word_does_not_replace_what_was_known_in_time(restaurant):
    keep(restaurant, (3, 40, 4))
    assert keep(restaurant, (3, 55, 1)) == Kept(same=1)
    assert facts.known(restaurant, day(5), day(0)) == {"bookings": {day(3): 40.0}}
    assert keep(restaurant, (3, 44, 3)) == Kept(changed=1)


def test_what_turns_out_to_have_been_known_in_time_replaces_a_later_word(restaurant):
    keep(restaurant, (3, 55, 1))
    assert keep(restaurant, (3, 40, 4)) == Kept(changed=1)
    assert facts.known(restaurant, day(5), day(0)) == {"bookings": {day(3): 40.0}}


def test_the_same_again_changes_nothing_and_older_news_neither(restaurant):
    keep(restaurant, (-2, 12, 1))
    assert keep(restaurant, (-2, 12, 0)) == Kept(same=1)
    assert keep(restaurant, (-2, 8, 2)) == Kept(same=1)
    assert keep(restaurant, (-2, 15, 0)) == Kept(changed=1)
    assert DailyFact.objects.get().value == 15


def test_a_file_says_since_when_its_values_were_known(restaurant):
    content = f"date;kind;value;known\n{day(3)};Rain mm;1,5;{day(4)}\n{day(-1)};bookings;30;\n".encode()
    found = facts.read(content, restaurant=restaurant, at=NOW)
    assert [(fact.kind, fact.value) for fact in found] == [("rain-mm", Decimal("1.5")), ("bookings", Decimal(30))]
    assert facts.keep(found, "csv", restaurant=restaurant, by=FLUX, at=NOW).late == 0


def test_what_is_wrong_with_a_file_is_said_by_line_and_field(restaurant):
    lines = [
        "date,kind,value,known",
        "31/12/2026,rain,1,",
        f"{day(1)},rain,lots,",
        f"{day(1)},rain,NaN,",
        f"{day(1)},,3,",
        f"{day(1)},rain,12345678901,",
        "1999-01-01,rain,1,",
        f"{day(1)},rain,1,{day(-4)}",
        f"{day(-7)},rain,1,0001-01-01",
        f"{day(1)},rain,1,9999-12-31",
        f"{day(1)},wind,1,",
        f"{day(1)},wind,2,",
    ]
    with pytest.raises(BadTable) as bad:
        facts.read("\n".join(lines).encode(), restaurant=restaurant, at=NOW)
    assert [(fault.line, fault.field, fault.problem) for fault in bad.value.faults] == [
        (2, "date", "write the date as 2026-12-31"),
        (3, "value", "this is not a number"),
        (4, "value", "this is not a number"),
        (5, "kind", "this is needed"),
        (6, "value", "this is not a number that can be kept"),
        (7, "date", "this is more than ten years ago or more than a year from now"),
        (8, "known", "this lies in the future"),
        (9, "known", "this lies outside the years 2000 to 2100"),
        (10, "known", "this lies outside the years 2000 to 2100"),
        (12, "value", "another line says 1 for this day"),
    ]


def test_more_kinds_than_the_model_can_use_are_refused(restaurant):
    for n in range(12):
        keep(restaurant, (0, 1, 0), kind=f"kind-{n}")
    with pytest.raises(FactsRefused, match="13 kinds of facts"):
        keep(restaurant, (0, 1, 0), kind="one-more")


def test_a_kind_is_taken_out_as_a_whole(restaurant):
    keep(restaurant, (0, 1, 0), (1, 1, 1))
    keep(restaurant, (0, 1, 0), kind="rain-mm")
    assert facts.forget("bookings", by=FLUX, at=NOW) == 2
    assert [each.kind for each in facts.kinds(restaurant)] == ["rain-mm"]
    assert facts.forget("bookings", by=FLUX, at=NOW) == 0


def test_as_many_queries_for_any_number_of_facts(restaurant, django_assert_num_queries):
    for n in (1, 3):
        with django_assert_num_queries(6):  # savepoint, lock, kinds, what is there, write, release
            keep(restaurant, *((-n - i, 5, 0) for i in range(n)))
