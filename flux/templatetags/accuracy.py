"""The scoreboard's chart."""

from collections.abc import Sequence

from django import template

from flux import charts
from forecasting.scoreboard import Week

register = template.Library()


@register.inclusion_tag("components/chart.html")
def accuracy_chart(weeks: Sequence[Week]) -> dict[str, charts.Chart]:
    """Percent of the units sold by which Flux was off, a bar a week, the oldest first; a tick is the same weekday's."""
    bars = [
        charts.Bar(
            f"{week.monday.day} {week.monday:%b}",
            round(100 * week.tally.flux.wape, 1),
            None if week.tally.usual.wape is None else round(100 * week.tally.usual.wape, 1),
        )
        for week in reversed(weeks)
        if week.tally.flux.wape is not None
    ]
    title = "Off by, week by week"
    return {"chart": charts.bars(bars, title=title, unit="%", name="Flux", usual="Same weekday")}
