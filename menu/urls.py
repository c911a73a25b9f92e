from django.urls import path

from menu import views

app_name = "menu"
urlpatterns = [
    path("ingredients/", views.ingredients, name="ingredients"),
    path("ingredients/new/", views.ingredient_add, name="ingredient_add"),
    path("ingredients/<uuid:ingredient_id>/", views.ingredient, name="ingredient"),
    path("recipe-lines/<int:line_id>/", views.recipe_line, name="recipe_line"),
    path("recipe-lines/<int:line_id>/remove/", views.recipe_line_remove, name="recipe_line_remove"),
    path("<uuid:item_id>/", views.item, name="item"),
    path("<uuid:item_id>/edit/", views.item_edit, name="item_edit"),
    path("<uuid:item_id>/recipe/", views.recipe_line_add, name="recipe_line_add"),
]
