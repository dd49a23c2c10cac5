"""Errors of the registration authority, by what the client may be told."""

from newel.runtime.errors import ErrorType, NewelError

_MAX_VERBATIM = 1024


def malformed(detail: str, *, cause: str = "") -> NewelError:
    """400, with what is wrong."""
    return NewelError(ErrorType.MALFORMED, detail, cause=cause)


def unauthorized(cause: str, *, detail: str = "") -> NewelError:
    """401. The cause is for the audit trail; the client is told ``detail``, usually nothing."""
    return NewelError(ErrorType.UNAUTHORIZED, detail, cause=cause)


def forbidden(detail: str, *, cause: str = "") -> NewelError:
    """403, with what is not allowed."""
    return NewelError(ErrorType.FORBIDDEN, detail, cause=cause)


def misconfigured(cause: str) -> NewelError:
    """500, with the cause in the audit trail alone: the operator's to mend."""
    return NewelError(ErrorType.SERVER_INTERNAL, "", cause=cause)


class VerbatimError(NewelError):
    """A refusal told as it is: the operator wrote it for the asker."""


def verbatim(detail: str) -> VerbatimError:
    """400, in these very words."""
    return VerbatimError(ErrorType.MALFORMED, detail[:_MAX_VERBATIM])
