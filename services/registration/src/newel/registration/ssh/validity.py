"""The validity of an SSH certificate: what the request asks for, within the provisioner's limits."""

import datetime as dt

from newel.durations.go import TimeDuration, format_duration, format_go_time
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.provisioners.grant import Window
from newel.registration.provisioners.limits import Durations


def resolve(
    durations: Durations,
    backdate: dt.timedelta,
    now: dt.datetime,
    valid_after: str,
    valid_before: str,
    window: Window | None = None,
) -> tuple[dt.datetime, dt.datetime]:
    """Resolve the validity that two texts of the API ask for (RFC 3339, a duration, or nothing).

    Without a requested start it is now, backdated; the backdate does not count. A default end is cut to
    ``window``, that of the credential which proved the identity. Raises NewelError.
    """
    now = now.replace(microsecond=0)
    try:
        asked_start = TimeDuration.parse(valid_after).resolve(now) if valid_after else None
        base = now if asked_start is None else asked_start.replace(microsecond=0)
        asked_end = TimeDuration.parse(valid_before).resolve(base) if valid_before else None
        end = base + durations.default_duration if asked_end is None else asked_end
    except (ValueError, OverflowError) as error:
        raise malformed_error("error decoding json", cause=str(error)) from None
    end = end.replace(microsecond=0)
    start = now - backdate if asked_start is None else base
    if window is not None:
        _check_window(window, base, end if asked_end is not None else None)
        end = min(end, window.not_after.replace(microsecond=0))
    if end <= now:
        raise malformed_error("ssh certificate validBefore cannot be in the past")
    if end <= start:
        raise malformed_error("ssh certificate validBefore cannot be before validAfter")
    length = end - start
    if length < durations.min_duration:
        raise forbidden_error(
            f"requested duration of {format_duration(length)} is less than minimum accepted duration"
            f" for selected provisioner of {format_duration(durations.min_duration)}"
        )
    if length > durations.max_duration + backdate:
        raise forbidden_error(
            f"requested duration of {format_duration(length)} is greater than maximum accepted"
            f" duration for selected provisioner of"
            f" {format_duration(durations.max_duration + backdate)}"
        )
    return start, end


def _check_window(window: Window, start: dt.datetime, end: dt.datetime | None) -> None:
    expiry = f"provisioning credential expiration ({format_go_time(window.not_after)})"
    if start > window.not_after:
        raise forbidden_error(
            f"{expiry} is before requested certificate validAfter ({format_go_time(start)})"
        )
    if start < window.not_before:
        raise forbidden_error(
            f"requested certificate validAfter ({format_go_time(start)}) is before the active validity window of"
            f" the provisioning credential ({format_go_time(window.not_before)})"
        )
    if end is not None and end > window.not_after:
        raise forbidden_error(
            f"{expiry} is before requested certificate validBefore ({format_go_time(end)})"
        )
