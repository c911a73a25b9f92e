"""Small pictures beside a number: a line, a meter, and the shade of a cell."""

from collections.abc import Sequence
from math import ceil

from django.utils.html import format_html
from django.utils.safestring import SafeString

from flux.charts.frame import GLYPHS

SIGNS = {**GLYPHS, "school": '<rect class="school" x="-5" y="-2" width="10" height="4" rx="2"/>'}
STEPS = 8  # shades of a heat map beyond "nothing"


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


def sign(kind: str) -> SafeString:
    """The sign of a special day, as in the legend of a fan chart; the words stand beside it."""
    return format_html('<svg class="sign" viewBox="-6 -6 12 12" aria-hidden="true">{}</svg>', SafeString(SIGNS[kind]))


def heat_step(value: float, peak: float) -> int:
    """A cell's shade, 0 (nothing) to 8 (the table's peak); less than in proportion, so that slow items keep a shape."""
    return 0 if value <= 0 or peak <= 0 else max(1, ceil(STEPS * (value / peak) ** 0.7 - 1e-9))
