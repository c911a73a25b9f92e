"""Orders, suppliers and stock in the portal."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from menu.models import Ingredient
from menu.units import NoConversion
from procurement import emails, order_guide, orders, pages, suggestions, wording
from procurement.forms import CountForm, SupplierForm, SupplierItemForm
from procurement.models import PurchaseOrder, Suggestion, Supplier, SupplierItem
from procurement.orders import OrderError
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant

PER_PAGE = 25
Status = PurchaseOrder.Status
SHOWN = {
    "to-do": (Status.DRAFT, Status.APPROVED),
    "on-the-way": (Status.SENT,),
    "done": (Status.RECEIVED, Status.CANCELLED),
}


@allow()
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """Orders to decide on and to send, on the way, or done."""
    show = request.GET.get("show", "to-do")
    statuses = SHOWN.get(show, SHOWN["to-do"])
    now = timezone.now()
    order_by = ["-deliver_on", "-number"] if show == "done" else ["order_by_at", "supplier__name"]
    found = PurchaseOrder.objects.to_list().filter(status__in=statuses).order_by(*order_by)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    suggestion = Suggestion.objects.select_related("run").first()
    context = {
        "show": show if show in SHOWN else "to-do",
        "page_obj": page,
        "orders": [(order, wording.time_left(order.order_by_at, now)) for order in page],
        "suggestion": suggestion,
        "problems": pages.problems(suggestion),
        "today": current_restaurant().business_date(now),
        "may_edit": may(request, MANAGERS),
    }
    return render(request, "procurement/order_list.html", context)


@allow(MANAGERS)
@require_POST
def suggest(request: HttpRequest) -> HttpResponse:
    """Bring the drafts up to date now."""
    found = suggestions.suggest(current_restaurant(), timezone.now())
    changes = found.created + found.changed + found.removed
    drafts = f"{len(found.drafts)} draft{'' if len(found.drafts) == 1 else 's'}"
    messages.success(request, f"{drafts}, brought up to date." if changes else f"{drafts}. Nothing has changed.")
    return redirect("procurement:order_list")


@allow()
@require_safe
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """One order: its lines, why, and the next step."""
    found = get_object_or_404(PurchaseOrder.objects.with_lines(), pk=order_id)
    may_edit, now = may(request, MANAGERS), timezone.now()
    context = {
        "shown": pages.order(found, now),
        "order": found,
        "being_sent": emails.is_under_way(found, now),
        "may_edit": may_edit,
        "editable": may_edit and found.status == Status.DRAFT,
        "receivable": found.status == Status.SENT,
    }
    return render(request, "procurement/order.html", context)


@allow(MANAGERS)
@require_POST
def edit_line(request: HttpRequest, order_id: UUID, line_id: int) -> HttpResponse:
    """Choose the packs of a line: a number, or one more or less."""

    def edit(now: dt.datetime) -> str:
        line = orders.edit_line(order_id, line_id, _packs(request.POST), by=asking(request), at=now)
        return "" if line.packs else f"{line.supplier_item} is taken off the order."

    return _step(request, order_id, edit, anchor=f"#line-{line_id}")


@allow(MANAGERS)
@require_POST
def approve(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Decide that a draft shall be ordered."""

    def approved(now: dt.datetime) -> str:
        done = orders.approve(order_id, by=asking(request), at=now)
        return f"Order {done.number} is approved. Send it to {done.supplier}."

    return _step(request, order_id, approved)


@allow(MANAGERS)
@require_POST
def send(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Send an approved order to its supplier by e-mail."""

    def sent(now: dt.datetime) -> str:
        restaurant, again = current_restaurant(), "again" in request.POST
        done = emails.send(order_id, restaurant, by=asking(request), at=now, again=again)
        return f"Order {done.number} is sent to {done.supplier.email}."

    return _step(request, order_id, sent)


@allow(MANAGERS)
@require_POST
def mark_sent(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The supplier has the order by other means."""

    def marked(now: dt.datetime) -> str:
        done = orders.mark_sent(order_id, by=asking(request), at=now)
        return f"Order {done.number} is marked as sent."

    return _step(request, order_id, marked)


@allow()
@require_POST
def receive(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The goods are in."""

    def received(now: dt.datetime) -> str:
        packs = {
            int(name.removeprefix("packs-")): _whole(str(value))
            for name, value in request.POST.items()
            if name.startswith("packs-") and name.removeprefix("packs-").isdigit()
        }
        done = orders.receive(order_id, by=asking(request), at=now, packs=packs)
        return f"Order {done.number} is received and on stock."

    return _step(request, order_id, received)


@allow(MANAGERS)
@require_POST
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The order shall not come."""

    def cancelled(now: dt.datetime) -> str:
        done = orders.cancel(order_id, by=asking(request), at=now)
        return f"Order {done.number} is cancelled."

    return _step(request, order_id, cancelled)


def _step(request: HttpRequest, order_id: UUID, take: Callable[[dt.datetime], str], anchor: str = "") -> HttpResponse:
    """Take a step of an order and say on its page what came of it."""
    get_object_or_404(PurchaseOrder, pk=order_id)
    try:
        said = take(timezone.now())
    except OrderError as refused:
        messages.error(request, str(refused))
    else:
        if said:
            messages.success(request, said)
    return redirect(reverse("procurement:order", args=[order_id]) + anchor)


def _packs(posted: Any) -> int:
    """The packs of a stepper: what was typed, moved by the button that was pressed. Out of bounds becomes -1."""
    chosen = _whole(posted.get("packs", ""))
    moved = {"less": -1, "more": 1}.get(posted.get("step", ""), 0)
    return 0 if posted.get("step") == "none" else max(-1, chosen + moved) if chosen >= 0 else -1


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1


# ---- suppliers


@allow()
@require_safe
def suppliers(request: HttpRequest) -> HttpResponse:
    """All suppliers."""
    found = Supplier.objects.with_item_count().order_by("-is_active", "name")
    rows = [(supplier, [wording.weekday_name(day) for day in supplier.delivery_weekdays]) for supplier in found]
    return render(request, "procurement/suppliers.html", {"suppliers": rows, "may_edit": may(request, MANAGERS)})


@allow()
@require_safe
def supplier(request: HttpRequest, supplier_id: UUID) -> HttpResponse:
    """One supplier and its order guide."""
    found = get_object_or_404(Supplier, pk=supplier_id)
    items = found.items.select_related("ingredient").order_by("-is_active", "name")
    context = {
        "supplier": found,
        "weekdays": [wording.weekday_name(day) for day in found.delivery_weekdays],
        "items": [
            (item, wording.pack_label(Decimal(item.pack_count), item.pack_size, item.pack_unit)) for item in items
        ],
        "may_edit": may(request, MANAGERS),
    }
    return render(request, "procurement/supplier.html", context)


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def supplier_add(request: HttpRequest) -> HttpResponse:
    """A new supplier."""
    return _edit_supplier(request, Supplier())


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def supplier_edit(request: HttpRequest, supplier_id: UUID) -> HttpResponse:
    """Change a supplier."""
    return _edit_supplier(request, get_object_or_404(Supplier, pk=supplier_id))


def _edit_supplier(request: HttpRequest, found: Supplier) -> HttpResponse:
    is_new = found._state.adding
    form = SupplierForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        order_guide.save_supplier(found, by=asking(request), at=timezone.now())
        messages.success(request, f"{found} is saved.")
        return redirect("procurement:supplier", found.pk)
    context = {"supplier": found, "form": form, "is_new": is_new}
    return render(request, "procurement/supplier_edit.html", context, status=422 if form.errors else 200)


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def item_add(request: HttpRequest, supplier_id: UUID) -> HttpResponse:
    """A new line of a supplier's order guide."""
    return _edit_item(request, SupplierItem(supplier=get_object_or_404(Supplier, pk=supplier_id)))


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def item_edit(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Change a line of a supplier's order guide, or take it out of use."""
    return _edit_item(request, get_object_or_404(SupplierItem.objects.select_related("supplier"), pk=item_id))


def _edit_item(request: HttpRequest, found: SupplierItem) -> HttpResponse:
    is_new = found._state.adding
    form = SupplierItemForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        preferred = form.cleaned_data["preferred"]
        order_guide.save_item(found, preferred=preferred, by=asking(request), at=timezone.now())
        messages.success(request, f"{found} is saved.")
        return redirect("procurement:supplier", found.supplier_id)
    context = {"item": found, "form": form, "is_new": is_new}
    return render(request, "procurement/item_edit.html", context, status=422 if form.errors else 200)


# ---- stock


@allow()
@require_safe
def stock(request: HttpRequest) -> HttpResponse:
    """What is on the shelf, how long it lasts, and a count for each ingredient."""
    return _show_stock(request)


@allow()
@require_POST
def count(request: HttpRequest, ingredient_id: UUID) -> HttpResponse:
    """Write down what was counted."""
    ingredient = get_object_or_404(Ingredient, pk=ingredient_id)
    form = CountForm(request.POST, ingredient=ingredient)
    if not form.is_valid():
        why = " ".join(str(message) for errors in form.errors.values() for message in errors)
        messages.error(request, f"{ingredient} was not counted. {why[:1].upper()}{why[1:]}")
        return _show_stock(request, status=422)
    quantity, unit = form.cleaned_data["quantity"], form.cleaned_data["unit"]
    try:
        suggestions.count(current_restaurant(), ingredient.pk, quantity, unit, by=asking(request), at=timezone.now())
    except NoConversion as missing:
        messages.error(request, str(missing))
        return _show_stock(request, status=422)
    messages.success(request, f"{ingredient} is counted: {wording.plain(quantity)} {unit}.")
    return redirect(f"{reverse('procurement:stock')}#ingredient-{ingredient.pk}")


def _show_stock(request: HttpRequest, status: int = 200) -> HttpResponse:
    restaurant, now = current_restaurant(), timezone.now()
    rows, shelf = pages.stock_rows(restaurant, now, Ingredient.objects.all())
    context = {"rows": rows, "sales_until_on": shelf.sales_until_on, "today": restaurant.business_date(now)}
    return render(request, "procurement/stock.html", context, status=status)
