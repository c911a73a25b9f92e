"""`manage.py backtest`: the table for a restaurant and for a file."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from forecasting.models import Backtest
from forecasting.tests import generated
from forecasting.tests.factories import trade


@pytest.fixture
def file(tmp_path):
    """A CSV of so many days of two dishes."""

    def write(n_days):
        panel = generated.sales(n_days, 2)
        rows = [
            f"{day},{item},{panel.sold[d, i]:.0f}"
            for d, day in enumerate(panel.days)
            for i, item in enumerate(("Soup", "Pie"))
        ]
        path = tmp_path / "sales.csv"
        path.write_text("\n".join(["date,item,quantity", *rows]))
        return path

    return write


def test_a_file_is_enough(file, capsys, db):
    call_command("backtest", file=file(70), country="FR")
    said = capsys.readouterr().out
    assert "2024-02-26 to 2024-03-10: 2 weeks hidden, 14 open days" in said
    assert "same weekday, mean of 4 weeks" in said
    assert "\nSoup " in said
    assert "items get that mean." in said


def test_a_file_that_is_too_short_is_refused_in_words(file, db):
    with pytest.raises(CommandError, match=r"needs 56 days .* has 40"):
        call_command("backtest", file=file(40))


def test_a_restaurants_result_is_kept(restaurant, capsys):
    items = trade(63, 2, last_on=restaurant.business_date(timezone.now()) - dt.timedelta(days=1))
    call_command("backtest", restaurant="bistro")
    assert items[0].name in capsys.readouterr().out
    assert Backtest.objects.count() == 1


def test_an_unknown_restaurant_is_named(db):
    with pytest.raises(CommandError, match="There is no restaurant nowhere"):
        call_command("backtest", restaurant="nowhere")
