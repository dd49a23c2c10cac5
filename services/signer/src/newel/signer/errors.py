"""The three errors that the signer returns for a statement."""

from newel.runtime.errors import ErrorType, NewelError


def malformed_error(cause: str) -> NewelError:
    """Return the error for octets that are no statement of their declared type."""
    return NewelError(ErrorType.MALFORMED, "the signer cannot read this statement", cause=cause)


def policy_error(cause: str) -> NewelError:
    """Return the error for a statement that the key's policy forbids."""
    return NewelError(ErrorType.FORBIDDEN, "the signer refuses this statement", cause=cause)


def unavailable_error(cause: str) -> NewelError:
    """Return the error for an allowed statement whose key cannot be used now."""
    return NewelError(ErrorType.UNAVAILABLE, "the key cannot be used now; try again", cause=cause)
