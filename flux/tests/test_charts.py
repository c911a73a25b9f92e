"""Charts from plain numbers: right heights, gaps for closed days, and every drawing with its words and table."""

from flux import charts
from flux.charts import Bar, FanPoint


def test_scale_ends_on_a_round_number_above_the_peak() -> None:
    assert charts.Scale.over([93]).lines() == [0, 25, 50, 75, 100]
    assert charts.Scale.over([]).top == 1
    assert charts.Scale.over([0.4]).lines() == [0, 0.1, 0.2, 0.30000000000000004, 0.4]


def test_a_closed_day_is_a_gap_and_not_a_zero() -> None:
    points = [FanPoint(str(day), actual=None if day == 2 else 10) for day in range(5)]
    drawn = charts.fan(points, title="Units", unit="units").svg
    assert drawn.count('class="actual"') == 2
    assert drawn.count('class="dot"') == 4


def test_fan_says_its_numbers_in_words_and_as_a_table() -> None:
    points = [FanPoint("Sat", actual=12), FanPoint("Sun", None, 20, 14, 17, 23, 27)]
    chart = charts.fan(points, title="Units a day", unit="units", split=(1, "today"))
    assert chart.rows == [["Sat", "12", "–", "–", "–"], ["Sun", "–", "20", "17 to 23", "14 to 27"]]
    assert [entry.text for entry in chart.legend] == ["Sold", "Forecast", "50 % range", "80 % range"]
    assert "1 days ahead, in units. Busiest: Sun, 20 units, 4 of 5 times 14 to 27." in chart.svg
    assert "style=" not in chart.svg


def test_bars_carry_what_is_usual() -> None:
    chart = charts.bars([Bar("12", 8, usual=10), Bar("13", 0, usual=2)], title="By hour", unit="units")
    assert chart.rows == [["12", "8", "10"], ["13", "0", "2"]]
    assert chart.svg.count('class="usual"') == 2


def test_labels_cannot_break_out_of_the_drawing() -> None:
    assert "<script" not in charts.bars([Bar("<script>", 1)], title="<script>", unit="units").svg


def test_heat_keeps_slow_items_visible() -> None:
    assert [charts.heat_step(value, 100) for value in (0, 0.1, 1, 25, 49, 100)] == [0, 1, 1, 4, 5, 8]
    assert charts.heat_step(0, 0) == 0


def test_sparkline_needs_two_points() -> None:
    assert charts.sparkline([4]) == ""
    assert "<polyline" in charts.sparkline([4, 5])


def test_a_fan_shows_the_baseline_and_what_days_were() -> None:
    points = [
        FanPoint("Fri", actual=8, baseline=9.5, sold_out=True, note="sold out"),
        FanPoint("Sat", None, 20, 14, 17, 23, 27, baseline=18, special=("event", "school", "override"), note="Fair"),
    ]
    chart = charts.fan(points, title="Soup", unit="units")
    assert [entry.text for entry in chart.legend][4:] == [
        "Same weekday, mean of 4", "Sold out", "Changed by hand", "Event", "School holiday",
    ]  # fmt: skip
    assert chart.head[-2:] == ["Same weekday", "Note"]
    assert chart.rows[1] == ["Sat", "–", "20", "17 to 23", "14 to 27", "18", "Fair"]
    assert (chart.svg.count('class="sold-out"'), chart.svg.count('class="override"')) == (1, 1)
    assert (chart.svg.count('class="school"'), chart.svg.count('class="event"')) == (1, 0)
    assert "Same weekday: 18\nFair" in chart.svg


def test_what_days_were_takes_no_room_where_none_was_special() -> None:
    plain, special = (
        charts.fan([FanPoint("Sat", 1, special=kinds)], title="Soup", unit="units") for kinds in ((), ("event",))
    )
    assert 'height="268"' in plain.svg
    assert 'height="284"' in special.svg
