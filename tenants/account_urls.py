"""The pages about one's account, on the platform's host: django-allauth's that Flux uses, and an overview of them."""

from allauth.account import views
from django.db import transaction
from django.urls import include, path, re_path

from tenants import platform_views

urlpatterns = [
    path("", platform_views.account, name="account"),
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    # Whole or not at all: nobody is left with an account that lacks its name, its address or its code.
    path("signup/", transaction.atomic(views.signup), name="account_signup"),
    path("name/", platform_views.change_name, name="account_change_name"),
    path("email/", views.email, name="account_email"),
    path("email/code/", views.email_verification_sent, name="account_email_verification_sent"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("two-step/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    path("password/reset/key/done/", views.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]
