"""How pages write numbers, dates and charts: `{{ order.total|money }}`, `{{ 1840|qty:"g" }}`, `{{ at|ago }}`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from babel.numbers import format_currency
from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, resolve, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flux import charts
from tenants.access import may
from tenants.context import current_restaurant

register = template.Library()

NO_BREAK = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
NOTHING = "–"
LARGER = {"g": (Decimal(1000), "kg"), "ml": (Decimal(1000), "l")}

# The first that is found counts: many name others that they resemble.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox", "Chrom": "Chrome"}
BROWSERS |= {"CriOS": "Chrome", "Safari": "Safari"}
SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS": "Mac"}
SYSTEMS |= {"CrOS": "ChromeOS", "Linux": "Linux"}

TONES = {
    "good": (
        "good",
        "approved",
        "received",
        "done",
        "completed",
        "imported",
        "active",
        "fresh",
        "complete",
        "sent",
        "working",
    ),
    "info": ("running", "in_progress", "trial", "preview", "ready"),
    "warn": (
        "draft",
        "late",
        "stale",
        "incomplete",
        "suspended",
        "uploaded",
        "partly",
        "no_recipe",
        "replaced",
        "ends_soon",
    ),
    "bad": ("failed", "refused", "error", "cancelled", "closed", "overdue", "revoked"),
}
TONE_OF = {status: tone for tone, statuses in TONES.items() for status in statuses}


# ---- numbers


@register.filter
def money(value: Decimal | float | None, currency: str | None = None) -> str:
    """€1,234.50, in the restaurant's currency unless one is given; a price below one keeps up to four decimals."""
    if value is None:
        return NOTHING
    code = currency or current_restaurant().currency
    exact = Decimal(str(value))
    small = 0 < abs(exact) < 1 and exact != exact.quantize(Decimal("0.01"))
    return format_currency(
        exact, code, locale="en", currency_digits=not small, format="¤#,##0.00##" if small else None
    ).replace("-", MINUS)


@register.filter
def round_money(value: Decimal | float | None) -> str:
    """€1,235: for what is expected, where cents would pretend to know more than anybody does."""
    if value is None:
        return NOTHING
    code = current_restaurant().currency
    return format_currency(round(value), code, locale="en", currency_digits=False, format="¤#,##0").replace("-", MINUS)


@register.filter
def number(value: Decimal | float | str | None) -> str:
    """1,234 · 12 · 3.4: no decimals from ten on, at most one below. What a template does not find is no number."""
    return charts.plain(None if value in (None, "") else float(value)).replace("-", MINUS)  # type: ignore[arg-type]


@register.filter
def qty(value: Decimal | float | None, unit: str = "") -> str:
    """A quantity with its unit at a readable size: 1840 g is 1.84 kg, 12.50 kg is 12.5 kg, 3 each is 3 each."""
    if value is None:
        return NOTHING
    exact, shown = Decimal(str(value)), unit
    if unit in LARGER and abs(exact) >= LARGER[unit][0]:
        exact, shown = exact / LARGER[unit][0], LARGER[unit][1]
    digits = 0 if abs(exact) >= 1000 else 1 if abs(exact) >= 100 else 2
    text = f"{round(exact, digits):,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text.replace('-', MINUS)}{NO_BREAK}{shown}".strip()


@register.filter
def percent(share: Decimal | float | None, digits: int = 0) -> str:
    """0.124 is 12 %; below one percent a decimal stays. `digits` where a rate must be exact: 0.135 is 13.5 %."""
    if share is None:
        return NOTHING
    value = float(share) * 100
    shown = max(digits, 1) if 0 < round(abs(value), 1) < 1 else digits
    text = f"{value:.{shown}f}".replace("-", MINUS)
    return f"{text.removesuffix('.0') if digits else text}{NO_BREAK}%"


@register.filter
def distance(value: float) -> float:
    """Without its sign."""
    return abs(value)


@register.filter
def percent_change(share: Decimal | float | None) -> str:
    """+12 % or −8 %."""
    if share is None:
        return NOTHING
    return ("+" if float(share) > 0 else "") + percent(share)


# ---- dates


@register.filter
def day(value: date | None) -> str:
    """Sunday 22 November; a moment counts in the restaurant's time zone."""
    return _date(value, "%A {} %B")


@register.filter
def short_day(value: date | None) -> str:
    """Sun 22 Nov."""
    return _date(value, "%a {} %b")


@register.filter
def when(value: date | None) -> str:
    """Sun 22 Nov, 14:05; a date has no time of day."""
    if isinstance(value, datetime):
        return f"{short_day(value)}, {timezone.localtime(value):%H:%M}"
    return short_day(value)


@register.filter
def clock(value: datetime | None) -> str:
    """14:05."""
    return NOTHING if value is None else f"{timezone.localtime(value) if isinstance(value, datetime) else value:%H:%M}"


@register.filter
def ago(value: date | None, now: datetime | None = None) -> str:
    """5 min ago, 3 h ago, then today, yesterday, 4 days ago, and the date itself after two months."""
    if value is None:
        return "never"
    now = now or timezone.now()
    if not isinstance(value, datetime):
        return _days_ago(value, timezone.localdate(now))
    minutes = int((now - value).total_seconds() // 60)
    if -1 <= minutes < 1:
        return "just now"
    if 0 < minutes < 60:
        return f"{minutes} min ago"
    if 0 < minutes < 24 * 60:
        return f"{minutes // 60} h ago"
    return _days_ago(timezone.localdate(value), timezone.localdate(now))


@register.filter
def machine(value: date) -> str:
    """For `<time datetime>`."""
    return value.isoformat()


def _date(value: date | None, pattern: str) -> str:
    if value is None:
        return NOTHING
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    year = "" if abs((timezone.localdate() - _only_date(local)).days) < 300 else f" {local.year}"
    return f"{local:{pattern.format(local.day)}}{year}"


def _only_date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _days_ago(day: date, today: date) -> str:
    days = (today - day).days
    if abs(days) > 60:
        return short_day(day)
    named = {0: "today", 1: "yesterday", -1: "tomorrow"}
    return named.get(days) or (f"{days} days ago" if days > 0 else f"in {-days} days")


# ---- words and colours


@register.filter
def status_tone(status: str) -> str:
    """The colour of a stored status: good, info, warn, bad, or none."""
    return TONE_OF.get(str(status), "")


@register.filter
def status_label(status: str) -> str:
    """in_progress is "in progress"."""
    return str(status).replace("_", " ")


@register.filter
def job_label(kind: str) -> str:
    """A background job in a manager's words."""
    labels = {
        "pipeline": "Forecast and suggested orders",
        "import": "Reading sales from a file",
        "history": "Loading the sales history",
        "backtest": "Predicting weeks that are known already",
        "calendar": "Working out the business day of all sales",
    }
    return labels.get(kind, status_label(kind))


@register.filter
def notice_icon(kind: str) -> str:
    """The icon beside a notice."""
    return {
        "good": "check",
        "success": "check",
        "warn": "alert",
        "warning": "alert",
        "bad": "alert",
        "error": "alert",
    }.get(kind, "info")


# ---- pictures


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of flux/static/flux/icons.svg; always beside words, so hidden from screen readers."""
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', extra, _icons(), name)


@cache
def _icons() -> str:
    return static("flux/icons.svg")


@register.inclusion_tag("components/chart.html")
def fan_chart(points: Sequence[charts.FanPoint], **words: Any) -> dict[str, charts.Chart]:
    """See charts.fan."""
    return {"chart": charts.fan(points, **words)}


@register.inclusion_tag("components/chart.html")
def bar_chart(values: Sequence[charts.Bar], **words: Any) -> dict[str, charts.Chart]:
    """See charts.bars."""
    return {"chart": charts.bars(values, **words)}


@register.filter
def heat(value: float | None, peak: float) -> str:
    """The class of a heat map's cell: "closed" where there is no number."""
    return "closed" if value is None else f"q{charts.heat_step(value, peak)}"


@register.simple_tag
def sparkline(values: Sequence[float]) -> SafeString:
    """See charts.sparkline."""
    return charts.sparkline(values)


@register.simple_tag
def meter(share: Decimal | float, goal: float | None = None) -> SafeString:
    """See charts.meter."""
    return charts.meter(float(share), goal)


# ---- the portal's frame


@dataclass(frozen=True)
class PortalLink:
    """An entry of the main navigation."""

    label: str
    href: str
    icon: str
    current: bool


SECTIONS = {
    "Today": "pages:today",
    "Forecast": "forecasting:overview",
    "Orders": "procurement:order_list",
    "Stock": "procurement:stock",
    "Menu": "pages:menu",
    "Sales": "pos:history",
    "Settings": "pages:settings",
}
SETTINGS = {
    "Restaurant": "pages:settings",
    "Hours and closures": "pages:hours",
    "Parts of the day": "pages:dayparts",
    "People": "pages:people",
    "Tablets": "pages:tablets",
    "Keys": "pages:keys",
    "Activity": "pages:activity",
    "Your data": "pages:data",
}
FORECAST = {
    "Overview": "forecasting:overview",
    "Calendar": "pages:calendar",
    "Overrides": "pages:overrides",
    "Accuracy": "forecasting:accuracy",
    "Proof": "forecasting:proof",
}


@register.filter
def portal_links(request: HttpRequest) -> list[PortalLink]:
    """The main navigation, with the section that the address is in."""
    links = []
    for label, name in SECTIONS.items():
        href = reverse(name)
        current = request.path == href if href == "/" else request.path.startswith(href)
        if opens(request, href):
            links.append(PortalLink(label, href, label.lower(), current))
    return links


@register.filter
def settings_tabs(request: HttpRequest) -> list[PortalLink]:
    """The pages of Settings that the person may open."""
    return _tabs(request, SETTINGS)


@register.filter
def forecast_tabs(request: HttpRequest) -> list[PortalLink]:
    """The pages of the forecast that there are and that the person may open."""
    return _tabs(request, FORECAST)


def _tabs(request: HttpRequest, pages: dict[str, str]) -> list[PortalLink]:
    """What the person may open of `pages`; the current one is the longest that the address begins with."""
    found = {label: href for label, name in pages.items() if (href := _address(name)) and opens(request, href)}
    here = max((href for href in found.values() if request.path.startswith(href)), key=len, default="")
    return [PortalLink(label, href, "", href == here) for label, href in found.items()]


def _address(name: str) -> str | None:
    """Where a page is; None where there is none of that name."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def opens(request: HttpRequest, href: str) -> bool:
    """Whether the page is for people in the role of the person asking, as its own `allow` says."""
    return may(request, resolve(href).func.allowed_roles)  # type: ignore[attr-defined]


@register.filter
def browser(user_agent: str) -> str:
    """Firefox on Linux; made out of what a browser says of itself."""
    name = next((label for part, label in BROWSERS.items() if part in user_agent), "A browser")
    system = next((label for part, label in SYSTEMS.items() if part in user_agent), "")
    return f"{name} on {system}" if system else name
