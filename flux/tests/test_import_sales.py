"""The command `import_sales`."""

import csv
import gzip

import pytest
from django.core.management import CommandError, call_command

from pos.models import Connection, DailySales, Order
from tenants.context import public_context
from tenants.office.models import Job

SALES = "when;what;how many;price\n03.04.2025 12:30;Soup;2;4,50\n13.04.2025 12:30;Pie;1;9,00\nsoon;Pie;1;9,00\n"
MAPPED = ["date=when", "item=what", "quantity=how many"]


@pytest.fixture
def told(restaurant, tmp_path, capsys):
    """Run the command on a file of SALES, outside of any restaurant; what it said."""
    file = tmp_path / "sales.csv"
    file.write_text(SALES)

    def run(*arguments, path=file, slug="bistro", mapping=MAPPED):
        given = [argument for each in mapping for argument in ("--map", each)]
        with public_context():
            call_command("import_sales", str(path), "--restaurant", slug, *given, *arguments)
        return capsys.readouterr().out

    return run


def test_a_file_is_imported_and_the_pipeline_follows(told, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        said = told("--prices-include-tax", "10%")
    assert said.startswith("sales.csv: 3 rows, 2 accepted, 1 refused\n  line 4: timestamp “soon” is not a date\n")
    assert "2025-04-03 to 2025-04-13, 2 dates, 3 units" in said
    assert "orders: 2 new, 0 changed, 0 unchanged, 0 removed; 2 new menu items" in said
    assert "Forecast and suggested orders follow in the background." in said
    assert Job.objects.get().kind == "pipeline"
    assert Connection.objects.get().prices_include_tax is True
    assert "0 new, 0 changed, 2 unchanged" in told("--no-pipeline", mapping=[])  # the mapping is remembered


def test_gzip_and_refused_rows_to_a_file(told, tmp_path):
    (tmp_path / "sales.csv.gz").write_bytes(gzip.compress(SALES.encode()))
    told("--no-pipeline", "--rejects", str(tmp_path / "refused.csv"), path=tmp_path / "sales.csv.gz")
    with (tmp_path / "refused.csv").open(encoding="utf-8-sig") as refused:
        assert [row[:4] for row in csv.reader(refused)][1] == ["4", "timestamp", "soon", "is not a date"]
    assert not Job.objects.exists()


def test_a_dry_run_says_what_would_change_and_changes_nothing(told):
    said = told("--dry-run")
    assert "orders: 2 new" in said
    assert "Nothing was changed" in said
    assert (Order.objects.count(), DailySales.objects.count(), Job.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("arguments", [{"mapping": []}, {"path": "/nowhere/sales.csv"}])
def test_the_exit_code_says_that_nothing_could_be_imported(told, arguments):
    with pytest.raises(SystemExit, match="1"):
        told(**arguments)
    assert Order.objects.count() == 0


def test_options_that_cannot_be_are_refused(told):
    with pytest.raises(CommandError, match="There is no restaurant “nobody”"):
        told(slug="nobody")
    with pytest.raises(CommandError, match="is not field=column"):
        told(mapping=["item"])
    with pytest.raises(CommandError, match="is no tax rate"):
        told("--prices-include-tax", "much")
