"""Settings: taking everything that the restaurant has away as a file."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenants import archives
from tenants.access import OWNERS, allow
from tenants.actors import asking
from tenants.context import current_restaurant


@allow(OWNERS)
@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """What the file holds, and the button that fetches it."""
    return render(request, "settings/data.html")


@allow(OWNERS)
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """The zip, made while it is sent."""
    restaurant, now = current_restaurant(), timezone.now()
    name = f"{restaurant.slug}-{restaurant.business_date(now)}.zip"
    return StreamingHttpResponse(
        archives.hand_out(restaurant, by=asking(request), at=now),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )
