"""An ACME client (RFC 8555) as one exchange of values: it asks for requests to be made and never makes one.

`obtain` is a generator: it yields what must happen next, is sent what came of it, and returns the chain.
A program with threads and one with an event loop drive the same generator (see `acme_transport`).
"""

import ipaddress
import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from cryptography.hazmat.primitives.serialization import Encoding

from newel.acme import base64url, challenges, jwk, jws
from newel.acme.algorithms import PrivateKey
from newel.client import csr
from newel.client.errors import AnswerError, RefusedError
from newel.crypto import keys

CHALLENGE_POLLS, CHALLENGE_PAUSE = 60, 1.0
ORDER_POLLS, ORDER_PAUSE = 30, 1.0
LONGEST_PAUSE = 5.0
NONCE_TRIES = 4
JOSE = "application/jose+json"


class Request(NamedTuple):
    """One HTTP request to be made; the answer is a `Response`."""

    method: str
    url: str
    body: bytes = b""


class Response(NamedTuple):
    """Its answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Pause(NamedTuple):
    """Wait so many seconds; the answer is None."""

    seconds: float


class Prove(NamedTuple):
    """Make a challenge answerable before going on; the answer is None."""

    kind: str
    identifier: str
    token: str
    authorization: str
    """The key authorization, RFC 8555 §8.1."""


class Proved(NamedTuple):
    """The challenge was looked at: what answered it can be taken away; the answer is None."""

    identifier: str
    token: str


class Stage(NamedTuple):
    """Where the order stands, for whoever watches: ``ready`` or ``finalizing``; the answer is None."""

    name: str


Event: TypeAlias = Request | Pause | Prove | Proved | Stage
Flow: TypeAlias = Generator[Event, Response | None, "bytes"]


class Wanted(NamedTuple):
    """What shall be certified, and how control over it is shown."""

    identifiers: Sequence[tuple[str, str]]
    """("dns", name) or ("ip", address)."""
    csr: bytes
    """DER."""
    challenge: str = challenges.HTTP_01
    contacts: Sequence[str] = ()
    not_before: str = ""
    not_after: str = ""


def obtain(directory: str, account: PrivateKey, order: Wanted) -> Flow:
    """The chain, PEM, leaf first. Raises ClientError when the server refuses or never gets ready."""
    session = _Session(account)
    urls = _json((yield from session.plain("GET", directory)))
    session.new_nonce = _member(urls, "newNonce")
    contacts = [each if ":" in each else f"mailto:{each}" for each in order.contacts]
    registration = {"termsOfServiceAgreed": True, "contact": contacts}
    answer = yield from session.post(_member(urls, "newAccount"), registration)
    session.kid = answer.headers.get("location", "")
    place, state = yield from _order(session, _member(urls, "newOrder"), order)
    for each in cast("list[str]", state.get("authorizations") or []):
        yield from _authorize(session, each, order.challenge)
    yield Stage("ready")
    state = yield from _until(session, place, {"ready", "valid"}, ORDER_POLLS, ORDER_PAUSE)
    yield Stage("finalizing")
    if state.get("status") == "ready":
        yield from session.post(_member(state, "finalize"), {"csr": base64url.encode(order.csr)})
        state = yield from _until(session, place, {"valid"}, ORDER_POLLS, ORDER_PAUSE)
    chain = yield from session.post(_member(state, "certificate"), None)
    if not chain.body.startswith(b"-----BEGIN CERTIFICATE-----"):
        raise AnswerError("the ACME server's certificate is not PEM")
    return chain.body.strip() + b"\n"


def wanted(key: keys.PrivateKey, names: Sequence[str]) -> Wanted:
    """A certificate for a key: the first name is the subject."""
    request = csr.make(key, names[0], names)
    return Wanted(identifiers(names), request.public_bytes(Encoding.DER))


def identifiers(names: Sequence[str]) -> list[tuple[str, str]]:
    """DNS names and IP addresses as an order has them."""
    found: list[tuple[str, str]] = []
    for name in names:
        try:
            found.append(("ip", str(ipaddress.ip_address(name))))
        except ValueError:
            found.append(("dns", name))
    return found


def _order(
    session: "_Session", url: str, wanted: Wanted
) -> Generator[Event, Response | None, tuple[str, dict[str, Any]]]:
    payload: dict[str, Any] = {
        "identifiers": [{"type": kind, "value": value} for kind, value in wanted.identifiers]
    }
    if wanted.not_before:
        payload["notBefore"] = wanted.not_before
    if wanted.not_after:
        payload["notAfter"] = wanted.not_after
    answer = yield from session.post(url, payload)
    return answer.headers.get("location", ""), _json(answer)


def _authorize(session: "_Session", url: str, kind: str) -> Generator[Event, Response | None, None]:
    """Answers one challenge of the kind and waits for the verdict."""
    found = _json((yield from session.post(url, None)))
    if found.get("status") == "valid":
        return
    name = str(found.get("identifier", {}).get("value", ""))
    offered = [each for each in found.get("challenges", []) if each.get("type") == kind]
    if not offered:
        raise AnswerError(f"the ACME server offers no {kind} challenge for {name}")
    token = _member(offered[0], "token")
    text = challenges.key_authorization(token, jwk.thumbprint(session.account.public_key()))
    yield Prove(kind, name, token, text)
    yield from session.post(_member(offered[0], "url"), {})
    yield from _until(session, url, {"valid"}, CHALLENGE_POLLS, CHALLENGE_PAUSE)
    yield Proved(name, token)


def _until(
    session: "_Session", url: str, good: set[str], polls: int, pause: float
) -> Generator[Event, Response | None, dict[str, Any]]:
    """The resource once its status is a good one. Raises RefusedError when it becomes invalid."""
    for _ in range(polls):
        answer = yield from session.post(url, None)
        found = _json(answer)
        status = found.get("status")
        if status in good:
            return found
        if status not in {"pending", "processing", "ready"}:
            raise RefusedError(403, _problem(found) or f"the ACME server says {status}")
        wait = answer.headers.get("retry-after", "")
        yield Pause(min(float(wait), LONGEST_PAUSE) if wait.isdigit() and wait != "0" else pause)
    raise AnswerError("the ACME server took too long to decide")


def _problem(found: dict[str, Any]) -> str:
    """The reason an order or an authorization gives for being invalid."""
    for holder in (found, *found.get("challenges", [])):
        error = holder.get("error")
        if isinstance(error, dict):
            return str(cast("dict[str, Any]", error).get("detail", ""))
    return ""


class _Session:
    """The account's signature on every request, and the nonces they use up."""

    def __init__(self, account: PrivateKey) -> None:
        self.account = account
        self.kid = ""
        self.new_nonce = ""
        self._nonces: list[str] = []

    def plain(self, method: str, url: str) -> Generator[Event, Response | None, Response]:
        """A request nobody signs."""
        answer = yield Request(method, url)
        if answer is None:
            raise AnswerError("the ACME request was not made")
        self._keep(answer)
        if answer.status >= 400:
            raise RefusedError(answer.status, _refusal(answer))
        return answer

    def post(self, url: str, payload: object) -> Generator[Event, Response | None, Response]:
        """A signed request, None for a POST-as-GET; again with a fresh nonce where that was bad."""
        text = b"" if payload is None else json.dumps(payload).encode()
        for _ in range(NONCE_TRIES):
            if not self._nonces:
                yield from self.plain("HEAD", self.new_nonce)
            nonce = self._nonces.pop() if self._nonces else ""
            body = jws.sign(text, self.account, url=url, nonce=nonce, kid=self.kid or None)
            answer = yield Request("POST", url, body)
            if answer is None:
                raise AnswerError("the ACME request was not made")
            self._keep(answer)
            if answer.status < 400:
                return answer
            if b":badNonce" not in answer.body:
                raise RefusedError(answer.status, _refusal(answer))
        raise AnswerError("the ACME server refuses every nonce")

    def _keep(self, answer: Response) -> None:
        if nonce := answer.headers.get("replay-nonce"):
            self._nonces = [nonce]


def _refusal(answer: Response) -> str:
    try:
        found = _json(answer)
    except AnswerError:
        return f"the ACME server answered with status {answer.status}"
    parts = [found, *found.get("subproblems", [])]
    return "; ".join(str(part.get("detail")) for part in parts if part.get("detail")) or str(
        found.get("type", f"the ACME server answered with status {answer.status}")
    )


def _json(answer: Response) -> dict[str, Any]:
    try:
        found: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AnswerError("the ACME server's answer is no JSON object")
    return cast("dict[str, Any]", found)


def _member(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise AnswerError(f"the ACME server's answer has no {name}")
    return value
