"""An account's side of an ACME exchange: its signature on every request, and the nonces they use up."""

import json
from collections.abc import Mapping
from typing import Any, cast

from newel.acme import jws
from newel.client.acme_events import Flow, Request, Response
from newel.client.errors import AnswerError, RefusedError
from newel.crypto.keys import PrivateKey

NONCE_TRIES = 4


class Session:
    """Requests to one directory, signed by one account key (RFC 8555 §6.2)."""

    def __init__(self, directory: str, key: PrivateKey) -> None:
        self.key = key
        self.kid = ""
        """The account's URL, once it is known; until then requests carry the key itself."""
        self._directory = directory
        self._urls: dict[str, Any] = {}
        self._nonces: list[str] = []

    def url(self, name: str) -> Flow[str]:
        """Where the directory says a resource is. Raises AnswerError when it has none."""
        if not self._urls:
            self._urls = members((yield from self.plain("GET", self._directory)))
        return text(self._urls, name)

    def plain(self, method: str, url: str) -> Flow[Response]:
        """Send a request without a signature."""
        return self._accept((yield Request(method, url)))

    def post(self, url: str, payload: object) -> Flow[Response]:
        """Send a signed request, None for a POST-as-GET; a bad nonce is replaced and sent again."""
        content = b"" if payload is None else json.dumps(payload).encode()
        for _ in range(NONCE_TRIES):
            if not self._nonces:
                yield from self.plain("HEAD", (yield from self.url("newNonce")))
            nonce = self._nonces.pop() if self._nonces else ""
            body = jws.sign(content, self.key, url=url, nonce=nonce, kid=self.kid or None)
            answer = yield Request("POST", url, body)
            if answer is None or answer.status < 400 or b":badNonce" not in answer.body:
                return self._accept(answer)
            self._keep(answer)
        raise AnswerError("the ACME server refuses every nonce")

    def _accept(self, answer: Response | None) -> Response:
        if answer is None:
            raise AnswerError("the ACME request was not made")
        self._keep(answer)
        if answer.status >= 400:
            raise RefusedError(answer.status, _refusal(answer), code=_code(answer))
        return answer

    def _keep(self, answer: Response) -> None:
        if nonce := answer.headers.get("replay-nonce"):
            self._nonces = [nonce]


def members(answer: Response) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises AnswerError."""
    try:
        found: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AnswerError("the ACME server's answer is no JSON object")
    return cast("dict[str, Any]", found)


def text(found: Mapping[str, Any], name: str) -> str:
    """Return a member that is text and not empty. Raises AnswerError."""
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise AnswerError(f"the ACME server's answer has no {name}")
    return value


def _code(answer: Response) -> str:
    try:
        return str(members(answer).get("type", "")).rpartition(":")[2]
    except AnswerError:
        return ""


def _refusal(answer: Response) -> str:
    try:
        found = members(answer)
    except AnswerError:
        return f"the ACME server answered with status {answer.status}"
    parts = [found, *found.get("subproblems", [])]
    return "; ".join(str(part.get("detail")) for part in parts if part.get("detail")) or str(
        found.get("type", f"the ACME server answered with status {answer.status}")
    )
