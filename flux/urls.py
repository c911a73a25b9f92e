"""A restaurant's own host: portal pages, /auth/, /api/v1/, /admin/."""

from django.urls import include, path

from tenants.sites import restaurant_site

urlpatterns = [
    path("auth/", include("tenants.urls")),
    path("admin/", restaurant_site.urls),
]
