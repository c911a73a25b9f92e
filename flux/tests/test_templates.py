"""What the content security policy refuses must not be in a template: it would fail in silence in the browser."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
REFUSED = re.compile(
    r"<[^>]*\s(style|on[a-z]+)\s*=|<style\b|<script\b(?![^>]*\bsrc=)|<(?!a\s)[^>]*\s(src|href)=.https?://",
    re.IGNORECASE,  # a link may lead elsewhere: it loads nothing
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR / "templates")))
def test_no_inline_style_or_script_and_nothing_from_elsewhere(path: Path) -> None:
    assert not REFUSED.search(path.read_text())


def test_every_icon_that_a_template_names_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', (settings.BASE_DIR / "flux/static/flux/icons.svg").read_text()))
    named = {name for path in TEMPLATES for name in re.findall(r'{% icon "([a-z]+)"|icon="([a-z]+)"', path.read_text())}
    assert {name for pair in named for name in pair if name} <= drawn
