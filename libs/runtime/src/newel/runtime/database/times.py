"""Times as columns hold them: whole seconds since 1970."""

import datetime as dt


def read_time(seconds: int) -> dt.datetime:
    """Return the aware time of a column."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def read_optional_time(seconds: int | None) -> dt.datetime | None:
    """Return the aware time of a column that may be NULL."""
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)


def to_seconds(moment: dt.datetime) -> int:
    """Return a time as a column holds it."""
    return int(moment.timestamp())
