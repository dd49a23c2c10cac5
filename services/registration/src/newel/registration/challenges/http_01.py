"""http-01 (RFC 8555 §8.3): a file on the host's web server."""

from newel.acme import challenges
from newel.registration.challenges.validation import Validation
from newel.runtime.egress import EgressPolicy, EgressRefusedError, ResolutionError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.fetch import FetchError, FetchLimits, FetchResponse, http_get, show_url

_MAX_BODY = 1024  # a key authorization has 87 octets
_MAX_QUOTED = 64  # octets of a body


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
        where = f"{show_url(url)} at {answer.endpoint}"
        if answer.redirects:
            where = f"{show_url(url)} redirects to {show_url(answer.url)}; {answer.endpoint}"
        if answer.status != 200:
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                f"http-01: {where} answers with the status {answer.status}"
                f"{_quote(answer, validation)}",
            )
        if not challenges.is_http_answer(answer.body, validation.authorization):
            raise NewelError(
                ErrorType.INCORRECT_RESPONSE,
                f"http-01: {where} answers with {_compare(answer, validation)}",
            )
        return b""


def _compare(answer: FetchResponse, validation: Validation) -> str:
    """Say how a body differs from the key authorization."""
    expected = validation.authorization.encode()
    if not answer.body:
        return "nothing, not with the key authorization"
    if answer.body.startswith(expected):
        return f"{len(answer.body) - len(expected)} octets after the key authorization"
    if answer.body.startswith(validation.token.encode() + b"."):
        return "the key authorization of another account key"
    return f"another text than the key authorization{_quote(answer, validation)}"


def _quote(answer: FetchResponse, validation: Validation) -> str:
    """Quote the beginning of what the host itself said.

    After a redirect nothing is quoted: it may come from a host that the client may not read.
    """
    if answer.redirects or not answer.body:
        return ""
    if validation.authorization.encode() in answer.body:
        return "; the key authorization is only a part of it"
    text = answer.body[:_MAX_QUOTED].decode("utf-8", "replace")
    shown = "".join(each if each.isprintable() else " " for each in text).replace('"', "'")
    return f': "{shown}{"…" if len(answer.body) > _MAX_QUOTED else ""}"'
