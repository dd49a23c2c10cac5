"""Refusals of the step API: which text a client gets to see, and the body it is carried in.

Two families of texts, as clients and scripts know them. A refusal without ``detail`` is told in general
words, its cause going to the audit trail alone; one with ``detail`` is told after a prefix by status.
"""

import msgspec

from newel.runtime.errors import ErrorType, NewelError
from newel.step.messages import ErrorResponse

_SEE_LOGS = " Please see the certificate authority logs for more info."
_GENERAL = {
    400: "The request could not be completed; malformed or missing data.",
    401: "The request lacked necessary authorization to be completed.",
    403: "The request was forbidden by the certificate authority.",
    404: "The requested resource could not be found.",
    500: "The certificate authority encountered an Internal Server Error.",
    501: "The requested method is not implemented by the certificate authority.",
}
_PREFIX = {
    400: "The request could not be completed: ",
    403: "The request was forbidden by the certificate authority: ",
}
_LONGEST_OWN = 1024
_encoder = msgspec.json.Encoder()


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
    return VerbatimError(ErrorType.MALFORMED, detail[:_LONGEST_OWN])


def message(error: NewelError) -> str:
    """What the client is told."""
    if isinstance(error, VerbatimError):
        return error.detail
    status = error.http_status
    if not error.detail or status == 500:
        general = _GENERAL.get(
            status,
            f"The certificate authority received an unexpected HTTP status code - '{status}'.",
        )
        return general + _SEE_LOGS
    prefix = _PREFIX.get(status, "")
    return f"{prefix}{error.detail}." if prefix else error.detail


def body(error: NewelError) -> bytes:
    """The JSON body of a refusal."""
    return _encoder.encode(ErrorResponse(error.http_status, message(error))) + b"\n"
