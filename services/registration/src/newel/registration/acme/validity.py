"""notBefore and notAfter of an order (RFC 8555 §7.4): honoured or refused, never dropped."""

import datetime as dt
import functools

import msgspec

from newel.durations.go import format_duration, parse_time
from newel.registration.acme.records import Order
from newel.registration.acme.settings import Limits
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError

_S = dt.timedelta(seconds=1)
_PAIR = msgspec.json.Decoder(tuple[str | None, str | None])
_SLACK = dt.timedelta(minutes=1)
_ABSENT = (None, "0001-01-01T00:00:00Z")  # Go's zero time: the step client's word for "none"


def requested(
    not_before: str | None,
    not_after: str | None,
    *,
    now: float,
    provisioner: ACMEProvisioner,
    limits: Limits,
) -> tuple[int | None, int | None]:
    """Both times in seconds since 1970; ``malformed`` when they could not be honoured at finalize."""
    start = None if not_before in _ABSENT else _parse(not_before, "notBefore")
    end = None if not_after in _ABSENT else _parse(not_after, "notAfter")
    if start is not None:
        oldest, latest = now - limits.oldest_start.total_seconds(), now + limits.latest_start / _S
        _require(oldest <= start, "notBefore lies too far in the past")
        ahead = format_duration(limits.latest_start)
        _require(start <= latest, f"notBefore cannot be more than {ahead} ahead")
    check_length(start, end, now, provisioner)
    return start, end


def as_requested(not_before: str | None, not_after: str | None) -> str | None:
    """Both texts as they are kept to be shown again (RFC 8555 §7.1.3: "the requested value")."""
    texts = [None if text in _ABSENT else text for text in (not_before, not_after)]
    return msgspec.json.encode(texts).decode() if any(texts) else None


def shown(order: Order) -> tuple[str | None, str | None]:
    """Both times for the order object: as they were requested."""
    if order.requested is not None:
        return _PAIR.decode(order.requested)
    # an order without, or one of a version that did not keep the texts
    times = (order.not_before, order.not_after)
    return (None, None) if times == (None, None) else _both(times)


def check_length(
    start: int | None, end: int | None, now: float, provisioner: ACMEProvisioner
) -> None:
    """``malformed`` unless a certificate with these times is within the provisioner's durations.

    TemplateInput when the order is placed, and again when it is finalized: then without ``start`` the
    certificate begins later, and the provisioner may have other durations by then. Without ``end``
    the certificate has the provisioner's default duration, which is within its bounds.
    """
    if end is None:
        return
    begin = now if start is None else start
    _require(end > now and end > begin, "notAfter lies before the beginning")
    length = dt.timedelta(seconds=end - begin)
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
def text(seconds: int) -> str:
    """A time as RFC 3339 in UTC, to the second."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _both(times: tuple[int | None, int | None]) -> tuple[str | None, str | None]:
    start, end = (None if each is None else text(each) for each in times)
    return start, end


def _parse(value: str | None, what: str) -> int:
    try:
        return int(parse_time(value or "").timestamp())
    except (ValueError, OverflowError) as error:
        raise NewelError(ErrorType.MALFORMED, f"{what} is no RFC 3339 time") from error


def _require(condition: bool, detail: str) -> None:
    if not condition:
        raise NewelError(ErrorType.MALFORMED, detail)
