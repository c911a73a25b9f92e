"""Numbers and dates as people write them: which convention a column follows, and reading one value by it.

Plain Python. A convention is decided from all the values of a column together, never from one; a value that does
not fit the convention is None, never a guess.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Literal

DateOrder = Literal["dmy", "mdy", "ymd"]
DecimalMark = Literal[".", ","]

# --- numbers ---------------------------------------------------------------------------------------------------

_SPACES = " \u00a0\u2009\u202f'’"
_NUMBER = {
    ".": re.compile(
        rf"(?P<whole>\d*|[1-9]\d{{0,2}}(?P<mark>[,{_SPACES}])\d{{3}}(?:(?P=mark)\d{{3}})*)(?:\.(?P<part>\d*))?"
    ),
    ",": re.compile(
        rf"(?P<whole>\d*|[1-9]\d{{0,2}}(?P<mark>[.{_SPACES}])\d{{3}}(?:(?P=mark)\d{{3}})*)(?:,(?P<part>\d*))?"
    ),
}
_CODE = re.compile(r"^[A-Z]{3}\s*(?=[-+−(.\d])|(?<=[\d.)])\s*[A-Z]{3}$")


def decimal_mark(values: Iterable[str]) -> DecimalMark | None:
    """The decimal mark that most of the telling values prove; None where every value reads either way."""
    votes: dict[DecimalMark, int] = {".": 0, ",": 0}
    for value in values:
        point, comma = number(value, ".") is not None, number(value, ",") is not None
        if point != comma:
            votes["." if point else ","] += 1
    if votes["."] == votes[","]:
        return None
    return "." if votes["."] > votes[","] else ","


def number(value: str, mark: DecimalMark = ".") -> Decimal | None:
    """The number, or None. Currency signs and codes, grouped thousands and accounting negatives are understood."""
    if value.isascii() and value.isdigit():
        return Decimal(value)
    text = _bare(value)
    negative = text.startswith("-")
    match = _NUMBER[mark].fullmatch(text.lstrip("+-")) if text.count("-") + text.count("+") <= 1 else None
    if not match or not (match["whole"] or match["part"]):
        return None
    whole = "".join(filter(str.isdigit, match["whole"]))
    return Decimal(f"{'-' if negative else ''}{whole or 0}.{match['part'] or 0}")


def _bare(value: str) -> str:
    """The figures with their marks and a leading sign; no currency, no brackets, no trailing sign."""
    text = value.strip()
    if not text.isascii():
        text = "".join(c for c in text if unicodedata.category(c) != "Sc").replace("−", "-")
    text = _CODE.sub("", text.replace("$", "")).strip()
    if text.startswith("(") and text.endswith(")"):
        text = "-" + _CODE.sub("", text[1:-1]).strip()
    elif text.endswith(("-", "+")) and text[:1] not in "+-":
        text = text[-1] + text[:-1].rstrip()
    sign = text[:1] if text[:1] in ("-", "+") else ""
    return sign + text[len(sign) :].strip()


# --- dates and times -------------------------------------------------------------------------------------------

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier janv enero ene gennaio gen januari",
            "feb february februar février fevrier févr fevr febrero febbraio februari",
            "mar march märz maerz mrz mars marzo maart mrt",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag mei",
            "jun june juni juin junio giugno giu",
            "jul july juli juillet juil julio luglio lug",
            "aug august août aout agosto ago augustus",
            "sep sept september septembre septiembre settembre set",
            "oct october oktober okt octobre octubre ottobre ott",
            "nov november novembre noviembre",
            "dec december dezember dez décembre decembre déc diciembre dic dicembre",
        ),
        start=1,
    )
    for name in names.split()
}
_NUMERIC = re.compile(r"(?P<a>\d{1,4})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{1,4})(?!\d)")
_COMPACT = re.compile(r"(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)")
_WEEKDAY = re.compile(r"[^\W\d]{2,}\.?,?\s+(?=\d)")
_NAMED = (
    re.compile(
        r"(?:[^\W\d]{2,}\.?,?\s+)?(?P<d>\d{1,2})(?:st|nd|rd|th|\.|er)?[\s-]+(?P<m>[^\W\d]+)\.?,?[\s-]+(?P<y>\d{4}|\d{2})(?!\d)"
    ),
    re.compile(
        r"(?:[^\W\d]{2,}\.?,?\s+)?(?P<m>[^\W\d]+)\.?[\s-]+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(?P<y>\d{4})(?!\d)"
    ),
    re.compile(r"(?P<y>\d{4})[\s-]+(?P<m>[^\W\d]+)\.?[\s-]+(?P<d>\d{1,2})(?!\d)"),
)
_TIME = re.compile(
    r"(?P<h>\d{1,2})(?:[:.h](?P<m>\d{2})(?:[:.](?P<s>\d{2})(?:[.,]\d{1,9})?)?)?\s*(?P<half>[ap]\.?\s?m\.?)?"
    r"\s*(?P<zone>z|utc|gmt|(?:utc|gmt)?[-+]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"^(?:[\sT,]+|\s*(?:at|um|à)\s+)", re.IGNORECASE)


def possible_orders(values: Iterable[str]) -> set[DateOrder]:
    """The orders of day, month and year under which every numeric date of ``values`` exists.

    Values that read the same in any order (ISO, month by name) say nothing. Where no order fits all the values,
    the ones that fit the most are returned, so that the others are refused one by one.
    """
    votes: dict[DateOrder, int] = {"dmy": 0, "mdy": 0, "ymd": 0}
    counted = 0
    for value in values:
        match = _NUMERIC.match(_without_weekday(value.strip()))
        if not match or len(match["a"]) == 4:
            continue
        counted += 1
        for order in votes:
            votes[order] += _numeric_date(match, order) is not None
    best = max(votes.values())
    return {order for order, count in votes.items() if count == best} if counted else {"dmy", "mdy", "ymd"}


def is_ambiguous(value: str) -> bool:
    """Whether day and month of a numeric date can be told apart only by knowing their order."""
    match = _NUMERIC.match(_without_weekday(value.strip()))
    return match is not None and len(match["a"]) < 4 and match["a"] != match["b"]


def moment(value: str, order: DateOrder) -> datetime | date | None:
    """A date, or a datetime (aware where the value carries its zone), or None where it is neither."""
    text = value.strip()
    if len(text) >= 19 and text[4] == "-" and text[10] in " T":
        try:
            return datetime.fromisoformat(text).replace(microsecond=0)
        except ValueError:
            pass
    day, rest = _leading_date(text, order)
    if day is None:
        return None
    rest = _BETWEEN.sub("", rest).strip() if rest.strip() else ""
    if not rest:
        return day
    clock = clock_time(rest)
    return None if clock is None else datetime.combine(day, clock)


def clock_time(value: str) -> time | None:
    """A time of day, aware where it carries an offset from UTC, or None."""
    match = _TIME.fullmatch(value.strip())
    if not match or not (match["m"] or match["half"]):
        return None
    hour, half = int(match["h"]), (match["half"] or "")[:1].lower()
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    elif half == "a" and hour > 12:
        return None
    try:
        return time(hour, int(match["m"] or 0), int(match["s"] or 0), tzinfo=_offset(match["zone"]))
    except ValueError:
        return None


def _offset(text: str | None) -> tzinfo | None:
    """The zone of a suffix such as Z, +02:00, -0530, UTC+1; ValueError when no such offset exists."""
    if not text:
        return None
    figures = re.sub(r"^(?:utc|gmt|z)", "", text, flags=re.IGNORECASE)
    if not figures:
        return UTC
    digits = figures[1:].replace(":", "").zfill(2)
    minutes = int(digits[:-2] or 0) * 60 + int(digits[-2:]) if len(digits) > 2 else int(digits) * 60
    if minutes > 15 * 60:
        raise ValueError(text)
    return timezone(timedelta(minutes=-minutes if figures[0] == "-" else minutes))


def _leading_date(text: str, order: DateOrder) -> tuple[date | None, str]:
    """The date at the start of ``text``, and what follows it."""
    text = _without_weekday(text)
    if match := _NUMERIC.match(text):
        return _numeric_date(match, order), text[match.end() :]
    if match := _COMPACT.match(text):
        return _date(match["y"], match["m"], match["d"]), text[match.end() :]
    for pattern in _NAMED:
        if match := pattern.match(text):
            month = _MONTHS.get(match["m"].lower())
            return (_date(match["y"], month, match["d"]) if month else None), text[match.end() :]
    return None, text


def _without_weekday(text: str) -> str:
    """``Mon, 03/02/2025`` and ``Montag 3.2.2025`` begin with a word that the date does not need."""
    match = _WEEKDAY.match(text)
    return text[match.end() :] if match and match[0].strip(" .,\t").lower() not in _MONTHS else text


def _numeric_date(match: re.Match[str], order: DateOrder) -> date | None:
    if len(match["a"]) == 4:
        return _date(match["a"], match["b"], match["c"]) if len(match["c"]) <= 2 else None
    places = {place: match[group] for place, group in zip(order, "abc", strict=True)}
    if len(places["y"]) not in (2, 4):
        return None
    return _date(places["y"], places["m"], places["d"])


def _date(year: str, month: str | int, day: str) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None
