"""The step API as values: each function describes one call, and how to read its answer.

A call does nothing by itself. `newel.client.authority.Authority` sends it, and so does `AsyncAuthority`:
the two cannot drift apart, because there is nothing in them that knows the API.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from newel.client.errors import AnswerError, FingerprintError, RefusedError
from newel.crypto import pem
from newel.step import messages
from newel.step.fingerprint import fingerprint, normalise

Answer = TypeVar("Answer")
_Body = TypeVar("_Body", bound=msgspec.Struct)
PAGE = 100


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One request and the reading of its answer's body."""

    method: str
    path: str
    read: Callable[[bytes], Answer]
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def answer(self, status: int, body: bytes) -> Answer:
        """What a 2xx answer says. Raises RefusedError or AnswerError."""
        if status >= 400:
            raise RefusedError(status, message_of(status, body))
        return self.read(body)


def message_of(status: int, body: bytes) -> str:
    """The message of a refusal, or the status where the body holds none."""
    try:
        return msgspec.json.decode(body, type=messages.ErrorResponse).message
    except msgspec.MsgspecError:
        return f"the authority answered with status {status}"


def health() -> Call[messages.StatusResponse]:
    """Whether the authority answers."""
    return Call("GET", "/health", _reader(messages.StatusResponse))


def version() -> Call[messages.VersionResponse]:
    """The authority's version."""
    return Call("GET", "/version", _reader(messages.VersionResponse))


def root(expected: str) -> Call[str]:
    """The root of a fingerprint, PEM. The answer is checked: anybody may have given it."""
    wanted = normalise(expected)

    def read(body: bytes) -> str:
        text = _reader(messages.RootResponse)(body).ca
        try:
            der = pem.decode(text.encode(), "CERTIFICATE")
        except ValueError:
            raise AnswerError("the authority's root is not a certificate") from None
        if fingerprint(der) != wanted:
            raise FingerprintError("root certificate fingerprint does not match")
        return text

    return Call("GET", f"/root/{quote(wanted, safe='')}", read)


def roots() -> Call[Sequence[str]]:
    """Every root, PEM."""
    return Call("GET", "/roots", _certificates)


def federation() -> Call[Sequence[str]]:
    """The roots of this authority and those it is federated with, PEM."""
    return Call("GET", "/federation", _certificates)


def intermediates() -> Call[Sequence[str]]:
    """The issuers' certificates, PEM."""
    return Call("GET", "/intermediates", _certificates)


def provisioners(cursor: str = "") -> Call[messages.ProvisionersResponse]:
    """One page of provisioners."""
    query = urlencode({"cursor": cursor, "limit": PAGE})
    return Call("GET", f"/provisioners?{query}", _reader(messages.ProvisionersResponse))


def encrypted_key(kid: str) -> Call[str]:
    """The escrowed key of a JWK provisioner: a compact JWE."""
    path = f"/provisioners/{quote(kid, safe='')}/encrypted-key"
    return Call("GET", path, lambda body: _reader(messages.ProvisionerKeyResponse)(body).key)


def sign(request: messages.SignRequest) -> Call[messages.SignResponse]:
    """A certificate for a request, by a one-time token."""
    return _post("/sign", request, messages.SignResponse)


def renew(token: str = "") -> Call[messages.SignResponse]:
    """A new certificate for the one the connection was made with, or for the one of a renew token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Call("POST", "/renew", _reader(messages.SignResponse), b"", headers)


def rekey(csr: str) -> Call[messages.SignResponse]:
    """A new certificate, with the request's key, for the one the connection was made with."""
    return _post("/rekey", messages.RekeyRequest(csr), messages.SignResponse)


def revoke(request: messages.RevokeRequest) -> Call[messages.StatusResponse]:
    """Revokes, by token or by the certificate the connection was made with."""
    return _post("/revoke", request, messages.StatusResponse)


def _post(path: str, body: Any, answer: type[_Body]) -> Call[_Body]:
    headers = {"Content-Type": "application/json"}
    return Call("POST", path, _reader(answer), msgspec.json.encode(body), headers)


def _certificates(body: bytes) -> Sequence[str]:
    return _reader(messages.CertificatesResponse)(body).crts


def _reader(kind: type[_Body]) -> Callable[[bytes], _Body]:
    def read(body: bytes) -> _Body:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise AnswerError(f"the authority's answer cannot be read: {error}") from None

    return read
