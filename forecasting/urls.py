from django.urls import path

from forecasting.views import accuracy as accuracy_views
from forecasting.views import forecast as views
from forecasting.views import likeness as likeness_views
from forecasting.views import proof as proof_views

app_name = "forecasting"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("accuracy/", accuracy_views.accuracy, name="accuracy"),
    path("day/<str:day>/", views.day, name="day"),
    path("<uuid:item_id>/", views.item, name="item"),
    path("<uuid:item_id>/new/", likeness_views.newcomer, name="newcomer"),
    path("<uuid:item_id>/new/like/", likeness_views.likeness_say, name="likeness_say"),
    path("<uuid:item_id>/new/forget/", likeness_views.likeness_forget, name="likeness_forget"),
    path("proof/", proof_views.proof_page, name="proof"),
    path("proof/progress/", proof_views.proof_progress, name="proof_progress"),
    path("proof/run/", proof_views.proof_run, name="proof_run"),
]
