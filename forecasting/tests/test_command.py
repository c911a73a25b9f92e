"""The command on files that people might give it: a sound forecast, or a message that names what is wrong."""

import csv
import datetime as dt
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecasting import __main__ as command

CUTOFF = dt.date(2024, 3, 31)
HEADER = "date,item,quantity\n"
PLAIN = HEADER + "".join(f"{CUTOFF - dt.timedelta(days=back)},soup,{5 + back % 3}\n" for back in range(20))


class Asked:
    """Runs the command in a directory of its own."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self.capsys = directory, capsys
        self.output = directory / "forecast.csv"

    def run(self, history: str | bytes, *, items: str | None = None, cutoff: object = CUTOFF, **options: object) -> str:
        """Its standard error; the answer is in `output`."""
        self.output.unlink(missing_ok=True)
        content = history if isinstance(history, bytes) else history.encode()
        (self.directory / "sales.csv").write_bytes(content)
        given_: dict[str, object] = {"history": self.directory / "sales.csv", "output": self.output, "horizon": 3}
        if items is not None:
            (self.directory / "items.csv").write_text(items)
            given_["items"] = self.directory / "items.csv"
        given_ |= {"cutoff": cutoff} | options
        command.main([part for name, value in given_.items() for part in (f"--{name}", str(value))])
        return self.capsys.readouterr().err

    def refused(self, history: str | bytes, **options: object) -> str:
        """The message with which it gives up, leaving nothing behind."""
        with pytest.raises(SystemExit) as end:
            self.run(history, **options)
        assert end.value.code == 2
        assert {path.name for path in self.directory.iterdir()} <= {"sales.csv", "items.csv"}
        return self.capsys.readouterr().err.strip().splitlines()[-1].replace(f"{self.directory}/", "")

    def answer(self) -> list[dict[str, str]]:
        """The rows of the output, each of them sound."""
        with self.output.open() as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            numbers = [float(row[name]) for name in command.COLUMNS[2:]]
            assert all(math.isfinite(number) and number >= 0 for number in numbers), row
            assert numbers[1:] == sorted(numbers[1:]), row
        return rows


@pytest.fixture
def asked(tmp_path, capsys) -> Asked:
    return Asked(tmp_path, capsys)


def test_the_answer_has_exactly_these_columns(asked):
    assert asked.run(PLAIN) == ""
    assert asked.output.read_text().splitlines()[0] == "date,item,mean,q10,q25,q50,q75,q90,q95"
    assert [row["date"] for row in asked.answer()] == ["2024-04-01", "2024-04-02", "2024-04-03"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-03-31,soup,many", "sales.csv, row 22: quantity “many” is not a number."),
        ("2024-03-31,soup,nan", "sales.csv, row 22: quantity “nan” is not a number."),
        ("2024-03-31,soup,inf", "sales.csv, row 22: quantity “inf” is not a number."),
        ("2024-03-31,soup,", "sales.csv, row 22: quantity “” is not a number."),
        ("2024-03-31,soup,1e12", "quantity “1e12” is more than the 1,000,000 of an item that a day can sell."),
        ("2024-03-31,soup,-1e12", "quantity “-1e12” is more than"),
        ("31/03/2024,soup,4", "row 22: date “31/03/2024” is not a date such as 2026-11-22."),
        ("2024-02-30,soup,4", "row 22: date “2024-02-30” is not a date"),
        ("2024-03-31,  ,4", "row 22: item is empty."),
        ("2024-03-31", "row 22: item is empty."),
    ],
)
def test_a_row_that_makes_no_sense_is_named(asked, row, message):
    assert message in asked.refused(PLAIN + row + "\n")


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("", "sales.csv has no column date and no column item and no column quantity in its first row."),
        ("date,quantity\n2024-03-31,4\n", "sales.csv has no column item in its first row."),
        (HEADER, "sales.csv has no sales in the 800 days up to 2024-03-31: there is nothing to forecast from."),
        (HEADER + "2024-04-01,soup,4\n", "there is nothing to forecast from."),
        (HEADER + "1969-03-31,soup,4\n", "there is nothing to forecast from."),
        (HEADER + "2024-03-31,soup,-4\n", "there is nothing to forecast from."),
        (b"\xff\xfe\x00", "sales.csv is not text in UTF-8."),
        (HEADER + '2024-03-31,"' + "x" * 200_000, "sales.csv is not a CSV file"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(asked, history, message):
    assert message in asked.refused(history)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "“0” is not a whole number of days from 1 to 364."),
        ({"horizon": 1000}, "“1000” is not a whole number"),
        ({"horizon": -3}, "“-3” is not a whole number"),
        ({"horizon": "ten"}, "“ten” is not a whole number"),
        ({"cutoff": "tomorrow"}, "“tomorrow” is not a date"),
        ({"cutoff": "9999-12-31"}, "“9999-12-31” is not in the years"),
        ({"items": "dish\nsoup\n"}, "items.csv has no column item in its first row."),
        ({"items": "item\n"}, "items.csv names no item."),
        ({"output": "/nowhere/forecast.csv"}, "/nowhere/forecast.csv cannot be written: No such file or directory."),
    ],
)
def test_an_option_that_makes_no_sense_is_named(asked, options, message):
    assert message in asked.refused(PLAIN, **options)


def test_a_file_that_is_not_there_is_named(asked, capsys):
    with pytest.raises(SystemExit):
        command.main(["--history", "nowhere.csv", "--cutoff", "2024-03-31", "--horizon", "3", "--output", "none.csv"])
    assert "nowhere.csv cannot be read: No such file or directory." in capsys.readouterr().err


def test_an_older_answer_stays_when_there_is_no_new_one(asked):
    asked.run(PLAIN)
    kept = asked.output.read_bytes()
    asked.output.rename(asked.directory / "kept.csv")
    with pytest.raises(SystemExit):
        asked.run(PLAIN + "2024-03-31,soup,many\n", output=asked.directory / "kept.csv")
    assert (asked.directory / "kept.csv").read_bytes() == kept


def test_the_same_item_twice_on_a_day_adds_up_and_returns_are_taken_off(asked):
    asked.run(PLAIN)
    plain = asked.output.read_bytes()
    asked.run(PLAIN + "2024-03-31,soup,2\n2024-03-31,soup,-2\n")
    assert asked.output.read_bytes() == plain


def test_days_after_the_cutoff_do_not_matter_whatever_they_say(asked):
    asked.run(PLAIN)
    plain = asked.output.read_bytes()
    asked.run(PLAIN + "2024-04-01,soup,900\n2999-01-01,cake,nonsense\n")
    assert asked.output.read_bytes() == plain


def test_an_item_that_was_never_sold_gets_nothing_and_a_word(asked):
    said = asked.run(PLAIN, items="item\ncake\nsoup\ncake\n")
    assert "cake was not sold up to 2024-03-31: its forecast is 0." in said
    assert [(row["item"], float(row["mean"]) > 0) for row in asked.answer()] == 3 * [("cake", False), ("soup", True)]


def test_an_unknown_country_has_no_holidays_and_a_word(asked):
    assert "the public holidays of ZZ are not known" in asked.run(PLAIN, country="ZZ")
    assert len(asked.answer()) == 3
    assert asked.run(PLAIN, country="DE", subdiv="nonsense") == ""


def test_one_sale_ever(asked):
    asked.run(HEADER + f"{CUTOFF},soup,7\n", horizon=364)
    assert len(asked.answer()) == 364
    assert all(float(row["mean"]) > 0 for row in asked.answer())


def test_a_house_that_has_long_been_closed_is_expected_to_sell_what_it_did(asked):
    asked.run(PLAIN, cutoff=CUTOFF + dt.timedelta(days=700))
    assert all(4 < float(row["mean"]) < 8 for row in asked.answer())


def test_ten_years_are_read_as_far_back_as_the_engine_looks(tmp_path):
    history = tmp_path / "sales.csv"
    history.write_text(HEADER + "".join(f"{CUTOFF - dt.timedelta(days=back)},soup,3\n" for back in range(3650)))
    days = [day for day, _, _ in command.read_history(history, until=CUTOFF)]
    assert (len(days), days[0], days[-1]) == (800, CUTOFF, CUTOFF - dt.timedelta(days=799))


FIELDS = st.one_of(
    st.floats().map(str), st.integers(-50, 50).map(str), st.sampled_from(["", "x", "1e400", "-0", "٣", "1_0", " 4 "])
)
DAYS = st.one_of(
    st.integers(0, 40).map(lambda back: str(CUTOFF - dt.timedelta(days=back))),
    st.sampled_from(["2024-13-01", "", "0001-01-01", "9999-12-31", "2024-03-31T00:00"]),
)
ROWS = st.lists(st.tuples(DAYS, st.sampled_from(["soup", "cake", "Crème, “brûlée”", "\x00"]), FIELDS), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, horizon=st.integers(1, 40))
def test_whatever_is_in_it_there_is_a_sound_answer_or_a_message(asked, rows, horizon):
    with (asked.directory / "any.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["date", "item", "quantity"], *rows])
    history = (asked.directory / "any.csv").read_bytes()
    (asked.directory / "any.csv").unlink()
    try:
        asked.run(history, horizon=horizon)
    except SystemExit as end:
        assert end.code == 2  # noqa: PT017 - either end will do
        assert "sales.csv" in asked.capsys.readouterr().err
    else:
        assert len(asked.answer()) % horizon == 0
