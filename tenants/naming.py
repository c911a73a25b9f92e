"""Names as people type them, and the first part of a host name made from them."""

import re
import secrets
import unicodedata
from typing import Any

from anyascii import anyascii
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from tenants.models import RESERVED_SLUGS, Domain, Restaurant

SLUG_LENGTH = Restaurant._meta.get_field("slug").max_length or 40
ROOM_FOR_A_NUMBER = 8
MOST_NUMBERED = 50
# Letters and marks of scripts that need joiners keep them; what turns text round, or shows nothing, is refused.
JOINERS = "\u200c\u200d"


def tidy(text: str) -> str:
    """`text` in composed form and with single spaces; raises `ValidationError` where characters are hidden in it."""
    composed = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"} and char not in JOINERS for char in composed):
        raise ValidationError("This holds characters that cannot be seen. Type it by hand instead of pasting it.")
    tidied = " ".join(composed.split())
    if not any(unicodedata.category(char)[0] in "LNS" for char in tidied):
        raise ValidationError("A name needs at least one letter or digit.")
    return tidied


class NameField(forms.CharField):
    """A name in one line, without characters that nobody sees.

    What it may not exceed is the length of the tidied name: composing makes some names longer.
    """

    def to_python(self, value: Any) -> str:
        typed = super().to_python(value)
        return tidy(typed) if typed else ""


def slug_of(name: str) -> str:
    """The slug that a restaurant's `name` suggests, in whatever script it is written: “Café Zürich” → cafe-zurich."""
    words = re.sub(r"[^a-z0-9]+", "-", anyascii(name.replace("’", "").replace("'", "")).lower())
    return words[: SLUG_LENGTH - ROOM_FOR_A_NUMBER].strip("-") or "restaurant"


def suggest(name: str) -> str:
    """A free slug for a restaurant of this `name`, numbered where others came first."""
    base = slug_of(name)
    numbered = [base, *(f"{base}-{number}" for number in range(2, MOST_NUMBERED))]
    return free_slug(numbered) or f"{base}-{secrets.token_hex(3)}"


def free_slug(wanted: list[str]) -> str | None:
    """The first of `wanted` that nobody has; one query."""
    hosts = {host_of(slug): slug for slug in wanted if slug not in RESERVED_SLUGS and not slug.startswith("xn--")}
    taken = set(Domain.objects.filter(domain__in=hosts).values_list("domain", flat=True))
    return next((slug for host, slug in hosts.items() if host not in taken), None)


def host_of(slug: str) -> str:
    """The host name of a restaurant with this slug."""
    return f"{slug}.{settings.FLUX_DOMAIN}"
