"""Durations as Go writes them ("24h0m0s") and moments that are either a duration or RFC 3339."""

import datetime as dt
import re
from typing import NamedTuple

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # both spellings of the micro sign
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TERM = re.compile("([0-9]*)(?:\\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_LARGEST = 2**63 - 1  # Go keeps nanoseconds in an int64
_LONGEST_TEXT = 128
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?(Z|[+-]\d{2}:\d{2})", re.ASCII
)


def format_duration(duration: dt.timedelta) -> str:
    """Return the duration as Go prints it: ``24h0m0s``, ``1m30.5s``, ``250ms``, ``0s``."""
    total = (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
    sign, total = ("-", -total) if total < 0 else ("", total)
    if total == 0:
        return "0s"
    if total < 1_000:
        return f"{sign}{total}\u00b5s"
    if total < 1_000_000:
        return f"{sign}{_decimal(total, 1_000)}ms"
    minutes, rest = divmod(total, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def parse_duration(text: str) -> dt.timedelta:
    """``"1h30m"``, ``"-1.5h"``, ``"0"`` … as a timedelta (anything below a microsecond is cut off).

    Raises ValueError for what Go's time.ParseDuration refuses.
    """
    body = text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return dt.timedelta(0)
    nanoseconds, position = 0, 0
    while position < len(body) <= _LONGEST_TEXT:
        term = _TERM.match(body, position)
        if term is None or not (term[1] or term[2]):
            break
        whole, fraction, unit = term[1] or "0", term[2] or "", _UNITS[term[3]]
        nanoseconds += int(whole) * unit
        if fraction:
            nanoseconds += int(fraction) * unit // 10 ** len(fraction)
        position = term.end()
    if not body or position != len(body) or nanoseconds > _LARGEST:
        raise ValueError(f"invalid duration {text[:_LONGEST_TEXT]!r}")
    microseconds = nanoseconds // 1000
    return dt.timedelta(microseconds=-microseconds if text[0] == "-" else microseconds)


def parse_time(text: str) -> dt.datetime:
    """Return an RFC 3339 time, aware, in UTC. Raises ValueError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"invalid RFC 3339 time {text[:_LONGEST_TEXT]!r}")
    zone = "+00:00" if match[3] == "Z" else match[3]
    fraction = (match[2] or "0")[:6].ljust(6, "0")
    return dt.datetime.fromisoformat(f"{match[1]}.{fraction}{zone}").astimezone(dt.UTC)


def format_time(time: dt.datetime) -> str:
    """Return the time as RFC 3339 in UTC with ``Z``, fractions only where there are any."""
    text = time.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def format_go_time(time: dt.datetime) -> str:
    """Return the time in UTC as Go prints it, in whole seconds: ``2026-01-02 03:04:05 +0000 UTC``."""
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


class TimeDuration(NamedTuple):
    """A moment as the API carries it: at a time, after a duration, or not given at all."""

    at: dt.datetime | None = None
    after: dt.timedelta | None = None

    @classmethod
    def parse(cls, text: str) -> "TimeDuration":
        """From ``""``, RFC 3339 or a duration. Raises ValueError."""
        if not text:
            return cls()
        try:
            return cls(after=parse_duration(text))
        except ValueError:
            return cls(at=parse_time(text))

    def resolve(self, base: dt.datetime) -> dt.datetime | None:
        """Return the time, a duration counting from ``base``; None when it was not given."""
        return base + self.after if self.after is not None else self.at

    def __bool__(self) -> bool:
        return self.at is not None or self.after is not None

    def __str__(self) -> str:
        if self.after is not None:
            return format_duration(self.after)
        return format_time(self.at) if self.at is not None else ""


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
