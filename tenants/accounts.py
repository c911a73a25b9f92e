"""What Flux asks of django-allauth: sign-in by e-mail on the platform's host, and a second step for who wants one."""

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from tenants.middleware import platform_url
from tenants.models import User

# How somebody who is signed in may show once more who they are.
WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


def is_local(path: str) -> bool:
    """Whether `path` stays on the host that it is opened on: nobody is sent elsewhere by a link."""
    return path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)


def invitation_link(request: HttpRequest, secret: str) -> str:
    """The address that accepts an invitation. The secret is in the query, which no log line holds."""
    path = reverse("invitation", urlconf=settings.PUBLIC_SCHEMA_URLCONF)
    return platform_url(request, f"{path}?{urlencode({'secret': secret})}")


class AccountAdapter(DefaultAccountAdapter):
    """Where people land, and who may sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGN_UP_OPEN)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """As usual; of two who sign up with one address at once, the second is asked for the code like the first."""
        try:
            with transaction.atomic():
                return super().save_user(request, user, form, commit)
        except IntegrityError as error:
            raise ImmediateHttpResponse(redirect("account_login")) from error

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        return [method | {"description": WAYS[method["id"]]} for method in super().get_reauthentication_methods(user)]

    def is_safe_url(self, url: str | None) -> bool:
        return bool(url) and is_local(str(url))


class MFAAdapter(DefaultMFAAdapter):
    """Passkeys of the parent domain; secrets that a copy of the database alone does not give away."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": settings.FLUX_DOMAIN, "name": "Flux"}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        number = user.authenticator_set.filter(type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def encrypt(self, text: str) -> str:
        return _safe().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _safe().decrypt(encrypted_text.encode()).decode()


def _safe() -> MultiFernet:
    """Opens what was closed under SECRET_KEY, or under one that came before it (SECRET_KEY_FALLBACKS)."""
    secrets: list[str] = [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
    digests = (hashlib.sha256(f"flux.mfa {secret}".encode()).digest() for secret in secrets)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
