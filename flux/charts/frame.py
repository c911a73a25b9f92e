"""What every chart stands in: scale, grid, labels, legend, and the columns that answer to the pointer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

PLOT = 220  # px, the height of the area where numbers are drawn
TOP = 22  # px above it, for the label of the mark
FOOT = 26  # px below it, for the labels of the x axis
WIDTH = 1000  # the nested svg's own units across
DESKTOP, PHONE = 500, 280  # px across that the labels of the x axis may count on
GLYPHS = {
    "event": '<path class="event" d="M0 -5 5 4 -5 4Z"/>',
    "holiday": '<path class="holiday" d="M0 -5 5 0 0 5 -5 0Z"/>',
    "override": '<circle class="override" r="4.5"/>',
}


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


def draw(
    scale: "Scale",
    labels: Sequence[str],
    shapes: Sequence[SafeString],
    marks: Sequence[SafeString],
    *,
    title: str,
    words: str,
    strip: int = 0,
) -> SafeString:
    """Grid, axes and labels round what is drawn. The title sits in `<defs>`: a name, not a tooltip over everything.

    `strip` is the height in px of what the marks add below the labels.
    """
    name = slugify(title)
    return format_html(
        '<svg class="plot" role="img" aria-labelledby="{name}-title {name}-desc" height="{height}" width="100%">'
        '<defs><title id="{name}-title">{title}</title><desc id="{name}-desc">{words}</desc></defs>'
        "{grid}"
        '<svg width="100%" height="{height}" viewBox="0 0 {width} {height}" preserveAspectRatio="none">{shapes}</svg>'
        "{labels}{marks}</svg>",
        name=name,
        height=TOP + PLOT + FOOT + strip,
        width=WIDTH,
        title=title,
        words=words,
        grid=_grid(scale),
        shapes=join(shapes),
        labels=_labels(labels),
        marks=join(marks),
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
            (" minor" if place % on_phone else "", f"{centre(index, len(labels)):.2f}", TOP + PLOT + 18, label)
            for place, (index, label) in enumerate(shown)
        ),
    )


def centre(index: int, count: int) -> float:
    """The centre of a column in percent."""
    return (index + 0.5) * 100 / max(count, 1)


def split_line(split: tuple[int, str] | None, count: int) -> SafeString:
    """A line before the column that `split` names, with its word."""
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


def hits(tips: Sequence[str]) -> SafeString:
    """An invisible column per value that answers to the pointer; the words are in data-tip, shown by flux.js."""
    count = len(tips)
    return format_html_join(
        "",
        '<rect class="hit" x="{}%" y="{}" width="{}%" height="{}" data-tip="{}"/>',
        ((f"{index * 100 / count:.2f}", TOP, f"{100 / count:.2f}", PLOT, tip) for index, tip in enumerate(tips)),
    )


def swatch(kind: str) -> SafeString:
    """What an entry of the legend shows."""
    wide = '<rect class="band80" width="20" height="12" rx="3"/>'
    shapes = {
        "bar": '<rect class="bar" y="1" width="20" height="10" rx="3"/>',
        "usual": '<line class="usual" x1="2" x2="18" y1="6" y2="6"/>',
        "actual": '<path class="actual" d="M1 6H19"/>',
        "middle": '<path class="middle" d="M0 6H20"/>',
        "band50": f'{wide}<rect class="band50" width="20" height="12" rx="3"/>',
        "band80": wide,
        "baseline": '<path class="baseline" d="M0 6H20"/>',
        "sold_out": '<circle class="sold-out" cx="10" cy="6" r="4.5"/>',
        "school": '<rect class="school" x="2" y="4" width="16" height="4" rx="2"/>',
        **{kind: f'<g transform="translate(10 6)">{glyph}</g>' for kind, glyph in GLYPHS.items()},
    }
    return format_html('<svg viewBox="0 0 20 12">{}</svg>', SafeString(shapes[kind]))


def glyph(kind: str, index: int, count: int, y: int) -> SafeString:
    """A small sign in the middle of a column."""
    return format_html(
        '<svg x="{}%" y="{}" overflow="visible">{}</svg>', f"{centre(index, count):.2f}", y, SafeString(GLYPHS[kind])
    )


def join(parts: Sequence[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))
