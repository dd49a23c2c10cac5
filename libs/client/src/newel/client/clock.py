"""The wall clock, read in one place: everything else takes the time as a value."""

import datetime as dt


def now() -> dt.datetime:
    """Return the current time, aware, in UTC."""
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the client library has no runtime to ask
