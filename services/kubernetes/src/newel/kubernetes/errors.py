"""Why something is not done: an outage, a refusal, or an issuer that cannot be used."""

from newel.runtime.errors import ErrorType, NewelError


class ControllerError(Exception):
    """The base: a sentence that stands in a condition and may be read by everyone who can see it."""


class OutageError(ControllerError):
    """Something cannot be reached or answers nothing useful: the same may work later.

    ``retry_after`` is when, in seconds, where it was said.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RefusalError(ControllerError):
    """The request is refused for good: the same one is never granted."""


class InvalidRequestError(RefusalError):
    """The request contradicts itself, or holds no usable certification request."""


class IssuerError(ControllerError):
    """The issuer cannot be used until someone changes something; ``reason`` is one word for it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def describe_outage(error: Exception) -> NewelError:
    """Return an error as the log of outages takes it: one line, without a traceback."""
    return NewelError(ErrorType.UNAVAILABLE, str(error) or "no answer in time")


class APIError(Exception):
    """The API server refused a call; ``status`` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


LONGEST = 500
"""Characters of another server's text that a condition repeats."""


def shorten(text: str) -> str:
    """Return another server's text as one line of printable characters, cut where it is long."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
