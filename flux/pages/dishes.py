"""A new dish, and changes of a dish: forecast and orders follow, so these pages span apps."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from flux import offer
from menu.forms import MenuItemForm, NewDishForm
from menu.models import MenuItem
from tenants.access import MANAGERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def dish_add(request: HttpRequest) -> HttpResponse:
    """A dish before its first sale, so that its recipe and what it sells like are known in time."""
    return _edit(request, MenuItem(), NewDishForm, "{} is on the menu. Say what it sells like, and add its recipe.")


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def dish_edit(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Change a dish's category, price, or whether it is on the menu."""
    return _edit(request, get_object_or_404(MenuItem, pk=item_id), MenuItemForm, "{} is saved.")


def _edit(request: HttpRequest, dish: MenuItem, form_class: type[MenuItemForm], told: str) -> HttpResponse:
    form = form_class(request.POST or None, instance=dish)
    if request.method == "POST" and form.is_valid():
        offer.save(dish, current_restaurant(), by=asking(request), at=timezone.now())
        messages.success(request, told.format(dish))
        return redirect("menu:item", dish.pk)
    context = {"dish": dish, "form": form, "is_new": dish._state.adding}
    return render(request, "pages/dish_edit.html", context, status=422 if form.errors else 200)
