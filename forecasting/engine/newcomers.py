"""Items with few sales of their own that are said to sell like another one: "like the lasagne, at 60 %"."""

from collections.abc import Hashable, Mapping, Sequence

from forecasting.engine.panel import Array

Likeness = Mapping[Hashable, tuple[Hashable, float]]  # item → (item that it sells like, its share of that one's sales)

_WORTH_DAYS = 7  # what was said counts as much as so many open days of own sales …
_HALF_LIFE_DAYS = 21  # … and fades beside, since by then own sales know better


def trust(age: Array) -> Array:
    """Weight of what was said about items first sold `age` open days ago: 1 before the first sale, then falling."""
    return _WORTH_DAYS / (_WORTH_DAYS + age) * 0.5 ** (age / _HALF_LIFE_DAYS)


def blend(mean: Array, age: Array, items: Sequence[Hashable], likeness: Likeness) -> Array:
    """The (d, i) means with those of newcomers drawn towards what they are said to sell like.

    `age`: (i,) open days since each item's first sale. What is said about items that are not in `items` is ignored, and
    one newcomer's model is another's own forecast, not what was said about it.
    """
    column = {item: i for i, item in enumerate(items)}
    drawn = mean.copy()
    for item, (like, share) in likeness.items():
        if item in column and like in column and item != like:
            weight = trust(age[column[item]])
            drawn[:, column[item]] = (1 - weight) * mean[:, column[item]] + weight * share * mean[:, column[like]]
    return drawn
