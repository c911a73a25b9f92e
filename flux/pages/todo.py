"""What to do next: the open questions of a restaurant's day, the most urgent first."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from django.urls import reverse

from flux.pages.menu import MenuPage, menu_page
from flux.templatetags.flux import money, percent, short_day, when
from forecasting import scoreboard
from forecasting.models import Backtest, Run
from forecasting.proven import FLUX, SAME_WEEKDAY
from forecasting.scoreboard import Alert
from menu import board
from pos.models import Connection
from procurement.models import PurchaseOrder, Supplier
from tenants.access import MANAGERS
from tenants.models import Restaurant
from tenants.office.models import Job

MOST_DISHES = 2  # with a line of their own


@dataclass(frozen=True)
class Action:
    """One thing to do: what, why, and where."""

    what: str
    why: str
    href: str
    is_urgent: bool = False
    is_done: bool = False


def actions(
    restaurant: Restaurant, now: dt.datetime, *, last_on: dt.date | None, run: Run | None, role: str
) -> list[Action]:
    """What is open now; for a new restaurant, the way from sales to orders. The kitchen reads and counts only."""
    if role not in MANAGERS:
        return []
    today = restaurant.business_date(now)
    menu = menu_page()
    if last_on is None or run is None or not menu.with_recipe:
        return [*first_steps(last_on, run, menu), *_prices()]
    return [
        *_orders(now.astimezone(restaurant.zone), today),
        *_sales(today, last_on),
        *_suspected(today),
        *_accuracy(today),
        *_prices(),
        *_recipes(menu),
        *_failures(),
    ]


def first_steps(last_on: dt.date | None, run: Run | None, menu: MenuPage) -> list[Action]:
    """Sales → forecast → recipes → suppliers and orders, with what is done ticked off."""
    has_suppliers = Supplier.objects.exists()
    return [
        Action(
            "Upload sales" if last_on is None else "Sales are in",
            "A CSV export of your till is enough" if last_on is None else f"up to {short_day(last_on)}",
            reverse("pos:upload") if last_on is None else reverse("pos:history"),
            is_done=last_on is not None,
        ),
        Action(
            "See the forecast",
            "Made by itself after the upload" if run is None else f"made {when(run.finished_at)}",
            reverse("forecasting:overview"),
            is_done=run is not None,
        ),
        _proof(),
        Action(
            "Add recipes",
            "Start with the dishes that sell most"
            if not menu.with_recipe
            else f"{percent(menu.recipe_share)} of {menu.measure} have one",
            reverse("pages:menu"),
            is_done=menu.with_recipe > 0,
        ),
        Action(
            "Add suppliers and what they sell",
            "Then Flux suggests what to order, and says why",
            reverse("procurement:suppliers"),
            is_done=has_suppliers,
        ),
    ]


def _proof() -> Action:
    """How Flux did on the last weeks, once they have been hidden and predicted."""
    found = Backtest.objects.values_list("result__all", flat=True).first()
    if found is None:
        why = "Flux hides your last weeks, predicts them, and says how far off it was"
    else:
        flux, usual = (percent(found[method]["wape"]) for method in (FLUX, SAME_WEEKDAY))
        why = f"On weeks it did not know, Flux was off by {flux}, the mean of the same weekday by {usual}"
    return Action("See the proof on your own sales", why, reverse("forecasting:proof"), is_done=found is not None)


def _orders(now: dt.datetime, today: dt.date) -> list[Action]:
    """`now` in the restaurant's own time zone: cutoffs are wall-clock times."""
    both = PurchaseOrder.objects.drafts() | PurchaseOrder.objects.open()
    found = list(both.to_list().order_by("order_by_at"))
    drafts = [order for order in found if order.status == "draft" and order.n_lines]  # type: ignore[attr-defined]
    approved = [order for order in found if order.status == "approved"]
    late = [order for order in found if order.status == "sent" and order.deliver_on < today]
    return [
        *_together("Approve", drafts, now),
        *_together("Send", approved, now),
        *(
            Action(
                f"Receive the order of {order.supplier}",
                f"due {short_day(order.deliver_on)}",
                reverse("procurement:order", args=[order.pk]),
            )
            for order in late
        ),
    ]


def _together(verb: str, orders: list[PurchaseOrder], now: dt.datetime) -> list[Action]:
    """One line for all orders whose cutoff is on the same day, the earliest day first."""
    by_day = groupby(orders, key=lambda order: order.order_by_at.astimezone(now.tzinfo).date())
    return [_by_cutoff(verb, list(of_day), now) for _, of_day in by_day]


def _by_cutoff(verb: str, orders: list[PurchaseOrder], now: dt.datetime) -> Action:
    """`orders` by cutoff; named is the first one that can still be met."""
    one = len(orders) == 1
    what = f"{verb} 1 order" if one else f"{verb} {len(orders)} orders"
    names = ", ".join(order.supplier.name for order in orders)
    total = sum((order.total for order in orders), Decimal(0))  # type: ignore[attr-defined]
    href = reverse("procurement:order", args=[orders[0].pk]) if one else reverse("procurement:order_list")
    cutoffs = [order.order_by_at.astimezone(now.tzinfo) for order in orders]
    cutoff = next((cutoff for cutoff in cutoffs if cutoff > now), None)
    if cutoff is None:
        return Action(f"{what}: the cutoff has passed", f"{names} · {money(total)}", href, is_urgent=True)
    is_today = cutoff.date() == now.date()
    until = f"{cutoff:%H:%M}" if is_today else f"{short_day(cutoff.date())}, {cutoff:%H:%M}"
    return Action(f"{what} before {until}", f"{names} · {money(total)}", href, is_urgent=is_today)


def _sales(today: dt.date, last_on: dt.date) -> list[Action]:
    if last_on >= today - dt.timedelta(days=1):
        return []
    return [Action("Upload sales", f"the last day is {short_day(last_on)}", reverse("pos:upload"), is_urgent=True)]


def _suspected(today: dt.date) -> list[Action]:
    """Dishes that seem to have run out: somebody knows."""
    found = board.suspected(today)
    if not found:
        return []
    days = "1 dish" if len(found) == 1 else f"{len(found)} times a dish"
    named = ", ".join(dict.fromkeys(row.menu_item.name for row in found[:3]))
    href = f"{reverse('menu:sold_out_board')}#suspected"
    return [Action(f"Say whether {days} ran out", f"{named}: nothing sold after an early hour", href)]


def _accuracy(today: dt.date) -> list[Action]:
    """What the forecast has been missing; many dishes are one line."""
    found = scoreboard.alerts(today - dt.timedelta(days=1))
    house = [alert for alert in found if alert.item_id is None]
    dishes = [alert for alert in found if alert.item_id is not None]
    if len(dishes) > MOST_DISHES:
        what = f"{len(dishes)} dishes sold other than their ranges on 4 or more of the last 7 days"
        dishes, house = [], [*house, Alert(what, "override their coming days, or put what changed into the calendar")]
    return [
        *(Action(alert.what, alert.advice, reverse("forecasting:accuracy")) for alert in house),
        *(Action(one.what, one.advice, reverse("forecasting:item", args=[one.item_id])) for one in dishes),
    ]


def _prices() -> list[Action]:
    return [
        Action(
            "Say whether prices include tax",
            f"{source.name}: net sales are not known until then",
            reverse("pos:source", args=[source.pk]),
        )
        for source in Connection.objects.unasked()
    ]


def _recipes(menu: MenuPage) -> list[Action]:
    share = 1 - menu.recipe_share
    missing = sum(row.recipe != "complete" and row.share > 0 for row in menu.rows)
    if not missing:
        return []
    items = "1 dish without a complete recipe" if missing == 1 else f"{missing} dishes without a complete recipe"
    return [
        Action(f"Add recipes: {items}", f"{percent(share)} of {menu.measure}", f"{reverse('pages:menu')}?recipe=open")
    ]


def _failures() -> list[Action]:
    job = Job.objects.last_ended(Job.Kind.PIPELINE)
    if job is None or job.status != Job.Status.FAILED:
        return []
    return [Action("The last nightly run did not finish", job.error or "It will be tried again tonight.", "#freshness")]
