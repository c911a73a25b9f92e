"""What a new dish sells like: "the lasagne, at 60 %", until its own sales tell. The engine reads it at every run."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, Q, Sum

from forecasting.models import Likeness
from menu.models import MenuItem
from pos.models import DailySales
from tenants.actors import By, actor
from tenants.models import Restaurant
from tenants.office import audit

NEW_DAYS = 28  # open days of its own sales after which a dish is no newcomer any more
LATELY_DAYS = 28


class Refused(ValueError):
    """Why a dish cannot be said to sell like another one, in a manager's words; `about` is the field it is about."""

    def __init__(self, text: str, about: str) -> None:
        super().__init__(text)
        self.about = about


@dataclass(frozen=True)
class Pattern:
    """A dish to compare with: the middle one of `n_dishes` of its category, and its units a day lately."""

    dish: MenuItem
    units_a_day: float
    n_dishes: int


@dataclass(frozen=True)
class Newcomer:
    """What is known of a dish on the menu that has few days of its own; `open_days` since its first sale."""

    dish: MenuItem
    open_days: int
    likeness: Likeness | None
    pattern: Pattern | None

    @property
    def days_left(self) -> int:
        """Open days after which it is no newcomer any more."""
        return NEW_DAYS - self.open_days


@transaction.atomic
def say(item: MenuItem, like: MenuItem, share: Decimal, *, today: dt.date, by: By, at: dt.datetime) -> Likeness:
    """Expect of `item` a share (0.6 is 60 %) of what `like` sells, the less the more sales of its own. Raises Refused.

    Saying the same again changes nothing.
    """
    _check(item, like, share, today)
    row = Likeness.objects.select_for_update(of=("self",)).select_related("like").filter(menu_item=item).first()
    before = _said(row) if row else {}
    row = row or Likeness(menu_item=item)
    row.like, row.share, row.created_by_id, row.created_at = like, share, actor(by).pk, at
    if before != (after := _said(row)):
        row.save()
        audit.record("likeness.said", item, by=by, at=at, before=before, after=after)
    return row


@transaction.atomic
def forget(item: MenuItem, *, by: By, at: dt.datetime) -> bool:
    """Let the dish's own sales speak alone. Returns whether anything had been said."""
    row = Likeness.objects.select_for_update(of=("self",)).select_related("like").filter(menu_item=item).first()
    if row is None:
        return False
    before = _said(row)
    row.delete()
    audit.record("likeness.forgotten", item, by=by, at=at, before=before)
    return True


def known(restaurant: Restaurant, as_of: dt.date) -> dict[UUID, tuple[UUID, float]]:
    """As the engine takes it: dish → what it sells like, and its share of that one's sales.

    Nothing that was said after the business date `as_of`.
    """
    rows = Likeness.objects.all()
    said = [row for row in rows if restaurant.business_date(row.created_at) <= as_of]
    return {row.menu_item_id: (row.like_id, float(row.share)) for row in said}


def newcomer(item: MenuItem, today: dt.date) -> Newcomer | None:
    """What to say and ask about a dish that is new on the menu; None of any other."""
    days = open_days([item], today)[item.pk] if item.is_active else NEW_DAYS
    if days >= NEW_DAYS:
        return None
    likeness = Likeness.objects.select_related("like").filter(menu_item=item).first()
    return Newcomer(item, days, likeness, None if likeness else pattern(item, today))


def open_days(items: Collection[MenuItem], today: dt.date) -> dict[UUID, int]:
    """Days before `today` on which the house sold anything, from each dish's first sale on; at most NEW_DAYS."""
    past = DailySales.objects.filter(business_date__lt=today)
    began = dict(
        past.filter(menu_item__in=items, quantity__gt=0).values_list("menu_item").annotate(Min("business_date"))
    )
    dates = past.order_by("-business_date").values_list("business_date", flat=True).distinct()
    latest = list(dates[:NEW_DAYS]) if began else []
    return {item.pk: sum(day >= began[item.pk] for day in latest) if item.pk in began else 0 for item in items}


def pattern(item: MenuItem, today: dt.date) -> Pattern | None:
    """The dish in the middle of its category, by units lately: what to say where nobody knows better."""
    if not item.category:
        return None
    last_on = DailySales.objects.filter(business_date__lt=today).last_on()
    if last_on is None:
        return None
    recent = DailySales.objects.between(last_on - dt.timedelta(days=LATELY_DAYS - 1), last_on)
    n_days = recent.aggregate(n=Count("business_date", distinct=True))["n"]
    alike = recent.filter(menu_item__category=item.category, menu_item__is_active=True).exclude(menu_item=item)
    sold = list(alike.values_list("menu_item").annotate(units=Sum("quantity")).order_by("units", "menu_item"))
    if not sold:
        return None
    middle, units = sold[(len(sold) - 1) // 2]
    return Pattern(MenuItem.objects.get(pk=middle), float(units) / n_days, len(sold))


def comparable(item: MenuItem, today: dt.date) -> list[MenuItem]:
    """Dishes that know themselves: on the menu, sold lately, and first sold before LATELY_DAYS ago; by name."""
    since = today - dt.timedelta(days=LATELY_DAYS)
    sales = DailySales.objects.filter(business_date__lt=today).values("menu_item")
    old = sales.annotate(first=Min("business_date"), last=Max("business_date", filter=Q(quantity__gt=0)))
    ids = old.filter(first__lt=since).values_list("menu_item", flat=True)
    return list(MenuItem.objects.on_the_menu().filter(pk__in=ids).exclude(pk=item.pk).order_by("name"))


def _check(item: MenuItem, like: MenuItem, share: Decimal, today: dt.date) -> None:
    if like == item:
        raise Refused("A dish cannot be like itself.", "like")
    if not 0 < share <= 10:
        raise Refused("The share lies above 0 % and at or below 1,000 %.", "share")
    if newcomer(item, today) is None:
        raise Refused(f"{item} is off the menu, or has {NEW_DAYS} days of its own sales, which know better.", "item")
    if open_days([like], today)[like.pk] < NEW_DAYS:
        raise Refused(f"{like} has fewer than {NEW_DAYS} days of sales itself: choose a dish with more.", "like")


def _said(row: Likeness) -> dict[str, object]:
    return {"like": row.like.name, "share": row.share}
