"""Dishes and ingredients in a restaurant's support admin."""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from menu.models import Ingredient, MenuItem, RecipeLine
from tenants.sites import restaurant_site


class RecipeLineInline(TabularInline):
    model = RecipeLine
    extra = 0
    autocomplete_fields = ["ingredient"]


@admin.register(MenuItem, site=restaurant_site)
class MenuItemAdmin(ModelAdmin):
    list_display = ["name", "category", "price", "is_active"]
    list_filter = ["is_active", "category"]
    search_fields = ["name"]
    inlines = [RecipeLineInline]


@admin.register(Ingredient, site=restaurant_site)
class IngredientAdmin(ModelAdmin):
    list_display = ["name", "base_unit", "grams_per_ml", "grams_per_each", "shelf_life_days"]
    search_fields = ["name"]
