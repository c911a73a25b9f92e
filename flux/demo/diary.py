"""What happens in and around the demo restaurant: events that its guests follow, dishes that ran out, school holidays.

No Django, no clock.

Days are counted from the day on which the restaurant joined, so that some lie behind and some ahead. The `pull` of an
event on its guests is not what the calendar says of it: that is to be found in the sales.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY, SUNDAY, TUESDAY, THURSDAY, FRIDAY = 5, 6, 1, 3, 4
MARKET, MATCH, BURGERS, LUNCH = "Harbour street market", "Match night", "Two burgers for one", "Lunch for Corrib Print"

OUT_TODAY = "Cheddar and Onion Tart"
NEWCOMER, SELLS_LIKE, AT = "Salmon Fishcakes", "Baked Hake with Tomato", "0.6"


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event of the calendar: `pull` multiplies the demand for what it is about, where that is named, or for all.

    `effect` is what the calendar says: percent, units or like.
    """

    name: str
    kind: str
    starts_on: date
    ends_on: date
    pull: float = 1.0
    item: str = ""
    category: str = ""
    effect: str = "percent"
    amount: int | None = 0
    note: str = ""

    def draws(self, name: str, category: str) -> bool:
        """Whether guests order more or less of this item because of it."""
        return name == self.item or (category == self.category if self.category else not self.item)


@dataclass(frozen=True, slots=True)
class Shortage:
    """A dish ran out at a wall-clock hour of a past day; the kitchen tapped it on the board where `was_told`."""

    item: str
    on: date
    hour: float
    was_told: bool = True


@dataclass(frozen=True, slots=True)
class SchoolHoliday:
    name: str
    starts_on: date
    ends_on: date


def occasions(joined_on: date) -> list[Occasion]:
    """Past and coming events, oldest first."""

    def on(days: int, weekday: int) -> date:
        monday = joined_on + timedelta(days=days)
        monday -= timedelta(days=monday.weekday())
        return monday + timedelta(days=weekday)

    markets = [on(days, SATURDAY) for days in (-112, -77, -42)]
    matches = [on(-91, FRIDAY), on(-28, FRIDAY)]
    burgers = on(-63, TUESDAY)
    found = [
        *(Occasion(MARKET, "event", day, day, 1.5) for day in markets),
        *(Occasion(MATCH, "event", day, day, 1.35) for day in matches),
        Occasion(BURGERS, "promotion", burgers, burgers + timedelta(days=2), 1.8, item="Samphire Burger"),
        _like(Occasion(MATCH, "event", on(7, FRIDAY), on(7, FRIDAY), 1.35), "On the big screen"),
        Occasion(
            LUNCH, "catering", on(14, THURSDAY), on(14, THURSDAY),
            category="Lunch", effect="units", amount=30, note="30 lunches at 12:30, for collection",
        ),
        _like(Occasion(MARKET, "event", on(14, SATURDAY), on(14, SATURDAY), 1.5), "Stalls along the quay"),
        Occasion(
            "Road works in our street", "event", on(21, TUESDAY), on(21, THURSDAY), 0.9, amount=-10, note="No parking",
        ),
    ]  # fmt: skip
    return sorted(found, key=lambda occasion: occasion.starts_on)


def shortages(joined_on: date) -> list[Shortage]:
    """Dishes that ran out before the restaurant joined; of one, nobody said so."""

    def back(weeks: int, weekday: int) -> date:
        return joined_on - timedelta(days=joined_on.weekday() + 7 * weeks - weekday)

    hake, burger, fish = "Baked Hake with Tomato", "Samphire Burger", "Fish and Chips"
    return [
        Shortage(hake, back(11, FRIDAY), 20.2),
        Shortage(fish, back(9, SATURDAY), 20.5),
        Shortage(hake, back(7, SATURDAY), 19.6),
        Shortage(burger, back(6, SUNDAY), 19.0),
        Shortage(hake, back(4, FRIDAY), 19.9),
        Shortage(fish, back(3, FRIDAY), 20.0),
        Shortage(hake, back(2, SATURDAY), 19.4),
        Shortage("Glass of House Red", back(1, SATURDAY), 18.4, was_told=False),
        Shortage(hake, back(1, FRIDAY), 20.1),
    ]


def _like(occasion: Occasion, note: str) -> Occasion:
    facts = {name: getattr(occasion, name) for name in ("name", "kind", "starts_on", "ends_on", "pull")}
    return Occasion(**facts, effect="like", amount=None, note=note)


def school_holidays(years: Iterable[int]) -> list[SchoolHoliday]:
    """Those of a made-up school next door."""
    found = []
    for year in years:
        found += [
            SchoolHoliday("February break", date(year, 2, 14), date(year, 2, 22)),
            SchoolHoliday("Summer holidays", date(year, 7, 1), date(year, 8, 28)),
            SchoolHoliday("Autumn break", date(year, 10, 24), date(year, 11, 1)),
            SchoolHoliday("Christmas holidays", date(year, 12, 19), date(year + 1, 1, 4)),
        ]
    return found
