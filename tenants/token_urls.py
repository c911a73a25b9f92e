"""Where programs sign in; the pages for people are in `tenants.urls`."""

from django.urls import path

from tenants import api

app_name = "token"
urlpatterns = [
    path("login", api.login, name="login"),
    path("refresh", api.refresh, name="refresh"),
    path("revoke", api.revoke, name="revoke"),
]
