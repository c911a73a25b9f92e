"""Numbers that are shown rounded and still add up: each is rounded down or up so that the sum is right.

The method is Hamilton's, of largest remainders (M. L. Balinski and H. P. Young, Fair Representation, 1982). Numbers
are whole counts of a fine unit, such as thousandths, so that nothing is lost on the way.
"""

from collections.abc import Sequence


class CannotAddUp(ValueError):
    """No rounding down or up of the parts has this sum."""


def half_up(exact: int, step: int) -> int:
    """How many steps `exact` is, rounded; a half goes up."""
    return (2 * exact + step) // (2 * step)


def apportion(exact: Sequence[int], total: int, step: int, owed: list[int] | None = None) -> list[int]:
    """Steps for each part, its own number rounded down or up, that add up to `total` steps. Raises CannotAddUp.

    The greatest remainders are rounded up. `owed` is what earlier roundings of the same parts have left out so far: it
    counts as a part's remainder too and is brought up to date, so that a part of 0.3 a day is 3 in ten days, not 0.
    """
    shown = [part // step for part in exact]
    remainders = [part % step for part in exact]
    up = total - sum(shown)
    order = sorted(
        (place for place, left in enumerate(remainders) if left),
        key=lambda place: (-remainders[place] - (owed[place] if owed else 0), place),
    )
    if not 0 <= up <= len(order):
        raise CannotAddUp(f"{total} steps of {step} are not the sum of {list(exact)}, each rounded down or up.")
    for place in order[:up]:
        shown[place] += 1
    if owed is not None:
        owed[:] = [debt + part - step * got for debt, part, got in zip(owed, exact, shown, strict=True)]
    return shown


def table(rows: Sequence[Sequence[int]], totals: Sequence[int], step: int) -> list[list[int]]:
    """Steps for each cell, every row adding up to its total; what rounding leaves out of a column is made up below it.

    The greatest row comes first: many small rows that were rounded one by one would put all of a column's remainders
    into another column.
    """
    shown: list[list[int]] = [[] for _ in rows]
    owed = [0] * max(map(len, rows), default=0)
    for place in sorted(range(len(rows)), key=lambda place: (-sum(rows[place]), place)):
        shown[place] = apportion(rows[place], totals[place], step, owed)
    return shown
