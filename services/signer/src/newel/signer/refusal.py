"""How the signer says no."""

from newel.runtime.errors import ErrorType, NewelError


def malformed(cause: str) -> NewelError:
    """Octets that are no statement of the type they were sent as."""
    return NewelError(ErrorType.MALFORMED, "the signer cannot read this statement", cause=cause)


def refused(cause: str) -> NewelError:
    """A statement that the key's policy does not let the key make."""
    return NewelError(ErrorType.FORBIDDEN, "the signer refuses this statement", cause=cause)


def unavailable(cause: str) -> NewelError:
    """A statement that is right, and a key that cannot be used now."""
    return NewelError(ErrorType.UNAVAILABLE, "the key cannot be used now; try again", cause=cause)
