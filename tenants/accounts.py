"""What Flux asks of django-allauth: sign-in by e-mail on the platform's host, and no sign-up by strangers yet."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def is_local(path: str) -> bool:
    """Whether `path` stays on the host that it is opened on: nobody is sent elsewhere by a link."""
    return path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by staff (`create_restaurant`, `add_member`, the staff admin)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("home") + "?choose"

    def is_safe_url(self, url: str | None) -> bool:
        return bool(url) and is_local(str(url))
