"""What the commands about people share: asking for a password, and putting refusals into words."""

import getpass
import sys

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


def ask_password(email: str) -> str:
    """A password typed on the terminal; raises `CommandError` where there is none."""
    if not sys.stdin.isatty():
        raise CommandError(f"Nobody has the e-mail {email} yet: give --password.")
    return getpass.getpass(f"Password for {email}: ")


def in_words(error: ValidationError) -> str:
    """All that `error` says on one line, each part with its field."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    parts = [(field, " ".join(texts)) for field, texts in error.message_dict.items()]
    return "; ".join(text if field == "__all__" else f"{field}: {text}" for field, text in parts)
