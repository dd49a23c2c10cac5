"""Requests as flattened JSON JWS with the rules of RFC 8555 §6.2: parse, verify, sign."""

from dataclasses import dataclass

import msgspec

from newel.acme.problems import ACMEError, ErrorCode
from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import base64url, jws
from newel.jose.errors import AlgorithmMismatchError, InvalidSignatureError, JOSEError
from newel.jose.jwk import JWK, required_members

MAX_REQUEST = 1 << 17
"""Octets of a whole request. A CSR with a hundred names and an RSA-8192 key needs a fifth of it."""


class ProtectedHeader(msgspec.Struct, omit_defaults=True):
    """The protected header. Members this protocol does not know are ignored (RFC 7515 §4)."""

    alg: str
    url: str = ""
    nonce: str = ""
    kid: str | None = None
    jwk: JWK | None = None
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _FlattenedJWS(msgspec.Struct, omit_defaults=True):
    protected: str
    payload: str
    signature: str
    header: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    signatures: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class JWS:
    """A parsed JWS whose signature is not verified yet. ``payload`` is b"" for a POST-as-GET."""

    protected: ProtectedHeader
    payload: bytes
    signature: bytes
    signing_input: bytes


_flattened = msgspec.json.Decoder(_FlattenedJWS)
_protected = msgspec.json.Decoder(ProtectedHeader)


def parse(body: bytes) -> JWS:
    """Return the parts of a flattened JSON JWS; every other shape is ``malformed``.

    General serialization, unprotected headers with members, ``crit``, padded base64url and bodies
    over ``MAX_REQUEST`` are refused. The header's content is the caller's to check.
    """
    if len(body) > MAX_REQUEST:
        raise ACMEError(ErrorCode.MALFORMED, "the request is too large")
    try:
        parts = _flattened.decode(body)
        protected = _protected.decode(base64url.decode(parts.protected, "protected header"))
        payload = base64url.decode(parts.payload, "payload")
        signature = base64url.decode(parts.signature, "signature")
    except JOSEError as error:
        raise ACMEError(ErrorCode.MALFORMED, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = "the request is not a flattened JSON JWS"
        raise ACMEError(ErrorCode.MALFORMED, detail) from error
    if not _is_empty(parts.header) or parts.signatures is not msgspec.UNSET:
        detail = "a JWS has one signature and no unprotected header here"
        raise ACMEError(ErrorCode.MALFORMED, detail)
    if protected.crit is not msgspec.UNSET:
        raise ACMEError(ErrorCode.MALFORMED, "no critical JWS header extension is supported")
    return JWS(protected, payload, signature, f"{parts.protected}.{parts.payload}".encode())


def _is_empty(header: msgspec.Raw | msgspec.UnsetType) -> bool:
    """Tell whether the unprotected header is absent, or the ``{}`` that some libraries write."""
    return header is msgspec.UNSET or b"".join(bytes(header).split()) == b"{}"


def parse_request(body: bytes) -> JWS:
    """Return a request's JWS (RFC 8555 §6.2).

    It names a known algorithm, a nonce, a url, and either ``jwk`` or ``kid``, never both.
    """
    request = parse(body)
    header = request.protected
    require_known_algorithm(header.alg)
    if not header.url:
        raise ACMEError(ErrorCode.MALFORMED, "the protected header has no url")
    if not header.nonce:
        raise ACMEError(ErrorCode.BAD_NONCE, "the protected header has no nonce")
    if (header.jwk is None) == (header.kid is None):
        raise ACMEError(ErrorCode.MALFORMED, "the protected header needs either jwk or kid")
    return request


def require_known_algorithm(algorithm: str) -> None:
    """Raise ``badSignatureAlgorithm`` for ``none``, MACs and everything else that is unknown."""
    if algorithm not in jws.ALGORITHMS:
        detail = "the JWS algorithm is not one of those supported"
        raise ACMEError(ErrorCode.BAD_SIGNATURE_ALGORITHM, detail)


def require_algorithm_of(key: PublicKey, algorithm: str) -> None:
    """Raise ``badSignatureAlgorithm`` unless keys of this kind sign with the algorithm."""
    if algorithm not in jws.algorithms_for(key):
        raise _mismatch()


def verify(message: JWS, key: PublicKey) -> None:
    """Raise ``malformed`` or ``badSignatureAlgorithm`` unless this key made the signature."""
    try:
        jws.verify(key, message.protected.alg, message.signing_input, message.signature)
    except AlgorithmMismatchError as error:
        raise _mismatch() from error
    except InvalidSignatureError as error:
        raise ACMEError(ErrorCode.MALFORMED, "the JWS signature does not verify") from error


def sign(
    payload: bytes, key: PrivateKey, *, url: str, nonce: str = "", kid: str | None = None
) -> bytes:
    """Return a request as a client sends it.

    Its header has ``kid`` when given, else the public key as ``jwk``. Without a nonce it is the
    inner JWS of a key change (RFC 8555 §7.3.5).
    """
    algorithm = jws.default_algorithm(key)
    header: dict[str, object] = {"alg": algorithm, "url": url}
    if nonce:
        header["nonce"] = nonce
    if kid is None:
        header["jwk"] = required_members(key.public_key())
    else:
        header["kid"] = kid
    protected = base64url.encode(msgspec.json.encode(header))
    text = base64url.encode(payload)
    return join(protected, text, jws.sign(key, algorithm, f"{protected}.{text}".encode()))


def join(protected: str, payload: str, signature: bytes) -> bytes:
    """Return the flattened JSON of three parts, the first two as base64url text."""
    return msgspec.json.encode(_FlattenedJWS(protected, payload, base64url.encode(signature)))


def _mismatch() -> ACMEError:
    detail = "the JWS algorithm does not belong to the kind of the key"
    return ACMEError(ErrorCode.BAD_SIGNATURE_ALGORITHM, detail)
