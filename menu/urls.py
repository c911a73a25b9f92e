from django.urls import path

from menu import views

app_name = "menu"
urlpatterns = [
    path("ingredients/", views.ingredients, name="ingredients"),
    path("ingredients/new/", views.ingredient_add, name="ingredient_add"),
    path("ingredients/<uuid:ingredient_id>/", views.ingredient, name="ingredient"),
    path("recipe-lines/<int:line_id>/", views.recipe_line, name="recipe_line"),
    path("recipe-lines/<int:line_id>/remove/", views.recipe_line_remove, name="recipe_line_remove"),
    path("86/", views.sold_out_board, name="sold_out_board"),
    path("86/<uuid:sold_out_id>/dismiss/", views.sold_out_dismiss, name="sold_out_dismiss"),
    path("86/<uuid:sold_out_id>/confirm/", views.sold_out_confirm, name="sold_out_confirm"),
    path("<uuid:item_id>/86/", views.sold_out_mark, name="sold_out_mark"),
    path("<uuid:item_id>/back/", views.sold_out_back, name="sold_out_back"),
    path("<uuid:item_id>/", views.item, name="item"),
    path("<uuid:item_id>/recipe/", views.recipe_line_add, name="recipe_line_add"),
]
