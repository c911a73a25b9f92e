"""Dishes with their recipes, ingredients, and the 86 board.

What spans apps, the list with its sales and the change of a dish, is in flux/pages.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from menu import board, dishes, recipe_sheet, sold_out
from menu.forms import IngredientForm, RecipeLineForm
from menu.models import Ingredient, MenuItem, RecipeLine, SoldOut
from tenants.access import MANAGERS, allow, may
from tenants.actors import asking
from tenants.context import current_restaurant


@allow()
@require_safe
def item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """A dish and what one portion of it uses."""
    dish = get_object_or_404(MenuItem, pk=item_id)
    form = RecipeLineForm(instance=RecipeLine(menu_item=dish))
    return _show_item(request, dish, form)


@allow(MANAGERS)
@require_POST
def recipe_line_add(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Add an ingredient to the recipe, or say on the dish's page why not."""
    dish = get_object_or_404(MenuItem, pk=item_id)
    form = RecipeLineForm(request.POST, instance=RecipeLine(menu_item=dish))
    if not form.is_valid():
        return _show_item(request, dish, form, status=422)
    line = form.save(commit=False)
    dishes.save_line(line, by=asking(request), at=timezone.now())
    messages.success(request, f"{line.ingredient} is in the recipe of {dish}.")
    return redirect("menu:item", dish.pk)


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def recipe_line(request: HttpRequest, line_id: int) -> HttpResponse:
    """Change one line of a recipe."""
    line = get_object_or_404(RecipeLine.objects.select_related("menu_item", "ingredient"), pk=line_id)
    form = RecipeLineForm(request.POST or None, instance=line)
    if request.method == "POST" and form.is_valid():
        dishes.save_line(line, by=asking(request), at=timezone.now())
        messages.success(request, f"The recipe of {line.menu_item} is changed.")
        return redirect("menu:item", line.menu_item_id)
    return render(request, "menu/recipe_line.html", {"line": line, "form": form}, status=422 if form.errors else 200)


@allow(MANAGERS)
@require_POST
def recipe_line_remove(request: HttpRequest, line_id: int) -> HttpResponse:
    """Take one ingredient out of a recipe."""
    line = get_object_or_404(RecipeLine.objects.select_related("menu_item", "ingredient"), pk=line_id)
    dishes.remove_line(line, by=asking(request), at=timezone.now())
    messages.success(request, f"{line.ingredient} is out of the recipe of {line.menu_item}.")
    return redirect("menu:item", line.menu_item_id)


@allow()
@require_safe
def sold_out_board(request: HttpRequest) -> HttpResponse:
    """86: what is out now, and every dish to tap."""
    return _board(request)


@allow()
@require_POST
def sold_out_mark(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The dish has run out."""
    dish = get_object_or_404(MenuItem, pk=item_id)
    try:
        sold_out.mark(dish, restaurant=current_restaurant(), by=asking(request), at=timezone.now())
    except sold_out.NotOnTheMenu as problem:
        messages.error(request, str(problem))
    return _after_tap(request, dish)


@allow()
@require_POST
def sold_out_back(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The dish is to be had again."""
    dish = get_object_or_404(MenuItem, pk=item_id)
    sold_out.back(dish, restaurant=current_restaurant(), by=asking(request), at=timezone.now())
    return _after_tap(request, dish)


@allow()
@require_POST
def sold_out_dismiss(request: HttpRequest, sold_out_id: UUID) -> HttpResponse:
    """It had not run out: a slip, or a wrong guess of Flux."""
    row = get_object_or_404(SoldOut.objects.select_related("menu_item"), pk=sold_out_id)
    sold_out.dismiss(row.pk, by=asking(request), at=timezone.now())
    return _after_tap(request, row.menu_item)


@allow(MANAGERS)
@require_POST
def sold_out_confirm(request: HttpRequest, sold_out_id: UUID) -> HttpResponse:
    """It had run out, as Flux took it to have."""
    row = get_object_or_404(SoldOut.objects.select_related("menu_item"), pk=sold_out_id)
    sold_out.confirm(row.pk, by=asking(request), at=timezone.now())
    return _after_tap(request, row.menu_item)


def _after_tap(request: HttpRequest, dish: MenuItem) -> HttpResponse:
    """The board as it is now, in place; back to the dish's page where the tap was there."""
    if request.headers.get("HX-Request"):
        return _board(request)
    return redirect("menu:item", dish.pk) if request.POST.get("from") == "dish" else redirect("menu:sold_out_board")


def _board(request: HttpRequest) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    shown = board.read(
        current_restaurant().business_date(timezone.now()),
        query=asked.get("q", "").strip(),
        with_suspected=may(request, MANAGERS),
    )
    template = "menu/board_now.html" if request.headers.get("HX-Request") else "menu/sold_out_board.html"
    return render(request, template, {"board": shown})


@allow()
@require_safe
def ingredients(request: HttpRequest) -> HttpResponse:
    """All ingredients."""
    found = Ingredient.objects.with_dish_count()
    context = {"ingredients": found, "may_edit": may(request, MANAGERS)}
    return render(request, "menu/ingredients.html", context)


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def ingredient_add(request: HttpRequest) -> HttpResponse:
    """A new ingredient."""
    return _edit_ingredient(request, Ingredient())


@allow(MANAGERS)
@require_http_methods(["GET", "HEAD", "POST"])
def ingredient(request: HttpRequest, ingredient_id: UUID) -> HttpResponse:
    """Change an ingredient."""
    return _edit_ingredient(request, get_object_or_404(Ingredient, pk=ingredient_id))


def _edit_ingredient(request: HttpRequest, found: Ingredient) -> HttpResponse:
    form = IngredientForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        dishes.save_ingredient(found, by=asking(request), at=timezone.now())
        messages.success(request, f"{found} is saved.")
        return redirect("menu:ingredients")
    context = {"ingredient": found, "form": form, "is_new": found._state.adding}
    return render(request, "menu/ingredient.html", context, status=422 if form.errors else 200)


def _show_item(request: HttpRequest, dish: MenuItem, form: RecipeLineForm, status: int = 200) -> HttpResponse:
    today = current_restaurant().business_date(timezone.now())
    context = {
        "dish": dish,
        "lines": recipe_sheet.lines_of(dish),
        "form": form,
        "may_edit": may(request, MANAGERS),
        "has_ingredients": Ingredient.objects.exists(),
        "out": SoldOut.objects.out_on(today).filter(menu_item=dish).first(),
    }
    return render(request, "menu/item.html", context, status=status)
