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
