from django.urls import path

from forecasting import views

app_name = "forecasting"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("<uuid:item_id>/", views.item, name="item"),
]
