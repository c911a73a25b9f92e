"""Sessions of a browser: one on the platform's host, and one on each restaurant's host that leans on it.

A restaurant's session names the platform session it was made from and is void without it, so signing out once,
anywhere, ends them all. Sessions live in the cache, each under its own host's schema; to ask whether one lives is one
look-up there.
"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from tenants.context import public_context
from tenants.models import User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PLATFORM = "platform_session"


def platform_session_lives(key: Any) -> bool:
    """Whether `key` is that of a platform session which has not ended."""
    with public_context():
        return bool(key) and _store().exists(key)


def begin(request: HttpRequest, user: User, *, platform_session: str) -> None:
    """Sign `user` in on a restaurant's host, under a new session key, for as long as `platform_session` lives."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    request.session[PLATFORM] = platform_session


def is_void(request: HttpRequest) -> bool:
    """Whether the restaurant's session has lost the platform session it leans on."""
    return not platform_session_lives(request.session.get(PLATFORM))


def end(request: HttpRequest) -> None:
    """Sign out of this restaurant, of the platform and so of every other restaurant in this browser."""
    key = request.session.get(PLATFORM)
    logout(request)
    if key:
        with public_context():
            _store().delete(key)


def _store() -> SessionBase:
    return import_module(settings.SESSION_ENGINE).SessionStore()
