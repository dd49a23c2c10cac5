"""notBefore and notAfter of an order (RFC 8555 §7.4): honoured or refused, never dropped."""

import datetime as dt
import functools

from newel.registration.acme.settings import Limits
from newel.registration.provisioners.acme import AcmeKind
from newel.runtime.errors import ErrorType, NewelError

_S = dt.timedelta(seconds=1)
_SLACK = 60.0
_ABSENT = (None, "0001-01-01T00:00:00Z")  # Go's zero time: the step client's word for "none"


def requested(
    not_before: str | None,
    not_after: str | None,
    *,
    now: float,
    provisioner: AcmeKind,
    limits: Limits,
) -> tuple[int | None, int | None]:
    """Both times in seconds since 1970; ``malformed`` when they could not be honoured at finalize."""
    start = None if not_before in _ABSENT else _parse(not_before, "notBefore")
    end = None if not_after in _ABSENT else _parse(not_after, "notAfter")
    if start is not None:
        oldest, latest = now - limits.oldest_start.total_seconds(), now + limits.latest_start / _S
        _require(oldest <= start <= latest, "notBefore lies too far from now")
    if end is not None:
        begin = now if start is None else start
        # clients' clocks run ahead or behind a little; the issuing authority checks to the second
        slack = _SLACK
        _require(end > now and end > begin, "notAfter lies before the beginning")
        length = end - begin
        longest, shortest = provisioner.limits.longest / _S, provisioner.limits.shortest / _S
        _require(length <= longest + slack, f"at most {provisioner.limits.longest} are certified")
        _require(
            length >= shortest - slack, f"at least {provisioner.limits.shortest} are certified"
        )
    return start, end


@functools.lru_cache(maxsize=4096)
def text(seconds: int) -> str:
    """A time as RFC 3339 in UTC, to the second."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(value: str | None, what: str) -> int:
    try:
        moment = dt.datetime.fromisoformat((value or "")[:40])
        _require(moment.tzinfo is not None, f"{what} is no RFC 3339 time")
        return int(moment.timestamp())
    except (ValueError, OverflowError) as error:
        raise NewelError(ErrorType.MALFORMED, f"{what} is no RFC 3339 time") from error


def _require(condition: bool, detail: str) -> None:
    if not condition:
        raise NewelError(ErrorType.MALFORMED, detail)
