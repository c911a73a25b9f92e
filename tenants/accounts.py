"""What Flux asks of django-allauth: sign-in by e-mail on the platform's host, and no sign-up by strangers yet."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by staff (`create_restaurant`, the staff admin)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
