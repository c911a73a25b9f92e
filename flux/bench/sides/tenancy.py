"""Flux's settings with the middleware that every Django project has, and tenancy's."""

from flux.settings import *  # noqa: F403

ROOT_URLCONF = PUBLIC_SCHEMA_URLCONF = "flux.bench.sides.urls"
MIDDLEWARE = [
    "tenants.middleware.HealthMiddleware",
    "tenants.middleware.RestaurantMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.middleware.MembershipMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
