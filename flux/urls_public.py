"""The platform's host: sign-in, choice of a restaurant, staff admin."""

from django.urls import include, path

from tenants import platform_views, views
from tenants.sites import platform_site

urlpatterns = [
    path("", views.home, name="home"),
    path("open/<slug:slug>/", views.hand_over, name="hand_over"),
    path("restaurants/open/", platform_views.open_restaurant, name="open_restaurant"),
    path("restaurants/open/address/", platform_views.suggest_address, name="suggest_address"),
    path("invitation/", platform_views.invitation, name="invitation"),
    path("accounts/", include("tenants.account_urls")),
    path("admin/", platform_site.urls),
]
