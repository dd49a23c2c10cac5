"""Parsing of times by a layout, as Go's time.Parse does."""

import datetime as dt
import re

from newel.gotemplate.errors import CallError
from newel.gotemplate.literals import quote
from newel.gotemplate.time_format import DAYS, ELEMENT, MONTHS

NAMES = {
    "January": "|".join(MONTHS),
    "Jan": "|".join(name[:3] for name in MONTHS),
    "Monday": "|".join(DAYS),
    "Mon": "|".join(name[:3] for name in DAYS),
    "MST": "[A-Z]{3,4}|[+-]\\d{2}",
    "2006": r"\d{4}",
    "002": r"\d{3}",
    "__2": r"[ \d]{2}\d",
    "_2": r"[ \d]?\d",
    "PM": "AM|PM",
    "pm": "am|pm",
}
ZONES = {
    3: r"[+-]\d\d",
    5: r"[+-]\d{4}",
    6: r"[+-]\d\d:\d\d",
    7: r"[+-]\d{6}",
    9: r"[+-]\d\d:\d\d:\d\d",
}


def layout_patterns(layout: str) -> list[tuple[str, str, str]]:
    """Split a layout into parts: text, regular expression, and the element's name or ""."""
    found: list[tuple[str, str, str]] = []
    end = 0
    for match in ELEMENT.finditer(layout):
        between = layout[end : match.start()]
        end = match.end()
        if between:
            found.append((between, re.escape(between), ""))
        found.append((match[0], f"({element(match[0])})", match[0]))
        if match[0] in {"05", "5"} and layout[end : end + 1] not in {".", ","}:
            found.append(("", r"(?:[.,](\d{1,9}))?", "fraction"))
    return [*found, (layout[end:], re.escape(layout[end:]), "")]


def element(name: str) -> str:
    """Return the regular expression for one element."""
    if name in NAMES:
        return NAMES[name]
    if name[0] in ".,":
        return rf"[.,]\d{{{len(name) - 1}}}" if name[1] == "0" else r"(?:[.,]\d{1,9})?"
    if name[0] == "Z":
        return "Z|" + ZONES[len(name)]
    if name[0] == "-":
        return ZONES[len(name)]
    return r"\d{2}" if name[0] == "0" and name not in {"03", "04", "05"} else r"\d{1,2}"


def parse_time(layout: str, text: str) -> dt.datetime:
    """Parse a time, in UTC unless a zone is given. Raises CallError in Go's words."""
    values: dict[str, str | None] = {}
    rest = text
    for written, expression, name in layout_patterns(layout):
        match = re.match(expression, rest)
        if match is None:
            what = f"cannot parse {quote(rest)} as {quote(written)}"
            raise CallError(f"parsing time {quote(text)} as {quote(layout)}: {what}")
        if name:
            values[name] = match[1]
        rest = rest[match.end() :]
    if rest:
        raise CallError(f"parsing time {quote(text)}: extra text: {quote(rest)}")
    try:
        return build_time(values)
    except ValueError as error:
        raise CallError(
            f"parsing time {quote(text)}: {str(error).split()[0]} out of range"
        ) from None


def build_time(values: dict[str, str | None]) -> dt.datetime:
    """Return the time with these elements."""

    def first(*names: str, fallback: int) -> int:
        found = next((values[name] for name in names if values.get(name)), None)
        return int(found) if found else fallback

    year = first("2006", fallback=1)
    if values.get("06"):
        short = first("06", fallback=0)
        year = 2000 + short if short < 69 else 1900 + short
    hour = first("15", "03", "3", fallback=0)
    half = (values.get("PM") or values.get("pm") or "").upper()
    hour = hour % 12 + 12 * (half == "PM") if half else hour
    fraction = next((part for name, part in values.items() if part and is_fraction(name)), "")
    zone = next((part for name, part in values.items() if part and name[0] in "Z-"), "")
    moment = dt.datetime(
        year,
        month_of(values),
        first("02", "_2", "2", fallback=1),
        hour,
        first("04", "4", fallback=0),
        first("05", "5", fallback=0),
        int(fraction.lstrip(".,").ljust(6, "0")[:6] or 0),
        tzinfo=offset(zone),
    )
    days = first("002", "__2", fallback=0)
    return moment.replace(month=1, day=1) + dt.timedelta(days=days - 1) if days else moment


def is_fraction(name: str) -> bool:
    """Tell whether the element is a part of a second."""
    return name == "fraction" or name[0] in ".,"


def month_of(values: dict[str, str | None]) -> int:
    """Return the month, given by name or number."""
    name = values.get("January") or values.get("Jan")
    if name:
        return next(place for place, each in enumerate(MONTHS, 1) if each[:3] == name[:3])
    return int(values.get("01") or values.get("1") or 1)


def offset(zone: str) -> dt.timezone:
    """Return the zone at a distance from UTC."""
    digits = re.sub(r"\D", "", zone)
    if not digits or not int(digits):
        return dt.UTC
    hours, minutes, seconds = (int(digits[place : place + 2] or 0) for place in (0, 2, 4))
    east = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return dt.timezone(-east if zone[0] == "-" else east)
