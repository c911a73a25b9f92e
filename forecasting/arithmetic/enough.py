"""How much history is enough to hide a part of it, and how much of it is then hidden."""

from collections.abc import Collection
from datetime import date

ENOUGH_DAYS, FULL_DAYS = 56, 112  # of history: two weeks are hidden from the one, four from the other on
SHORT_WEEKS, FULL_WEEKS = 2, 4
WEEK_DAYS = 7


class TooShort(Exception):
    """There is too little history to hide a part of it."""

    def __init__(self, n_days: int) -> None:
        super().__init__(
            f"Flux needs {ENOUGH_DAYS} days of sales to hide the last of them and predict them, and has {n_days}."
        )
        self.n_days = n_days
        self.missing_days = ENOUGH_DAYS - n_days


def history_days(open_days: Collection[date]) -> int:
    """Days from the first to the last open day, without the weeks, counted back from the end, that had none."""
    if not open_days:
        return 0
    first, last = min(open_days), max(open_days)
    n_days = (last - first).days + 1
    traded = {(last - day).days // WEEK_DAYS for day in open_days}
    whole, rest = divmod(n_days, WEEK_DAYS)
    return sum(WEEK_DAYS if week < whole else rest for week in traded)


def weeks_to_hide(n_days: int) -> int:
    """Four weeks of sixteen or more, two of eight or more. Raises TooShort."""
    if n_days < ENOUGH_DAYS:
        raise TooShort(n_days)
    return FULL_WEEKS if n_days >= FULL_DAYS else SHORT_WEEKS
