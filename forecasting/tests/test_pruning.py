"""What goes of old forecasts, and what stays."""

import datetime as dt
from decimal import Decimal

import pytest

from forecasting import forecast, pruning
from forecasting.models import Forecast, Run
from forecasting.tests.factories import NOW, TODAY, trade
from tenants.actors import FLUX

DAY = dt.timedelta(days=1)


def run(made_at, *, status="completed", rows=1, item=None):
    stamps = {"started_at": made_at, "finished_at": made_at}
    made = Run.objects.create(created_at=made_at, status=status, cutoff_on=(made_at - DAY).date(), **stamps)
    for n in range(rows):
        Forecast.objects.create(run=made, menu_item=item, date=made_at.date() + n * DAY, mean=3, confidence=1)
    return made


@pytest.fixture
def soup(restaurant):
    return trade(10, 1)[0]


def rows_of(*runs):
    return [each.forecasts.count() for each in runs]


def test_rows_go_once_their_days_have_been_scored_and_runs_stay(soup):
    old, young, newest = (run(NOW - n * DAY, rows=3, item=soup) for n in (9, 7, 0))
    assert pruning.prune(now=NOW) == 3
    assert rows_of(old, young, newest) == [0, 3, 3]
    assert pruning.prune(now=NOW) == 0


def test_the_current_run_stays_however_old_it_is(soup):
    current = run(NOW - 500 * DAY, rows=3, item=soup)
    run(NOW - 1 * DAY, status="failed", rows=0)
    assert pruning.prune(now=NOW) == 0
    assert (Run.objects.current(), rows_of(current)) == (current, [3])


def test_a_run_on_which_an_order_rests_stays(soup):
    used, other, _ = (run(NOW - n * DAY, rows=2, item=soup) for n in (20, 19, 0))
    assert pruning.prune(now=NOW, in_use=[used.pk]) == 2
    assert rows_of(used, other) == [2, 0]


def test_runs_of_last_year_go(soup):
    oldest, older, _ = (run(NOW - n * DAY, item=soup) for n in (401, 399, 0))
    pruning.prune(now=NOW)
    assert set(Run.objects.values_list("pk", flat=True)) & {oldest.pk, older.pk} == {older.pk}


def test_what_an_integrator_said_goes_five_weeks_after_its_day(soup):
    said = {"predicted_quantity": Decimal(4), "confidence": Decimal("0.9"), "today": TODAY, "now": NOW, "by": FLUX}
    early, late = (forecast.record(soup, date=TODAY + n * DAY, **said) for n in (1, 3))
    pruning.prune(now=NOW + 37 * DAY)
    assert list(Forecast.objects.all()) == [late]
    assert not Run.objects.filter(pk=early.run_id).exists()
