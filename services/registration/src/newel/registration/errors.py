"""Errors of the registration authority, by what the client may be told."""

from newel.runtime.errors import ErrorType, NewelError

_MAX_VERBATIM = 1024

TEMPORARY = frozenset({ErrorType.UNAVAILABLE, ErrorType.SERVER_INTERNAL, ErrorType.RATE_LIMITED})
"""Errors that say nothing about the request: it is not refused, and the same one may be granted later."""


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


class PolicyError(NewelError):
    """A 403 whose text ends without a dot, as step-ca's refusals by a name policy do."""


def policy_error(detail: str) -> PolicyError:
    """Make a 403 for a name that a policy does not allow."""
    return PolicyError(ErrorType.FORBIDDEN, detail)


class VerbatimError(NewelError):
    """An error whose text the client is shown without a prefix and without a dot after it."""


def verbatim_error(detail: str) -> VerbatimError:
    """Make a 400 with exactly this text."""
    return VerbatimError(ErrorType.MALFORMED, detail[:_MAX_VERBATIM])


def constraint_error(detail: str) -> VerbatimError:
    """Make a 403 for a name that the issuer's name constraints do not allow."""
    return VerbatimError(ErrorType.FORBIDDEN, detail)
