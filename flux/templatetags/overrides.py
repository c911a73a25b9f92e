"""The card of overrides, for the pages of the forecast."""

from typing import Any

from django import template

from flux.pages import overrides
from menu.models import MenuItem

register = template.Library()


@register.inclusion_tag("forecasting/overrides.html", takes_context=True)
def overrides_card(context: dict[str, Any], dish: MenuItem | None = None) -> dict[str, Any]:
    """Overrides of the coming days, of everything or of one dish, with the form for those who may make one.

    The page's context has the request and the run.
    """
    return overrides.card(context["request"], context["run"], dish) | {"csrf_token": context["csrf_token"]}
