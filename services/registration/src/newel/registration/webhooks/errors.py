"""The refusal of a webhook, as the step API and ACME tell it."""

from newel.runtime.errors import ErrorType, NewelError, Subproblem

_NAMESPACE = "urn:smallstep:acme:error:"


class WebhookRefusedError(NewelError):
    """A webhook did not allow a request."""

    def __init__(
        self, hook: str, detail: str, reason: str, code: str = "", message: str = ""
    ) -> None:
        """Take what clients of the step API are told, and the webhook's own words."""
        problem = Subproblem(ErrorType.UNAUTHORIZED, message, "", "", _NAMESPACE + code)
        super().__init__(
            ErrorType.FORBIDDEN,
            detail,
            cause=f"the webhook {hook} did not allow the request: {reason}",
            subproblems=(problem,) if code else (),
        )
        self.reason = reason


def as_acme_error(error: WebhookRefusedError) -> NewelError:
    """Return a refusal as ACME clients are told it: a subproblem carries the webhook's code."""
    return NewelError(
        ErrorType.UNAUTHORIZED, error.reason, cause=error.cause, subproblems=error.subproblems
    )
