"""How a day's demand spreads over its parts, learnt from what was sold when.

A dish that sells little on a weekday borrows from what is known better: its own week, tilted as the house's weekday
differs from the house's week; its own week in turn leans on its category's, and that on the house's. Evidence counts
as many units as were sold (the posterior mean of a Dirichlet prior worth BORROWED units).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forecasting.arithmetic import rounding

BORROWED = 20.0  # units of one's own that count as much as what is borrowed
FINE = 1000  # shares are applied to thousandths of thousandths, so that rounding is all that is lost

Units = Sequence[float]  # by part of the day
Sold = Mapping[tuple[Hashable, int], Units]  # of a dish on a weekday (0 is Monday)


@dataclass(frozen=True)
class Shares:
    """Of each dish, category and the house the units sold by part; over the week and by weekday."""

    house: list[float]
    house_on: dict[int, list[float]]
    categories: dict[str, list[float]]
    dishes: dict[Hashable, list[float]]
    dishes_on: dict[tuple[Hashable, int], list[float]]

    @classmethod
    def learn(cls, sold: Sold, categories: Mapping[Any, str], n_parts: int) -> "Shares":
        """`sold` may hold fewer than no units where more was returned than sold; those count as none."""
        learnt = cls([0.0] * n_parts, {}, {}, {}, {})
        for (dish, weekday), units in sold.items():
            known = [max(0.0, value) for value in units]
            for kept in (
                learnt.house,
                learnt.house_on.setdefault(weekday, [0.0] * n_parts),
                learnt.categories.setdefault(categories.get(dish, ""), [0.0] * n_parts),
                learnt.dishes.setdefault(dish, [0.0] * n_parts),
                learnt.dishes_on.setdefault((dish, weekday), [0.0] * n_parts),
            ):
                kept[:] = [one + other for one, other in zip(kept, known, strict=True)]
        return learnt

    def of(self, dish: Hashable, category: str, weekday: int) -> list[float]:
        """The dish's shares on the weekday; they add up to 1."""
        house = _normal(self.house) or [1 / len(self.house)] * len(self.house)
        house_on = _leaning(self.house_on.get(weekday), house)
        week = _leaning(self.dishes.get(dish), _leaning(self.categories.get(category), house))
        tilt = [on / usual if usual else 0.0 for on, usual in zip(house_on, house, strict=True)]
        tilted = [own * more for own, more in zip(week, tilt, strict=True)]
        return _leaning(self.dishes_on.get((dish, weekday)), _normal(tilted) or house_on)


def split(thousandths: int, shares: Units) -> list[int]:
    """Thousandths for each part, which add up to `thousandths`."""
    exact = [round(share * thousandths * FINE) for share in shares]
    return rounding.apportion(exact, thousandths, FINE)


def _leaning(units: Units | None, on: list[float]) -> list[float]:
    """Shares of `units`, drawn towards `on` by as much as BORROWED units."""
    if units is None:
        return on
    total = sum(units) + BORROWED
    return [(own + BORROWED * share) / total for own, share in zip(units, on, strict=True)]


def _normal(values: Sequence[float]) -> list[float] | None:
    total = sum(values)
    return [value / total for value in values] if total > 0 else None
