"""One view with one query; the same one for a member who is signed in."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tenants.office.models import Closure


def one(request: HttpRequest) -> HttpResponse:
    coming = Closure.objects.filter(on__gte=dt.date(2026, 1, 1))
    return HttpResponse(", ".join(coming.values_list("note", flat=True)))


def signed_in(request: HttpRequest) -> HttpResponse:
    return one(request) if request.user.is_authenticated else HttpResponse(status=401)


urlpatterns = [path("one/", one), path("signed-in/", signed_in)]
