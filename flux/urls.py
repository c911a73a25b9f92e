"""A restaurant's own host: portal pages, /auth/, /api/v1/, /admin/."""

from django.urls import include, path

from tenants.sites import restaurant_site

urlpatterns = [
    path("", include("flux.pages.urls")),
    path("", include("procurement.urls")),  # /orders/, /stock/
    path("forecast/", include("forecasting.urls")),
    path("menu/", include("menu.urls")),
    path("sales/", include("pos.urls")),
    path("auth/", include("tenants.urls")),
    path("tablet/", include("tenants.tablet_urls")),
    path("auth/", include("tenants.token_urls")),
    path("api/", include("flux.api.urls")),
    path("admin/", restaurant_site.urls),
]
