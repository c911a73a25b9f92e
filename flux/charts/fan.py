"""A fan chart: what was sold, and what is expected with its ranges; beside them the baseline, and what days were."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from flux.charts import frame
from flux.charts.frame import FOOT, PLOT, TOP, WIDTH, Chart, Scale, Swatch, centre, plain

STRIP = 16  # px below the labels, where the signs of special days stand
SPECIAL = {"override": "Changed by hand", "event": "Event", "holiday": "Public holiday", "school": "School holiday"}
LINES = (
    ("actual", "actual", "Sold"),
    ("middle", "middle", ""),
    ("low50", "band50", "50 % range"),
    ("low80", "band80", "80 % range"),
    ("baseline", "baseline", "Same weekday, mean of 4"),
)


@dataclass(frozen=True)
class FanPoint:
    """One day of a fan chart: what was sold, or what is expected with its 50 % and 80 % ranges; None is a gap.

    `baseline` is what the plain method expects. `special` names what the day was or will be, keys of SPECIAL;
    `sold_out` says that more could have been sold; `note` says all of it in words.
    """

    label: str
    actual: float | None = None
    middle: float | None = None
    low80: float | None = None
    low50: float | None = None
    high50: float | None = None
    high80: float | None = None
    baseline: float | None = None
    sold_out: bool = False
    special: tuple[str, ...] = ()
    note: str = ""


def fan(
    points: Sequence[FanPoint], *, title: str, unit: str, middle: str = "Forecast", split: tuple[int, str] | None = None
) -> Chart:
    """Draw past and expected values with their ranges; `split` marks a point: its index and a word, such as today."""
    scale = Scale.over(_tops(points))
    shapes = [
        _band(points, scale, "band80", "low80", "high80"),
        _band(points, scale, "band50", "low50", "high50"),
        _line(points, scale, "baseline"),
        _line(points, scale, "actual"),
        _line(points, scale, "middle"),
    ]
    marks = [
        *_dots(points, scale),
        *_sold_out(points, scale),
        *_special(points),
        frame.split_line(split, len(points)),
        frame.hits([_tip(point, unit, middle) for point in points]),
    ]
    svg = frame.draw(
        scale,
        [point.label for point in points],
        shapes,
        marks,
        title=title,
        words=_words(points, unit),
        strip=STRIP if any(point.special for point in points) else 0,
    )
    return Chart(title, svg, _legend(points, middle), *_table(points, middle))


def _tops(points: Sequence[FanPoint]) -> list[float]:
    return [
        value
        for point in points
        for value in (point.actual, point.middle, point.high80, point.high50, point.baseline)
        if value is not None
    ]


def _runs(points: Sequence[FanPoint], *names: str) -> list[list[int]]:
    """The stretches of days where all the named numbers are known: a closed day is a gap, not a zero."""
    known = [index for index, point in enumerate(points) if all(getattr(point, name) is not None for name in names)]
    return [[index for _, index in group] for _, group in groupby(enumerate(known), key=lambda pair: pair[1] - pair[0])]


def _line(points: Sequence[FanPoint], scale: Scale, name: str) -> SafeString:
    paths = (
        "M"
        + " L".join(
            f"{centre(index, len(points)) * WIDTH / 100:.1f} {scale.y(getattr(points[index], name)):.1f}"
            for index in run
        )
        for run in _runs(points, name)
        if len(run) > 1
    )
    return format_html_join("", '<path class="{}" d="{}"/>', ((name, path) for path in paths))


def _band(points: Sequence[FanPoint], scale: Scale, css: str, low: str, high: str) -> SafeString:
    return format_html_join(
        "",
        '<path class="{}" d="{}"/>',
        ((css, _band_path(points, run, scale, low, high)) for run in _runs(points, low, high)),
    )


def _band_path(points: Sequence[FanPoint], run: list[int], scale: Scale, low: str, high: str) -> str:
    """There along the upper edge, back along the lower; a day alone is widened, or it would have no area."""
    spread = [(index, 0.0) for index in run] if len(run) > 1 else [(run[0], -0.3), (run[0], 0.3)]
    across = [((index + shift + 0.5) * WIDTH / len(points), points[index]) for index, shift in spread]
    there = [f"{x:.1f} {scale.y(getattr(point, high)):.1f}" for x, point in across]
    back = [f"{x:.1f} {scale.y(max(0, getattr(point, low))):.1f}" for x, point in reversed(across)]
    return "M" + " L".join([*there, *back]) + " Z"


def _dots(points: Sequence[FanPoint], scale: Scale) -> list[SafeString]:
    """A day between two gaps has no line: it gets a dot. So does each day of a short chart."""
    dots = []
    for name, css in (("actual", "dot"), ("middle", "dot middle-dot")):
        runs = _runs(points, name)
        alone = [index for run in runs if len(run) == 1 or len(points) <= 31 for index in run]
        dots += [_circle(css, points, index, scale.y(getattr(points[index], name)), 3) for index in alone]
    return dots


def _sold_out(points: Sequence[FanPoint], scale: Scale) -> list[SafeString]:
    """A ring about what was sold on a day that ran out."""
    found = [index for index, point in enumerate(points) if point.sold_out]
    return [_circle("sold-out", points, index, scale.y(points[index].actual or 0.0), 5) for index in found]


def _circle(css: str, points: Sequence[FanPoint], index: int, y: float, radius: int) -> SafeString:
    return format_html(
        '<circle class="{}" cx="{}%" cy="{}" r="{}"/>', css, f"{centre(index, len(points)):.2f}", f"{y:.1f}", radius
    )


def _special(points: Sequence[FanPoint]) -> list[SafeString]:
    """Below the labels: a bar along school holidays, and on each special day the sign of what matters most there."""
    y, count = TOP + PLOT + FOOT + STRIP // 2 - 2, len(points)
    bars = [
        format_html(
            '<rect class="school" x="{}%" y="{}" width="{}%" height="4"/>',
            f"{index * 100 / count:.2f}",
            y - 2,
            f"{100 / count:.2f}",
        )
        for index, point in enumerate(points)
        if "school" in point.special
    ]
    signs = [
        frame.glyph(kind, index, count, y)
        for index, point in enumerate(points)
        for kind in [kind for kind in SPECIAL if kind in point.special and kind != "school"][:1]
    ]
    return bars + signs


def _legend(points: Sequence[FanPoint], middle: str) -> list[Swatch]:
    """What is in the chart, and nothing else."""
    lines = [
        Swatch(frame.swatch(kind), text or middle)
        for name, kind, text in LINES
        if any(getattr(point, name) is not None for point in points)
    ]
    sold_out = [Swatch(frame.swatch("sold_out"), "Sold out")] if any(point.sold_out for point in points) else []
    special = [
        Swatch(frame.swatch(kind), text)
        for kind, text in SPECIAL.items()
        if any(kind in point.special for point in points)
    ]
    return lines + sold_out + special


def _table(points: Sequence[FanPoint], middle: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows; the baseline and the notes only where there are any."""
    has_baseline = any(point.baseline is not None for point in points)
    has_notes = any(point.note for point in points)
    head = ["Day", "Sold", middle, "50 % range", "80 % range"]
    head += ["Same weekday"] * has_baseline + ["Note"] * has_notes
    return head, [
        [
            *[point.label, plain(point.actual), plain(point.middle)],
            *[_range(point.low50, point.high50), _range(point.low80, point.high80)],
            *[plain(point.baseline)] * has_baseline,
            *[point.note] * has_notes,
        ]
        for point in points
    ]


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{plain(low)} to {plain(high)}"


def _tip(point: FanPoint, unit: str, middle: str) -> str:
    lines = [point.label]
    if point.actual is not None:
        lines.append(f"Sold: {plain(point.actual)} {unit}")
    if point.middle is not None:
        lines.append(f"{middle}: {plain(point.middle)} {unit}")
    if point.low80 is not None:
        lines.append(f"4 of 5 times: {_range(point.low80, point.high80)}")
    if len(lines) == 1:
        lines.append("nothing sold, or closed")
    if point.baseline is not None:
        lines.append(f"Same weekday: {plain(point.baseline)}")
    return "\n".join([*lines, point.note] if point.note else lines)


def _words(points: Sequence[FanPoint], unit: str) -> str:
    ahead = [point for point in points if point.middle is not None]
    if not ahead:
        return f"{len(points)} days, in {unit}."
    busiest = max(ahead, key=lambda point: point.middle or 0)
    expected = f"{plain(busiest.middle)} {unit}, 4 of 5 times {_range(busiest.low80, busiest.high80)}"
    return f"{len(ahead)} days ahead, in {unit}. Busiest: {busiest.label}, {expected}."
