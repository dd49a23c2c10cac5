"""Durations as people read them in refusals: the way Go prints them."""

import datetime as dt


def format_duration(duration: dt.timedelta) -> str:
    """The duration as Go prints it: ``24h0m0s``, ``1m30.5s``, ``250ms``, ``0s``."""
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


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
