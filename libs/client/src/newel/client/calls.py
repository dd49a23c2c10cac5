"""The step API as values: each function describes one call, and how to read its answer.

A call does nothing by itself. `newel.client.authority.Authority` sends it, and so does `AsyncAuthority`:
the two cannot drift apart, because there is nothing in them that knows the API.

Answers are read with the standard library: commands that make one call and end must not pay for the
import of a faster decoder.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from newel.client.answers import members, read_seconds, rows, text, texts
from newel.client.errors import AnswerError, FingerprintError, RefusedError

Answer = TypeVar("Answer")
PAGE = 100
SHA256_DIGITS = 64
HEXADECIMAL = frozenset("0123456789abcdef")


LARGEST_ANSWER = 8 * 1024 * 1024
"""Octets; what lists more than that says so by a kind of call of its own."""


class Call(Generic[Answer]):
    """One request and the reading of its answer's body."""

    __slots__ = ("body", "headers", "method", "path", "read")
    largest = LARGEST_ANSWER
    """Octets of the longest answer that is read."""

    def __init__(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], Answer],
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.read = read
        self.body = body
        self.headers = headers or {}

    def answer(self, status: int, body: bytes, retry_after: str | None = None) -> Answer:
        """Return what a 2xx answer says. Raises RefusedError or AnswerError.

        ``retry_after`` is the header of that name; one that is a date is ignored.
        """
        if status >= 300:
            raise RefusedError(status, message_of(status, body), read_seconds(retry_after))
        return self.read(body)


class IssuedCertificate(NamedTuple):
    """What sign, renew and rekey answer: PEM each, leaf first; the root is never among them."""

    chain: Sequence[str]

    @property
    def pem(self) -> bytes:
        """The chain as a certificate file holds it."""
        return "".join(text.strip() + "\n" for text in self.chain).encode()


class ProvisionerPage(NamedTuple):
    """Provisioners in ca.json's shape; ``next_cursor`` is ``""`` on the last page."""

    provisioners: Sequence[dict[str, Any]]
    next_cursor: str


class Version(NamedTuple):
    """The authority's version, and whether it wants client certificates for SSH."""

    version: str
    require_client_authentication: bool


def message_of(status: int, body: bytes) -> str:
    """Return the message of a refusal, the detail of a problem document (RFC 9457), or the status."""
    try:
        found = members(body)
        return text(found, "message" if "message" in found else "detail")
    except AnswerError:
        return f"the authority answered with status {status}"


def health() -> Call[str]:
    """Whether the authority answers: ``ok``."""
    return Call("GET", "/health", lambda body: text(members(body), "status"))


def version() -> Call[Version]:
    """Read the authority's version."""

    def read(body: bytes) -> Version:
        found = members(body)
        return Version(text(found, "version"), bool(found.get("requireClientAuthentication")))

    return Call("GET", "/version", read)


def root(expected: str) -> Call[str]:
    """Read the root of a fingerprint, PEM. The answer is checked against the fingerprint.

    Raises FingerprintError for a text that is no fingerprint.
    """
    from newel.step.fingerprint import fingerprint, normalise

    wanted = normalise(expected)
    if len(wanted) != SHA256_DIGITS or not HEXADECIMAL.issuperset(wanted):
        raise FingerprintError(
            f"'{expected[:100]}' is no SHA-256 fingerprint: that has {SHA256_DIGITS} hexadecimal digits"
        )

    def read(body: bytes) -> str:
        from newel.crypto import pem

        found = text(members(body), "ca")
        try:
            der = pem.decode(found.encode(), "CERTIFICATE")
        except ValueError:
            raise AnswerError("the authority's root is not a certificate") from None
        if fingerprint(der) != wanted:
            raise FingerprintError("root certificate fingerprint does not match")
        return found

    return Call("GET", f"/root/{quote(wanted, safe='')}", read)


def roots() -> Call[Sequence[str]]:
    """Every root, PEM."""
    return Call("GET", "/roots", _certificates)


def federation() -> Call[Sequence[str]]:
    """Read the roots of this authority and those it is federated with, PEM."""
    return Call("GET", "/federation", _certificates)


def intermediates() -> Call[Sequence[str]]:
    """Read the issuers' certificates, PEM."""
    return Call("GET", "/intermediates", _certificates)


def provisioners(cursor: str = "") -> Call[ProvisionerPage]:
    """One page of provisioners."""
    query = urlencode({"cursor": cursor, "limit": PAGE})

    def read(body: bytes) -> ProvisionerPage:
        found = members(body)
        return ProvisionerPage(rows(found, "provisioners"), text(found, "nextCursor", default=""))

    return Call("GET", f"/provisioners?{query}", read)


def encrypted_key(kid: str) -> Call[str]:
    """Read the encrypted private key of a JWK provisioner: a compact JWE."""
    path = f"/provisioners/{quote(kid, safe='')}/encrypted-key"
    return Call("GET", path, lambda body: text(members(body), "key"))


def sign(
    csr: str,
    token: str,
    *,
    not_before: str = "",
    not_after: str = "",
    template_data: dict[str, Any] | None = None,
) -> Call[IssuedCertificate]:
    """Ask for a certificate for a PEM request. Times are RFC 3339 or Go durations."""
    body: dict[str, Any] = {
        "csr": csr,
        "ott": token,
        "notBefore": not_before,
        "notAfter": not_after,
    }
    if template_data:
        body["templateData"] = template_data
    return post("/sign", body, _read_issued)


def renew(token: str = "") -> Call[IssuedCertificate]:
    """Renew the certificate of the connection, or the one of a renew token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Call("POST", "/renew", _read_issued, b"", headers)


def rekey(csr: str) -> Call[IssuedCertificate]:
    """Replace the certificate of the connection by one with the request's key."""
    return post("/rekey", {"csr": csr}, _read_issued)


def revoke(serial: str, *, token: str = "", reason_code: int = 0, reason: str = "") -> Call[str]:
    """Revokes (passively, as ``step`` asks), by token or by the certificate of the connection."""
    body = {
        "serial": serial, "ott": token, "reasonCode": reason_code, "reason": reason, "passive": True,
    }  # fmt: skip # a table
    return post("/revoke", body, lambda answer: text(members(answer), "status"))


def post(path: str, body: dict[str, Any], read: Callable[[bytes], Answer]) -> Call[Answer]:
    """Return a call that carries a JSON body."""
    headers = {"Content-Type": "application/json"}
    return Call("POST", path, read, json.dumps(body).encode(), headers)


def _certificates(body: bytes) -> Sequence[str]:
    return texts(members(body), "crts")


def _read_issued(body: bytes) -> IssuedCertificate:
    found = members(body)
    chain = texts(found, "certChain") if found.get("certChain") else []
    return IssuedCertificate(chain or [text(found, "crt"), text(found, "ca")])
