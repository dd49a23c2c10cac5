"""The request id: taken from ``X-Request-Id`` or generated, and carried in a context variable."""

import re
from contextvars import ContextVar

from newel.runtime.entropy import random_hex

HEADER = "x-request-id"

_current: ContextVar[str] = ContextVar("newel_request_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_FOREIGN = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")


def request_id() -> str:
    """Return the id of the request being served, or "" outside of any."""
    return _current.get()


def reset_request() -> None:
    """Leave every request: what follows belongs to none."""
    _current.set("")


def enter_foreign_request(given: str = "") -> str:
    """Make the id of a request from outside the current one.

    It begins with what the client sent, so that clients find their requests, and ends with random digits,
    so that no client decides which lines of the audit trail belong together.
    """
    if not given or not _FOREIGN.fullmatch(given):
        return enter_request()
    return enter_request(f"{given}.{random_hex(8)}")


def enter_request(given: str = "") -> str:
    """Make ``given`` the current id, or a new one when it is empty or not a plain short word.

    It stays current for the rest of the task that calls this.
    """
    accepted = given if given and _ACCEPTED.fullmatch(given) else random_hex(16)
    _current.set(accepted)
    return accepted
