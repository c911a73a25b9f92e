"""The forecast's own pictures and numbers: `{% cells line grid peak %}`, `{{ day.units|tenths }}`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flux import charts
from flux.charts import Chart, FanPoint
from forecasting.arithmetic.grid import Grid, Line
from forecasting.occasions import Occasion

register = template.Library()

NOTHING = SafeString("–")
TENTHS = 10
HOUSE_PAST_DAYS = 28


@register.filter
def tenths(steps: int | None) -> SafeString:
    """124 tenths are 12.4, the tenth smaller than the rest; 120 are 12."""
    return NOTHING if steps is None else SafeString(_shown(steps, TENTHS))


@register.simple_tag
def cells(line: Line, grid: Grid, peak: int) -> SafeString:
    """A row's cells, shaded by `peak`, the greatest number of the table; 0 shades none. They hold digits only."""
    return SafeString("".join(_cell(steps, grid.per, peak) for steps in line.cells))


@register.simple_tag
def total(line: Line, grid: Grid) -> SafeString:
    """The sum of what a row shows."""
    return SafeString(_shown(line.total, grid.per))


@register.filter
def tells(occasion: Occasion) -> str:
    """What a day is, in one line: for the title of its sign."""
    closed = [] if occasion.closed is None else [f"closed: {occasion.closed}" if occasion.closed else "closed"]
    said = [*closed, occasion.public_holiday, occasion.school_holiday, *occasion.events, *occasion.overrides]
    return ", ".join(dict.fromkeys(filter(None, said)))


@register.simple_tag
def day_signs(occasion: Occasion) -> SafeString:
    """The signs of a special day, for the head of its column; the words are for those who do not see them."""
    kinds = special(occasion)
    if not kinds:
        return SafeString("")
    drawn = SafeString("".join(charts.sign(kind) for kind in kinds))
    return format_html(
        '<span class="signs" title="{0}">{1}<span class="hide-visually">{0}</span></span>', tells(occasion), drawn
    )


@register.simple_tag
def signs_of(days: Sequence[Any]) -> list[charts.Swatch]:
    """The legend of the signs that these days have."""
    found = {kind for day in days for kind in special(day.occasion)}
    return [charts.Swatch(charts.sign(kind), text) for kind, text in charts.SPECIAL.items() if kind in found]


@register.inclusion_tag("components/chart.html")
def house_chart(page: Any, first: date, word: str = "today") -> dict[str, Chart]:
    """The house's units: four weeks of sales, then the days of an `overview.Overview`."""
    past = [first - timedelta(days=back) for back in range(HOUSE_PAST_DAYS, 0, -1)]
    points = [FanPoint(_label(day), page.sold.get(day)) for day in past] + [_house_point(line) for line in page.days]
    words = {"title": "Units a day, all dishes", "unit": "units", "middle": "Expected"}
    return {"chart": charts.fan(points, split=(HOUSE_PAST_DAYS, word), **words)}


@register.inclusion_tag("components/chart.html")
def item_chart(days: Sequence[Any], name: str, n_past: int, word: str = "today") -> dict[str, Chart]:
    """A dish's sales and forecast, from `dish.DishDay`s; `n_past` of them come before `word`."""
    points = [_dish_point(day) for day in days]
    words = {"title": f"{name}, units a day", "unit": "units", "middle": "Expected"}
    return {"chart": charts.fan(points, split=(n_past, word), **words)}


def special(occasion: Occasion) -> tuple[str, ...]:
    """The kinds of signs that a day gets."""
    kinds = {
        "override": occasion.overrides,
        "event": occasion.events,
        "holiday": occasion.public_holiday,
        "school": occasion.school_holiday,
    }
    return tuple(kind for kind, found in kinds.items() if found)


def _house_point(line: Any) -> FanPoint:
    point = FanPoint(_label(line.date), special=special(line.occasion), note=tells(line.occasion))
    found = line.outlook
    if found is None:
        return point
    ranges = {name: getattr(found, name) for name in ("low80", "low50", "high50", "high80")}
    return replace(point, middle=found.units, **ranges)


def _dish_point(day: Any) -> FanPoint:
    told = [tells(day.occasion)] + ["sold out"] * day.sold_out
    return FanPoint(
        _label(day.date),
        day.sold,
        day.mean,
        day.q10,
        day.q25,
        day.q75,
        day.q90,
        baseline=day.baseline,
        sold_out=day.sold_out,
        special=special(day.occasion),
        note=", ".join(filter(None, told)),
    )


def _label(day: date) -> str:
    return f"{day.day} {day:%b}"


def _cell(steps: int | None, per: int, peak: int) -> str:
    if steps is None:
        return '<td class="closed">–</td>'
    shade = f' class="q{charts.heat_step(steps, peak)}"' if peak else ""
    return f"<td{shade}>{_shown(steps, per)}</td>"


def _shown(steps: int, per: int) -> str:
    whole, rest = divmod(steps, per)
    return f"{whole:,}<small>.{rest}</small>" if rest else f"{whole:,}"


@register.inclusion_tag("components/chart.html")
def proof_chart(days: Sequence[Any], name: str) -> dict[str, Chart]:
    """The hidden days of a `proven.Proven`: what was sold, what Flux said, and the mean of the same weekday."""
    points = [
        FanPoint(
            _label(day.date),
            actual=day.sold,
            middle=day.flux,
            low80=day.low,
            high80=day.high,
            baseline=day.same_weekday,
            note="not judged: sold out, special, or new" if day.left_out else "",
        )
        for day in days
    ]
    return {"chart": charts.fan(points, title=f"{name}, units a day", unit="units", middle="Flux, without knowing")}
