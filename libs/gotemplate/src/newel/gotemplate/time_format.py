"""Times and durations as Go formats them: a layout is the reference time as it should look."""

import datetime as dt
import re

from newel.gotemplate.errors import CallError

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ZERO = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
RFC3339 = "2006-01-02T15:04:05Z07:00"
LAYOUTS = {
    "LAYOUT": "01/02 03:04:05PM '06 -0700",
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UNIXDATE": "Mon Jan _2 15:04:05 MST 2006",
    "RUBYDATE": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": RFC3339,
    "RFC3339NANO": "2006-01-02T15:04:05.999999999Z07:00",
    "KITCHEN": "3:04PM",
    "STAMP": "Jan _2 15:04:05",
    "STAMPMILLI": "Jan _2 15:04:05.000",
    "STAMPMICRO": "Jan _2 15:04:05.000000",
    "STAMPNANO": "Jan _2 15:04:05.000000000",
    "DATETIME": "2006-01-02 15:04:05",
    "DATEONLY": "2006-01-02",
    "TIMEONLY": "15:04:05",
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|002|__2|_2(?!006)|01|02|03|04|05|06|15|PM|pm"
    r"|Z07:00:00|Z07:00|Z070000|Z0700|Z07|-07:00:00|-07:00|-070000|-0700|-07"
    r"|[.,](?:0+|9+)(?!\d)|1|2|3|4|5"
)
UNITS = (
    ("ns", 1),
    ("us", 10**3),
    ("µs", 10**3),
    ("μs", 10**3),
    ("ms", 10**6),
    ("s", 10**9),
    ("m", 60 * 10**9),
    ("h", 3600 * 10**9),
)
DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def layout_of(name: str) -> str:
    """Return the layout of a name such as ``RFC3339`` or ``time.Kitchen``; a layout stays itself."""
    return LAYOUTS.get(name.removeprefix("time.").upper(), name)


def format_time(moment: dt.datetime, layout: str) -> str:
    """Format the time by a layout."""
    return ELEMENT.sub(lambda match: element(moment, match[0]), layout)


def element(moment: dt.datetime, name: str) -> str:
    """Format one element of a layout."""
    hour = moment.hour % 12 or 12
    known = {
        "January": MONTHS[moment.month - 1],
        "Jan": MONTHS[moment.month - 1][:3],
        "Monday": DAYS[moment.weekday()],
        "Mon": DAYS[moment.weekday()][:3],
        "MST": zone_name(moment),
        "2006": f"{moment.year:04d}",
        "06": f"{moment.year % 100:02d}",
        "01": f"{moment.month:02d}",
        "1": str(moment.month),
        "02": f"{moment.day:02d}",
        "_2": f"{moment.day:2d}",
        "2": str(moment.day),
        "002": f"{moment.timetuple().tm_yday:03d}",
        "__2": f"{moment.timetuple().tm_yday:3d}",
        "15": f"{moment.hour:02d}",
        "03": f"{hour:02d}",
        "3": str(hour),
        "04": f"{moment.minute:02d}",
        "4": str(moment.minute),
        "05": f"{moment.second:02d}",
        "5": str(moment.second),
        "PM": "PM" if moment.hour >= 12 else "AM",
        "pm": "pm" if moment.hour >= 12 else "am",
    }
    if name in known:
        return known[name]
    return fraction(moment, name) if name[0] in ".," else offset(moment, name)


def fraction(moment: dt.datetime, name: str) -> str:
    """Format parts of a second: zeros keep trailing digits, nines drop them."""
    found = f"{moment.microsecond:06d}".ljust(9, "0")[: len(name) - 1].ljust(len(name) - 1, "0")
    if name[1] == "9":
        found = found.rstrip("0")
        return name[0] + found if found else ""
    return name[0] + found


def seconds_east(moment: dt.datetime) -> int:
    """Return the zone's distance from UTC in seconds."""
    return int((moment.utcoffset() or dt.timedelta()).total_seconds())


def offset(moment: dt.datetime, name: str) -> str:
    """Format the zone as ``±hhmm`` or, for layouts that begin with Z, as Z for UTC."""
    east = seconds_east(moment)
    if name[0] == "Z" and east == 0:
        return "Z"
    colon = ":" if ":" in name else ""
    hours, rest = divmod(abs(east), 3600)
    parts = [f"{hours:02d}", f"{rest // 60:02d}", f"{rest % 60:02d}"]
    count = len(re.sub(r"\D", "", name)) // 2
    return ("-" if east < 0 else "+") + colon.join(parts[:count])


def zone_name(moment: dt.datetime) -> str:
    """Return ``UTC``, the zone's name, or its distance if it has none."""
    east = seconds_east(moment)
    name = moment.tzname() or ""
    if not name.startswith("UTC") or name == "UTC":
        return name
    if not east:
        return "UTC"
    return offset(moment, "-07" if east % 3600 == 0 else "-0700")


def time_text(moment: dt.datetime) -> str:
    """Format a time as Go prints it."""
    return format_time(moment, "2006-01-02 15:04:05.999999999 -0700 MST")


def duration_text(value: dt.timedelta) -> str:
    """Format a duration as Go prints it, such as ``1h2m3.5s``."""
    total = value // dt.timedelta(microseconds=1) * 1000
    sign, rest = ("-" if total < 0 else ""), abs(total)
    if rest == 0:
        return "0s"
    for unit, size in (("µs", 10**3), ("ms", 10**6)):
        if rest < size * 1000:
            return f"{sign}{quotient(rest, size)}{unit}"
    minutes, rest = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    found = f"{quotient(rest, 10**9)}s"
    if hours or minutes:
        found = f"{minutes}m{found}"
    return f"{sign}{f'{hours}h' if hours else ''}{found}"


def quotient(value: int, size: int) -> str:
    """Format a decimal fraction without trailing zeros."""
    whole, rest = divmod(value, size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def parse_duration(text: str) -> dt.timedelta:
    """Parse a duration. Raises CallError in Go's words."""
    body = text.lstrip("+-") if len(text) - len(text.lstrip("+-")) <= 1 else text
    if body == "0":
        return dt.timedelta()
    sizes = dict(UNITS)
    total, end = 0, 0
    for match in DURATION.finditer(body):
        if match.start() != end:
            break
        whole, _, parts = match[1].partition(".")
        size = sizes[match[2]]
        total += int(whole[:20] or "0") * size + int(parts[:18] or "0") * size // 10 ** len(
            parts[:18]
        )
        end = match.end()
    if not body or end != len(body) or total >= 1 << 63:
        raise CallError(f'time: invalid duration "{text}"')
    return dt.timedelta(microseconds=total // 1000) * (-1 if text.startswith("-") else 1)
