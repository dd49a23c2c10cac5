"""The three errors with which the signer answers for a statement."""

from newel.runtime.errors import ErrorType, NewelError


def malformed_error(cause: str) -> NewelError:
    """The octets are no statement of the type they were sent as."""
    return NewelError(ErrorType.MALFORMED, "the signer cannot read this statement", cause=cause)


def policy_error(cause: str) -> NewelError:
    """The key's policy does not allow the statement."""
    return NewelError(ErrorType.FORBIDDEN, "the signer refuses this statement", cause=cause)


def unavailable_error(cause: str) -> NewelError:
    """The statement is allowed, and the key cannot be used now."""
    return NewelError(ErrorType.UNAVAILABLE, "the key cannot be used now; try again", cause=cause)
