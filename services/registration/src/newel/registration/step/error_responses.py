"""Error responses of the step API: the text a client sees and the JSON body that carries it.

Clients and scripts know two families of texts. An error without ``detail`` gets a general text and its
cause stays in the audit trail; one with ``detail`` gets that, after a prefix that depends on the status.
"""

import msgspec

from newel.registration.errors import PolicyError, VerbatimError
from newel.registration.rate_limits import RateLimitedError
from newel.runtime.errors import NewelError
from newel.runtime.http.response import JSON, Header, Response, retry_after
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
_encoder = msgspec.json.Encoder()


def error_response(error: NewelError, *headers: Header) -> Response:
    """Return the response that carries an error."""
    body = _encoder.encode(ErrorResponse(error.http_status, _message(error))) + b"\n"
    if isinstance(error, RateLimitedError):
        headers = (*headers, retry_after(error.seconds))
    return Response(error.http_status, body, JSON, headers)


def _message(error: NewelError) -> str:
    """Return the text that the client is told."""
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
    if isinstance(error, PolicyError):
        return f"{prefix}{error.detail}"
    return f"{prefix}{error.detail}." if prefix else error.detail
