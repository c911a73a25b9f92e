"""The platform's host: sign-in, choice of a restaurant, staff admin."""

from django.urls import include, path

from tenants import views
from tenants.sites import platform_site

urlpatterns = [
    path("", views.home, name="home"),
    path("open/<slug:slug>/", views.hand_over, name="hand_over"),
    path("accounts/", include("tenants.account_urls")),
    path("admin/", platform_site.urls),
]
