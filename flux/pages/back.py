"""Where a form that stands on several pages leads back to."""

from django.http import HttpRequest

from tenants.accounts import is_local


def way_back(request: HttpRequest, otherwise: str) -> str:
    """The page that the form stands on, which it names as `next`, if that is one of ours."""
    asked: str = request.POST.get("next", "")
    return asked if is_local(asked) else otherwise
