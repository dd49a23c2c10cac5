"""notBefore and notAfter of an order (RFC 8555 §7.4): honoured or refused, never dropped."""

import datetime as dt
import functools

import msgspec

from newel.durations.go import format_duration, parse_time
from newel.registration.acme.config import Limits
from newel.registration.acme.records import Order
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError

_PAIR = msgspec.json.Decoder(tuple[str | None, str | None])
_SLACK = dt.timedelta(minutes=1)
_ABSENT = (None, "0001-01-01T00:00:00Z")  # Go's zero time, which the step client sends for "none"


def parse_validity(
    not_before: str | None,
    not_after: str | None,
    *,
    now: dt.datetime,
    provisioner: ACMEProvisioner,
    limits: Limits,
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Parse both times. Raises ``malformed`` when they could not be honoured at finalize."""
    start = None if not_before in _ABSENT else _parse(not_before, "notBefore")
    end = None if not_after in _ABSENT else _parse(not_after, "notAfter")
    if start is not None:
        _require(now - limits.max_past_start <= start, "notBefore lies too far in the past")
        ahead = format_duration(limits.latest_start)
        _require(start <= now + limits.latest_start, f"notBefore cannot be more than {ahead} ahead")
    check_duration(start, end, now, provisioner)
    return start, end


def encode_requested(not_before: str | None, not_after: str | None) -> str | None:
    """Encode both texts for the order object (RFC 8555 §7.1.3: "the requested value")."""
    texts = [None if text in _ABSENT else text for text in (not_before, not_after)]
    return msgspec.json.encode(texts).decode() if any(texts) else None


def requested_times(order: Order) -> tuple[str | None, str | None]:
    """Return both times for the order object, as they were requested."""
    if order.requested is not None:
        return _PAIR.decode(order.requested)
    # an order without, or one of a version that did not keep the texts
    before, after = order.not_before, order.not_after
    return before and text(before), after and text(after)


def check_duration(
    start: dt.datetime | None,
    end: dt.datetime | None,
    now: dt.datetime,
    provisioner: ACMEProvisioner,
) -> None:
    """Raise ``malformed`` unless these times are within the provisioner's durations.

    Checked when the order is placed, and again when it is finalized: then without ``start`` the
    certificate begins later, and the provisioner may have other durations. Without ``end`` the certificate
    has the provisioner's default duration, which is within its bounds.
    """
    if end is None:
        return
    begin = now if start is None else start
    _require(end > now and end > begin, "notAfter lies before the beginning")
    length = end - begin
    limits = provisioner.limits
    # clients' clocks run ahead or behind a little; the issuing authority checks to the second
    _require(
        length <= limits.max_duration + _SLACK,
        f"the certificate would be valid for longer than {format_duration(limits.max_duration)},"
        " the most this provisioner gives",
    )
    _require(
        length >= limits.min_duration - _SLACK,
        f"the certificate would be valid for less than {format_duration(limits.min_duration)},"
        " the least this provisioner gives",
    )


@functools.lru_cache(maxsize=4096)
def text(time: dt.datetime) -> str:
    """Format a time as RFC 3339 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(value: str | None, what: str) -> dt.datetime:
    try:
        return parse_time(value or "").astimezone(dt.UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise NewelError(ErrorType.MALFORMED, f"{what} is not an RFC 3339 time") from error


def _require(condition: bool, detail: str) -> None:
    if not condition:
        raise NewelError(ErrorType.MALFORMED, detail)
