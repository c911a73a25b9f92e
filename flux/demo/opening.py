"""Opening the demo restaurant: its people, menu, recipes, suppliers and what is on the shelf; its sales come later.

Everything is made once: a second call finds it and changes nothing that somebody has edited since.
"""

import datetime as dt

from django.contrib.auth.hashers import make_password
from django.db import transaction

from flux.demo import bistro, diary, shelf, trade
from flux.demo.bistro import Bistro, Supplier
from forecasting.models import CalendarEvent, Holiday, Likeness
from menu import sold_out
from menu.models import Ingredient, MenuItem, RecipeLine, SoldOut
from pos.models import Connection
from procurement import models as buying
from tenants import provisioning
from tenants.context import public_context, restaurant_context
from tenants.models import Membership, Restaurant, User
from tenants.naming import host_of
from tenants.office.models import Closure, Daypart


def open_bistro(facts: Bistro, *, now: dt.datetime) -> Restaurant:
    """The demo restaurant, made if it is not there yet, together with everything but its sales.

    On a later day its kitchen takes in what has been delivered meanwhile and counts anew, as a kitchen would have.
    """
    with public_context():
        restaurant = find(facts) or _found(facts, now)
        _employ(facts, restaurant)
    with restaurant_context(restaurant), transaction.atomic():
        if not Ingredient.objects.exists():
            equip(restaurant, facts, now=now)
        elif shelf.was_counted_before(restaurant.business_date(now), restaurant):
            shelf.take_in_deliveries(restaurant, now=now)
            shelf.count(restaurant, facts, trade_of(restaurant, facts), now=now)
    return restaurant


def find(facts: Bistro) -> Restaurant | None:
    """The demo restaurant, also where somebody has moved it to another address."""
    return Restaurant.objects.filter(domains__domain=host_of(facts.slug)).first()


def close_for_good(facts: Bistro) -> None:
    """Remove the demo restaurant with all its tables, so that it can be opened afresh."""
    with public_context():
        for restaurant in filter(None, [find(facts)]):
            provisioning.remove(restaurant)
        User.objects.filter(email__in=[person.email for person in facts.people]).delete()


def joined_on(restaurant: Restaurant) -> dt.date:
    """The business date on which the restaurant was made: its history ends the day before."""
    return restaurant.business_date(restaurant.created_at)


def trade_of(restaurant: Restaurant, facts: Bistro) -> trade.Trade:
    """The restaurant's guests; they stay away on the days that its calendar says are closed."""
    closed = Closure.objects.values_list("on", flat=True)
    return trade.Trade(facts, joined_on=joined_on(restaurant), closed=closed)


def till(facts: Bistro) -> Connection:
    """The source of the demo's sales."""
    return Connection.objects.get_or_create(
        provider=Connection.Provider.CSV,
        name=facts.till,
        defaults={"prices_include_tax": True, "tax_rate": facts.vat, "reading": {"zone": facts.timezone}},
    )[0]


def _found(facts: Bistro, now: dt.datetime) -> Restaurant:
    restaurant = Restaurant(
        name=facts.name,
        slug=facts.slug,
        status=Restaurant.Status.TRIAL,
        timezone=facts.timezone,
        currency=facts.currency,
        closeout_hour=facts.closeout_hour,
        country=facts.country,
        subdivision=facts.subdivision,
        created_at=now,
    )
    return provisioning.open_restaurant(restaurant)


def _employ(facts: Bistro, restaurant: Restaurant) -> None:
    """Let the demo's people sign in: to the restaurant, or as staff of the platform to its admin."""
    known = set(User.objects.filter(email__in=[one.email for one in facts.people]).values_list("email", flat=True))
    missing = [person for person in facts.people if person.email not in known]
    password = make_password(facts.password) if missing else ""  # slow on purpose: once is enough for one password
    for person in missing:
        is_staff = person.role == "staff"
        user = User.objects.create(
            email=person.email, name=person.name, password=password, is_staff=is_staff, is_superuser=is_staff
        )
        user.vouch_for_email()
        if not is_staff:
            Membership.objects.create(user=user, restaurant=restaurant, role=person.role)


def equip(restaurant: Restaurant, facts: Bistro, *, now: dt.datetime) -> None:
    """Fill a restaurant that is empty: calendar, stock room, menu, suppliers, and one order on its way."""
    today = restaurant.business_date(now)
    Closure.objects.bulk_create(Closure(on=on, note=why) for on, why in trade.closures(today).items())
    Daypart.objects.bulk_create(Daypart(name=part.name.capitalize(), begins_at=_clock(part)) for part in facts.dayparts)
    ingredients = _stock_room(facts)
    _menu(facts, ingredients)
    _calendar(today)
    _judgement(restaurant, now)
    for supplier in facts.suppliers:
        _supplier(supplier, ingredients)
    till(facts)
    shelf.count(restaurant, facts, trade_of(restaurant, facts), now=now)
    shelf.order_on_its_way(restaurant, facts, trade_of(restaurant, facts), now=now)


def _clock(part: bistro.Daypart) -> dt.time:
    """When guests begin to come in it, by the clock on the wall."""
    return dt.time(int(part.starts) % 24, round(part.starts % 1 * 60))


def _stock_room(facts: Bistro) -> dict[str, Ingredient]:
    made = Ingredient.objects.bulk_create(
        Ingredient(
            name=one.name,
            base_unit=one.base_unit,
            grams_per_ml=one.grams_per_ml,
            grams_per_each=one.grams_per_each,
            shelf_life_days=one.shelf_life_days,
        )
        for one in facts.ingredients
    )
    return {ingredient.name: ingredient for ingredient in made}


def _menu(facts: Bistro, ingredients: dict[str, Ingredient]) -> None:
    items = MenuItem.objects.bulk_create(
        MenuItem(name=one.name, category=one.category, price=one.price, is_active=not one.is_retired)
        for one in facts.items
    )
    RecipeLine.objects.bulk_create(
        RecipeLine(
            menu_item=item,
            ingredient=ingredients[portion.ingredient],
            quantity=portion.quantity,
            unit=portion.unit,
            yield_share=portion.usable,
        )
        for item, one in zip(items, facts.items, strict=True)
        for portion in one.recipe
    )


def _calendar(today: dt.date) -> None:
    items = {item.name: item for item in MenuItem.objects.all()}
    CalendarEvent.objects.bulk_create(
        CalendarEvent(
            kind=one.kind,
            name=one.name,
            starts_on=one.starts_on,
            ends_on=one.ends_on,
            scope="item" if one.item else "category" if one.category else "all",
            category=one.category,
            menu_item=items[one.item] if one.item else None,
            effect=one.effect,
            amount=one.amount,
            note=one.note,
        )
        for one in diary.occasions(today)
    )
    Holiday.objects.bulk_create(
        Holiday(kind=Holiday.Kind.SCHOOL, name=one.name, starts_on=one.starts_on, ends_on=one.ends_on)
        for one in diary.school_holidays(range(today.year - 1, today.year + 2))
    )


def _judgement(restaurant: Restaurant, now: dt.datetime) -> None:
    """What its people know better: dishes that ran out, one of them just now, and what the new dish sells like."""
    items, keiko = {item.name: item for item in MenuItem.objects.all()}, _somebody(restaurant)
    SoldOut.objects.bulk_create(
        SoldOut(
            menu_item=items[one.item],
            business_date=one.on,
            from_at=dt.datetime.combine(one.on, dt.time(), restaurant.zone) + dt.timedelta(hours=one.hour),
            by_id=keiko.pk,
        )
        for one in diary.shortages(restaurant.business_date(now))
        if one.was_told
    )
    just_now = now - dt.timedelta(minutes=25)
    sold_out.mark(items[diary.OUT_TODAY], restaurant=restaurant, by=keiko, at=just_now)
    likeness = Likeness(menu_item=items[diary.NEWCOMER], like=items[diary.SELLS_LIKE], share=diary.AT)
    likeness.created_by_id, likeness.created_at = keiko.pk, now - dt.timedelta(days=10)
    likeness.save()


def _somebody(restaurant: Restaurant) -> User:
    """Of the kitchen, or else whoever works here."""
    with public_context():
        members = list(Membership.objects.filter(restaurant=restaurant).select_related("user"))
    return sorted(members, key=lambda member: member.role != Membership.Role.KITCHEN)[0].user


def _supplier(facts: Supplier, ingredients: dict[str, Ingredient]) -> None:
    supplier = buying.Supplier.objects.create(
        name=facts.name,
        email=facts.email,
        delivery_weekdays=list(facts.deliveries),
        lead_time_days=facts.lead_time_days,
        cutoff=facts.cutoff,
        minimum_order=facts.minimum_order,
    )
    taken = set(buying.SupplierItem.objects.filter(is_preferred=True).values_list("ingredient__name", flat=True))
    buying.SupplierItem.objects.bulk_create(
        buying.SupplierItem(
            supplier=supplier,
            ingredient=ingredients[offer.ingredient],
            name=offer.name,
            code=offer.code,
            pack_count=offer.count,
            pack_size=offer.size,
            pack_unit=offer.unit,
            price=offer.price,
            is_preferred=offer.ingredient not in taken,
        )
        for offer in facts.offers
    )
