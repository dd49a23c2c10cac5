"""Requests as flattened JSON JWS with the rules of RFC 8555 §6.2: parse, verify, sign."""

from dataclasses import dataclass

import msgspec

from newel.acme import algorithms, base64url
from newel.acme.jwk import Jwk, PublicKey, required_members
from newel.acme.problems import AcmeError

LARGEST = 1 << 17
"""Octets of a whole request. A CSR with a hundred names and an RSA-8192 key needs a fifth of it."""


class Protected(msgspec.Struct, omit_defaults=True):
    """The protected header. Members this protocol does not know are ignored (RFC 7515 §4)."""

    alg: str
    url: str = ""
    nonce: str = ""
    kid: str | None = None
    jwk: Jwk | None = None
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Flattened(msgspec.Struct, omit_defaults=True):
    protected: str
    payload: str
    signature: str
    header: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    signatures: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Jws:
    """One parsed JWS whose signature is not verified yet. ``payload`` is b"" for a POST-as-GET."""

    protected: Protected
    payload: bytes
    signature: bytes
    signing_input: bytes


_flattened = msgspec.json.Decoder(_Flattened)
_protected = msgspec.json.Decoder(Protected)


def parse(body: bytes) -> Jws:
    """The parts of a flattened JSON JWS; ``malformed`` for every other shape.

    General serialization, unprotected headers that say anything, ``crit``, padded base64url and bodies over
    ``LARGEST`` are refused; the header's content is checked by ``outer`` or by whoever expects an
    inner JWS.
    """
    if len(body) > LARGEST:
        raise AcmeError("malformed", "the request is too large")
    try:
        parts = _flattened.decode(body)
        protected = _protected.decode(base64url.decode(parts.protected, "protected header"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AcmeError("malformed", "the request is not a flattened JSON JWS") from error
    if not _is_empty(parts.header) or parts.signatures is not msgspec.UNSET:
        raise AcmeError("malformed", "a JWS has one signature and no unprotected header here")
    if protected.crit is not msgspec.UNSET:
        raise AcmeError("malformed", "no critical JWS header extension is supported")
    return Jws(
        protected,
        base64url.decode(parts.payload, "payload"),
        base64url.decode(parts.signature, "signature"),
        f"{parts.protected}.{parts.payload}".encode(),
    )


def _is_empty(header: msgspec.Raw | msgspec.UnsetType) -> bool:
    """Whether the unprotected header is not there, or the ``{}`` that some libraries write."""
    return header is msgspec.UNSET or b"".join(bytes(header).split()) == b"{}"


def outer(body: bytes) -> Jws:
    """A request's JWS (RFC 8555 §6.2): known algorithm, nonce, url, and jwk or kid, never both."""
    jws = parse(body)
    header = jws.protected
    algorithms.require_known(header.alg)
    if not header.url:
        raise AcmeError("malformed", "the protected header has no url")
    if not header.nonce:
        raise AcmeError("badNonce", "the protected header has no nonce")
    if (header.jwk is None) == (header.kid is None):
        raise AcmeError("malformed", "the protected header needs either jwk or kid")
    return jws


def verify(jws: Jws, key: PublicKey) -> None:
    """Raises ``malformed`` or ``badSignatureAlgorithm`` unless this key made the signature."""
    algorithms.verify(key, jws.protected.alg, jws.signature, jws.signing_input)


def sign(
    payload: bytes,
    key: algorithms.PrivateKey,
    *,
    url: str,
    nonce: str = "",
    kid: str | None = None,
) -> bytes:
    """A request as a client sends it: with ``kid`` when given, else with the public key as ``jwk``.

    Without a nonce it is the inner JWS of a key change (RFC 8555 §7.3.5).
    """
    algorithm = algorithms.algorithm_of(key)
    header: dict[str, object] = {"alg": algorithm, "url": url}
    if nonce:
        header["nonce"] = nonce
    if kid is None:
        header["jwk"] = required_members(key.public_key())
    else:
        header["kid"] = kid
    protected = base64url.encode(msgspec.json.encode(header))
    text = base64url.encode(payload)
    signature = algorithms.sign(key, algorithm, f"{protected}.{text}".encode())
    return join(protected, text, signature)


def join(protected: str, payload: str, signature: bytes) -> bytes:
    """The flattened JSON of three parts, the first two as base64url text."""
    return msgspec.json.encode(_Flattened(protected, payload, base64url.encode(signature)))
