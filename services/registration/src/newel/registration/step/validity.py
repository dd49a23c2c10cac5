"""The validity of a certificate: what the request asks for, within the provisioner's limits."""

import datetime as dt
from typing import NamedTuple

from newel.durations.go import TimeDuration, format_duration, format_go_time
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.provisioners.grant import Window
from newel.registration.provisioners.limits import Limits

_SECOND = dt.timedelta(seconds=1)


class Validity(NamedTuple):
    """Aware times in whole seconds. Without a requested start it is now, backdated."""

    requested_start: dt.datetime | None
    not_after: dt.datetime


class Bounds(NamedTuple):
    """The bounds of every validity, whatever the provisioner's limits are."""

    backdate: dt.timedelta
    latest_start: dt.timedelta
    issuer_expiry: dt.datetime | None = None


def resolve(
    limits: Limits,
    bounds: Bounds,
    now: dt.datetime,
    not_before: str,
    not_after: str,
    window: Window | None = None,
) -> Validity:
    """Resolve the validity that two texts of the API ask for (RFC 3339, a duration, or nothing).

    The start is backdated only when none was requested; the backdate never counts against the maximum
    duration; no certificate begins later than ``latest_start`` from now. Without a requested end the
    certificate does not outlive its issuer; a requested end beyond that is refused by the issuing
    authority. It stays within ``window``, that of the credential which proved the identity. Raises
    NewelError with the texts of step-ca.
    """
    now, backdate = now.replace(microsecond=0), bounds.backdate
    try:
        requested_start = TimeDuration.parse(not_before).resolve(now) if not_before else None
        start = (
            now - backdate if requested_start is None else requested_start.replace(microsecond=0)
        )
        base = now if requested_start is None else start
        end = TimeDuration.parse(not_after).resolve(base) if not_after else None
        end = (
            _default_end(base + limits.default_duration, bounds)
            if end is None
            else end.replace(microsecond=0)
        )
    except (ValueError, OverflowError) as error:
        raise malformed_error("error decoding json", cause=str(error)) from None
    if window is not None:
        first = now if requested_start is None else start
        _check_window(window, first, end, is_default=not not_after)
        end = min(end, window.not_after.replace(microsecond=0))
    if end < now:
        raise malformed_error(f"notAfter cannot be in the past; na={format_go_time(end)}")
    if end < start:
        raise malformed_error(
            f"notAfter cannot be before notBefore; na={format_go_time(end)}, nb={format_go_time(start)}"
        )
    if start > now + bounds.latest_start:
        ahead = format_duration(bounds.latest_start)
        raise malformed_error(
            f"notBefore cannot be more than {ahead} ahead; nb={format_go_time(start)}"
        )
    length = end - start
    if length < limits.min_duration:
        raise forbidden_error(
            f"requested duration of {format_duration(length)} is less than the authorized minimum"
            f" certificate duration of {format_duration(limits.min_duration)}"
        )
    if length > limits.max_duration + backdate:
        raise forbidden_error(
            f"requested duration of {format_duration(length)} is more than the authorized maximum"
            f" certificate duration of {format_duration(limits.max_duration + backdate)}"
        )
    return Validity(None if requested_start is None else start, end)


def _default_end(end: dt.datetime, bounds: Bounds) -> dt.datetime:
    return end if bounds.issuer_expiry is None else min(end, bounds.issuer_expiry)


def _check_window(
    window: Window, start: dt.datetime, end: dt.datetime, *, is_default: bool
) -> None:
    """Refuse what a request asks for beyond the window; a default end is cut to it instead."""
    if start < window.not_before:
        raise forbidden_error(
            f"requested certificate notBefore ({format_go_time(start)}) is before the active validity window of"
            f" the provisioning credential ({format_go_time(window.not_before)})"
        )
    if not is_default and end > window.not_after:
        raise forbidden_error(
            f"requested certificate notAfter ({format_go_time(end)}) is after the expiration of the provisioning"
            f" credential ({format_go_time(window.not_after)})"
        )
