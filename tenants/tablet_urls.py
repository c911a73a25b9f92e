from django.urls import path

from tenants import tablet_views

app_name = "tablet"
urlpatterns = [
    path("", tablet_views.names, name="names"),
    path("<uuid:holder_id>/", tablet_views.pin, name="pin"),
    path("switch/", tablet_views.switch, name="switch"),
    path("stay/", tablet_views.stay, name="stay"),
]
