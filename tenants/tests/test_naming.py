"""Names: what is refused in them, and the slug that one suggests."""

import re

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tenants import naming
from tenants.models import RESERVED_SLUGS, Domain, Restaurant


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Café Flore", "cafe-flore"),
        ("L’Épicerie de l'Étang", "lepicerie-de-letang"),
        ("Zürich & Söhne GmbH", "zurich-sohne-gmbh"),
        ("Ресторан Пушкинъ", "restoran-pushkin"),
        ("Ψαροταβέρνα", "psarotaverna"),
        ("寿司さいとう", "shousisaitou"),
        ("مطعم", "mt-m"),
        ("  --Bar-- 42!! ", "bar-42"),
        ("xn--caf-dma", "xn-caf-dma"),
        ("'; DROP TABLE tenants_user; --", "drop-table-tenants-user"),
        ("../../etc/passwd", "etc-passwd"),
        ("bistro.flux.localhost@evil.example", "bistro-flux-localhost-evil-examp"),
        ("!!!", "restaurant"),
        ("A" * 120, "a" * 32),
    ],
)
def test_a_name_suggests_a_slug(name: str, slug: str) -> None:
    assert naming.slug_of(name) == slug


@given(st.text(max_size=120))
def test_whatever_the_name_the_slug_passes(name: str) -> None:
    slug = naming.slug_of(name)
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", slug)
    assert len(slug) <= naming.SLUG_LENGTH - naming.ROOM_FOR_A_NUMBER
    assert not slug.startswith("xn--")


@pytest.mark.parametrize("name", ["a\u202eb", "a\u200bb", "a\x07b", "a\nb", "\ud800", "\ue000", "\ufeffBar", "…", ""])
def test_what_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        naming.tidy(name)


@pytest.mark.parametrize(
    ("typed", "tidied"),
    [("  Café \u00a0 Flore ", "Café Flore"), ("Cafe\u0301", "Café"), ("नमस्ते", "नमस्ते"), ("Bar 🍕", "Bar 🍕")],
)
def test_what_can_be_seen_is_kept(typed: str, tidied: str) -> None:
    assert naming.tidy(typed) == tidied


def test_a_slug_that_is_taken_or_reserved_gets_a_number(bistro: Restaurant) -> None:
    assert naming.suggest("Bistro") == "bistro-2"
    assert naming.suggest("Admin") == "admin-2"
    assert "wpad" in RESERVED_SLUGS
    Domain.objects.create(tenant=bistro, domain=f"bistro-2.{settings.FLUX_DOMAIN}", is_primary=False)
    assert naming.suggest("Bistro") == "bistro-3"  # the old host of somebody who moved is still theirs


def test_a_name_that_everybody_has_gets_a_random_end(bistro: Restaurant, django_assert_num_queries: object) -> None:
    Domain.objects.bulk_create(
        Domain(tenant=bistro, domain=f"pizzeria{end}.{settings.FLUX_DOMAIN}", is_primary=False)
        for end in ["", *(f"-{number}" for number in range(2, naming.MOST_NUMBERED))]
    )
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert re.fullmatch(r"pizzeria-[0-9a-f]{6}", naming.suggest("Pizzeria"))
