"""Rows of every kind in one restaurant, each with the restaurant's marker in every text that a page could show."""

import datetime as dt
import gzip
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils import timezone

from conftest import discard_temporary_tables
from forecasting.models import (
    Backtest,
    CalendarEvent,
    DailyFact,
    EngineState,
    Forecast,
    Holiday,
    Likeness,
    Override,
    Run,
    Score,
    WeatherPlace,
)
from menu.models import Ingredient, MenuItem, RecipeLine, SoldOut
from pos import importing
from pos.models import Connection, DailySales, DaySource, Order, OrderLine, SalesFile
from procurement.models import PurchaseOrder, PurchaseOrderLine, StockMovement, Suggestion, Supplier, SupplierItem
from tenants.actors import Actor
from tenants.context import restaurant_context
from tenants.models import Restaurant
from tenants.office import audit
from tenants.office.models import Closure, Daypart, Job, OpeningHours

QUANTILES = {"q10": 6, "q25": 8, "q50": 10, "q75": 12, "q90": 14, "q95": 16}


def tenant_models() -> list[type[models.Model]]:
    """Every model whose table a restaurant has of its own."""
    apps_of_restaurants = [config for config in apps.get_app_configs() if config.name in settings.TENANT_APPS]
    return [model for config in apps_of_restaurants for model in config.get_models()]


def fill(restaurant: Restaurant, marker: str, *, first_id: int) -> None:
    """Rows of every kind. Numbered rows start at `first_id`, so that two restaurants have no number in common."""
    with restaurant_context(restaurant):
        _fill(restaurant, marker, first_id, timezone.now())
    discard_temporary_tables()


def _fill(restaurant: Restaurant, marker: str, first_id: int, now: dt.datetime) -> None:
    today = restaurant.business_date(now)
    soup = MenuItem.objects.create(name=f"{marker} soup", category=f"{marker} starters", price=9)
    flour = Ingredient.objects.create(name=f"{marker} flour", base_unit="g", shelf_life_days=5)
    RecipeLine.objects.create(id=first_id, menu_item=soup, ingredient=flour, quantity=100, unit="g")
    till = Connection.objects.create(provider="csv", name=f"{marker} till", layout=marker, prices_include_tax=False)
    text = f"date,item,quantity\n{today},{marker} soup,1\n".encode()
    file = SalesFile.objects.create(
        connection=till,
        name=f"{marker}.csv",
        sha256=marker,
        size_bytes=len(text),
        content=gzip.compress(text),
        rejects=gzip.compress(f"line,problem\n2,{marker}\n".encode()),
        status="imported",
        imported_at=now,
    )
    importing.preview(file, restaurant=restaurant, now=now)
    SalesFile.objects.create(
        name=f"{marker}-2.csv", sha256="0", size_bytes=1, content=b"x", status="failed", error=marker
    )
    for days in range(1, 4):
        day = today - dt.timedelta(days=days)
        order = Order.objects.create(
            id=first_id + days, connection=till, external_id=f"{marker}-{days}", business_date=day, file=file
        )
        OrderLine.objects.create(id=first_id + days, order=order, position=1, menu_item=soup, quantity=7, net=63)
        DaySource.objects.create(business_date=day, connection=till)
        DailySales.objects.create(id=first_id + days, menu_item=soup, business_date=day, quantity=7, net_sales=63)
    run = Run.objects.create(
        status="completed",
        cutoff_on=today - dt.timedelta(days=1),
        model_version=f"{marker}-1",
        started_at=now,
        finished_at=now,
    )
    Run.objects.create(status="failed", error=f"{marker} went wrong", finished_at=now, created_at=now - dt.timedelta(1))
    for days in range(14):
        Forecast.objects.create(
            id=first_id + days,
            run=run,
            menu_item=soup,
            date=today + dt.timedelta(days=days),
            mean=10,
            confidence=Decimal("0.6"),
            **QUANTILES,
        )
    _fill_judgement(restaurant, marker, first_id, soup, run, now)
    _fill_procurement(restaurant, marker, first_id, flour, run, now)
    for kind in ("import", "backtest"):
        Job.objects.create(kind=kind, status="failed", note=f"{marker} job", error=f"{marker} broke", finished_at=now)
    chef = Actor(None, f"{marker} chef", "portal")
    entry = audit.entry("menuitem.changed", soup, by=chef, at=now, after={"category": f"{marker} starters"})
    entry.pk = first_id
    audit.record_all([entry])
    OpeningHours.objects.create(id=first_id, weekday=0, opens_at="11:30", closes_at="14:30")
    Closure.objects.create(id=first_id, on=today + dt.timedelta(days=30), note=f"{marker} holiday")
    Daypart.objects.create(id=first_id, name=f"{marker} lunch", begins_at="11:00")


def _fill_judgement(
    restaurant: Restaurant, marker: str, first_id: int, soup: MenuItem, run: Run, now: dt.datetime
) -> None:
    today = restaurant.business_date(now)
    yesterday = today - dt.timedelta(days=1)
    special = MenuItem.objects.create(name=f"{marker} special", category=f"{marker} starters", price=11)
    Likeness.objects.create(menu_item=special, like=soup, share=Decimal("0.6"))
    SoldOut.objects.create(menu_item=soup, business_date=yesterday, from_at=now - dt.timedelta(days=1))
    CalendarEvent.objects.create(name=f"{marker} fair", starts_on=today, ends_on=today, amount=20, note=marker)
    Holiday.objects.create(kind="school", name=f"{marker} break", starts_on=today, ends_on=today)
    WeatherPlace.objects.create(latitude=53, longitude=-6, problem=marker)
    DailyFact.objects.create(id=first_id, kind=f"{marker}-bookings", date=today, value=12, source="csv")
    Override.objects.create(date=today, amount=10, reason=f"{marker} concert", author=f"{marker} chef")
    Score.objects.create(
        id=first_id,
        date=yesterday,
        menu_item=soup,
        run_id=run.pk,
        days_ahead=1,
        mean=9,
        engine_mean=8,
        baseline=5,
        q10=5,
        q90=14,
        sold=7,
        unit_price=9,
    )
    Backtest.objects.create(
        first_on=today - dt.timedelta(days=14),
        last_on=yesterday,
        model_version=marker,
        result=_proof_of(soup, today - dt.timedelta(days=14)),
    )
    EngineState.objects.create(
        cutoff_on=yesterday, version=marker, fingerprint=marker, payload=marker.encode(), updated_at=now
    )


def _proof_of(soup: MenuItem, first: dt.date) -> dict[str, Any]:
    """What a backtest finds, of one dish."""
    shares = {"wape": 0.2, "bias": 0.01, "weekly_wape": 0.1}
    score = {"items": 1, "item_days": 14, "units": 98.0, "same_weekday": shares, "trimmed": shares}
    score["flux"] = shares | {"coverage_80": 0.8, "pinball": 0.1}
    series = {name: [7.0] * 14 for name in ("sold", "flux", "low", "high", "same_weekday")}
    off = {"flux": 10.0, "same_weekday": 12.0, "trimmed": 11.0}
    item = {"item": str(soup.pk), "days": 14, "units": 98.0, "expected": 99.0, "inside_80": 11, "off": off}
    return {
        "weeks": 2, "methods": ["model"] * 2, "open_days": 14, "all": score, "top": score, "items": [item],
        "falls_back": False, "baseline_items": [], "history_days": 70, "history_first_on": str(first), "seconds": 3.0,
        "days": {
            "dates": [str(first + dt.timedelta(days=n)) for n in range(14)],
            "all": series,
            "items": {str(soup.pk): series | {"left_out": []}},
        },
    }  # fmt: skip


def _fill_procurement(
    restaurant: Restaurant, marker: str, first_id: int, flour: Ingredient, run: Run, now: dt.datetime
) -> None:
    today = restaurant.business_date(now)
    mill = Supplier.objects.create(
        name=f"{marker} mill", email=f"orders@{marker}.example", delivery_weekdays=[0, 1, 2, 3, 4, 5, 6], cutoff="14:00"
    )
    sack = SupplierItem.objects.create(
        supplier=mill, ingredient=flour, name=f"{marker} sack", code=marker, pack_size=1000, pack_unit="g", price=2
    )
    facts: dict[str, Any] = {
        "supplier": mill,
        "order_by_at": now + dt.timedelta(days=1),
        "deliver_on": today + dt.timedelta(days=2),
        "covers_until_on": today + dt.timedelta(days=4),
        "run": run,
    }
    line: dict[str, Any] = {"supplier_item": sack, "packs": 2, "suggested_packs": 2, "pack_quantity": 1000, "price": 2}
    line |= {"needed": 1800, "on_hand": 0, "arriving": 0, "reason": f"Need {marker}"}
    draft = PurchaseOrder.objects.create(number=first_id, **facts)
    PurchaseOrderLine.objects.create(id=first_id, order=draft, **line)
    sent = PurchaseOrder.objects.create(number=first_id + 1, status="sent", approved_at=now, sent_at=now, **facts)
    PurchaseOrderLine.objects.create(id=first_id + 1, order=sent, **line)
    StockMovement.objects.create(
        id=first_id, ingredient=flour, kind="count", quantity=500, at=now, note=f"{marker} shelf"
    )
    Suggestion.objects.create(run=run)


def snapshot(restaurant: Restaurant) -> dict[str, list[dict[str, Any]]]:
    """Every row that the restaurant has."""
    with restaurant_context(restaurant):
        return {
            model._meta.label: [_plain(row) for row in model.objects.order_by("pk").values()]  # type: ignore[attr-defined]
            for model in tenant_models()
        }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


def keys(restaurant: Restaurant) -> Iterator[tuple[type[models.Model], Any]]:
    """Every model, with the primary key of its first row."""
    with restaurant_context(restaurant):
        for model in tenant_models():
            yield model, model.objects.order_by("pk").values_list("pk", flat=True)[0]  # type: ignore[attr-defined]
