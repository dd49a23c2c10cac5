"""External account binding (RFC 8555 §7.3.4): a MAC by a key that the operator handed out."""

import msgspec

from newel.acme import jws
from newel.acme.account_keys import read_public_key
from newel.acme.problems import ACMEError, ErrorCode
from newel.crypto.keys import PublicKey
from newel.jose import base64url, jwk
from newel.jose import jws as signatures
from newel.jose.errors import InvalidSignatureError

_jwk = msgspec.json.Decoder(jwk.JWK)


def make_binding(key_id: str, mac_key: bytes, url: str, account_key: PublicKey) -> bytes:
    """Return the ``externalAccountBinding`` object as JSON."""
    header = {"alg": "HS256", "kid": key_id, "url": url}
    protected = base64url.encode(msgspec.json.encode(header))
    payload = base64url.encode(msgspec.json.encode(jwk.required_members(account_key)))
    mac = signatures.compute_mac(mac_key, "HS256", f"{protected}.{payload}".encode())
    return jws.join(protected, payload, mac)


def read_key_id(binding: bytes) -> str:
    """Return the id of the MAC key that the client claims to hold; nothing is verified yet."""
    kid = jws.parse(binding).protected.kid
    if not kid:
        raise ACMEError(ErrorCode.MALFORMED, "the external account binding names no key")
    return kid


def verify(binding: bytes, mac_key: bytes, *, url: str, account_key: PublicKey) -> None:
    """Check MAC, url and bound key: ``unauthorized`` for a wrong MAC, else ``malformed``."""
    inner = jws.parse(binding)
    header = inner.protected
    if header.alg not in signatures.HMAC_ALGORITHMS:
        detail = "an external account binding is an HMAC"
        raise ACMEError(ErrorCode.BAD_SIGNATURE_ALGORITHM, detail)
    if header.nonce or header.jwk is not None or header.url != url:
        detail = "the external account binding has a wrong header"
        raise ACMEError(ErrorCode.MALFORMED, detail)
    try:
        signatures.verify_mac(mac_key, header.alg, inner.signing_input, inner.signature)
    except InvalidSignatureError as error:
        detail = "the external account binding does not verify"
        raise ACMEError(ErrorCode.UNAUTHORIZED, detail) from error
    try:
        bound = read_public_key(_jwk.decode(inner.payload))
    except msgspec.DecodeError as error:
        detail = "the external account binding holds no key"
        raise ACMEError(ErrorCode.MALFORMED, detail) from error
    if jwk.thumbprint(bound) != jwk.thumbprint(account_key):
        raise ACMEError(ErrorCode.MALFORMED, "the external account binding holds another key")
