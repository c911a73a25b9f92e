"""Charts as server-rendered SVG from plain numbers: no script draws them, and they print as sharp as they show.

Across, everything is in percent; down, in pixels; so text and strokes never scale. Lines and bands lie in a nested
`<svg>` that stretches. Each function returns a `Chart`: the drawing, its legend, and the same numbers as a table for
those who can't see or don't trust a drawing.
"""

from flux.charts.bars import Bar, bars
from flux.charts.fan import SPECIAL, FanPoint, fan
from flux.charts.frame import Chart, Scale, Swatch, plain
from flux.charts.small import heat_step, meter, sign, sparkline

__all__ = [
    "SPECIAL",
    "Bar",
    "Chart",
    "FanPoint",
    "Scale",
    "Swatch",
    "bars",
    "fan",
    "heat_step",
    "meter",
    "plain",
    "sign",
    "sparkline",
]
