"""Special days that last: what goes on for over a month is ordinary, or nothing would be left to learn from."""

from dataclasses import replace

import numpy as np

from forecasting.engine.panel import Array, Panel

_DAYS = 56  # of an item, looked back on from each day
_LULL_DAYS = 7  # an item without a sale for so long was not to be had

NOTE = (
    "Events or promotions fill more than half of the last {days} open days{dishes}. There they count as ordinary days: "
    "enter only the days on which something is different."
)


def heeded(panel: Panel) -> Panel:
    """The panel with those marks alone that leave enough ordinary days.

    From the day on which more than half of an item's last 56 days are special, its special days teach as any other.
    An item's days are those since its first sale that the house was open, without the special ones in a lull of a week:
    it was off the menu. Nothing at a day depends on a later one.
    """
    marked = np.flatnonzero((panel.special & (panel.sold > 0)).any(axis=0))
    if not len(marked):
        return panel
    special = panel.special.copy()
    for i in marked.tolist():
        special[_too_many(panel, i), i] = False
    return replace(panel, special=special)


def _too_many(panel: Panel, item: int) -> Array:
    """(n,) rows of an item on which special days have come to be the rule."""
    sold = panel.sold[:, item] > 0
    rows = np.arange(len(sold))
    last_sale = np.maximum.accumulate(np.where(sold, rows, -len(sold)))
    on_sale = rows - last_sale < np.where(panel.special[:, item], _LULL_DAYS, 2 * len(sold))
    at = np.flatnonzero(panel.is_open & on_sale & sold.cumsum().astype(bool))
    is_special = panel.special[at, item]
    so_far = np.append(0, is_special.cumsum())
    stop = np.arange(1, len(at) + 1)
    begin = np.maximum(stop - _DAYS, 0)
    return at[is_special & (2 * (so_far[stop] - so_far[begin]) > stop - begin)]


def notes(told: Panel, used: Panel) -> list[str]:
    """What to say, in a manager's words, of marks of the last 56 open days that were not heeded."""
    recent = np.flatnonzero(told.is_open)[-_DAYS:]
    dishes = int((told.special[recent] & ~used.special[recent]).any(axis=0).sum())
    if not dishes:
        return []
    whose = "" if dishes == len(told.items) else f" of {dishes} {'dish' if dishes == 1 else 'dishes'}"
    return [NOTE.format(days=len(recent), dishes=whose)]
