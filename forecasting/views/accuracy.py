"""How good the forecast has been: the scoreboard."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from forecasting import scoreboard
from forecasting.models import Override
from tenants.access import allow
from tenants.context import current_restaurant

SHORT, LONG = 8, 26  # weeks


@allow()
@require_safe
def accuracy(request: HttpRequest) -> HttpResponse:
    """Flux beside the same-weekday mean and beside people, week by week; what needs a look; best and worst dishes."""
    yesterday = current_restaurant().business_date(timezone.now()) - dt.timedelta(days=1)
    n_weeks = LONG if request.GET.get("weeks") == str(LONG) else SHORT
    board = scoreboard.board(yesterday, n_weeks)
    context = {
        "board": board,
        "n_weeks": n_weeks,
        "ways": [
            ("Flux", "with the calendar, without overrides", board.whole.flux),
            ("Flux and your overrides", "what you and your orders saw", board.whole.final),
            ("Same weekday", "mean of the last 4, without Flux", board.whole.usual),
        ],
        "alerts": scoreboard.alerts(yesterday) if board.rows else [],
        "record": Override.objects.record(),
    }
    return render(request, "forecasting/accuracy.html", context)
