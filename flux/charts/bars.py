"""A bar chart, with what is usual as a tick across each bar."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from flux.charts.frame import Chart, Scale, Swatch, draw, hits, join, plain, swatch


@dataclass(frozen=True)
class Bar:
    """One bar; `usual` is a tick across it, `mark` draws attention to it, `faint` says that it is not final."""

    label: str
    value: float
    usual: float | None = None
    mark: bool = False
    faint: bool = False


def bars(values: Sequence[Bar], *, title: str, unit: str, name: str = "Sold", usual: str = "Usual") -> Chart:
    """Draw one bar per value, with what is usual as a tick across it."""
    scale = Scale.over([number for bar in values for number in (bar.value, bar.usual) if number is not None])
    drawn = [_bar(index, bar, len(values), scale) for index, bar in enumerate(values)]
    tips = [_bar_tip(bar, unit, name, usual) for bar in values]
    svg = draw(
        scale, [bar.label for bar in values], [], [*drawn, hits(tips)], title=title, words=_bar_words(values, unit)
    )
    has_usual = any(bar.usual is not None for bar in values)
    head = ["", f"{name} ({unit})", *([f"{usual} ({unit})"] if has_usual else [])]
    rows = [[bar.label, plain(bar.value), *([plain(bar.usual)] if has_usual else [])] for bar in values]
    legend = [Swatch(swatch("bar"), name), Swatch(swatch("usual"), usual)] if has_usual else []
    return Chart(title, svg, legend, head, rows)


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
    return join([drawn, tick])


def _bar_tip(bar: Bar, unit: str, name: str, usual: str) -> str:
    lines = [bar.label, f"{name}: {plain(bar.value)} {unit}"]
    return "\n".join(lines if bar.usual is None else [*lines, f"{usual}: {plain(bar.usual)} {unit}"])


def _bar_words(values: Sequence[Bar], unit: str) -> str:
    if not values:
        return "Nothing to show."
    best = max(values, key=lambda bar: bar.value)
    return f"{len(values)} bars, in {unit}. Highest: {best.label}, {plain(best.value)} {unit}."
