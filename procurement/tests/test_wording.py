import datetime as dt
from decimal import Decimal

import pytest

from procurement import wording


@pytest.mark.parametrize(
    ("quantity", "base_unit", "said"),
    [
        (18_437, "g", "18.4 kg"),
        (1_840, "g", "1.84 kg"),
        (999, "g", "999 g"),
        (42.37, "g", "42.4 g"),
        (184_370, "ml", "184 l"),
        (7.5, "each", "7.5 each"),
        (1_250_000, "each", "1,250,000 each"),
        (0, "g", "0.0 g"),
    ],
)
def test_amounts_are_said_in_the_unit_that_people_use(quantity, base_unit, said):
    assert wording.amount(quantity, base_unit) == said


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(-1, ""), (0, "0 min"), (59, "59 min"), (320, "5 h 20 min"), (38 * 60, "1 day 14 h"), (72 * 60, "3 days")],
)
def test_time_is_said_as_short_as_it_helps(minutes, said):
    now = dt.datetime(2026, 11, 22, 5, tzinfo=dt.UTC)
    assert wording.time_left(now + dt.timedelta(minutes=minutes), now) == said


@pytest.mark.parametrize(
    ("count", "size", "unit", "label"),
    [
        ("1", "5.0000", "kg", "5 kg"),
        ("6", "1", "l", "6 × 1 l"),
        ("12", "0.750", "l", "12 × 0.75 l"),
        ("1", "30", "each", "30 each"),
    ],
)
def test_packs_are_written_as_on_the_box(count, size, unit, label):
    assert wording.pack_label(Decimal(count), Decimal(size), unit) == label
