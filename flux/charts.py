"""Charts as server-rendered SVG from plain numbers: no script draws them, and they print as sharp as they show.

Across, everything is in percent; down, in pixels; so text and strokes never scale. Lines and bands lie in a nested
`<svg>` that stretches. Each function returns a `Chart`: the drawing, its legend, and the same numbers as a table for
those who can't see or don't trust a drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

PLOT = 220  # px, the height of the area where numbers are drawn
TOP = 22  # px above it, for the label of the mark
FOOT = 26  # px below it, for the labels of the x axis
WIDTH = 1000  # the nested svg's own units across
DESKTOP, PHONE = 500, 280  # px across that the labels of the x axis may count on
STEPS = 8  # shades of a heat map beyond "nothing"


@dataclass(frozen=True)
class FanPoint:
    """One day of a fan chart: what was sold, or what is expected with its 50 % and 80 % ranges; None is a gap."""

    label: str
    actual: float | None = None
    middle: float | None = None
    low80: float | None = None
    low50: float | None = None
    high50: float | None = None
    high80: float | None = None


@dataclass(frozen=True)
class Bar:
    """One bar; `usual` is a tick across it, `mark` draws attention to it, `faint` says that it is not final."""

    label: str
    value: float
    usual: float | None = None
    mark: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Swatch:
    """An entry of a legend."""

    swatch: SafeString
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing with what belongs to it; templates/components/chart.html shows all of it."""

    title: str
    svg: SafeString
    legend: list[Swatch]
    head: list[str]
    rows: list[list[str]]


def fan(
    points: Sequence[FanPoint], *, title: str, unit: str, middle: str = "Forecast", split: tuple[int, str] | None = None
) -> Chart:
    """Draw past and expected values with their ranges; `split` marks a point: its index and a word, such as today."""
    tops = [
        value
        for point in points
        for value in (point.actual, point.middle, point.high80, point.high50)
        if value is not None
    ]
    scale = Scale.over(tops)
    shapes = [
        _band(points, scale, "band80", "low80", "high80"),
        _band(points, scale, "band50", "low50", "high50"),
        _line(points, scale, "actual"),
        _line(points, scale, "middle"),
    ]
    marks = [
        *_dots(points, scale),
        _split(split, len(points)),
        _hits([_fan_tip(point, unit, middle) for point in points]),
    ]
    svg = _frame(scale, [point.label for point in points], shapes, marks, title=title, words=_fan_words(points, unit))
    return Chart(
        title,
        svg,
        _fan_legend(points, middle),
        ["Day", "Sold", middle, "50 % range", "80 % range"],
        [_fan_row(point) for point in points],
    )


def bars(values: Sequence[Bar], *, title: str, unit: str, name: str = "Sold", usual: str = "Usual") -> Chart:
    """Draw one bar per value, with what is usual as a tick across it."""
    scale = Scale.over([number for bar in values for number in (bar.value, bar.usual) if number is not None])
    drawn = [_bar(index, bar, len(values), scale) for index, bar in enumerate(values)]
    tips = [_bar_tip(bar, unit, name, usual) for bar in values]
    svg = _frame(
        scale, [bar.label for bar in values], [], [*drawn, _hits(tips)], title=title, words=_bar_words(values, unit)
    )
    has_usual = any(bar.usual is not None for bar in values)
    head = ["", f"{name} ({unit})", *([f"{usual} ({unit})"] if has_usual else [])]
    rows = [[bar.label, plain(bar.value), *([plain(bar.usual)] if has_usual else [])] for bar in values]
    legend = [Swatch(_swatch("bar"), name), Swatch(_swatch("usual"), usual)] if has_usual else []
    return Chart(title, svg, legend, head, rows)


def sparkline(values: Sequence[float]) -> SafeString:
    """A line without axes, beside a number that says the same in words; hidden from screen readers for that reason."""
    if len(values) < 2:
        return SafeString("")
    low, high = min(values), max(values)
    span = (high - low) or 1
    steps = [(index * 100 / (len(values) - 1), 92 - 80 * (value - low) / span) for index, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in steps)
    return format_html(
        '<svg class="spark" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        '<polygon class="area" points="0,100 {0} 100,100"/><polyline class="line" points="{0}"/></svg>',
        line,
    )


def meter(share: float, goal: float | None = None) -> SafeString:
    """A share from 0 to 1 as a filled bar, with an optional goal as a stroke; the number stands beside it."""
    mark = (
        format_html('<line class="goal" x1="{0}%" x2="{0}%" y1="0" y2="10"/>', f"{goal * 100:.1f}")
        if goal is not None
        else ""
    )
    return format_html(
        '<svg class="meter" aria-hidden="true"><rect class="track" width="100%" height="10" rx="5"/>'
        '<rect class="fill" width="{}%" height="10" rx="5"/>{}</svg>',
        f"{min(max(share, 0), 1) * 100:.1f}",
        mark,
    )


def heat_step(value: float, peak: float) -> int:
    """A cell's shade, 0 (nothing) to 8 (the table's peak); less than in proportion, so that slow items keep a shape."""
    return 0 if value <= 0 or peak <= 0 else max(1, ceil(STEPS * (value / peak) ** 0.7 - 1e-9))


def plain(value: float | None) -> str:
    """A number as people write it: no decimals from ten on, one below."""
    if value is None:
        return "–"
    rounded = round(float(value), 1)
    return f"{value:,.0f}" if abs(rounded) >= 10 or rounded.is_integer() else f"{rounded:,.1f}"


@dataclass(frozen=True)
class Scale:
    """From numbers to pixels: a round top and the grid lines between."""

    top: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float]) -> "Scale":
        """At most five lines, at 1, 2, 2.5 or 5 times a power of ten."""
        peak = max(values, default=0) or 1
        power = 10 ** floor(log10(peak / 4))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= peak / 4)
        return cls(ceil(peak / step - 1e-9) * step, step)

    def y(self, value: float) -> float:
        return TOP + PLOT * (1 - value / self.top)

    def lines(self) -> list[float]:
        return [self.step * index for index in range(round(self.top / self.step) + 1)]


def _frame(
    scale: "Scale",
    labels: Sequence[str],
    shapes: Sequence[SafeString],
    marks: Sequence[SafeString],
    *,
    title: str,
    words: str,
) -> SafeString:
    """Grid, axes and labels round what is drawn. The title sits in `<defs>`: a name, not a tooltip over everything."""
    name = slugify(title)
    return format_html(
        '<svg class="plot" role="img" aria-labelledby="{name}-title {name}-desc" height="{height}" width="100%">'
        '<defs><title id="{name}-title">{title}</title><desc id="{name}-desc">{words}</desc></defs>'
        "{grid}"
        '<svg width="100%" height="{height}" viewBox="0 0 {width} {height}" preserveAspectRatio="none">{shapes}</svg>'
        "{labels}{marks}</svg>",
        name=name,
        height=TOP + PLOT + FOOT,
        width=WIDTH,
        title=title,
        words=words,
        grid=_grid(scale),
        shapes=_join(shapes),
        labels=_labels(labels),
        marks=_join(marks),
    )


def _grid(scale: Scale) -> SafeString:
    return format_html_join(
        "",
        '<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/><text class="axis y" x="-8" y="{}">{}</text>',
        (
            (
                "grid-line" if value else "zero-line",
                f"{scale.y(value):.1f}",
                f"{scale.y(value):.1f}",
                f"{scale.y(value) + 4:.1f}",
                f"{value:,g}",
            )
            for value in scale.lines()
        ),
    )


def _labels(labels: Sequence[str]) -> SafeString:
    """As many labels as fit a card on a desktop, and of those as many as fit a phone."""
    wide = 6.5 * max((len(label) for label in labels), default=1) + 8  # px, with a gap
    every = ceil(len(labels) / (DESKTOP // wide))
    shown = [(index, label) for index, label in enumerate(labels) if index % max(every, 1) == 0]
    on_phone = max(1, ceil(len(shown) / (PHONE // wide)))
    return format_html_join(
        "",
        '<text class="axis{}" x="{}%" y="{}">{}</text>',
        (
            (" minor" if place % on_phone else "", f"{_middle(index, len(labels)):.2f}", TOP + PLOT + 18, label)
            for place, (index, label) in enumerate(shown)
        ),
    )


def _middle(index: int, count: int) -> float:
    """The centre of a column in percent."""
    return (index + 0.5) * 100 / max(count, 1)


def _runs(points: Sequence[FanPoint], *names: str) -> list[list[int]]:
    """The stretches of days where all the named numbers are known: a closed day is a gap, not a zero."""
    known = [index for index, point in enumerate(points) if all(getattr(point, name) is not None for name in names)]
    return [[index for _, index in group] for _, group in groupby(enumerate(known), key=lambda pair: pair[1] - pair[0])]


def _line(points: Sequence[FanPoint], scale: Scale, name: str) -> SafeString:
    paths = (
        "M"
        + " L".join(
            f"{_middle(index, len(points)) * WIDTH / 100:.1f} {scale.y(getattr(points[index], name)):.1f}"
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
        dots += [
            format_html(
                '<circle class="{}" cx="{}%" cy="{}" r="3"/>',
                css,
                f"{_middle(index, len(points)):.2f}",
                f"{scale.y(getattr(points[index], name)):.1f}",
            )
            for index in alone
        ]
    return dots


def _split(split: tuple[int, str] | None, count: int) -> SafeString:
    if split is None:
        return SafeString("")
    return format_html(
        '<line class="today-line" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/>'
        '<text class="today-label" x="{0}%" y="12">{3}</text>',
        f"{split[0] * 100 / count:.2f}",
        TOP - 6,
        TOP + PLOT,
        split[1],
    )


def _hits(tips: Sequence[str]) -> SafeString:
    """An invisible column per value that answers to the pointer; the words are in data-tip, shown by flux.js."""
    count = len(tips)
    return format_html_join(
        "",
        '<rect class="hit" x="{}%" y="{}" width="{}%" height="{}" data-tip="{}"/>',
        ((f"{index * 100 / count:.2f}", TOP, f"{100 / count:.2f}", PLOT, tip) for index, tip in enumerate(tips)),
    )


def _bar(index: int, bar: Bar, count: int, scale: Scale) -> SafeString:
    width = 100 / count
    css = "bar mark" if bar.mark else "bar faint" if bar.faint else "bar"
    drawn = format_html(
        '<rect class="{}" x="{}%" y="{}" width="{}%" height="{}" rx="4"/>',
        css,
        f"{(index + 0.16) * width:.2f}",
        f"{scale.y(bar.value):.1f}",
        f"{0.68 * width:.2f}",
        f"{max(0, scale.y(0) - scale.y(bar.value)):.1f}",
    )
    if bar.usual is None:
        return drawn
    tick = format_html(
        '<line class="usual" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>',
        f"{(index + 0.1) * width:.2f}",
        f"{(index + 0.9) * width:.2f}",
        y=f"{scale.y(bar.usual):.1f}",
    )
    return _join([drawn, tick])


def _swatch(kind: str) -> SafeString:
    wide = '<rect class="band80" width="20" height="12" rx="3"/>'
    shapes = {
        "bar": '<rect class="bar" y="1" width="20" height="10" rx="3"/>',
        "usual": '<line class="usual" x1="2" x2="18" y1="6" y2="6"/>',
        "actual": '<path class="actual" d="M1 6H19"/>',
        "middle": '<path class="middle" d="M0 6H20"/>',
        "band50": f'{wide}<rect class="band50" width="20" height="12" rx="3"/>',
        "band80": wide,
    }
    return format_html('<svg viewBox="0 0 20 12">{}</svg>', SafeString(shapes[kind]))


def _fan_legend(points: Sequence[FanPoint], middle: str) -> list[Swatch]:
    names = (
        ("actual", "actual", "Sold"),
        ("middle", "middle", middle),
        ("low50", "band50", "50 % range"),
        ("low80", "band80", "80 % range"),
    )
    return [
        Swatch(_swatch(kind), text)
        for name, kind, text in names
        if any(getattr(point, name) is not None for point in points)
    ]


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{plain(low)} to {plain(high)}"


def _fan_row(point: FanPoint) -> list[str]:
    ranges = [_range(point.low50, point.high50), _range(point.low80, point.high80)]
    return [point.label, plain(point.actual), plain(point.middle), *ranges]


def _fan_tip(point: FanPoint, unit: str, middle: str) -> str:
    lines = [point.label]
    if point.actual is not None:
        lines.append(f"Sold: {plain(point.actual)} {unit}")
    if point.middle is not None:
        lines.append(f"{middle}: {plain(point.middle)} {unit}")
    if point.low80 is not None:
        lines.append(f"4 of 5 times: {_range(point.low80, point.high80)}")
    return "\n".join(lines if len(lines) > 1 else [*lines, "nothing sold, or closed"])


def _fan_words(points: Sequence[FanPoint], unit: str) -> str:
    ahead = [point for point in points if point.middle is not None]
    if not ahead:
        return f"{len(points)} days, in {unit}."
    busiest = max(ahead, key=lambda point: point.middle or 0)
    expected = f"{plain(busiest.middle)} {unit}, 4 of 5 times {_range(busiest.low80, busiest.high80)}"
    return f"{len(ahead)} days ahead, in {unit}. Busiest: {busiest.label}, {expected}."


def _bar_tip(bar: Bar, unit: str, name: str, usual: str) -> str:
    lines = [bar.label, f"{name}: {plain(bar.value)} {unit}"]
    return "\n".join(lines if bar.usual is None else [*lines, f"{usual}: {plain(bar.usual)} {unit}"])


def _bar_words(values: Sequence[Bar], unit: str) -> str:
    if not values:
        return "Nothing to show."
    best = max(values, key=lambda bar: bar.value)
    return f"{len(values)} bars, in {unit}. Highest: {best.label}, {plain(best.value)} {unit}."


def _join(parts: Sequence[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))
