"""The request id: taken from ``X-Request-Id`` or made, carried along in a context variable."""

import re
from contextvars import ContextVar

from newel.runtime.entropy import random_hex

HEADER = "x-request-id"

_current: ContextVar[str] = ContextVar("newel_request_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_FROM_STRANGERS = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")


def request_id() -> str:
    """The id of the request being served, or "" outside of any."""
    return _current.get()


def enter_foreign_request(given: str = "") -> str:
    """Make the id of a request from outside the current one.

    What a client gave stands at its beginning, so that clients find their requests again; what follows is
    ours, because nobody but us decides which lines of the audit trail belong together.
    """
    if not given or not _FROM_STRANGERS.fullmatch(given):
        return enter_request()
    return enter_request(f"{given}.{random_hex(8)}")


def enter_request(given: str = "") -> str:
    """Makes ``given`` the current id, or a new one when it is empty or not a plain short word.

    It stays current for the rest of the task that calls this.
    """
    accepted = given if given and _ACCEPTED.fullmatch(given) else random_hex(16)
    _current.set(accepted)
    return accepted
