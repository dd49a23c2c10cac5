"""Errors of the registration authority, by what the client may be told."""

from newel.runtime.errors import ErrorType, NewelError

_MAX_VERBATIM = 1024


def malformed_error(detail: str, *, cause: str = "") -> NewelError:
    """Make a 400 with a detail for the client."""
    return NewelError(ErrorType.MALFORMED, detail, cause=cause)


def unauthorized_error(cause: str, *, detail: str = "") -> NewelError:
    """Make a 401. The cause goes to the audit trail; the client sees ``detail``, usually nothing."""
    return NewelError(ErrorType.UNAUTHORIZED, detail, cause=cause)


def forbidden_error(detail: str, *, cause: str = "") -> NewelError:
    """Make a 403 with a detail for the client."""
    return NewelError(ErrorType.FORBIDDEN, detail, cause=cause)


def misconfiguration_error(cause: str) -> NewelError:
    """Make a 500 for the operator to fix; its cause goes to the audit trail only."""
    return NewelError(ErrorType.SERVER_INTERNAL, "", cause=cause)


class VerbatimError(NewelError):
    """An error whose text the operator wrote for the client, shown verbatim."""


def verbatim_error(detail: str) -> VerbatimError:
    """Make a 400 with exactly this text."""
    return VerbatimError(ErrorType.MALFORMED, detail[:_MAX_VERBATIM])
