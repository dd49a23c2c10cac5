"""http-01 (RFC 8555 §8.3): a file on the host's web server."""

from newel.acme import challenges
from newel.registration.challenges.validation import Validation
from newel.runtime.egress import EgressPolicy, EgressRefusedError, ResolutionError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.fetch import FetchError, FetchLimits, http_get

_MAX_BODY = 1024  # a key authorization has 87 octets


class HTTP01Validator:
    """Fetches the key authorization from port 80 (or ``port``) under the egress policy.

    Each hop is resolved once, checked and pinned; at most ten redirects, to the http port and ``https_port``.
    """

    def __init__(
        self, policy: EgressPolicy, port: int = 80, seconds: float = 10.0, *, https_port: int = 443
    ) -> None:
        self._policy = policy
        self._limits = FetchLimits(
            seconds=seconds, body_bytes=_MAX_BODY, ports={"http": port, "https": https_port}
        )

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge.

        Raises ``connection``, ``dns``, ``unauthorized`` or ``incorrectResponse``.
        """
        name = validation.identifier.value
        host = f"[{name}]" if ":" in name else name
        url = f"http://{host}{challenges.http_path(validation.token)}"
        try:
            answer = await http_get(url, self._policy, self._limits)
        except EgressRefusedError as error:
            raise NewelError(ErrorType.UNAUTHORIZED, f"http-01: {error}") from error
        except ResolutionError as error:
            raise NewelError(ErrorType.DNS, f"http-01: {error}") from error
        except FetchError as error:
            raise NewelError(ErrorType.CONNECTION, f"http-01: {error}") from error
        if answer.status != 200:
            # the body is not shown: it may come from a host the client may not read
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                f"http-01: {name} answers with the status {answer.status}",
            )
        if not challenges.is_http_answer(answer.body, validation.authorization):
            raise NewelError(
                ErrorType.INCORRECT_RESPONSE,
                f"http-01: {name} answers with another text than the key authorization",
            )
        return b""
